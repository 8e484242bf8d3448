"""--exclude: the customers of a list are left out and counted, whatever their ids look like."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from crmkit.errors import DataError
from crmkit.load import lists
from tests.tool import SALES, crmkit

OUT = ("C000001", "C000002", "C000077")


@pytest.mark.parametrize(
    "text",
    [
        "customer\nC000001\nC000002\nC000077\n",
        "C000001\nC000002\nC000077\nC999999\n",
        "why,Kundennummer\nopt-out, C000001 \ncomplaint,C000002\nopt-out,C000077\nopt-out,C000077\n,\n",
    ],
)
def test_the_rows_of_a_list_are_skipped_and_counted(tmp_path: Path, text: str) -> None:
    (tmp_path / "out.csv").write_text(text)
    rows = pl.read_csv(SALES, infer_schema=False)
    rows.filter(~pl.col("customer_id").is_in(OUT).fill_null(False)).write_csv(tmp_path / "without.csv")
    words = ["--exclude", tmp_path / "out.csv", "--as-of", "2024-12-30"]
    crmkit("customers", SALES, *words, "-o", tmp_path / "a.csv", "--summary", tmp_path / "a.json", "-q")
    crmkit("customers", tmp_path / "without.csv", "--as-of", "2024-12-30", "-o", tmp_path / "b.csv", "-q")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    skipped = rows.height - pl.read_csv(tmp_path / "without.csv").height
    account = json.loads((tmp_path / "a.json").read_text())
    assert account["facts"]["skipped"] == {"excluded customer": skipped}
    assert any("3 of them are in the file" in note for note in account["notes"])


def test_whole_numbers_and_text_are_the_same_customers(tmp_path: Path) -> None:
    sales = {"customer": [1, 2, 3], "date": ["2024-01-01"] * 3, "amount": [1.0, 2.0, 3.0]}
    pl.DataFrame(sales).write_parquet(tmp_path / "sales.parquet")
    for column in (["2", "007"], [2, 9]):
        pl.DataFrame({"customer": column}).write_parquet(tmp_path / "out.parquet")
        words = ["--exclude", tmp_path / "out.parquet", "--format", "csv", "--table", "customers"]
        found = crmkit("customers", tmp_path / "sales.parquet", *words, "-q")
        assert [line.split(",")[0] for line in found.splitlines()[1:]] == ["1", "3"]


def test_a_customers_table_is_shortened_too(tmp_path: Path) -> None:
    crmkit("customers", SALES, "-o", tmp_path / "c.parquet", "-q")
    (tmp_path / "out.csv").write_text("id;who\nx;C000001\n")
    words = ["pareto", tmp_path / "c.parquet", "--exclude", f"{tmp_path / 'out.csv'}:who", "-o"]
    crmkit(*words, tmp_path / "tiers.csv", "-q", "--summary", tmp_path / "s.json")
    notes = json.loads((tmp_path / "s.json").read_text())["notes"]
    assert any("lists 1 customers; 1 of them" in note for note in notes)
    assert "C000001" not in (tmp_path / "tiers.csv").read_text()


def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="customer"):
        lists.excluded(str(tmp_path / "out.csv"))
    with pytest.raises(DataError, match="nowhere"):
        lists.excluded(f"{tmp_path / 'out.csv'}:nowhere")
    (tmp_path / "none.csv").write_text("customer\n")
    with pytest.raises(DataError, match="names no customer"):
        lists.excluded(str(tmp_path / "none.csv"))
    with pytest.raises(DataError):
        lists.excluded(str(tmp_path / "not_there.csv"))
