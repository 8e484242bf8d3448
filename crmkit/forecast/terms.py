"""What a forecast is asked for, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.engine.rows import Rows
from crmkit.errors import UsageError
from crmkit.forecast.calendar import YEAR as YEAR_AHEAD
from crmkit.forecast.calendar import Calendar, check_calendar
from crmkit.forecast.learning import Asked, Learnt
from crmkit.forecast.selection import Choice, unit_days
from crmkit.forecast.totals import Forecast, Reach
from crmkit.history.purchase_histories import Histories
from crmkit.models import Fit
from crmkit.parse import Duration

YEAR = Duration(52, "w")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How far to look, and what an order is worth: shares of one; the discount is per year."""

    horizon: Duration = YEAR
    discount: float = 0.10
    margin: float = 1.0
    level: float = 0.80
    unit: str = "week"
    cac: Decimal | None = None
    calendar: str = "auto"
    classic: bool = False  # the models of the literature as they are

    @property
    def dated(self) -> bool:
        """Whether it matters on which days customers bought."""
        return self.calendar != "off" and not self.classic

    @property
    def discounted(self) -> float:
        """Logarithm of what is left of money after the horizon, as a positive number."""
        return float(np.log1p(self.discount)) * float(self.horizon.years)

    def asked(self, model: str, k: int | None) -> Asked:
        """What is to be learnt for these terms."""
        return Asked(
            model=model,
            k=k,
            unit=self.unit,
            days=self.horizon.days,
            calendar=self.calendar,
            classic=self.classic,
        )

    def reach(self, calendar: Calendar) -> Reach:
        """The horizon in the time of the models."""
        days, unit = self.horizon.days, unit_days(self.unit)
        time = float(calendar.ahead(days)) / unit
        year = calendar.shock(max(days, YEAR_AHEAD))
        even = self.discounted / (days / unit)
        return Reach(
            time=time,
            rate=self.discounted / time,
            beyond=even * (YEAR_AHEAD / float(calendar.ahead(YEAR_AHEAD))),
            shock=calendar.shock(days),
            mixed=calendar.mixed(days),
            shock_beyond=year,
        )


def terms_of(
    horizon: str | int | Duration = YEAR,
    discount: str | float = 0.10,
    margin: str | float = 1.0,
    unit: str = "week",
    cac: str | Decimal | float | None = None,
    interval: str | float = 0.80,
    calendar: str = "auto",
    classic: bool = False,
) -> Terms:
    """Terms as people write them: `90d`, `10%`; UsageError for what cannot be."""
    unit_days(unit)
    check_calendar(calendar)
    if classic and calendar == "on":
        raise UsageError(
            "--classic is without a calendar, so --calendar on does not go with it. Leave one of them out."
        )
    return Terms(
        horizon=parse.duration(horizon, "--horizon"),
        discount=parse.percent(discount, "--discount"),
        margin=parse.percent(margin, "--margin"),
        level=parse.percent(interval, "--interval", low=0.01, high=0.99),
        unit=unit,
        cac=None if cac is None else parse.money(cac, "--cac"),
        calendar=calendar,
        classic=classic,
    )


class By(NamedTuple):
    """Groups to add up by the column `label` of the customers: what to call it, and the groups in order."""

    name: str
    order: Sequence[str] | None = None


class Valued(NamedTuple):
    """Everything that the tables are made of."""

    rows: Rows  # all customers, with their `label` where there are groups
    people: pl.DataFrame  # those who bought, sorted by what is known of them
    past: Histories
    refund_only: int
    as_of: date
    learnt: Learnt
    forecast: Forecast
    terms: Terms
    by: By | None
    zero_rows: int = 0  # rows with the amount 0, which count as purchases

    @property
    def choice(self) -> Choice:
        return self.learnt.choice

    @property
    def spend(self) -> Fit | None:
        return self.learnt.spend
