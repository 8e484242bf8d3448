"""How the days of the calendar count: as they are, or by a clock that all customers share.

From fifteen months of history on, a season can be told from growth, and models learn and forecast in
the time of a clock (`models.clock`). Below that they keep to the calendar, and only the interval of a
total knows how far such clocks have been off: by .21 on the log scale at least, which is what
intervals needed to hold four totals of five on files with a year of history.
"""

from __future__ import annotations

from datetime import date, timedelta
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from crmkit.errors import UsageError
from crmkit.history.purchase_histories import Histories
from crmkit.models import Clock, fit_clock
from crmkit.models.clock import ENOUGH
from crmkit.parse import WHOLE_WEEKS

Array = np.ndarray

CHOICES = ("auto", "on", "off")
LEAST = 0.21**2  # variance of the logarithm of a total that no clock has foretold
YEAR = WHOLE_WEEKS  # days, thirteen bins
FARTHEST = 3650
NOTABLE = 1.15  # the strongest month over the weakest
QUANTILE = 1.2816  # of the 80 % that the table of the calendar shows


class Calendar(NamedTuple):
    """The clock that was learnt, if any, whether models run on it, and the least shock to a total."""

    clock: Clock | None = None
    used: bool = False
    least: float = 0.0

    def since(self, age: ArrayLike) -> Array:
        """Days that count, from so many days ago until the as-of date."""
        if self.clock is None or not self.used:
            return np.asarray(age, float)
        return self.clock.since(age)

    def ahead(self, days: ArrayLike) -> Array:
        """Days that count, in so many days after the as-of date."""
        if self.clock is None or not self.used:
            return np.asarray(days, float)
        return self.clock.ahead(days)

    def on(self, past: Histories) -> Histories:
        """The histories in days that count."""
        if not self.used:
            return past
        T = self.since(past.T)
        t_x = np.where(past.x > 0, T - self.since(past.T - past.t_x), 0.0)
        gaps = None if past.repeats is None else past.repeats.log_gaps_on(self.since)
        return past._replace(t_x=t_x, T=T, log_gaps=gaps)

    @property
    def log_pace(self) -> float:
        """What the likelihood of purchase dates has besides that of the histories on the clock."""
        if self.clock is None or not self.used:
            return 0.0
        return float((self.clock.repeats * self.clock.past).sum())

    def shock(self, days: float) -> float:
        """Variance of the logarithm of a total of so many days that is common to all customers."""
        return max(self.least, self.clock.shock(days) if self.clock is not None else 0.0)

    def mixed(self, days: float) -> float:
        """The part of it that is mixed into what each customer does."""
        return self.shock(days) if self.used else 0.0


EVEN = Calendar()  # every day counts as one


def check_calendar(ask: str) -> None:
    """UsageError for what cannot be chosen."""
    if ask not in CHOICES:
        raise UsageError(f"--calendar {ask!r} is not one of {', '.join(CHOICES)}.")


def calendar_of(past: Histories, ask: str, horizon: int) -> Calendar:
    """The calendar of these customers, as far as a forecast of so many days needs it.

    UsageError where a clock was asked for and the purchase dates are not known.
    """
    if ask == "off":
        return EVEN
    if past.repeats is None:
        if ask == "on":
            raise UsageError(
                "--calendar on needs the dates of purchases, which a customers table does not have. "
                "Give the transactions, or say --calendar auto."
            )
        return Calendar(least=LEAST)
    used = ask == "on" or int(past.T.max()) >= ENOUGH
    ahead = min(max(horizon, YEAR), FARTHEST)
    clock = fit_clock(past.x, past.t_x, past.T, past.repeats.by_age(), ahead=ahead)
    return Calendar(clock, used, 0.0 if used else LEAST)


def in_words(calendar: Calendar, as_of: date, horizon: str, days: int, level: float) -> list[str]:
    """What the horizon counts as, and how sure that is; nothing where no calendar was asked for."""
    clock = calendar.clock
    if clock is None or not calendar.used:
        return [_NO_SEASON] if calendar.least > 0 else []
    unit, word = (7.0, "weeks") if days >= 14 else (1.0, "days")
    time, reach = (
        float(calendar.ahead(days)),
        NormalDist().inv_cdf((1 + level) / 2) * clock.shock(days) ** 0.5,
    )
    low, high = (time * np.exp(sign * reach) / unit for sign in (-1, 1))
    return [
        f"The next {horizon} count as {time / unit:.1f} average {word} of the history ({low:.1f} to {high:.1f} with "
        f"{level:.0%}){_season(clock, as_of, days)}. --table calendar lists them."
    ]


_NO_SEASON = (
    "There are fewer than 15 months of purchase dates, so a season cannot be told from growth: the forecast takes all "
    "days for alike, the total may be off by a fifth or more, and its interval says so."
)


def _season(clock: Clock, as_of: date, days: int) -> str:
    """The strongest and the weakest month ahead."""
    starts = np.arange(0, min(days, YEAR), clock.length)
    paces = np.diff(clock.ahead(np.r_[starts, starts[-1] + clock.length])) / clock.length
    if paces.max() < NOTABLE * paces.min():
        return ", with hardly a season"
    named = [
        (f"{as_of + timedelta(days=int(starts[i]) + clock.length // 2):%B} ×{paces[i]:.2g}")
        for i in (paces.argmax(), paces.argmin())
    ]
    return f": strongest {named[0]}, weakest {named[1]}"


def bins(clock: Clock, as_of: date) -> pl.DataFrame:
    """The table of the calendar: one row for each bin of the history and of the time to come."""
    n, m = len(clock.past), len(clock.future)
    starts = [as_of + timedelta(days=clock.length * (i - n) + 1 - clock.at) for i in range(n + m)]
    f = np.r_[clock.past, clock.future]
    doubt = QUANTILE * np.sqrt(np.r_[clock.doubt, np.diag(clock.covariance)])
    counted = np.r_[clock.repeats, np.full(m, np.nan)]
    return pl.DataFrame(
        {
            "from": starts,
            "to": [start + timedelta(days=clock.length - 1) for start in starts],
            "repeat_purchases": pl.Series(counted).fill_nan(None).cast(pl.Int64),
            "expected_even": pl.Series(np.r_[clock.expected, np.full(m, np.nan)]).fill_nan(None),
            "pace": np.exp(f),
            "pace_low": np.exp(f - doubt),
            "pace_high": np.exp(f + doubt),
            "ahead": [i >= n for i in range(n + m)],
        }
    )
