"""A workbook that a spreadsheet opens: numbers are numbers, ids are text, the account is there."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmkit.errors import DataError
from crmkit.output import workbook
from crmkit.result import Result
from tests.load.running import run
from tests.load.sales import SALES, text
from tests.tool import process

pytestmark = pytest.mark.slow
openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")


def opened(path: Path) -> Any:
    return openpyxl.load_workbook(path)


def test_each_table_has_its_sheet(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(text() + "K17,B-1,soon,5.00\n")
    done = run("rfm", tmp_path / "sales.csv", "-o", tmp_path / "report.xlsx")
    assert done.status == 0, done.err
    book = opened(tmp_path / "report.xlsx")
    assert book.sheetnames[-1] == "account" and {"segments", "customers"} <= set(book.sheetnames)
    sheet = book["customers"]
    assert sheet.freeze_panes == "B2"
    head = [cell.value for cell in sheet[1]]
    first = dict(zip(head, sheet[2], strict=True))
    assert first["customer"].data_type == "s" and first["last"].value.__class__ is datetime
    total = sum(row[head.index("monetary")].value for row in sheet.iter_rows(min_row=2))
    assert round(total, 2) == float(sum(sale.amount for sale in SALES))
    assert first["monetary"].number_format == "#,##0.00"
    told = {row[0].value: row[1].value for row in book["account"].iter_rows(min_row=2)}
    assert (told["rows_used"], told["rejected: bad date"]) == (30, 1)


def test_equal_answers_are_equal_bytes_and_one_table_is_alone(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(text())
    for name in ("1.xlsx", "2.xlsx"):
        run("pareto", tmp_path / "sales.csv", "-o", tmp_path / name, "-q")
    assert (tmp_path / "1.xlsx").read_bytes() == (tmp_path / "2.xlsx").read_bytes()
    run("pareto", tmp_path / "sales.csv", "-o", tmp_path / "3.xlsx", "--table", "tiers")
    assert opened(tmp_path / "3.xlsx").sheetnames == ["tiers", "account"]


def test_cells_keep_what_they_hold() -> None:
    frame = pl.DataFrame(
        {
            "customer": ["00123", "=1+1", "张三", None],
            "revenue": pl.Series(
                [Decimal("1.10"), Decimal("12345678901234567.89"), None, Decimal("-5")],
                dtype=pl.Decimal(38, 2),
            ),
            "share": [0.5, float("nan"), None, 1.0],
            "first": [date(2024, 1, 2), None, None, date(1970, 1, 1)],
            "orders": [1, 2**60, 3, 4],
        }
    )
    stream = io.BytesIO()
    assert workbook.write(Result(command="x", tables={"a[b]:" * 9: frame, "A B " * 9: frame}), stream) == 8
    book = openpyxl.load_workbook(stream)
    assert len(book.sheetnames) == 2 and all(len(name) <= 31 for name in book.sheetnames)
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [row[0] for row in rows] == ["00123", "=1+1", "张三", None]
    assert [row[1] for row in rows] == [1.1, "12345678901234567.89", None, -5]
    assert [row[2] for row in rows] == [0.5, None, None, 1]
    assert rows[1][4] == str(2**60) and book.worksheets[0]["A3"].data_type == "s"


def test_too_many_rows_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with pytest.raises(DataError, match=r"1,048,576 rows, and a sheet of a workbook holds 1,048,575"):
        workbook.write(Result(command="x", tables={"t": pl.DataFrame({"a": range(1 << 20)})}), stream)
    assert not stream.getvalue()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    (tmp_path / "sales.csv").write_text(text())
    run("customers", tmp_path / "sales.csv", "-o", tmp_path / "customers.xlsx")
    answers = [
        process("pareto", tmp_path / name, "--table", "customers", "--format", "csv").out
        for name in ("sales.csv", "customers.xlsx")
    ]
    assert answers[0] == answers[1] != b""


def test_the_mark_of_utf_8(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(text().replace("K17", "张三"))
    run("customers", tmp_path / "sales.csv", "-o", tmp_path / "a.csv")
    run("customers", tmp_path / "sales.csv", "-o", tmp_path / "b.csv", "--bom")
    assert (tmp_path / "b.csv").read_bytes() == b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes()
