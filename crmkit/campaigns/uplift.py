"""Whether a score says whom to treat: effects by tenth of the score, and the Qini curve.

Customers are put in the order of their score, the highest first, and equal scores come together. With N_t, N_c the treated and
control customers down to a score and Y_t, Y_c what they did, the incremental gain is

    g = Y_t − Y_c N_t / N_c

(Radcliffe 2007). AUUC is the area under g over the number of customers N of both arms, divided by N²; Q is that less the
triangle below the straight line to the end of the curve, which a score that knows nothing follows (Radcliffe and Surry 2011,
not normalised). Both are sums over customers with weights that the order settles, so their variance is a sum, too, and needs
no bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmkit.campaigns.moments import Moments
from crmkit.campaigns.statistics import LEVEL, Estimate, Sample, difference, normal_quantile
from crmkit.errors import DataError

Array = np.ndarray

TENTHS = 10
SCHEMA = {
    "group": pl.String, "tenth": pl.Int64, "score_low": pl.Float64, "score_high": pl.Float64, "control_customers": pl.Int64,
    "customers": pl.Int64, "control_mean": pl.Float64, "mean": pl.Float64, "effect": pl.Float64,
    "effect_low": pl.Float64, "effect_high": pl.Float64, "p": pl.Float64, "gain": pl.Float64,
}  # fmt: skip


class Steps(NamedTuple):
    """Of each different score, the highest first: customers, sums and sums of squares, treated and control."""

    score: Array
    n: tuple[Array, Array]
    y: tuple[Array, Array]
    squares: tuple[Array, Array]


def steps(found: Mapping[tuple[Any, ...], Moments], arm: str, control: str, name: str, unit: float) -> Steps:
    """From the sums by (group, score)."""
    scores = sorted({score for group, score in found if group in (arm, control)}, reverse=True)

    def each(group: str) -> tuple[Array, Array, Array]:
        parts = [found.get((group, score)) for score in scores]
        return (
            np.array([0 if one is None else one.n for one in parts], float),
            np.array([0 if one is None else one.sums[name] * unit for one in parts], float),
            np.array(
                [0 if one is None else one.sums[f"{name}*{name}"] * unit * unit for one in parts], float
            ),
        )

    pairs = list(zip(each(arm), each(control), strict=True))
    return Steps(np.array(scores, float), *pairs)


def curve(one: Steps) -> tuple[Array, Array]:
    """The number of customers down to each score, from 0 on, and the incremental gain there."""
    n_t, n_c, y_t, y_c = (np.r_[0.0, np.cumsum(part)] for part in (*one.n, *one.y))
    return n_t + n_c, y_t - y_c * _ratio(n_t, n_c)


def _ratio(n_t: Array, n_c: Array) -> Array:
    """Treated customers for each of the control; where there is none of the latter, nothing is to be deducted."""
    return np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0)


class Area(NamedTuple):
    """Q and AUUC with their intervals."""

    q: Estimate
    auuc: Estimate


def areas(one: Steps, level: float = LEVEL) -> Area:
    """Of the curve; DataError where one arm has nobody with a score."""
    x, gain = curve(one)
    if not all(part.sum() for part in one.n):
        raise DataError(
            "The score is known of one arm only, so nothing can be said of it. Score the control, too."
        )
    width = np.diff(x)
    # The area is a weighted sum of the gains: half of each neighbouring interval.
    weight = (np.r_[0.0, width] + np.r_[width, 0.0]) / 2 / x[-1] ** 2
    line = weight.copy()
    line[-1] -= 0.5 / x[-1]
    return Area(
        _estimate(one, line, float(line @ gain), level),
        _estimate(one, weight, float(weight @ gain), level),
    )


def _estimate(one: Steps, weight: Array, value: float, level: float) -> Estimate:
    """With the interval that follows from what each customer's part weighs."""
    n_t, n_c = (np.r_[0.0, np.cumsum(part)] for part in one.n)
    later = np.cumsum(weight[::-1])[::-1][1:]
    deducted = np.cumsum((weight * _ratio(n_t, n_c))[::-1])[::-1][1:]
    variance = sum(
        _spread(w, n, y, squares)
        for w, n, y, squares in zip((later, deducted), one.n, one.y, one.squares, strict=True)
    )
    if variance <= 0:
        return Estimate(value)
    half = normal_quantile((1 + level) / 2) * variance**0.5
    return Estimate(value, value - half, value + half)


def _spread(w: Array, n: Array, y: Array, squares: Array) -> float:
    """Of Σ w y over the customers of an arm, each about the arm's mean: a little too large where the score tells their means."""
    whole = n.sum()
    mean = y.sum() / whole
    within = squares - 2 * mean * y + n * mean * mean
    return float((w * w * within).sum() * whole / max(whole - 1, 1))


def scored(groups: pl.DataFrame, top: float | None) -> pl.DataFrame:
    """The groups with the `score` as a number, its `tenth` (1 for the highest), and who is `in_top`; equal scores come together.

    DataError where a score is no number.
    """
    number = groups["score"].cast(pl.Float64, strict=False)
    odd = groups.filter(number.is_null() & groups["score"].is_not_null())
    if odd.height:
        raise DataError(
            f"The score of {odd['customer'][0]!r} is {odd['score'][0]!r}, which is no number. Choose another --score."
        )
    numbers = groups.with_columns(pl.when(number.is_finite()).then(number).alias("score"))
    rank, n = pl.col("score").rank("min", descending=True), pl.col("score").count()
    return numbers.with_columns(
        ((rank - 1) * TENTHS // n + 1).cast(pl.Int64).alias("tenth"),
        (rank <= (top or 0) * n).alias("in_top"),
        pl.col("score").is_not_null().alias("scored"),
    )


def table(
    arm: str, pairs: Mapping[int, tuple[Sample, Sample]], edges: Mapping[int, tuple[float, float]]
) -> pl.DataFrame:
    """A row for each tenth; `gain` is what was brought down to it, by each tenth's own control."""
    rows, gain = [], 0.0
    for tenth, (treated, control) in sorted(pairs.items()):
        one = difference(treated, control) if treated.n and control.n else Estimate()
        gain += (one.value or 0.0) * treated.n
        rows.append(
            (
                arm,
                tenth,
                *edges[tenth],
                control.n,
                treated.n,
                control.mean,
                treated.mean,
                *one[:3],
                one.p,
                gain,
            )
        )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
