"""The effect on revenue as it grew, day by day, beside an interval that may be looked at every day.

What a customer has spent by a day is a sum over that customer's days, and its square grows by (s² − s'²) on each of them: so the
sums and squares by arm and day add up, wherever customers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from crmkit.campaigns import sequential
from crmkit.campaigns.moments import Moments
from crmkit.campaigns.statistics import Estimate, Sample, difference
from crmkit.engine.rows import Counted, Rows

SCHEMA = {
    "group": pl.String, "date": pl.Date, "effect": pl.Float64, "effect_low": pl.Float64, "effect_high": pl.Float64,
    "valid_low": pl.Float64, "valid_high": pl.Float64,
}  # fmt: skip
_NOTHING = (0, 0)
Grown = Mapping[tuple[str, date], tuple[int, int]]


def grown(rows: Rows) -> Grown:
    """By arm and day: what was added to the sum of the customers' revenue, and to the sum of its squares."""
    counted = rows.by_row(_steps).counts(Counted(by=["group", "date"], sums=["added", "squared"]))
    return {
        (group, day): (int(added), int(squared))
        for group, day, added, squared in counted.select("group", "date", "added", "squared").iter_rows()
    }


def _steps(frame: pl.DataFrame) -> pl.DataFrame:
    """By row: one for each customer and day of the campaign."""
    each = frame.lazy().select("customer", "group", "on", "amounts").explode("on", "amounts")
    keys = "customer", "group", pl.col("on").alias("date")
    by_day = (
        each.filter(pl.col("on").is_not_null())
        .group_by(*keys)
        .agg(added=pl.col("amounts").cast(pl.Int128).sum())
        .sort("customer", "date")
    )
    so_far = pl.col("added").cum_sum().over("customer")
    before = so_far - pl.col("added")
    return by_day.select("group", "date", "added", squared=so_far * so_far - before * before).collect()


def table(
    found: Grown,
    arms: Sequence[str],
    control: str,
    sizes: Mapping[str, int],
    *,
    unit: float,
    days: Sequence[date],
    planned: int,
) -> pl.DataFrame:
    """A row for each arm and each of these days; the campaign was planned for so many."""
    paths = {arm: _path(found, arm, sizes[arm], days, unit) for arm in (*arms, control)}
    rows = []
    for arm in arms:
        pairs = list(zip(paths[arm], paths[control], strict=True))
        end = sum(one.of_mean for one in pairs[-1]) * planned / len(days)
        for day, pair in zip(days, pairs, strict=True):
            one = difference(*pair)
            rows.append((arm, day, *one[:3], *_valid(one, sum(part.of_mean for part in pair), end)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _path(found: Grown, arm: str, n: int, days: Sequence[date], unit: float) -> list[Sample]:
    """What is known of an arm at the end of each day."""
    made, sums, squares = [], 0, 0
    for day in days:
        added, squared = found.get((arm, day), _NOTHING)
        sums, squares = sums + added, squares + squared
        made.append(Moments(n, ("v",), {"v": sums, "v*v": squares}).sample("v", unit))
    return made


def _valid(one: Estimate, variance: float, end: float) -> tuple[float | None, float | None]:
    """The interval that holds on all days at once."""
    if one.value is None or variance <= 0 or end <= 0:
        return None, None
    half = sequential.factor(variance / end) * variance**0.5
    return one.value - half, one.value + half


def every(begin: date, end: date) -> list[date]:
    """The days from one to the other."""
    return [begin + timedelta(days=step) for step in range((end - begin).days + 1)]
