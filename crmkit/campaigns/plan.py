"""`crmkit split --plan`: how many customers, and how many weeks, it takes to see an effect.

The last days of the file, as many as the campaign is to have, stand for it: what the customers known on the day before did on
these, how much it varies, and how much of that was foreseen.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl

from crmkit.campaigns import adjust, moments, power
from crmkit.campaigns.arms import CONTROL, Shares
from crmkit.campaigns.effects import ADJUSTED, COVARIATES, PLAIN
from crmkit.campaigns.moments import Moments
from crmkit.campaigns.seen import counted
from crmkit.campaigns.window import Window, before, observed
from crmkit.customers import Data
from crmkit.errors import DataError, UsageError
from crmkit.load.dataset import transactions_of
from crmkit.load.transactions import Transactions
from crmkit.result import Result

METRICS = ("bought", "orders", "revenue")
WEEKS = (2, 4, 8, 13, 26, 52)
_SCHEMA = {
    "weeks": pl.Float64, "metric": pl.String, "method": pl.String, "customers": pl.Int64, "mean": pl.Float64,
    "sd": pl.Float64, "effect": pl.Float64, "power": pl.Float64, "detectable": pl.Float64, "detectable_relative": pl.Float64,
    "customers_needed": pl.Int64, "control_needed": pl.Int64,
}  # fmt: skip


def analyse(data: Data, *, planned: Shares, effect: float, days: int) -> Result:
    """Power of the smallest arm against the control, for a relative effect in a campaign of so many days.

    UsageError for an effect of nothing, DataError where the file is not twice as long as the campaign.
    """
    if effect == 0:
        raise UsageError(
            "--effect 0% cannot be seen by anybody. Say what the campaign should bring, such as --effect 5%."
        )
    sales = transactions_of(data)
    read = sales.scan()
    begin, end = read.first, read.as_of
    known = (end - begin).days + 1
    if days * 2 > known:
        raise DataError(
            f"The file holds {known} days, and a campaign of {days} needs twice as many: some to see what customers do, "
            f"and as many before. Say --for {max(known // 2, 1)}d or less."
        )
    lengths = [weeks * 7 for weeks in WEEKS if weeks * 14 <= known and weeks * 7 != days]
    frames = {length: _table(sales, end, length, planned, effect) for length in [days, *lengths]}
    size = frames[days]
    weeks = pl.concat(frames[length] for length in sorted(frames)).filter(pl.col("metric") == "revenue")
    return Result(
        command="split",
        tables={"size": size.drop("weeks"), "weeks": weeks.select(*_WEEKS)},
        facts={"effect": effect, "days": days, "level": power.LEVEL, "planned": {arm: float(part) for arm, part in planned.items()}},
        headline=_headline(size, effect, days),
        next=("crmkit split FILE --name NAME -o groups.csv",),
        titles={
            "size": f"An effect of {effect:+.0%} in {days} days, by what customers did from {end - timedelta(days=days - 1)} to {end}",
            "weeks": "The same for campaigns of other lengths: revenue",
        },
    )  # fmt: skip


_WEEKS = ("weeks", "method", "mean", "sd", "effect", "power", "detectable_relative", "customers_needed")


def _table(sales: Transactions, end: date, days: int, planned: Shares, effect: float) -> pl.DataFrame:
    """A row for each metric, plain and adjusted."""
    window = Window.of(end - timedelta(days=days - 1), end)
    found = observed(sales, window)
    history = found.rows.by_row(partial(before, scale=found.scale, day=window.day_before))
    rows = counted(found.rows, history, window, found.scale).by_row(_known_before)
    variables = [name for name in (*METRICS, *_covariates()) if name in rows.schema]
    sums = moments.of(rows, variables, [])[()]
    if sums.n < _floor(planned):
        raise DataError(
            f"Only {sums.n} customers were known on {window.day_before}, too few to plan with. Say a shorter --for."
        )
    unit = {"revenue": 10.0**-found.scale}
    made = [
        _row(days, metric, method, sums, variance, planned, effect, unit.get(metric, 1.0))
        for metric in METRICS
        for method, variance in _variances(sums, metric)
    ]
    return pl.DataFrame(made, schema=_SCHEMA, orient="row")


def _floor(planned: Shares) -> int:
    """Customers below which an arm would be empty."""
    return int(2 / float(min(planned.values()))) + 1


def _covariates() -> list[str]:
    return list(dict.fromkeys(name for metric in METRICS for name in COVARIATES[metric]))


def _known_before(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("orders_before") > 0)


def _variances(found: Moments, metric: str) -> list[tuple[str, float]]:
    """Of what customers did, and of what is left of it."""
    pair = (found, found)
    by = adjust.usable(pair, [name for name in COVARIATES[metric] if name in found.variables])
    made = [(PLAIN, found.covariance(metric, metric))]
    if by:
        theta = adjust.slopes(pair, metric, by, (1.0, 1.0))
        made.append((ADJUSTED, adjust.samples(pair, metric, by, theta)[0].variance))
    return made


def _row(
    days: int,
    metric: str,
    method: str,
    found: Moments,
    variance: float,
    planned: Shares,
    effect: float,
    unit: float,
) -> tuple[Any, ...]:
    arm = min((share for name, share in planned.items() if name != CONTROL), default=planned[CONTROL])
    mean, s2 = found.mean(metric) * unit, variance * unit * unit
    control = float(planned[CONTROL] / (planned[CONTROL] + arm))
    whole = found.n * float(planned[CONTROL] + arm)
    delta = mean * effect
    least = power.detectable(s2, whole * (1 - control), whole * control)
    # All arms together, when each but the control is as large as the smallest.
    needed = power.customers(delta, s2, control) / float(planned[CONTROL] + arm) if delta else None
    sizes = (
        (None, None)
        if needed is None
        else (int(-(-needed // 1)), int(-(-needed * float(planned[CONTROL]) // 1)))
    )
    seen = power.power(delta, s2, whole * (1 - control), whole * control)
    relative = least / mean if mean else None
    return (days / 7, metric, method, found.n, mean, s2**0.5, delta, seen, least, relative, *sizes)


def _headline(size: pl.DataFrame, effect: float, days: int) -> str:
    row = size.filter(pl.col("metric") == "revenue").row(-1, named=True)
    if row["customers_needed"] is None:
        return f"Nobody bought anything in the last {days} days, so nothing can be planned with."
    said = (
        f"With {row['customers']:,} customers, an effect of {effect:+.0%} on revenue in {days} days is seen with a chance of "
        f"{row['power']:.0%}"
    )
    if row["power"] >= power.POWER:
        return f"{said}. {row['customers_needed']:,} customers would be enough."
    return (
        f"{said}: {row['customers_needed']:,} customers would be needed. What is seen with a chance of 80% is "
        f"{row['detectable_relative']:+.0%} or more."
    )
