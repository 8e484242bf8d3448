"""What each customer was to be expected to do without us: the forecast as of the day before a campaign.

It is learnt from histories up to that day and so knows nothing of the campaign. As a covariate it takes away what
could be foreseen of later spend, which is more than the spend of the months before tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from crmkit.engine.rows import Counted, Rows
from crmkit.forecast.selection import check_histories, extremes, fit_model
from crmkit.history.purchase_histories import Histories, histories
from crmkit.models import Fit, fit_spend
from crmkit.models.predictions import Past

Array = np.ndarray

MODEL = "paretonbd"
UNIT = 7.0  # days of the model's time
MILLIONTHS = 10**6
# What is expected, as whole numbers: orders and chances in millionths, money in hundredths.
EXPECTED = ("expected_purchases", "expected_revenue", "p_purchase")
UNITS = {"expected_purchases": 1e-6, "expected_revenue": 1e-2, "p_purchase": 1e-6}
_SMALLEST = 0.01  # where refunds have eaten up all repeat purchases
_KNOWN = ("x", "T", "t_x", "revenue", "first_revenue")


@dataclass(frozen=True)
class Expectations:
    """Fits to the histories up to a day, and the days ahead that are asked about."""

    orders: Fit
    spend: Fit
    days: int
    edges: pl.DataFrame  # customers whose histories settle how finely the model's rules are laid out

    def add(self, people: pl.DataFrame) -> pl.DataFrame:
        """By row: the columns EXPECTED; customers without a purchase so far are expected to do nothing."""
        bought = people.filter(pl.col("x").is_not_null()).select(*_KNOWN, "customer")
        seen = pl.concat([self.edges, bought.select(self.edges.columns)])
        found = self._of(histories(seen)).slice(self.edges.height)
        made = bought.select("customer").hstack(found)
        joined = people.join(made, on="customer", how="left", maintain_order="left")
        return joined.with_columns(pl.col(EXPECTED).fill_null(0))

    def _of(self, past: Histories) -> pl.DataFrame:
        assert past.mean is not None
        known = self.orders.model.seen(Past.of(past.x, past.t_x / UNIT, past.T / UNIT))
        horizon = np.full_like(past.x, self.days / UNIT)
        orders = known.expected(horizon)
        mean = np.where((past.amounts > 0) & (past.mean <= 0), _SMALLEST, past.mean)
        spend = self.spend.model.expected(past.amounts, mean)
        values = (orders * MILLIONTHS, orders * spend * 100, np.clip(known.some(horizon), 0, 1) * MILLIONTHS)
        whole = {name: np.rint(one).astype(np.int64) for name, one in zip(EXPECTED, values, strict=True)}
        return pl.DataFrame(whole)


def learn(people: Rows, days: int) -> Expectations:
    """Fit to all customers of a table; DataError where nobody has bought on a second day."""
    known = people.by_row(partial(_bought, columns=_KNOWN))
    counted = known.counts(Counted(by=_KNOWN))
    each = counted.select(pl.col(_KNOWN).repeat_by("n")).explode(_KNOWN).with_columns(customer=pl.lit(""))
    past = histories(each)
    check_histories(past)
    assert past.mean is not None
    fit = fit_model(MODEL, past, UNIT)
    return Expectations(
        fit, fit_spend(past.amounts, past.mean), days, each[extremes(fit.model, past.x, past.T / UNIT)]
    )


def _bought(people: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return people.filter(pl.col("x").is_not_null()).select(columns)
