"""Transactions to customer-days: who bought or returned what on which day, in one pass over the rows.

What is bought on one day is one occasion: two orders on a day leave no gap between them. A refund
is part of a day's amount and never an occasion. Customers travel as `code`, their place in the
order of ids, so that ids are kept once each and not once per day.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from crmkit.errors import DataError

IS_PURCHASE = pl.col("amount") > 0


class History(NamedTuple):
    """All customers and all their days up to the as-of date.

    `customers`: code, customer, orders, sorted by customer. `days`: code, date, amount (minor units,
    refunds deducted), bought (minor units, refunds left out), sorted by code and date.
    """

    customers: pl.DataFrame
    days: pl.DataFrame
    as_of: date

    def until(self, as_of: date) -> History:
        """What was known on an earlier date; `orders` stay those of the whole history."""
        days = self.days.filter(pl.col("date") <= as_of)
        return History(self.customers.join(days, on="code", how="semi").sort("code"), days, as_of)


def by_customer(transactions: pl.LazyFrame, as_of: date | None = None) -> pl.LazyFrame:
    """By key: each customer's rows as lists of dates and amounts, and the number of distinct orders.

    An order is an order id with a positive row; without ids it is a day with one.
    """
    names = transactions.collect_schema().names()
    bought = IS_PURCHASE if as_of is None else IS_PURCHASE & (pl.col("date") <= as_of)
    order = "order" if "order" in names else "date"
    return (
        transactions.filter(pl.col("customer").is_not_null())
        .group_by("customer")
        .agg("date", "amount", orders=pl.col(order).filter(bought).n_unique().cast(pl.Int64))
    )


def history(transactions: pl.LazyFrame, as_of: date | None = None) -> History:
    """Read the transactions once; the as-of date is the latest in the file unless given.

    Raises DataError when nothing happened up to the as-of date.
    """
    customers = (
        by_customer(transactions, as_of)
        .with_columns(pl.col("customer").cast(pl.String))
        .collect(engine="streaming")
        .sort("customer")
        .with_row_index("code")
    )
    days = _days(customers.lazy()).collect()
    if not days.height:
        raise DataError("There are no transactions of known customers. Look at the file with `crmkit check`.")
    first, last = span(days)
    if as_of is not None and as_of < first:
        raise DataError(
            f"As of {as_of} nothing had happened: the transactions begin on {first} and end on {last}."
        )
    found = as_of or last
    return History(
        customers.select("code", "customer", "orders"), days.filter(pl.col("date") <= found), found
    )


def _days(customers: pl.LazyFrame) -> pl.LazyFrame:
    rows = customers.select("code", "date", "amount").explode("date", "amount")
    sums = rows.group_by("code", "date").agg(
        pl.col("amount").sum(), bought=pl.col("amount").filter(IS_PURCHASE).sum()
    )
    return sums.sort("code", "date")


def span(days: pl.DataFrame) -> tuple[date, date]:
    """The first and the last day."""
    first, last = days.select(first=pl.col("date").min(), last=pl.col("date").max()).row(0)
    return first, last


def purchases(days: pl.DataFrame) -> pl.DataFrame:
    """Days with a purchase, each with the `gap` in days since the customer's purchase before, if any."""
    code, day = pl.col("code"), pl.col("date").cast(pl.Int32)
    return days.filter(pl.col("bought") > 0).with_columns(
        gap=pl.when(code == code.shift()).then(day - day.shift())
    )


def money(units: pl.Expr, scale: int) -> pl.Expr:
    """Minor units as exact amounts, with two decimals or more."""
    exact = units.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-scale))
    return exact.cast(pl.Decimal(38, max(scale, 2)))


def amount(units: int, scale: int) -> Decimal:
    """Minor units as an exact amount, with two decimals or more."""
    return Decimal(units).scaleb(-scale).quantize(Decimal(1).scaleb(-max(scale, 2)))
