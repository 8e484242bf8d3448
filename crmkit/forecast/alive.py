"""How likely each customer is still one, by a purchase model fitted as `clv` fits it."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from crmkit.engine.rows import Counted, Rows
from crmkit.forecast.selection import REGULAR, extremes, fit_collapsed, unit_days
from crmkit.history.purchase_histories import log_sum
from crmkit.models import Fit
from crmkit.models.weighted import collapse

MODELS = ("paretonbd", "mbgnbd", "bgnbd", "mbgcnbd", "bgcnbd")
UNIT = "week"
_HISTORY = ["x", "t_x", "T"]


class Alive(NamedTuple):
    """A model of the customers; `ends` are histories that settle how finely its rules are laid out."""

    fit: Fit
    ends: pl.DataFrame

    def add(self, people: pl.DataFrame) -> pl.DataFrame:
        """By row: P(alive) of every customer with an order, in any company the same."""
        kinds = pl.concat([self.ends, people.select(_HISTORY)]).unique().drop_nulls().sort(_HISTORY)
        x, t_x, T = (column.to_numpy() for column in kinds)
        unit = unit_days(UNIT)
        known = kinds.with_columns(alive=pl.Series(self.fit.model.p_alive(x, t_x / unit, T / unit)))
        return people.join(known, on=_HISTORY, how="left", maintain_order="left")

    def facts(self) -> dict[str, Any]:
        """The model, and what was found for it; times in weeks."""
        own = {"k": self.fit.model.stages} if self.fit.name in REGULAR else {}
        return {"name": self.fit.name, **own, "unit": UNIT, "params": self.fit.params}


def alive_of(people: Rows, model: str, gaps: pl.DataFrame) -> Alive:
    """The model fitted to customers with x, t_x and T in days; `gaps` counts the gaps between purchases."""
    kinds = people.counts(Counted(by=_HISTORY)).drop_nulls()
    x, t_x, T, n = (column.to_numpy() for column in kinds)
    fit = fit_collapsed(
        model,
        collapse(x, t_x, T, n),
        unit_days(UNIT),
        log_gaps=log_sum(gaps["gap"].to_numpy(), gaps["n"].to_numpy()),
    )
    return Alive(fit, kinds[extremes(fit.model, x, T / unit_days(UNIT))].select(_HISTORY))
