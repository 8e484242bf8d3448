"""Rows → baskets: the distinct products of each order, or of each customer.

By key: all rows of one order together. A row with a positive amount is a purchase; a product that
comes twice is in the basket once, and refunds put nothing into it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from crmkit.baskets import contiguous
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.history import periods
from crmkit.load.orders import customer_day, order_key

if TYPE_CHECKING:
    from crmkit.load.transactions import Build, Transactions

UNITS = ("order", "customer")


def read(sales: Transactions, unit: str, *, monthly: bool = False) -> Rows:
    """The baskets of these transactions: `product`, a list, `size`, and with `monthly` the `month` of the first day.

    An order is an order id; rows without one belong to the order of their customer and day.
    """
    key = "order" if unit == "order" and sales.has("order") else "customer"
    if key == "customer" and not sales.has("customer"):
        raise DataError(
            f"{sales.name}: there is no column of orders and none of customers, so nothing says which rows belong "
            "together. Say which it is: --order COLUMN."
        )
    lines = partial(lines_of, unit=unit, has_order=sales.has("order"), monthly=monthly)
    if unit == "order" and sales.in_one_stream:
        return contiguous.read(sales, lines, monthly=monthly)
    # Labels as numbers, where all rows are read by this process.
    coded = sales.in_one_stream and sales.is_text("product")
    return sales.by_key(partial(baskets, lines=lines, coded=coded), key=key)


def baskets(rows: pl.LazyFrame, *, lines: Build, coded: bool = False) -> pl.LazyFrame:
    """By key: the distinct products of each order or customer, and their `size`."""
    held = contiguous.held(lines(rows), coded=coded)
    return held.select(pl.exclude("key"), size=contiguous.SIZE)


def lines_of(
    rows: pl.LazyFrame, *, unit: str, has_order: bool, monthly: bool, every: bool = False
) -> pl.LazyFrame:
    """By row: what was bought, with the `key` of its order or customer; `every`: no row lacks an order id."""
    bought = rows.filter(pl.col("amount") > 0, pl.col("product").is_not_null())
    key = _order(has_order, every) if unit == "order" else pl.col("customer")
    month = [periods.index(pl.col("date"), "month").alias("month") for _ in range(monthly)]
    return bought.select("product", *month, key=key).filter(pl.col("key").is_not_null())


def _order(has_order: bool, every: bool) -> pl.Expr:
    """64 bits for the order id, or for the customer's day; null where neither is known."""
    if every:
        return order_key(has_order)
    return order_key(has_order, pl.when(pl.col("customer").is_not_null()).then(customer_day()))


def without(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """By row: the baskets without these products; those that held nothing else are gone."""
    named = pl.element().cast(pl.String).is_in(names)
    left = frame.with_columns(pl.col("product").list.eval(pl.element().filter(~named)))
    return left.with_columns(size=contiguous.SIZE).filter(pl.col("size") > 0)


def product_counts(baskets: Rows, most: int, *by: str) -> pl.DataFrame:
    """In how many baskets each product is: `orders` in all, `kept` in those of at most so many products."""
    parts = baskets.by_row(partial(_counted, most=most, by=by))
    found = parts.counts(Counted(by=["product", *by], sums=["orders", "kept"]))
    return found.drop("n").sort("product", *by)


def _counted(frame: pl.DataFrame, most: int, by: tuple[str, ...]) -> pl.DataFrame:
    """The counts of some baskets, with the products' names: codes are known to this process only."""
    exploded = frame.lazy().select(*by, "product", kept=pl.col("size") <= most).explode("product")
    counts = exploded.group_by(*by, "product").agg(
        orders=pl.len().cast(pl.Int64), kept=pl.col("kept").sum().cast(pl.Int64)
    )
    return counts.with_columns(pl.col("product").cast(pl.String)).collect()


def sizes(baskets: Rows, *by: str) -> pl.DataFrame:
    """How many baskets have each `size`: `n`."""
    return baskets.counts(Counted(by=["size", *by]))
