"""Files as people have them: blanks before quotes, formulas for ids, notes over several lines, totals below the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.running import check

HEAD = "order_id,customer_id,date,amount,note\n"


def test_a_blank_before_a_quote_is_no_part_of_a_field(tmp_path: Path) -> None:
    rows = "".join(f'{n}, c{n % 3}, 2024-01-0{1 + n % 9}, 10.00, "Plain"\n' for n in range(20))
    path = tmp_path / "sales.csv"
    path.write_text(
        '"order_id", "customer_id", "date", "amount", "note"\n'
        + rows
        + '99, "c9", 2024-01-05, "1,000.00", "a, ""b"", c"\n'
    )
    done = check(path)
    assert (
        done.facts["rows_used"] == 21
        and done.facts["customers"] == 4
        and float(done.facts["revenue"]) == 1200
    )


def test_formulas_that_keep_zeros_are_ids(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(HEAD + '="001",="007",2024-01-05,5.00,\n="002",7,2024-01-05,5.00,\n')
    assert check(path).facts["customers"] == 2


def test_notes_may_have_lines_and_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(HEAD + '1,a,2024-01-05,5.00,"Mug, blue\nwith love"\n2,b,2024-01-05,5.00,"Mug"\n')
    assert check(path).facts["rows_used"] == 2


def test_a_total_below_the_rows_is_no_sale_to_a_guest(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "Sales by order\n\n" + HEAD + "1,a,2024-01-05,5.00,\n2,b,2024-01-05,6.00,\nTotal,,,11.00,\n"
    )
    done = check(path)
    assert done.facts["rows_used"] == 2 and done.facts["revenue_without_customer"] == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("<html><table><tr><td>1</td></tr></table>", "HTML table"),
        ('<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "Excel workbook as XML"),
        ("-- MySQL dump 10.13\n\nCREATE TABLE `a` (\n", "SQL"),
        ("INSERT INTO sales VALUES (1, 2);\n", "SQL"),
    ],
)  # fmt: skip
def test_strangers_are_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "sales.xls"
    path.write_text(text)
    done = check(path)
    assert done.status == 1 and word in done.err


def test_a_column_that_a_join_left_twice_is_one(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "order_id,customer_id,date,amount,order_id\n1,a,2024-01-05,5.00,1\n2,b,2024-01-05,6.00,2\n3,a,2024-02-05,6.00,3\n"
    )
    assert check(path).facts["rows_used"] == 3
    path.write_text(path.read_text().replace(",3\n", ",4\n"))
    assert "appears 2 times" in check(path).err
