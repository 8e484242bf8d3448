"""What each customer was to be expected to do without us: the forecast as of the day before a campaign.

It is learnt as `clv` learns, from histories up to that day, and so knows nothing of the campaign. As a covariate it
takes away what could be foreseen of later spend, which is more than the spend of the months before tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from crmkit.engine.money import scale
from crmkit.engine.rows import Counted, Rows
from crmkit.forecast.learning import Asked, Learnt
from crmkit.forecast.learning import learn as learn_from
from crmkit.forecast.selection import check_histories, extremes, unit_days
from crmkit.history.purchase_histories import Histories, Repeats, histories
from crmkit.models.predictions import Past

Array = np.ndarray

MODEL = "paretonbd"  # named, since customers may be elsewhere, where models cannot be tested
MILLIONTHS = 10**6
# What is expected, as whole numbers: orders and chances in millionths, money in hundredths.
EXPECTED = ("expected_purchases", "expected_revenue", "p_purchase")
UNITS = {"expected_purchases": 1e-6, "expected_revenue": 1e-2, "p_purchase": 1e-6}
_KNOWN = ("x", "T", "t_x", "revenue", "first_revenue")


@dataclass(frozen=True)
class Expectations:
    """What was learnt from the histories up to a day, and the days ahead that are asked about."""

    learnt: Learnt
    days: int
    edges: pl.DataFrame  # customers whose histories settle how finely the model's rules are laid out

    def add(self, people: pl.DataFrame) -> pl.DataFrame:
        """By row: the columns EXPECTED; customers without a purchase so far are expected to do nothing."""
        bought = people.filter(pl.col("x").is_not_null()).select(*_KNOWN, "customer")
        seen = pl.concat([self.edges, bought.select(self.edges.columns)])
        past = histories(seen, first=self.learnt.first)
        found = self._of(past, past.shown_mean(scale(seen, "revenue"))).slice(self.edges.height)
        made = bought.select("customer").hstack(found)
        joined = people.join(made, on="customer", how="left", maintain_order="left")
        return joined.with_columns(pl.col(EXPECTED).fill_null(0))

    def _of(self, past: Histories, mean: Array) -> pl.DataFrame:
        learnt = self.learnt
        known = learnt.fit.model.seen(Past.of(*learnt.history(past)))
        time = float(learnt.calendar.ahead(self.days)) / unit_days(learnt.unit)
        horizon = np.full_like(past.x, time)
        orders = known.expected(horizon)
        assert learnt.spend is not None
        spend = learnt.spend.model.expected(past.amounts, mean)
        values = (orders * MILLIONTHS, orders * spend * 100, np.clip(known.some(horizon), 0, 1) * MILLIONTHS)
        whole = {name: np.rint(one).astype(np.int64) for name, one in zip(EXPECTED, values, strict=True)}
        return pl.DataFrame(whole)


def learn(people: Rows, as_of: date, days: int, dates: Repeats | None = None) -> Expectations:
    """Fit to all customers of a table as of a day; `dates` are those of their repeat purchases, where they are known.

    DataError where nobody has bought on a second day.
    """
    known = people.by_row(partial(_bought, columns=_KNOWN))
    counted = known.counts(Counted(by=_KNOWN))
    each = counted.select(pl.col(_KNOWN).repeat_by("n")).explode(_KNOWN).with_columns(customer=pl.lit(""))
    past = histories(each, repeats=dates, first=True)
    check_histories(past)
    learnt = learn_from(past, Asked(model=MODEL, days=days), as_of)
    x, _, T = learnt.history(past)
    return Expectations(learnt, days, each[extremes(learnt.fit.model, x, T)])


def _bought(people: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return people.filter(pl.col("x").is_not_null()).select(columns)
