"""Options that could change nothing are refused or noted, and what was asked for is done."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.load.running import run
from tests.load.sales import put
from tests.tool import SALES


@pytest.mark.parametrize(
    "words",
    [["rfm", "--product", "sku"], ["rfm", "--cost", "amount"], ["deviation", "--order", "order_id"], ["trend", "--cost", "amount"],
     ["lifecycle", "--product", "sku"]],
)  # fmt: skip
def test_a_column_that_is_not_looked_at(words: list[str]) -> None:
    done = run(words[0], SALES, *words[1:])
    assert (done.status, done.out) == (2, "")
    assert f"{words[1]} changes nothing here" in done.err


def test_guests_may_be_nobody(tmp_path: Path) -> None:
    path = put(
        tmp_path / "sales.csv",
        "customer,date,amount\n0,2024-01-01,64\n0,2024-01-02,9\nGuest,2024-01-02,9\n7,2024-01-03,5\n",
    )
    facts = run("customers", path, "--no-customer-id", "0,guest", "-f", "json").facts
    assert (facts["customers"], facts["rejected"]) == (1, {"no customer id": 3})
    numbers = put(tmp_path / "numbers.csv", path.read_text().replace("Guest", "8"))
    assert run("customers", numbers, "--no-customer-id", "0", "-f", "json").facts["customers"] == 2


@pytest.mark.parametrize("command", ["check", "customers", "pareto"])
def test_ids_that_lost_their_digits_are_noted(tmp_path: Path, command: str) -> None:
    path = put(
        tmp_path / "sales.csv",
        "customer,date,amount\n1.23457E+11,2024-01-01,64\n1.23457E+11,2024-01-02,9\n12,2024-01-02,9\n",
    )
    assert "2 customer ids are written like 1.23457E+11" in run(command, path).err


@pytest.mark.parametrize("command", ["rfm", "pareto", "cohort", "churn", "lifecycle", "customers"])
def test_an_old_file_is_noted(tmp_path: Path, command: str) -> None:
    done = run(command, SALES, "--as-of", "2033-06-01")
    assert "days before --as-of 2033-06-01" in done.err
    assert "days before" not in run(command, SALES, "--as-of", "2025-01-20").err


def test_an_old_file_may_be_refused(tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    assert run("customers", SALES, "-o", table, "--as-of", "2025-01-01", "--max-age", "2d").status == 0
    for path in (SALES, table):
        done = run("rfm", path, "--as-of", "2025-01-02", "--max-age", "2d")
        assert (done.status, done.out) == (3, ""), path
        assert "--max-age 2d: the latest row" in done.err
    assert run("rfm", SALES, "--max-age", "1d").status == 3


def test_json_comes_beside_a_file(tmp_path: Path) -> None:
    done = run("rfm", SALES, "-q", "-o", tmp_path / "rfm.csv", "-f", "json")
    assert json.loads(done.out)["command"] == "rfm"
    assert run("rfm", SALES, "-q", "-o", tmp_path / "rfm.csv").out == ""


def test_a_named_table_is_the_one_that_is_written(tmp_path: Path) -> None:
    assert run("rfm", SALES, "-o", tmp_path / "out.csv", "--table", "segments").status == 0
    assert (tmp_path / "out.csv").read_text().startswith("segment,")


def test_what_is_asked_of_a_table_that_is_not_shown_is_noted(tmp_path: Path) -> None:
    words = ["--segment", "Champions", "--keep", "group", "--excel-safe"]
    said = run("rfm", SALES, *words).err
    for option in ("--segment", "--keep", "--excel-safe"):
        assert f"{option} changes nothing here" in said
    for listed in (["-o", tmp_path / "rfm.csv"], ["--table", "customers", "-f", "csv"]):
        assert "changes nothing here" not in run("rfm", SALES, *words, *listed).err


@pytest.mark.parametrize(
    ("words", "option"),
    [("trend --interval 50%", "--interval"), ("clv --model nbd --calendar off --unit day", "--unit")],
)
def test_what_one_table_alone_shows_is_noted(words: str, option: str) -> None:
    command, *given = words.split()
    assert f"{option} changes nothing here" in run(command, SALES, *given).err
    table = "forecast" if command == "trend" else "parameters"
    assert "changes nothing" not in run(command, SALES, *given, "--table", table).err


@pytest.mark.parametrize(
    ("words", "option"),
    [("basket --table brands --max-basket 9", "--max-basket"), ("basket --table holdings --fdr 9%", "--fdr"),
     ("basket --table holdings --min-orders 9", "--min-orders"), ("basket --table holdings --exclude-product Tea", "--exclude-product"),
     ("basket --table next --evaluate 2024-06-30", "--evaluate"), ("basket --table customers --within 9d", "--within"),
     ("split --name a --effect 9%", "--effect"), ("split --name a --for 9d", "--for"), ("split --plan --by tier", "--by")],
)  # fmt: skip
def test_options_of_another_table_or_switch_are_refused(words: str, option: str) -> None:
    command, *given = words.split()
    done = run(command, SALES, *given)
    assert (done.status, done.out) == (2, "")
    assert option in done.err


@pytest.mark.parametrize("kind", ["transactions", "customers"])
def test_options_about_text_are_noted_where_there_is_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.parquet"
    if kind == "customers":
        assert run("customers", SALES, "-o", path).status == 0
    else:
        pl.read_csv(SALES).write_parquet(path)
    done = run("rfm", path, "--encoding", "utf-16", "--delimiter", ";", "--header", "a,b")
    assert done.status == 0
    for option in ("--encoding", "--delimiter", "--header"):
        assert f"{option} changes nothing: this is no file of text" in done.err
