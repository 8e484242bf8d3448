"""Customers frames for tests: written by hand, drawn by hypothesis, or made from real rows by DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import duckdb
import polars as pl
import pytest
from hypothesis import strategies as st

from tests.tool import DEV_DATA

AS_OF = date(2026, 1, 31)


class Customer(NamedTuple):
    """One customer; `recency` is None for somebody who only ever returned things. Money is in cents."""

    customer: str
    revenue: int
    orders: int = 1
    recency: int | None = 0
    days: int = 1
    rows: int = 1
    profit: int = 0


def frame(customers: Iterable[Customer]) -> pl.DataFrame:
    """The narrow waist, as the customers step hands it over."""
    people = list(customers)
    last = [None if who.recency is None else AS_OF - timedelta(days=who.recency) for who in people]
    money = {
        name: pl.Series([Decimal(getattr(who, name)).scaleb(-2) for who in people], dtype=pl.Decimal(38, 2))
        for name in ("revenue", "profit")
    }
    counts = {
        name: pl.Series([getattr(who, name) for who in people], dtype=pl.Int64)
        for name in ("orders", "days", "rows", "recency")
    }
    ids = pl.Series([who.customer for who in people], dtype=pl.String)
    columns = {"customer": ids, "last": pl.Series(last, dtype=pl.Date), **counts, **money}
    return pl.DataFrame(columns).sort("customer")


@st.composite
def crowds(draw: st.DrawFn, min_size: int = 1, buyers: bool = False) -> list[Customer]:
    """Customers with many ties, refunds, and some who never bought; at least one has money above zero."""
    ids = draw(st.lists(st.text("ab1é", max_size=4), unique=True, min_size=min_size, max_size=25))
    size = len(ids)
    some = st.integers(0, 6) if buyers else st.none() | st.integers(0, 6)
    recency = draw(st.lists(some, min_size=size, max_size=size))
    numbers = st.lists(st.integers(1, 4), min_size=size, max_size=size)
    cents = st.lists(st.integers(-300, 900) | st.sampled_from([0, 100, 250]), min_size=size, max_size=size)
    orders, days, rows, revenue, profit = draw(st.tuples(numbers, numbers, numbers, cents, cents))
    bought = [n if since is not None else 0 for n, since in zip(orders, recency, strict=True)]
    revenue[0] = profit[0] = draw(st.integers(1, 2000))
    return [Customer(*who) for who in zip(ids, revenue, bought, recency, days, rows, profit, strict=True)]


needs_data = pytest.mark.skipif(not DEV_DATA.is_dir(), reason="the developers' data are not here")


def online_retail() -> duckdb.DuckDBPyConnection:
    """A connection with the table `lines`: customer, day, invoice and amount in thousandths of a pound."""
    connection = duckdb.connect()
    path = DEV_DATA / "online_retail_ii_2009_2010.parquet"
    connection.execute(
        f"""create table lines as
        select "Customer ID" as customer, InvoiceDate::date as day, Invoice as invoice,
               round(Quantity * Price * 1000)::bigint as amount
        from '{path}' where "Customer ID" is not null"""
    )
    return connection


def customers_of(connection: duckdb.DuckDBPyConnection, where: str = "true") -> pl.DataFrame:
    """The customers frame of `lines`, aggregated by DuckDB."""
    rows = connection.sql(
        f"""select customer, max(day) filter (amount > 0) as last,
            count(distinct invoice) filter (amount > 0) as orders,
            count(distinct day) filter (amount > 0) as days,
            count(*) filter (amount > 0) as rows, sum(amount)::bigint as amount
        from lines where {where} group by customer order by customer"""
    ).to_arrow_table()
    last_day = connection.execute("select max(day) from lines").fetchall()[0][0]
    return pl.DataFrame(rows).with_columns(
        revenue=(pl.col("amount").cast(pl.Decimal(38, 3)) * Decimal("0.001")).cast(pl.Decimal(38, 3)),
        recency=(pl.lit(last_day) - pl.col("last")).dt.total_days(),
    )
