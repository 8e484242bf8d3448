"""How many products, or categories, a customer holds: the more ropes, the firmer the ship - and what orders alone would give."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from crmkit.baskets.null import Null
from crmkit.engine.money import as_money
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.load.orders import order_key
from crmkit.load.transactions import Transactions
from crmkit.result import Result

Array = np.ndarray

# Numbers held that have a row of their own, and the first of each wider band.
BANDS = (1, 2, 3, 4, 5, 6, 11, 21, 51, 101)


def result(sales: Transactions, *, evaluate: date | None) -> Result:
    """Customers by the number of products that they hold, with what they spend, and who stayed after `evaluate`."""
    found = sales.query(partial(by_customer, has_order=sales.has("order")))
    as_of = found.as_of
    if evaluate is not None and evaluate >= as_of:
        raise DataError(f"--evaluate {evaluate} leaves no day to look at: the data end on {as_of}.")
    held = found.rows.by_row(partial(_held, day=evaluate)).cached()
    banded = held.by_row(_banded)
    sums = banded.counts(Counted(by=["band"], sums=["revenue", "orders", "stayed"]))
    if not sums.height:
        raise DataError(
            f"{sales.name}: nobody had bought anything that has a product by {evaluate or as_of}."
        )
    return Result(
        command="basket",
        tables={"holdings": _table(sums, _expected(held), found.scale, evaluated=evaluate is not None)},
        facts={"customers": int(sums["n"].sum()), "evaluate": evaluate},
        notes=(
            "who buys more often holds more of everything: customers_by_chance is what the number of orders alone would "
            "give, and a firmer hold in the table is no effect of the holding",
        ),
        titles={"holdings": "Customers by the number of products held"},
    )


def by_customer(rows: pl.LazyFrame, *, has_order: bool) -> pl.LazyFrame:
    """By key: the rows of each customer as lists."""
    order = order_key(has_order)
    named = rows.filter(pl.col("product").is_not_null())
    # A cluster knows no numbers without a sign.
    product = pl.col("product").cast(pl.String).hash(seed=2).reinterpret(signed=True).alias("product")
    return named.group_by("customer").agg(
        product, "date", "amount", order.reinterpret(signed=True).alias("order")
    )


def _held(frame: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """By row: what each customer holds up to a day; whoever had bought nothing by then is left out."""
    long = frame.explode("product", "date", "amount", "order")
    until = pl.lit(True) if day is None else pl.col("date") <= day
    bought = pl.col("amount") > 0
    held = long.group_by("customer").agg(
        held=pl.col("product").filter(until, bought).n_unique().cast(pl.Int64),
        orders=pl.col("order").filter(until, bought).n_unique().cast(pl.Int64),
        revenue=pl.col("amount").filter(until).cast(pl.Int128).sum(),
        stayed=(bought & ~until).any().cast(pl.Int64),
        products=pl.col("product").filter(until, bought).unique(),
    )
    return held.filter(pl.col("held") > 0)


def _banded(frame: pl.DataFrame) -> pl.DataFrame:
    band = pl.sum_horizontal((pl.col("held") >= first).cast(pl.Int64) for first in BANDS)
    return frame.select("revenue", "orders", "stayed", band=band)


def _expected(held: Rows) -> Array:
    """How many customers chance would put in each band, given how many orders each has and how popular products are."""
    spread = held.counts(Counted(by=["orders"], sums=["held"]))
    counts = held.by_row(_holders).counts(Counted(by=["product"], sums=["holders"]))
    mean = (spread["held"] / spread["n"]).to_numpy()
    null = Null.fit(counts["holders"].to_numpy(), mean, spread["n"].to_numpy().astype(float))
    order = np.argsort(mean, kind="stable")
    customers = spread["n"].to_numpy()[order]
    chance = _number_held(null)
    bands = np.searchsorted(BANDS, np.arange(chance.shape[0]), side="right")
    expected = np.einsum("hk,k->h", chance, customers / np.maximum(1 - chance[0], 1e-12))
    return np.array([expected[bands == band].sum() for band in range(1, len(BANDS) + 1)])


def _holders(frame: pl.DataFrame) -> pl.DataFrame:
    exploded = frame.select(pl.col("products").alias("product")).explode("product")
    return exploded.group_by("product").agg(holders=pl.len().cast(pl.Int64))


def _number_held(null: Null) -> Array:
    """The chance of holding 0, 1, 2 … products, for each class of customers: one product after the other."""
    mean = np.einsum("c,ck->k", null.products, null.chance)
    top = int(np.ceil((mean + 12 * np.sqrt(mean + 1)).max())) + 2
    chance = np.zeros((top, null.chance.shape[1]))
    chance[0] = 1.0
    for row, many in zip(null.chance, null.products.tolist(), strict=True):
        for _ in range(many):
            taken = chance[:-1] * row
            chance *= 1 - row
            chance[1:] += taken
    return chance


def _table(sums: pl.DataFrame, expected: Array, units: int, *, evaluated: bool) -> pl.DataFrame:
    names = [*(str(first) for first in BANDS[:5]), "6-10", "11-20", "21-50", "51-100", "101+"]
    total, whole = int(sums["n"].sum()), float(sums["revenue"].cast(pl.Float64).sum())
    frame = pl.DataFrame({"band": range(1, len(BANDS) + 1), "held": names, "customers_by_chance": expected})
    rows = frame.join(sums, on="band", how="left", maintain_order="left").with_columns(
        pl.col("n", "revenue", "orders", "stayed").fill_null(0)
    )
    last = int(rows.filter(pl.col("n") > 0).select(pl.col("band").max()).item())
    n = pl.col("n")
    stayed: list[Any] = [pl.when(n > 0).then(pl.col("stayed") / n).alias("stayed")] if evaluated else []
    return rows.head(last).select(
        "held",
        n.alias("customers"),
        (n / total).alias("customers_share"),
        "customers_by_chance",
        as_money("revenue", units),
        (pl.col("revenue").cast(pl.Float64) / whole if whole else pl.lit(None)).alias("revenue_share"),
        pl.when(n > 0).then(pl.col("revenue").cast(pl.Float64) / (n * 10**units)).alias("mean_revenue"),
        pl.when(n > 0).then(pl.col("orders") / n).alias("mean_orders"),
        *stayed,
    )
