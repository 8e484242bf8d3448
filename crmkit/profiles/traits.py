"""What each customer is like: measures of their orders, and the labels that they were ever seen with.

By key: all rows of one customer together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmkit.engine.counts import ratio
from crmkit.engine.money import as_money, scale, unit, whole
from crmkit.load.customers_table import timed
from crmkit.load.orders import order_key

LABELS = ("channel", "store", "group", "product")
FIRST, WEEKDAY = "first product", "first weekday"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = ("recency", "orders", "revenue", "order_value", "gap", "refund_share", "product_count", "tenure")


def by_customer(rows: pl.LazyFrame, roles: Sequence[str]) -> pl.LazyFrame:
    """One row for each customer; labels are lists, taken from purchases only."""
    bought = pl.col("amount") > 0
    day = pl.when(bought).then("date")
    labels = [name for name in LABELS if name in roles]
    order = order_key("order" in roles)
    first = []
    if "product" in roles:
        earliest = pl.col("product").filter(bought, pl.col("date") == day.min())
        first = [earliest.cast(pl.String).drop_nulls().min().alias(FIRST)]
    return rows.group_by("customer").agg(
        day.min().alias("first"),
        day.max().alias("last"),
        day.drop_nulls().n_unique().cast(pl.Int64).alias("days"),
        order.filter(bought).n_unique().cast(pl.Int64).alias("orders"),
        pl.col("amount").sum().alias("revenue"),
        (0 - pl.col("amount").clip(upper_bound=0)).sum().alias("refunds"),
        pl.col("amount").clip(lower_bound=0).sum().alias("paid"),
        day.min().dt.weekday().cast(pl.String).alias(WEEKDAY),
        *(pl.col(name).filter(bought).drop_nulls().unique() for name in labels),
        *first,
    )


def finished(frame: pl.DataFrame, units: int, as_of: date) -> pl.DataFrame:
    """By row: exact money, and the numbers that are compared; customers with refunds only are left out."""
    made = timed(frame.filter(pl.col("last").is_not_null()), as_of).with_columns(
        pl.col("customer").cast(pl.String), as_money("revenue", units)
    )
    count = (
        [pl.col("product").list.len().cast(pl.Int64).alias("product_count")]
        if "product" in frame.columns
        else []
    )
    places = unit(scale(made, "revenue"))
    return made.with_columns(
        ratio(whole("revenue"), pl.col("orders") * places).alias("order_value"),
        pl.when(pl.col("x") > 0).then(pl.col("t_x") / pl.col("x")).alias("gap"),
        ratio(pl.col("refunds").cast(pl.Float64), pl.col("paid").cast(pl.Float64)).alias("refund_share"),
        pl.col("T").alias("tenure"),
        *count,
    )


def levels(frame: pl.DataFrame) -> pl.DataFrame:
    """How many customers of each group (`label`) were seen with each level of each trait."""
    parts = [_levels(frame, trait) for trait in (*LABELS, WEEKDAY, FIRST) if trait in frame.columns]
    return pl.concat(parts)


def _levels(frame: pl.DataFrame, trait: str) -> pl.DataFrame:
    values = frame.select("label", pl.col(trait).alias("level"))
    if values.schema["level"] != pl.String:
        values = values.explode("level").drop_nulls("level")
    counted = values.drop_nulls("level").group_by("label", "level").agg(having=pl.len().cast(pl.Int64))
    level = pl.col("level").cast(pl.String)
    if trait == WEEKDAY:
        level = level.replace({str(place + 1): name for place, name in enumerate(_WEEKDAYS)})
    return counted.select(pl.lit(trait).alias("trait"), level, "label", "having")
