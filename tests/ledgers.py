"""Transactions for tests: small random ones, and a year of a real shop where the developer has it."""

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import strategies as st

from tests.tool import DEV_DATA as DATA

BEGIN = date(2023, 11, 20)
ROOT = Path(__file__).resolve().parent.parent
RETAIL = DATA / "online_retail_ii_2009_2010.parquet"

needs_retail = pytest.mark.skipif(not RETAIL.exists(), reason="the developer's data are not here")


class Sale(NamedTuple):
    """One row of a transaction file."""

    customer: str
    order: str | None
    date: date
    amount: int


def sales(days: int = 400, customers: int = 6) -> st.SearchStrategy[list[Sale]]:
    """Rows with repeated orders, orders over several days or without id, refunds, zeros, refund-only customers."""
    row = st.builds(
        lambda who, what, day, amount: Sale(
            f"c{who}", what and f"o{who}-{what}", BEGIN + timedelta(day), amount
        ),
        st.integers(1, customers),
        st.one_of(st.none(), st.integers(1, 9)),
        st.integers(0, days),
        st.one_of(st.integers(1, 10**6), st.integers(-(10**6), 0)),
    )
    return st.lists(row, min_size=1, max_size=60)


def frame(rows: list[Sale]) -> pl.LazyFrame:
    """The transactions frame that loading makes of these rows."""
    schema = {"customer": pl.String, "order": pl.String, "date": pl.Date, "amount": pl.Int64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def retail() -> pl.LazyFrame:
    """The real shop's rows that have a customer; prices have up to three decimals, so amounts are mills."""
    price = (pl.col("Price") * 1000).round().cast(pl.Int64)
    rows = pl.scan_parquet(RETAIL).filter(pl.col("Customer ID").is_not_null())
    return rows.select(
        customer="Customer ID",
        order="Invoice",
        date=pl.col("InvoiceDate").dt.date(),
        amount=pl.col("Quantity") * price,
    )


RETAIL_SQL = f"""
    with sales as (
        select "Customer ID" as customer, Invoice as "order", cast(InvoiceDate as date) as "date",
               Quantity * cast(round(Price * 1000) as bigint) as amount
        from '{RETAIL}' where "Customer ID" is not null
    )
"""
