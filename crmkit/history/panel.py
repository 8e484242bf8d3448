"""Transactions to one row per customer and calendar period: where views over time begin."""

from __future__ import annotations

import polars as pl

from crmkit.history import periods
from crmkit.history.periods import Period
from crmkit.load.orders import has_orders, order_key


def panel(transactions: pl.LazyFrame, period: Period, *, profit: bool = False) -> pl.LazyFrame:
    """By key: what each customer did in each period with a transaction.

    Columns: customer; index Int32, the period (see `periods`); orders Int64, orders with a positive
    amount, 0 where the customer only got money back; revenue, net of refunds, in minor units, and with `profit` that less cost. An
    order is an order id, or a day where there is none; an id with positive rows in two periods
    counts in both.
    """
    day, amount = pl.col("date"), pl.col("amount")
    earned = [(amount - pl.col("cost")).sum().alias("profit")] if profit else []
    order = order_key(has_orders(transactions))
    return (
        transactions.group_by("customer", periods.index(day, period).alias("index"), order.alias("order"))
        .agg(amount.sum(), amount.max().alias("largest"), *earned)
        .group_by("customer", "index")
        .agg(
            (pl.col("largest") > 0).sum().cast(pl.Int64).alias("orders"),
            amount.sum().alias("revenue"),
            *([pl.col("profit").sum()] if profit else []),
        )
    )


def of_days(days: pl.DataFrame, period: Period) -> pl.LazyFrame:
    """The same from customer-days (see `days`); the customer is their code, and an order is a day."""
    index = periods.index(pl.col("date"), period).alias("index")
    bought = (pl.col("bought") > 0).sum().cast(pl.Int64)
    panel = days.lazy().group_by(pl.col("code").alias("customer"), index)
    return panel.agg(bought.alias("orders"), pl.col("amount").sum().alias("revenue"))
