"""How likely each customer is still one, as `clv` says of the same file with the same model."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from crmkit.engine.rows import Counted, Rows
from crmkit.forecast.learning import Asked, Learnt, learn
from crmkit.forecast.notes import on_chances
from crmkit.forecast.selection import (
    REGULAR,
    check_histories,
    extremes,
    refuse_untested,
)
from crmkit.history.customer_days import AnyDayHistory, DayHistory, purchases
from crmkit.history.purchase_histories import REPEATS, Days, Histories, Repeats
from crmkit.models.predictions import Past

MODELS = ("auto", "paretonbd", "mbgnbd", "bgnbd", "mbgcnbd", "bgcnbd")
_HISTORY = ["x", "t_x", "T"]


class Alive(NamedTuple):
    """What was learnt of the customers; `ends` are histories that settle how finely a model's rules are laid out."""

    learnt: Learnt
    ends: pl.DataFrame
    notes: tuple[str, ...]

    def add(self, people: pl.DataFrame) -> pl.DataFrame:
        """By row: P(alive) of every customer with an order, in any company the same."""
        kinds = pl.concat([self.ends, people.select(_HISTORY)]).unique().drop_nulls().sort(_HISTORY)
        history = self.learnt.history(_histories(kinds))
        known = kinds.with_columns(alive=pl.Series(self.learnt.fit.model.seen(Past.of(*history)).alive))
        return people.join(known, on=_HISTORY, how="left", maintain_order="left")

    def facts(self) -> dict[str, Any]:
        """The model, why it was taken, and what was found for it; times in weeks that the calendar counts."""
        choice, fit = self.learnt.choice, self.learnt.fit
        own = {"k": fit.model.stages} if fit.name in REGULAR else {}
        used = {"unit": self.learnt.unit, "calendar": self.learnt.calendar.used}
        return {"name": fit.name, **own, **used, "params": fit.params, "why": choice.reason}


def alive_of(people: Rows, past: AnyDayHistory, model: str, *, classic: bool = False) -> Alive:
    """What `clv` learns by default, from the customers of these days with x, t_x and T in days.

    `model` is one of MODELS, and `classic` is as in `clv`. UsageError for `auto` where customers are elsewhere.
    """
    days = _days(past)
    if model == "auto" and days is None:
        refuse_untested()
    kinds = people.counts(Counted(by=_HISTORY)).drop_nulls()
    each = kinds.select(pl.col(_HISTORY).repeat_by("n")).explode(_HISTORY)
    repeats = Repeats.of(past.each(_gaps).counts(REPEATS), past.as_of)
    known = _histories(each, repeats)
    check_histories(known)
    learnt = learn(known, Asked(model=model, classic=classic), past.as_of, days)
    x, _, T = learnt.history(_histories(kinds))
    ends = kinds[extremes(learnt.fit.model, x, T)].select(_HISTORY)
    return Alive(learnt, ends, on_chances(learnt, known))


def _histories(kinds: pl.DataFrame, repeats: Repeats | None = None) -> Histories:
    x, t_x, T = (kinds[name].to_numpy().astype(float) for name in _HISTORY)
    return Histories(x, t_x, T, None, x, None if repeats is None else repeats.log_gaps, repeats)


def _gaps(past: DayHistory) -> pl.DataFrame:
    return purchases(past.days).select("date", "gap").drop_nulls()


def _days(past: AnyDayHistory) -> Days | None:
    """The days as `clv` has them, where they are here."""
    if not isinstance(past, DayHistory):
        return None
    bought = past.days.with_columns(pl.col("bought") > 0)
    return Days(past.customers.select("code", "customer"), bought, 0)
