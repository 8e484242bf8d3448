"""Transactions to customer-days: who bought or returned what on which day, in one pass over the rows.

What is bought on one day is one occasion: two orders on a day leave no gap between them. A refund
is part of a day's amount and never an occasion. Customers travel as `code`, their place in the
order of ids, so that ids are kept once each and not once per day.

Where customers are spread over a cluster, a history holds the customers of one batch: whatever is
made of each customer's own days is the same either way (`AnyDayHistory`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import NamedTuple, Protocol, cast

import polars as pl

from crmkit import customers
from crmkit.engine import runs
from crmkit.engine.counts import by_id
from crmkit.engine.openings import OPENS
from crmkit.engine.rows import Counted, LocalRows, Rows
from crmkit.errors import DataError
from crmkit.load.found import Found
from crmkit.load.orders import has_orders, order_key
from crmkit.load.transactions import Transactions

BOUGHT = pl.col("amount") > 0
_DAYS = 2**32  # more than any two days lie apart


class AnyDayHistory(Protocol):
    """The days of all customers up to the as-of date, wherever these are."""

    @property
    def as_of(self) -> date:
        """The last day that counts."""

    @property
    def first(self) -> date:
        """The first day of all."""

    def until(self, as_of: date) -> AnyDayHistory:
        """What was known on an earlier date."""

    def each(self, function: OfHistory) -> Rows:
        """What a function makes of histories, in which each customer's rows come of that customer's days."""


class DayHistory(NamedTuple):
    """All customers, or all of a batch, and all their days up to the as-of date; amounts are in minor units.

    `customers`: code, customer, orders, sorted by customer. `days`: code, date, amount (refunds
    deducted) and bought (refunds left out), sorted by code and date.
    """

    customers: pl.DataFrame
    days: pl.DataFrame
    as_of: date

    def until(self, as_of: date) -> DayHistory:
        """What was known on an earlier date; `orders` stay those of the whole history."""
        days = self.days.filter(pl.col("date") <= as_of)
        return DayHistory(self.customers.join(days, on="code", how="semi").sort("code"), days, as_of)

    @property
    def first(self) -> date:
        """The first day of all."""
        return cast(date, self.days["date"].min())

    def each(self, function: OfHistory) -> Rows:
        """See `AnyDayHistory.each`."""
        return LocalRows(function(self))


OfHistory = Callable[[DayHistory], pl.DataFrame]


class ScatteredDayHistory(NamedTuple):
    """Customers that are not here, each a row with the lists that `by_customer` made."""

    rows: Rows
    first: date
    as_of: date

    def until(self, as_of: date) -> ScatteredDayHistory:
        """See `AnyDayHistory.until`."""
        return self._replace(as_of=as_of)

    def each(self, function: OfHistory) -> Rows:
        """See `AnyDayHistory.each`."""
        return self.rows.by_row(partial(_of_batch, function=function, as_of=self.as_of))


def _of_batch(people: pl.DataFrame, function: OfHistory, as_of: date) -> pl.DataFrame:
    return function(_history(people, as_of))


def past(found: Rows, first: date, as_of: date) -> AnyDayHistory:
    """The days of the customers that `by_customer` made; `first` is the first day of all."""
    return history(found.frame(), as_of) if found.is_here else ScatteredDayHistory(found, first, as_of)


def of(sales: Transactions) -> Found[AnyDayHistory]:
    """The days of the customers of these transactions, from one pass over them."""

    def made() -> Found[AnyDayHistory]:
        found = _pass(sales)
        return found.but(past(found.rows, found.first, found.as_of))

    return sales.once(of, made)


def history_of(sales: Transactions) -> Found[DayHistory]:
    """The same, brought here."""
    found = _pass(sales)
    return found.but(history(found.rows.frame(), found.as_of))


def _pass(sales: Transactions) -> Found[Rows]:
    return customers.grouped(sales, by_customer, orders=True)


def by_customer(rows: pl.LazyFrame) -> pl.LazyFrame:
    """By key: each customer's rows as lists of dates and amounts, and the number of distinct orders.

    An order is an order id with a positive row; where there is no id, a day with one. `opens` is true once for each.
    """
    opened = OPENS in rows.collect_schema()
    orders = pl.col(OPENS).sum() if opened else order_key(has_orders(rows)).filter(BOUGHT).n_unique()
    return rows.group_by("customer").agg("date", "amount", orders=orders.cast(pl.Int64))


def history(people: pl.DataFrame, as_of: date) -> DayHistory:
    """The customers and their days from what `by_customer` collected; days after `as_of` are left out."""
    found = _history(people, as_of)
    if not found.days.height:
        raise DataError(f"There are no transactions up to {as_of}. Choose a later day with --as-of.")
    return found


def _history(people: pl.DataFrame, as_of: date) -> DayHistory:
    coded = by_id()(people.with_columns(pl.col("customer").cast(pl.String))).with_row_index("code")
    rows = coded.lazy().select("code", "date", "amount").explode("date", "amount")
    days = _daily(rows.filter(pl.col("date") <= as_of).collect())
    return DayHistory(coded.select("code", "customer", "orders"), days, as_of)


def _daily(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of each customer's day made one, in the order of customers and days.

    A sort by both as one number and the differences of running sums take a quarter of the time of grouping by both.
    """
    customer, day = pl.col("code").cast(pl.Int64), pl.col("date").cast(pl.Int32).cast(pl.Int64)
    in_order = rows.select(place=customer * _DAYS + day, amount="amount").sort("place")
    in_order = in_order.with_columns(bought=pl.col("amount").clip(0))
    starts = in_order["place"].ne_missing(in_order["place"].shift())
    code = (pl.col("place") + _DAYS // 2) // _DAYS
    return (
        runs.summed(in_order, starts, ["amount", "bought"])
        .select(
            code.cast(pl.UInt32).alias("code"),
            (pl.col("place") - code * _DAYS).cast(pl.Int32).cast(pl.Date).alias("date"),
            "amount",
            "bought",
        )
        .with_columns(pl.col("code").set_sorted())
    )


def purchases(days: pl.DataFrame) -> pl.DataFrame:
    """Days with a purchase, each with the `gap` in days since the customer's purchase before, if any."""
    code, day = pl.col("code"), pl.col("date").cast(pl.Int32)
    return days.filter(pl.col("bought") > 0).with_columns(
        gap=pl.when(code == code.shift()).then(day - day.shift())
    )


def totals(past: DayHistory) -> pl.DataFrame:
    """By key: what `customers.finish` makes the customers table of; revenue in minor units."""
    return past.customers.join(sums(past.days), on="code").drop("code")


def sums(days: pl.DataFrame) -> pl.DataFrame:
    """By key: first and last purchase day, their number, and revenue in minor units."""
    bought = pl.col("bought") > 0
    # Null where nothing was bought: to filter customer by customer takes half as long again.
    dated = days.with_columns(day=pl.when(bought).then("date"), bought=bought)
    return dated.group_by("code").agg(
        first=pl.col("day").min(),
        last=pl.col("day").max(),
        days=pl.col("bought").sum().cast(pl.Int64),
        revenue=pl.col("amount").sum(),
    )


def gap_counts(past: AnyDayHistory) -> pl.DataFrame:
    """Mergeable counts: how many gaps `n` of each length have ended."""
    return past.each(_gaps).counts(Counted(by=["gap"]))


def _gaps(past: DayHistory) -> pl.DataFrame:
    return purchases(past.days).select("gap").drop_nulls()


def base_gap(counts: pl.DataFrame) -> int | None:
    """The shortest gap that at least 90 % of all gaps do not exceed; nothing if nobody came twice."""
    reached = counts.filter(10 * pl.col("n").cum_sum() >= 9 * pl.col("n").sum())
    return reached["gap"][0] if reached.height else None
