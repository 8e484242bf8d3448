"""When a customer is late by the own rhythm, and how likely a silence is to last.

A customer with three or more purchase days has a rhythm, the median gap between them, and is late
after `overdue` times that gap. Everybody else is late after the base gap.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from crmkit.errors import UsageError
from crmkit.parse import YEAR

OWN_RHYTHM_FROM = 3
ACTIVE, OVERDUE, LAPSED, REFUND_ONLY = STATUSES = ("active", "overdue", "lapsed", "refund only")
LATE = pl.col("status").is_in([OVERDUE, LAPSED])


class Rule(NamedTuple):
    """When a customer is late: a multiple of the own median gap, or a fixed number of days."""

    overdue: float = 2.0
    lapse_days: int | None = None

    def check(self) -> None:
        """Raise UsageError for what cannot be a rule."""
        if not 0 < self.overdue < math.inf:
            raise UsageError(f"--overdue is {self.overdue:g}. Give a number of rhythms above 0, such as 2.")
        if self.lapse_days is not None and self.lapse_days < 1:
            raise UsageError(f"--lapse-days is {self.lapse_days}. Give a number of days of 1 or more.")

    def threshold(self, base_gap: int | None) -> pl.Expr:
        """Days of silence after which a customer is late."""
        if self.lapse_days is not None:
            return pl.lit(float(self.lapse_days))
        return (pl.col("median_gap") * self.overdue).fill_null(pl.lit(base_gap, dtype=pl.Float64))

    def __str__(self) -> str:
        if self.lapse_days is not None:
            return silent_for(self.lapse_days)
        return f"silent for more than {self.overdue:g} own median gaps, or the base gap"


DEFAULT = Rule()


def silent_for(days: int) -> str:
    """The rule of a fixed number of days, in words."""
    return f"silent for more than {days} day{'s' if days > 1 else ''}"


def rhythms(visits: pl.DataFrame) -> pl.DataFrame:
    """By key: each customer's last purchase day and median gap (none below three purchase days)."""
    enough = pl.len() >= OWN_RHYTHM_FROM
    return visits.group_by("code").agg(
        last=pl.col("date").max(),
        median_gap=pl.when(enough).then(pl.col("gap").median()),
    )


def last_year(days: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """By key: each customer's revenue of the last 365 days, refunds deducted, in minor units."""
    recent = days.filter(pl.col("date") > as_of - timedelta(days=YEAR))
    return recent.group_by("code").agg(at_risk=pl.col("amount").cast(pl.Int128).sum())


def refunds(days: pl.DataFrame) -> pl.DataFrame:
    """By key: the day of each customer's first refund."""
    returned = days.filter(pl.col("amount") < pl.col("bought"))
    return returned.group_by("code").agg(first_refund=pl.col("date").min())


def standing(rhythm: pl.DataFrame, rule: Rule, base: int | None, *, as_of: date) -> pl.DataFrame:
    """By row: days since the last order, the threshold, the overdue ratio and the status."""
    labelled = rhythm.with_columns(
        days_since=(pl.lit(as_of) - pl.col("last")).dt.total_days(),
        threshold=pl.when(pl.col("last").is_not_null()).then(rule.threshold(base)),
    )
    since = pl.col("days_since")
    status = (
        pl.when(pl.col("last").is_null())
        .then(pl.lit(REFUND_ONLY))
        .when(since <= pl.col("threshold"))
        .then(pl.lit(ACTIVE))
        .when(since < YEAR)
        .then(pl.lit(OVERDUE))
        .otherwise(pl.lit(LAPSED))
    )
    return labelled.with_columns(overdue_ratio=since / pl.col("median_gap"), status=status)


def staying_away(gaps: pl.DataFrame, silences: pl.DataFrame) -> np.ndarray:
    """The chance, by days of silence so far, that a silence lasts another 365 days at least.

    Kaplan and Meier's estimate (1958) over all silences in the file: of the silences that had
    lasted as long, the part that ended each day; silences still open count as long as they were
    seen. S(t) = prod over u <= t of (1 - ended_u / reached_u), and the chance is S(d + 365) / S(d).
    Beyond the longest silence seen the curve is level, so that in a short file the chance is too high.

    `gaps` counts silences that ended (`gap_counts`), `silences` has `days_since` and `n` of those still open.
    """
    lengths, still = gaps["gap"].to_numpy(), silences["days_since"].to_numpy()
    longest = int(np.max(np.concatenate([lengths, still])))
    closed = np.zeros(longest + 1)
    closed[lengths] = gaps["n"].to_numpy()
    seen = closed + np.bincount(still, weights=silences["n"].to_numpy(), minlength=longest + 1)
    reached = np.cumsum(seen[::-1])[::-1]
    survival = np.cumprod(1 - closed / reached)
    later = np.minimum(np.arange(longest + 1) + YEAR, longest)
    return np.divide(survival[later], survival, out=np.zeros(longest + 1), where=survival > 0)
