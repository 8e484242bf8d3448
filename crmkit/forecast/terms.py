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
from crmkit.forecast.saved_model import Saved
from crmkit.forecast.selection import Choice, unit_days
from crmkit.forecast.totals import Forecast
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

    @property
    def time(self) -> float:
        """The horizon in units."""
        return self.horizon.days / unit_days(self.unit)

    @property
    def rate(self) -> float:
        """Continuous discount per unit, such that a year of the horizon's kind costs the discount."""
        return float(np.log1p(self.discount)) * float(self.horizon.years) / self.time


def terms_of(
    horizon: str | int | Duration = YEAR,
    discount: str | float = 0.10,
    margin: str | float = 1.0,
    unit: str = "week",
    cac: str | Decimal | float | None = None,
    interval: str | float = 0.80,
) -> Terms:
    """Terms as people write them: `90d`, `10%`; UsageError for what cannot be."""
    unit_days(unit)
    return Terms(
        horizon=parse.duration(horizon, "--horizon"),
        discount=parse.percent(discount, "--discount"),
        margin=parse.percent(margin, "--margin"),
        level=parse.percent(interval, "--interval", low=0.01, high=0.99),
        unit=unit,
        cac=None if cac is None else parse.money(cac, "--cac"),
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
    choice: Choice
    spend: Fit | None
    forecast: Forecast
    terms: Terms
    by: By | None
    learnt: date | None  # the day up to which the models have learnt
    zero_rows: int = 0  # rows with the amount 0, which count as purchases

    def saved(self) -> Saved:
        """The fits, for a model file."""
        return Saved(self.choice.fit, self.spend, self.terms.unit, self.learnt)
