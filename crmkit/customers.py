"""Transactions → customers: one row each, the narrow waist that every customer analysis eats.

The first step works *by key* (all rows of one customer together) and adds up whole numbers only, so
neither the order of rows nor the engine can change a byte. The rest works *by row*.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any

import polars as pl

from crmkit.engine import openings, reducers
from crmkit.engine.counts import by_id
from crmkit.engine.first_days import FirstDays
from crmkit.engine.money import as_money
from crmkit.engine.rows import Counted, Rows, as_rows
from crmkit.errors import DataError
from crmkit.headlines import answered, checks
from crmkit.load.customers.layout import ORDER
from crmkit.load.customers_table import timed
from crmkit.load.dataset import NEEDED, WANTED, Data, Dataset, data_of, transactions_of
from crmkit.load.door import question
from crmkit.load.found import Found
from crmkit.load.orders import order_key
from crmkit.load.transactions import Build, Transactions
from crmkit.result import Result

__all__ = ["Data", "analyse", "build", "people", "rows"]
EVERYTHING = frozenset({"first", "orders", "days", "rows", "refunds", "first_revenue", "profit"})
# Measures of single rows.
_OF_ROWS = frozenset({"rows", "profit"})
_MONEY = ("revenue", "refunds", "first_revenue", "profit")


def build(data: Any, wants: Iterable[str] = EVERYTHING, key: str = "customer") -> pl.DataFrame:
    """One row per customer, sorted by id, with `last`, `revenue` and what `wants` names (see `rows`).

    `data` is what `crmkit.read` returns or takes; with `key="product"` the rows are products instead.
    """
    wanted = frozenset(wants)
    roles = ("order", "cost") if "profit" in wanted else WANTED
    return people(data_of(data), wanted, key=key, needs=(*NEEDED, key), roles=roles).frame()


def rows(transactions: Transactions, wants: Iterable[str] = EVERYTHING, key: str = "customer") -> Rows:
    """The customers of these transactions, with `last`, `revenue` and what `wants` names.

    A row with a positive amount is a purchase; a negative one is a refund, which lowers revenue and
    is neither an order nor a sign of life; a zero is neither. `orders` are distinct order ids where
    the file has them (a row without one counts as that day's order), else distinct days.
    With `key="product"` the rows are products instead.
    """
    wanted = frozenset(wants)
    wanted = wanted if transactions.has("cost") else wanted - {"profit"}
    standing = transactions.standing_customers(wanted) if key == "customer" else None
    found = standing or _grouped(transactions, wanted, key)
    if transactions.gate is not None and key == "customer":
        transactions.gate.check_customers(found.rows)
    finish = partial(finish_each, scale=found.scale, as_of=found.as_of, key=key)
    return found.rows.by_row(finish).ordered_by(by_id(key))


def people(
    data: Data,
    wants: Iterable[str] = EVERYTHING,
    *,
    key: str = "customer",
    needs: Iterable[str] = NEEDED,
    roles: Iterable[str] = WANTED,
) -> Rows:
    """The customers of what a question was asked of: as they are, read from a file of customers, or `rows`."""
    if isinstance(data, pl.DataFrame):
        return as_rows(data)
    if not isinstance(data, Dataset | Transactions):
        return data
    ready = data.customers() if isinstance(data, Dataset) and key == "customer" else None
    return rows(transactions_of(data, needs, roles), wants, key) if ready is None else as_rows(ready)


@question
def analyse(data: Data) -> Result:
    """One row per customer with every measure that the input allows, and the totals of all."""
    return result(people(data, roles=("order", "cost")))


def _grouped(transactions: Transactions, wants: frozenset[str], key: str) -> Found[Rows]:
    noted = None
    if {"first", "first_revenue"} <= wants and transactions.in_one_stream and not transactions.in_parts:
        noted, wants = FirstDays(key), wants - {"first_revenue"}
    query = partial(aggregate, wants=wants, key=key, has_order=transactions.has("order"))
    by_rows = bool(wants & _OF_ROWS)
    return grouped(transactions, query, key=key, orders="orders" in wants, by_rows=by_rows, noted=noted)


def grouped(
    transactions: Transactions,
    query: Build,
    *,
    key: str = "customer",
    orders: bool,
    by_rows: bool = False,
    noted: FirstDays | None = None,
    one_day: bool = False,
) -> Found[Rows]:
    """By key, with the shortcuts that these rows may allow.

    `orders`: the query takes `opens` for ids of orders and finds their number as `orders`. `by_rows`: it counts
    single rows, which then have `LINES`. `noted`: what a first day came to is added to what the query finds. `one_day`:
    it asks on which day an order opened, so that all of it must be of that day.
    """
    order = order_key(True)

    def run(taken: reducers.Taken) -> Found[Rows]:
        shrink = reducers.shrink(key, taken, by_rows=by_rows, order=order, one_day=one_day)
        shrink = shrink if noted is None else noted.noting(shrink)
        found = transactions.query(query, key=key, shrink=shrink)
        return found if shrink.restored is None else found.but(found.rows.by_row(shrink.restored))

    taken = _worth_trying(transactions, key, orders=orders and transactions.has("order"))
    if taken:
        taken = reducers.allowed(transactions.first_rows(), key, taken, order, one_day=one_day)
    return reducers.shortest(run, taken)


def _worth_trying(transactions: Transactions, key: str, *, orders: bool) -> reducers.Taken:
    """Where rows come in one stream: an order has one customer, yet many products."""
    if not transactions.in_one_stream or key != "customer":
        return frozenset()
    worth = {reducers.SHORT} if transactions.is_text(key) else set[str]()
    if orders:
        worth |= {openings.RISING} | ({reducers.SHORT_ORDERS} if transactions.is_text("order") else set())
    worth |= {reducers.HASHED} if reducers.SHORT in worth else set()
    if orders and not transactions.in_parts:  # what this one keeps grows with the rows
        worth |= {openings.APART}
    return frozenset(worth)


def aggregate(
    rows: pl.LazyFrame, wants: frozenset[str], *, key: str = "customer", has_order: bool = False
) -> pl.LazyFrame:
    """By key: whole-number sums, extremes and distinct counts per customer; money in minor units.

    `has_order`: the rows have `order` ids, or `opens`, which is true once for each order.
    """
    orders = _orders(rows) if has_order and "orders" in wants else None
    if "first_revenue" in wants:
        return _by_way_of_days(rows, wants, key, orders)
    prepared = _purchases(rows, wants, key, orders)
    return prepared.group_by(key).agg(_measures(wants, orders))


def _orders(rows: pl.LazyFrame) -> str:
    """The column that orders are counted by."""
    return openings.OPENS if openings.OPENS in rows.collect_schema() else "order"


def _purchases(rows: pl.LazyFrame, wants: frozenset[str], key: str, orders: str | None) -> pl.LazyFrame:
    """What a row adds; purchase columns are null where the row is no purchase, and nulls do not count."""
    bought = pl.col("amount") > 0
    columns = [pl.col(key), pl.when(bought).then("date").alias("day"), pl.col("amount")]
    if orders == "order":
        columns.append(pl.when(bought).then(order_key(True)).alias("order"))
    elif orders is not None:
        columns.append(pl.col(orders))
    if "profit" in wants:
        columns.append((pl.col("amount") - pl.col("cost")).alias("profit"))
    if "rows" in wants:
        columns.append(_bought_rows(rows).alias("rows"))
    return rows.select(columns)


def _bought_rows(rows: pl.LazyFrame) -> pl.Expr:
    """How many purchases a row stands for."""
    lines = pl.col(reducers.LINES) if reducers.LINES in rows.collect_schema() else pl.lit(1, dtype=pl.Int64)
    return pl.when(pl.col("amount") > 0).then(lines).otherwise(pl.lit(0, dtype=pl.Int64))


def _measures(wants: frozenset[str], orders: str | None) -> list[pl.Expr]:
    measures = [pl.col("day").max().alias("last"), pl.col("amount").sum().alias("revenue")]
    if wants & {"first", "days", "T", "x"}:
        measures.append(pl.col("day").min().alias("first"))
    if "days" in wants or ("orders" in wants and orders is None):
        measures.append(distinct("day").alias("days"))
    if orders is not None:
        count = distinct(orders) if orders == "order" else pl.col(orders).sum().cast(pl.Int64)
        measures.append(count.alias("orders"))
    if "rows" in wants:
        measures.append(pl.col("rows").sum())
    if "refunds" in wants:
        measures.append((0 - pl.col("amount").clip(upper_bound=0)).sum().alias("refunds"))
    if "profit" in wants:
        measures.append(_known_sum(pl.col("profit")).alias("profit"))
    return measures


def _known_sum(column: pl.Expr) -> pl.Expr:
    """The sum, null where a part of it is not known."""
    return pl.when(column.null_count() == 0).then(column.sum())


def distinct(name: str) -> pl.Expr:
    """Distinct values that are not null."""
    column = pl.col(name)
    return column.n_unique().cast(pl.Int64) - (column.null_count() > 0).cast(pl.Int64)


def _by_way_of_days(rows: pl.LazyFrame, wants: frozenset[str], key: str, orders: str | None) -> pl.LazyFrame:
    """The revenue of the first day needs each day's revenue first."""
    counts = wants - {"first_revenue"}
    grain = [key, "date", "order"] if orders == "order" else [key, "date"]
    keyed = rows.with_columns(order_key(True).alias("order")) if "order" in grain else rows
    lines = keyed.group_by(grain).agg(
        pl.col("amount").sum(),
        _bought_rows(rows).sum().alias("rows"),
        (0 - pl.col("amount").clip(upper_bound=0)).sum().alias("refunds"),
        *(_known_sum(pl.col("amount") - pl.col("cost")).alias("profit") for _ in wants & {"profit"}),
        *(pl.col(openings.OPENS).sum() for _ in {orders} & {openings.OPENS}),
    )
    day = pl.when(pl.col("rows") > 0).then("date").alias("day")
    order = pl.when(pl.col("rows") > 0).then("order").alias("order")
    lines = lines.with_columns(day, *([order] if "order" in grain else []))
    first = pl.col("amount").filter(pl.col("date") == pl.col("day").min()).sum().alias("first_revenue")
    whole = _measures(counts - {"rows", "refunds", "profit"}, orders)
    added = [_known_sum(pl.col(name)).alias(name) for name in ("rows", "refunds", "profit") if name in counts]
    return lines.group_by(key).agg(*whole, *added, first)


def finish(frame: pl.DataFrame, scale: int, as_of: date) -> pl.DataFrame:
    """`finish_each`, sorted by customer."""
    return by_id()(finish_each(frame, scale, as_of))


def finish_each(frame: pl.DataFrame, scale: int, as_of: date, *, key: str = "customer") -> pl.DataFrame:
    """By row: ids as text, money as Decimal, and the measures that depend on the as-of date."""
    if "days" in frame.columns and "orders" not in frame.columns:
        frame = frame.with_columns(pl.col("days").alias("orders"))
    frame = timed(frame, as_of).with_columns(
        pl.col(key).cast(pl.String).alias("customer"),
        *(as_money(name, scale) for name in _MONEY if name in frame.columns),
    )
    return frame.select(name for name in ORDER if name in frame.columns).rename({"customer": key})


def buyers(frame: pl.DataFrame) -> pl.DataFrame:
    """Customers with at least one order; the others have only refunds or zeros."""
    found = frame.filter(pl.col("last").is_not_null())
    if found.height == 0:
        raise DataError(
            "No customer has an order with a positive amount, so there is nothing to rank or score."
        )
    return found


@answered(checks.customers)
def result(people: pl.DataFrame | Rows) -> Result:
    """The customers table with its totals, as a command's answer."""
    rows = as_rows(people)
    sums = [name for name in ("orders", "revenue", "refunds", "profit") if name in rows.schema]
    seen = Counted(sums=sums, least=["first", "as_of"], most=["last"])
    found = rows.by_row(with_as_of).counts(seen)
    totals = found.select(pl.col("n").alias("customers"), "orders", "revenue", "first", "last", *sums[2:])
    facts = {"customers": totals["customers"][0], "as_of": found["as_of"][0]}
    return Result(command="customers", tables={"totals": totals}, facts=facts).with_detail("customers", rows)


def with_as_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the day from which each customer is looked at."""
    return frame.with_columns(as_of=pl.col("last") + pl.duration(days="recency"))


def as_of(frame: pl.DataFrame) -> date | None:
    """The day from which these customers are looked at."""
    seen = frame.filter(pl.col("last").is_not_null()).head(1)
    return None if seen.height == 0 else seen.select(pl.col("last") + pl.duration(days="recency")).item()
