"""The concentration curve: distinct values from the top down, how far they reach, and what follows from that.

All of it works on the table that `cumulated` makes, which is as long as there are different values.
"""

from __future__ import annotations

import polars as pl

from crmkit.engine.counts import ratio

CURVE_POINTS = 400
_WIDEST = 2**126  # beyond, sums outgrow 128 bits, and Python's integers take over


def cumulated(counts: pl.DataFrame) -> pl.DataFrame:
    """Distinct values from the top down, each with the number of customers and the value reached with it."""
    n, value = pl.col("n").cast(pl.Int128), pl.col("value")
    return counts.sort("value", descending=True).select(
        value, "n", customers=pl.col("n").cum_sum(), reached=(n * value).cum_sum()
    )


def above_zero(distribution: pl.DataFrame) -> int:
    """P, the sum of all values above zero."""
    return int(distribution.select(pl.col("reached").max()).item() or 0)


def curve(distribution: pl.DataFrame, *, value: str, noun: str) -> pl.DataFrame:
    """The concentration curve in at most 400 points, evenly spread along its length.

    Between two neighbouring values it is a straight line, so the distinct values carry all of it.
    """
    total, customers = above_zero(distribution), distribution["customers"][-1]
    part = f"{value}_share"
    exact = distribution.select(
        ratio(pl.col("customers"), customers).alias(f"{noun}_share"),
        ratio(pl.col("reached"), total).alias(part),
    )
    origin = pl.DataFrame({f"{noun}_share": [0.0], part: [0.0]})
    if exact.height >= CURVE_POINTS:
        # Equal steps of |dx| + |dy| keep both the steep beginning and a fall at the end.
        rise = pl.col(part).diff().fill_null(pl.col(part)).abs().cum_sum()
        length = pl.col(f"{noun}_share") + rise
        step = (length / length.last() * (CURVE_POINTS - 2)).floor()
        exact = exact.filter((step != step.shift(-1)).fill_null(True))
    return pl.concat([origin, exact])


def gini(distribution: pl.DataFrame) -> float:
    """Gini coefficient of the values, those below zero taken as zero; 0 if all are equal.

    G = 2 sum(i x_i) / (n P) - (n + 1) / n with x ascending, in whole numbers up to one division.
    """
    n, total = int(distribution["customers"][-1]), above_zero(distribution)
    ranks = 2 * n - 2 * pl.col("customers") + pl.col("n") + 1
    sums = distribution.filter(pl.col("value") > 0).select(
        sum=pl.col("value") * pl.col("n").cast(pl.Int128), rank=ranks.cast(pl.Int128)
    )
    if total * 2 * n < _WIDEST:
        weighted = int(sums.select(pl.col("sum").dot("rank")).item())
    else:
        weighted = sum(part * rank for part, rank in sums.iter_rows())
    return (weighted - (n + 1) * total) / (n * total)


def reached_by(distribution: pl.DataFrame, customers: int) -> int:
    """Sum of the `customers` largest values above zero."""
    inside = distribution.filter(pl.col("value") > 0, pl.col("customers") - pl.col("n") < customers)
    if not inside.height:
        return 0
    last = inside.row(-1, named=True)
    return int(last["reached"] - max(last["customers"] - customers, 0) * last["value"])


def needed_for(distribution: pl.DataFrame, percent: int) -> int:
    """The smallest number of customers whose values reach `percent` of P."""
    target = -(-above_zero(distribution) * percent // 100)
    level = distribution.filter(pl.col("reached") >= target).row(0, named=True)
    return int(level["customers"] - (level["reached"] - target) // level["value"])
