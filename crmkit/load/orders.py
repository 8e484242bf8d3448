"""What one order is, once for everybody: the rows of an order id, or of a day where there is no id.

It was bought on a day on which a row of it is above zero; a refund makes no order.
"""

from __future__ import annotations

import polars as pl


def order_key(has_order: bool, day: pl.Expr | None = None) -> pl.Expr:
    """What tells the orders of one customer apart: 64 bits of the order id, or of the day of a row without one.

    Two of one customer's n orders share them with a chance of n**2 / 2**65; counting numbers takes a third
    of the time that counting text takes. Without a column of orders it is the day itself. `day` stands for
    the day where rows of several customers are together (`customer_day`).
    """
    if not has_order:
        return pl.col("date") if day is None else day
    # The hash of nothing is a number like others, so it has to be asked for first.
    known = pl.when(pl.col("order").is_not_null()).then(pl.col("order").hash(seed=0))
    return pl.coalesce(known, pl.col("date").hash(seed=1) if day is None else day)


def customer_day() -> pl.Expr:
    """A customer's day among those of others."""
    return pl.struct("customer", "date").hash(seed=1)


def has_orders(rows: pl.LazyFrame) -> bool:
    """Whether these rows have a column of orders."""
    return "order" in rows.collect_schema().names()
