"""RFM's summary tables, all of them from one count by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from crmkit.engine.counts import ratio
from crmkit.engine.money import scale, unit, whole
from crmkit.scoring.segments import REFUND_ONLY, Bins


def code() -> pl.Expr:
    """The cell of a customer, such as 543, from the scores."""
    return pl.col("r") * 100 + pl.col("f") * 10 + pl.col("m")


def segments_table(
    brief: pl.DataFrame, order: Sequence[str], actions: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """One row for each segment of the map, the empty ones too, and one for refund-only customers if any.

    `brief` holds customers (`n`), revenue, orders and days of recency, added up by segment and scores.
    `actions` say what to do for a segment.
    """
    listed = [*order, *([REFUND_ONLY] if (brief["segment"] == REFUND_ONLY).any() else [])]
    sums = brief.group_by("segment").agg(
        pl.col("n", "revenue", "orders", "recency").sum(),
        units=whole("revenue").sum(),
        scored=pl.col("n").filter(pl.col("r").is_not_null()).sum(),
    )
    rows = pl.DataFrame({"segment": listed}).join(sums, on="segment", how="left", maintain_order="left")
    total, minor = int(brief.select(whole("revenue").sum()).item()), unit(scale(brief, "revenue"))
    return rows.with_columns(pl.col("n", "revenue", "units").fill_null(0)).select(
        "segment",
        pl.col("n").alias("customers"),
        ratio(pl.col("n"), int(brief["n"].sum())).alias("share"),
        "revenue",
        ratio(pl.col("units"), total).alias("revenue_share"),
        pl.col("segment").replace_strict(actions or {}, default=None, return_dtype=pl.String).alias("action"),
        ratio(pl.col("recency"), pl.col("scored")).alias("mean_recency"),
        ratio(pl.col("orders"), pl.col("scored")).alias("mean_orders"),
        ratio(pl.col("units"), pl.col("orders") * minor).alias("mean_order_value"),
    )


def cells_table(brief: pl.DataFrame) -> pl.DataFrame:
    """One row for each cell that holds a customer, the best scores first; shares are of all customers."""
    share = ratio(pl.col("n"), int(brief["n"].sum())).alias("share")
    rows = brief.drop_nulls("r").select(
        code().cast(pl.String).alias("rfm"), "r", "f", "m", pl.col("n").alias("customers"), share, "revenue"
    )
    return rows.sort("rfm", descending=True)


def grid(brief: pl.DataFrame, bins: Bins) -> pl.DataFrame:
    """Customers by R, one row each with the highest first, and F, one column each."""
    heads = (pl.col("n").filter(pl.col("f") == f).sum().alias(f"f{f}") for f in range(1, bins[1] + 1))
    counts = brief.drop_nulls("r").group_by("r").agg(heads)
    rows = pl.DataFrame({"r": range(bins[0], 0, -1)}, schema={"r": pl.Int64})
    return rows.join(counts, on="r", how="left", maintain_order="left").fill_null(0)
