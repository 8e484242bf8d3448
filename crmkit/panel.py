"""Transactions to one row per customer and calendar period: where every view over time begins."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from crmkit import periods
from crmkit.periods import Period


def panel(transactions: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """What each customer did in each period with a transaction.

    Columns: customer; index Int32, the period (see `periods`); orders Int64, orders with a positive
    amount, 0 where the customer only got money back; revenue, net of refunds, in minor units. An
    order is an order id where there is one, else a day; an id with positive rows in two periods
    counts in both.
    """
    names = transactions.collect_schema().names()
    order = "order" if "order" in names else "date"
    amount = pl.col("amount")
    return (
        transactions.filter(pl.col("customer").is_not_null())
        .with_columns(periods.index(pl.col("date"), period).alias("index"))
        .group_by("customer", "index", order)
        .agg(amount.sum(), amount.max().alias("largest"))
        .group_by("customer", "index")
        .agg(
            (pl.col("largest") > 0).sum().cast(pl.Int64).alias("orders"),
            amount.sum().alias("revenue"),
        )
    )


def money(units: pl.Expr, scale: int) -> pl.Expr:
    """Minor units as exact amounts, with two decimals or more."""
    exact = units.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-scale))
    return exact.cast(pl.Decimal(38, max(scale, 2)))
