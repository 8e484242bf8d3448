"""Tables of customers as an input: found by name or by options, read as transactions are, and refused where they are not whole."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmkit.session.options import READING
from tests.load.running import Finished, refused, run
from tests.load.sales import put
from tests.tool import SALES

COUNT = 12
LAST = [date(2024, 3, 1) + timedelta(days=7 * place) for place in range(COUNT)]
ORDERS = [1 + place % 4 for place in range(COUNT)]
REVENUE = [Decimal(1099 + 731 * place) / 100 for place in range(COUNT)]
IDS = [f"c{place:02}" for place in range(COUNT)]


def table(**columns: Any) -> pa.Table:
    usual = {"customer": pa.array(IDS), "last": pa.array(LAST), "orders": pa.array(ORDERS), "revenue": pa.array(map(float, REVENUE))}  # fmt: skip
    return pa.table({**usual, **columns})


def pareto(folder: Path, content: pa.Table, *words: str) -> Finished:
    path = folder / "customers.parquet"
    pq.write_table(content, path)
    return run("pareto", path, "--table", "customers", "--format", "csv", *words)


def rfm(folder: Path, content: pa.Table, *words: str) -> pl.DataFrame:
    pq.write_table(content, folder / "customers.parquet")
    done = run("rfm", folder / "customers.parquet", "--table", "customers", "--format", "csv", *words)
    assert done.status == 0, done.err
    return pl.read_csv(io.StringIO(done.out)).sort("customer")


@pytest.mark.parametrize(
    "kind", [pa.float32(), pa.float64(), pa.decimal128(20, 6), pa.decimal256(40, 2), pa.string()], ids=str
)
def test_money_is_exact_in_every_type(tmp_path: Path, kind: pa.DataType) -> None:
    made = (
        pa.array(REVENUE).cast(kind)
        if not pa.types.is_floating(kind)
        else pa.array(map(float, REVENUE)).cast(kind)
    )
    done = pareto(tmp_path, table(revenue=made))
    listed = {line.split(",")[0]: Decimal(line.split(",")[1]) for line in done.out.splitlines()[1:]}
    assert listed == dict(zip(IDS, REVENUE, strict=True))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([10_000.0 + place for place in range(COUNT)]), "10000"),
        (pa.array([str(10_000 + place) + ".0" for place in range(COUNT)]), "10000"),
        (pa.array([10_000 + place for place in range(COUNT)], pa.int16()), "10000"),
        (pa.array([f" {name} " for name in IDS]), "c00"),
        (pa.array(IDS).dictionary_encode(), "c00"),
    ],
)
def test_ids_are_those_of_transactions(tmp_path: Path, ids: pa.Array, expected: str) -> None:
    assert str(rfm(tmp_path, table(customer=ids))["customer"][0]) == expected


@pytest.mark.parametrize(
    "last",
    [
        pa.array([int(f"{day:%Y%m%d}") for day in LAST]),
        pa.array([f"{day:%d/%m/%Y}" for day in LAST]),
        pa.array([(day - date(1970, 1, 1)).days * 86_400 for day in LAST]),
        pa.array(LAST, pa.date32()).cast(pa.timestamp("ns")),
        pa.array(LAST, pa.date32()).cast(pa.timestamp("s", "UTC")),
        pa.array(LAST, pa.date64()),
    ],
    ids=lambda last: str(last.type),
)
def test_days_are_those_of_transactions(tmp_path: Path, last: pa.Array) -> None:
    assert rfm(tmp_path, table(last=last)).equals(rfm(tmp_path, table()))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_recency_may_be_a_duration(tmp_path: Path, unit: str) -> None:
    ago = [timedelta(days=(date(2024, 7, 1) - day).days) for day in LAST]
    found = rfm(tmp_path, table(recency=pa.array(ago, pa.duration(unit))))
    assert found["recency"].to_list() == [span.days for span in ago]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"orders": pa.array([4.6] * COUNT)}, ["'4.6' as orders in row 1", "no whole number"]),
        ({"orders": pa.array([-1] * COUNT)}, ["'-1' as orders"]),
        ({"orders": pa.array([0] * COUNT)}, ["0 orders, the last of 2024-03-01"]),
        ({"orders": pa.array([None] * COUNT, pa.int64())}, ["as orders in row 1"]),
        ({"revenue": pa.array([float("inf")] * COUNT)}, ["'inf' as revenue", "bad amount"]),
        ({"revenue": pa.array([1e17] * COUNT)}, ["'1e+17' as revenue", "out of range"]),
        ({"revenue": pa.array(["abc"] * COUNT)}, ["'abc' as revenue"]),
        ({"last": pa.array([None] * COUNT, pa.date32())}, ["no date of the last"]),
        ({"last": pa.array(["soon"] * COUNT)}, ["last"]),
        ({"last": pa.array([timedelta(days=1)] * COUNT)}, ["last"]),
        ({"last": pa.array([date(9999, 1, 1)] * COUNT)}, ["as last in row 1", "out of range"]),
        ({"customer": pa.array([None] * COUNT, pa.string())}, ["no customer id"]),
        ({"customer": pa.array([f"{name}\0" for name in IDS])}, ["bad characters"]),
        ({"customer": pa.array([" a", "a"] * (COUNT // 2))}, ["'a' appears more than once"]),
        ({"days": pa.array([1.5] * COUNT)}, ["'1.5' as days"]),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_refused(tmp_path: Path, columns: dict[str, Any], words: list[str]) -> None:
    refused(pareto(tmp_path, table(**columns)), "customers.parquet", *words)


NAMED = [
    ("customer_id", "most_recent_visit", "number_of_orders", "revenue"),
    ("CustomerID", "LastPurchaseDate", "Frequency", "Monetary"),
    ("Client", "Last Order", "Total Orders", "Total Spent"),
    ("客户编号", "最近一次购买日期", "购买次数", "消费金额"),
]


@pytest.mark.parametrize("names", NAMED)
def test_other_names_are_found(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = rfm(tmp_path, table().rename_columns(list(names)))
    assert found.equals(rfm(tmp_path, table()))


def test_names_may_be_said(tmp_path: Path) -> None:
    odd = table().rename_columns(["who", "seen", "times", "worth"])
    words = ["--customer", "who", "--date", "seen", "--orders", "times", "--amount", "worth"]
    assert rfm(tmp_path, odd, *words).equals(rfm(tmp_path, table()))
    refused(pareto(tmp_path, odd, "--orders", "times"), "--customer COLUMN --date COLUMN --amount COLUMN")


def test_days_ago_need_a_day(tmp_path: Path) -> None:
    ago = pa.array([(date(2024, 7, 1) - day).days for day in LAST])
    late = pa.table(
        {"CustomerID": IDS, "Recency": ago, "Frequency": ORDERS, "Monetary": list(map(float, REVENUE))}
    )
    refused(pareto(tmp_path, late), "--as-of DATE")
    assert rfm(tmp_path, late, "--as-of", "2024-07-01").equals(
        rfm(tmp_path, table(), "--as-of", "2024-07-01")
    )


def test_repeats_are_no_orders(tmp_path: Path) -> None:
    other = pa.table(
        {"customer_id": IDS, "frequency": ORDERS, "recency": ORDERS, "T": ORDERS, "monetary_value": ORDERS}
    )
    refused(pareto(tmp_path, other), "frequency counts repeat purchases")


BOTH = "customer,date,amount,last,orders,revenue\na,2024-01-01,5.00,2024-01-01,3,99.00\nb,2024-01-02,6.00,2024-01-01,3,99.00\n"


def test_the_user_says_which_it_is(tmp_path: Path) -> None:
    path = put(tmp_path / "both.csv", BOTH)
    said = run("customers", path, "--date", "date", "--amount", "amount", "--format", "json")
    assert (said.facts["revenue"], said.facts["rows_used"]) == (11.0, 2)
    refused(run("customers", path), "could be transactions", "--date 'date'", "--orders 'orders'")
    assert "198" in run("pareto", path, "--orders", "orders").out


@pytest.mark.parametrize(
    "words",
    [["check"], ["churn"], ["cohort"], ["trend"], ["lifecycle"], ["deviation"], ["backtest"], ["pareto", "--by", "product"],
     ["migration", "--from", "2024-03-01"]],
)  # fmt: skip
def test_commands_that_need_transactions_say_so(tmp_path: Path, words: list[str]) -> None:
    pq.write_table(table(), tmp_path / "customers.parquet")
    refused(run(*words, tmp_path / "customers.parquet"), "is a table of customers", "needs transactions")


VALUES = {"since": "2024-01-01", "currency": "EUR", "exclude_status": "paid", "refunds": "ignore", "no_customer": "fail", "tz": "Asia/Tokyo", "max_rejects": "5"}  # fmt: skip
ACTING = {"customer", "date", "amount", "orders", "encoding", "delimiter", "header", "date_format", "decimal", "as_of", "exclude"}  # fmt: skip
FLAGS = {"strict", "count"}


@pytest.mark.parametrize("name", sorted(READING - ACTING))
def test_options_about_transactions_are_refused(tmp_path: Path, name: str) -> None:
    pq.write_table(table(), tmp_path / "customers.parquet")
    option = f"--{name.replace('_', '-')}"
    words = [option] if name in FLAGS else [option, VALUES.get(name, str(tmp_path / "x.csv"))]
    done = run("rfm", tmp_path / "customers.parquet", *words)
    assert (done.status, done.out) == (2, ""), done.err
    assert option in done.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("command", ["customers", "rfm", "pareto"])
def test_customers_made_here_come_back(tmp_path: Path, suffix: str, command: str) -> None:
    made = tmp_path / f"customers.{suffix}"
    assert run("customers", SALES, "-o", made, "-q").status == 0

    def ask(path: Path) -> str:
        return run(command, path, "--table", "customers", "-f", "csv", "-q", "-n", "0").out

    assert ask(made) == ask(SALES)
