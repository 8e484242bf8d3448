"""What each method says of the periods to come, which of them is to be believed, and how far off they were.

The clock of customers' purchases (`pace`) comes first where there is enough history for a season, and theta where not,
or where it was clearly closer on periods held out. The interval of theta is as much wider as it has been too narrow before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from crmkit.history.pace import Pace
from crmkit.history.series import THETA_FROM, Forecaster, Naive, Theta

Array = np.ndarray

CLEARLY = 0.6  # of the error of the calendar, at most, for which theta is taken
RECENT = 24  # forecasts that are looked back at to see how far off theta has been
BELIEVED = 3.0  # forecasts whose errors were as expected, that it is given in advance
FAR = 25.0  # squared standard errors; a single miss counts as no more
CALENDAR = "calendar"


@dataclass(frozen=True)
class Series:
    """Revenue and orders of complete periods, the days of these and of those to come, and the periods of a year."""

    revenue: Array
    orders: Array
    days: Array
    season: int

    def __len__(self) -> int:
        return len(self.revenue)

    def until(self, n: int) -> Series:
        """What was known after n periods."""
        return replace(self, revenue=self.revenue[:n], orders=self.orders[:n])


class Outlook(NamedTuple):
    """What a method expects of the periods to come, with an interval."""

    method: str
    mean: Array
    low: Array
    high: Array


def outlooks(series: Series, ahead: int, quantile: float) -> list[Outlook]:
    """By each method that a history of this length allows, the naive one last; `quantile` is of a normal distribution."""
    naive = _symmetric(Naive.fit(series.revenue, series.season), ahead, quantile)
    if len(series) < THETA_FROM:
        return [naive]
    theta = Theta.fit(series.revenue, series.season)
    found = [_symmetric(theta, ahead, quantile * widening(series, ahead)), naive]
    pace = Pace.fit(series.revenue, series.orders, series.days[: len(series) + ahead])
    if pace is not None:
        ends = (np.exp(pace.mean + sign * quantile * pace.sd) for sign in (-1, 1))
        found.insert(0, Outlook(CALENDAR, np.exp(pace.mean), *ends))
    return found


def _symmetric(method: Forecaster, ahead: int, quantile: float) -> Outlook:
    mean, sd = method.forecast(ahead)
    return Outlook(method.name, mean, mean - quantile * sd, mean + quantile * sd)


def widening(series: Series, ahead: int) -> float:
    """By how much errors of theta, from the last periods on, were larger than it had said; one at least."""
    n, squares, tried = len(series), 0.0, 0
    for begin in range(max(THETA_FROM, n - RECENT), n):
        future = series.revenue[begin : begin + ahead]
        mean, sd = Theta.fit(series.revenue[:begin], series.season).forecast(len(future))
        error = np.abs(future - mean)
        off = np.divide(error, sd, out=np.where(error > 0, FAR, 0.0), where=sd > 0)
        squares, tried = squares + min(float((off**2).mean()), FAR), tried + 1
    return float(max(1.0, ((BELIEVED + squares) / (BELIEVED + tried)) ** 0.5))


def holdout(series: Series, ahead: int, quantile: float) -> list[dict[str, Any]]:
    """Errors of each method on the last periods, forecast from those before; at most a quarter is held out.

    MASE is the mean absolute error over that of the naive method within the periods fitted to;
    MAPE is the mean absolute error as a part of the value, where all values are above zero.
    """
    held = min(ahead, len(series) // 4)
    if not held:
        return []
    past, future = series.until(len(series) - held), series.revenue[-held:]
    lag = series.season if len(past) > series.season else 1
    usual = float(np.abs(past.revenue[lag:] - past.revenue[:-lag]).mean())
    return [_errors(one, future, usual) for one in outlooks(past, held, quantile)]


def _errors(said: Outlook, future: Array, usual: float) -> dict[str, Any]:
    errors = np.abs(future - said.mean)
    return {
        "method": said.method,
        "held_out": len(future),
        "mase": float(errors.mean() / usual) if usual else None,
        "mape": float((errors / future).mean()) if future.min() > 0 else None,
        "coverage": float(((said.low <= future) & (future <= said.high)).mean()),
    }


def preferred(found: list[Outlook], errors: list[dict[str, Any]]) -> list[Outlook]:
    """The forecasts with the one to be believed first: the calendar, unless theta was clearly closer."""
    off = {row["method"]: row["mape"] if row.get("mase") is None else row["mase"] for row in errors}
    calendar, theta = off.get(CALENDAR), off.get("theta")
    clearly = calendar is not None and theta is not None and theta < CLEARLY * calendar
    return [found[1], found[0], *found[2:]] if clearly and found[0].method == CALENDAR else found
