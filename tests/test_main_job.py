"""The main job, end to end: real files, pipes, and an independent query that must agree."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.tool import SALES, crmkit, dev_data, process, shell

RETAIL = "online_retail_ii_2009_2010"


def told(*words: str | Path) -> dict[str, Any]:
    return json.loads(crmkit(*words, "--format", "json"))  # type: ignore[no-any-return]


def retail_customers(path: Path) -> pl.DataFrame:
    """Per customer: orders, last order and net revenue, by SQL and exact decimals, with no code of crmkit."""
    return duckdb.sql(f"""
        with rows as (
            select "Customer ID"::varchar as customer, "Invoice" as invoice, "InvoiceDate"::date as day,
                   "Quantity"::decimal(18, 0) * "Price"::decimal(18, 3) as amount
            from '{path}' where "Customer ID" is not null
        )
        select customer, count(distinct invoice) filter (amount > 0) as orders,
               max(day) filter (amount > 0) as last, sum(amount) as revenue
        from rows group by customer order by customer
    """).pl()


@pytest.mark.parametrize("suffix", [".parquet", ".csv.gz"])
def test_check_accounts_for_the_retail_file(suffix: str) -> None:
    path = dev_data(RETAIL + suffix)
    facts = told("check", path)["facts"]
    assert facts["rows_read"] == 525_461
    assert facts["rejected"] == {"no customer id": 107_927}
    assert facts["rows_used"] == 525_461 - 107_927
    assert facts["customers"] == 4_383
    assert facts["duplicate_rows"] == 6_865
    ((total, nobody),) = duckdb.sql(f"""
        select sum(a), sum(a) filter (c is null) from (
            select "Quantity"::decimal(18, 0) * "Price"::decimal(18, 3) as a, "Customer ID" as c
            from '{dev_data(RETAIL + ".parquet")}')
    """).fetchall()
    assert Decimal(str(facts["revenue"])) == total - nobody
    assert Decimal(str(facts["revenue_without_customer"])) == nobody


@pytest.mark.parametrize("suffix", [".parquet", ".csv.gz"])
def test_rfm_agrees_with_sql(suffix: str, tmp_path: Path) -> None:
    crmkit("rfm", dev_data(RETAIL + suffix), "-o", tmp_path / "scores.parquet", "--quiet")
    ours = pl.read_parquet(tmp_path / "scores.parquet").sort("customer")
    theirs = retail_customers(dev_data(RETAIL + ".parquet"))
    assert ours["customer"].to_list() == theirs["customer"].to_list()
    assert ours["monetary"].cast(pl.Decimal(38, 3)).to_list() == theirs["revenue"].to_list()
    assert ours["last"].to_list() == theirs["last"].to_list()
    bought = theirs["orders"] > 0
    assert ours.filter(bought)["frequency"].to_list() == theirs.filter(bought)["orders"].to_list()


def test_pareto_agrees_with_sql() -> None:
    path = dev_data(RETAIL + ".parquet")
    answer = told("pareto", path)
    theirs = retail_customers(path)
    assert Decimal(str(answer["facts"]["revenue"])) == theirs["revenue"].sum()
    positive = sorted((value for value in theirs["revenue"].to_list() if value > 0), reverse=True)
    goal, reached, needed = sum(positive) * Decimal("0.8"), Decimal(0), 0
    while reached < goal:
        reached += positive[needed]
        needed += 1
    assert answer["facts"]["customers_for_80"] == needed
    assert sum(Decimal(str(row["revenue"])) for row in answer["tables"]["tiers"]) == theirs["revenue"].sum()


def test_chinese_export_needs_its_encoding_alone() -> None:
    path = dev_data("示例-超市_订单_gbk.csv")
    facts = told("check", path, "--encoding", "gb18030")["facts"]
    assert (facts["rows_read"], facts["rows_used"], facts["customers"]) == (9_959, 9_959, 771)
    assert (facts["first_date"], facts["last_date"]) == ("2020-01-01", "2023-12-30")


def test_fixed_width_text_is_refused() -> None:
    done = process("rfm", dev_data("CDNOW_sample.txt"))
    assert done.code == 1
    assert done.out == b""
    assert "no delimiter" in done.err
    assert "Traceback" not in done.err


def test_revenue_reconciles_with_the_file() -> None:
    facts = told("check", SALES)["facts"]
    whole = pl.read_csv(SALES, infer_schema=False)["amount"].str.to_decimal(scale=2).sum()
    parts = ("revenue", "revenue_without_customer", "revenue_set_aside", "revenue_skipped")
    assert sum(Decimal(str(facts[part])) for part in parts) == whole
    assert facts["rows_read"] == facts["rows_used"] + sum(facts["rejected"].values()) + sum(
        facts["skipped"].values()
    )


@pytest.mark.parametrize("command", ["pareto", "rfm", "customers"])
def test_customers_come_in_at_the_waist(command: str, tmp_path: Path) -> None:
    for name in ("customers.parquet", "customers.csv"):
        crmkit("customers", SALES, "-o", tmp_path / name, "--quiet")
        direct = crmkit(command, SALES, "--format", "csv", "--table", "customers", "--quiet")
        assert crmkit(command, tmp_path / name, "--format", "csv", "--table", "customers") == direct


def test_pipes() -> None:
    first = shell(f"crmkit rfm {SALES} --quiet | head -1")
    headline = b"Champions are 12% of customers and 35% of revenue. 28 customers who used to spend (At Risk, Can't Lose) hold 16%.\n"
    assert (first.code in (0, 141), first.out, first.err) == (True, headline, "")
    piped = shell(f"cat {SALES} | crmkit rfm - --format csv --table customers --quiet")
    named = process("rfm", SALES, "--format", "csv", "--table", "customers", "--quiet")
    assert piped.out == named.out
    counted = shell(
        f"crmkit rfm {SALES} --format csv --table customers --quiet | cut -d, -f10 | sort | uniq -c"
    )
    assert counted.code == 0
    assert b"Champions" in counted.out


def test_process_substitution() -> None:
    done = shell(f"crmkit check <(cat {SALES}) --format json --quiet")
    assert json.loads(done.out)["facts"]["rows_read"] == 2000


def test_piped_screens_lose_nothing() -> None:
    done = process("rfm", SALES, "--quiet", COLUMNS="40")
    text = done.out.decode()
    assert "…" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["rfm", "no-such-file.csv"], 1),
        (["rfm", "{sales}", "--bins", "many"], 2),
        (["rfm", "{sales}", "--no-such-option"], 2),
        (["rfm", "{sales}", "--strict"], 3),
        (["rfm", "{sales}", "--max-rejects", "10"], 3),
        (["rfm", "{sales}", "--max-rejects", "5%"], 0),
        (["rfm", "{sales}", "--no-customer", "fail"], 3),
        (["rfm", "{sales}", "--refunds", "gross"], 2),
        (["rfm", "{sales}", "--exclude-status", "cancelled"], 1),
        (["rfm"], 2),
    ],
)
def test_exit_statuses(words: list[str], code: int, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = process(*(word.replace("{sales}", str(SALES)) for word in words), "-o", out)
    assert done.code == code, done.err
    assert out.exists() == (code == 0)
    assert (done.out == b"") == (code != 0)
    assert "Traceback" not in done.err


def test_rows_that_the_user_does_not_want_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "customer,date,amount,订单状态\na,2024-01-01,10.00,ok\na,2024-01-02,-3.00,ok\nb,2024-01-03,5.00,Cancelled\n"
    )
    facts = told("check", path, "--exclude-status", "cancelled", "--refunds", "ignore")["facts"]
    assert facts["skipped"] == {"excluded status": 1, "ignored refund": 1}
    assert (facts["rows_used"], facts["revenue"], facts["revenue_skipped"]) == (1, 10.0, 2.0)
