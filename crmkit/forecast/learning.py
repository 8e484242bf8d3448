"""What is learnt from a history before anything is forecast: calendar, purchase model, spend model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from crmkit.forecast.calendar import Calendar, calendar_of
from crmkit.forecast.selection import (
    Began,
    Choice,
    Tell,
    choose,
    fit_model,
    held_back,
    nothing,
    only,
    unit_days,
    with_early,
)
from crmkit.history.purchase_histories import Days, Histories
from crmkit.models import Early, Fit, fit_spend
from crmkit.parse import WHOLE_WEEKS

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be learnt: a model (or auto) in a unit of time, for a forecast of so many days.

    `classic`: as in the literature, without a calendar, with every customer new at their first
    purchase, and with the spend of repeat purchases only.
    """

    model: str = "auto"
    k: int | None = None
    unit: str = "week"
    days: int = WHOLE_WEEKS
    calendar: str = "auto"
    classic: bool = False


class Learnt(NamedTuple):
    """The models and the calendar on which they run, learnt up to a day, `span` days after the first.

    `first`: whether spend was learnt with the day of the first purchase.
    """

    choice: Choice
    spend: Fit | None
    calendar: Calendar
    unit: str
    until: date
    span: int
    first: bool

    @property
    def fit(self) -> Fit:
        return self.choice.fit

    def history(self, past: Histories) -> tuple[Array, Array, Array]:
        """x, t_x and T in the time of the models."""
        on, unit = self.calendar.on(past), unit_days(self.unit)
        return on.x, on.t_x / unit, on.T / unit


def learn(
    past: Histories, asked: Asked, as_of: date, days: Days | None = None, tell: Tell = nothing
) -> Learnt:
    """Fit to the histories up to a day; where customer-days are at hand, forecasts are tested."""
    ask = "off" if asked.classic else asked.calendar
    if ask != "off":
        tell("learning the calendar")
    calendar = calendar_of(past, ask, asked.days)
    unit, span, counted = unit_days(asked.unit), int(past.T.max()), calendar.on(past)
    began = None if asked.classic else Began(span, model_time(calendar, unit))
    if asked.model == "auto":
        held = None if days is None else held_back(days, as_of, asked.days, ask)
        choice = choose(counted, unit, held, tell, began)
    else:
        tell("fitting the model")
        plain = fit_model(asked.model, counted, unit, asked.k)
        choice = only(with_early([plain], counted, unit, began), "as asked")
    choice = choice.with_more(calendar.log_pace)
    spend = None
    if past.mean is not None:
        spend = fit_spend(past.amounts, past.mean, by_frequency=not asked.classic, spread=past.spread)
    return Learnt(choice, spend, calendar, asked.unit, as_of, span, not asked.classic)


def model_time(calendar: Calendar, unit: float) -> Callable[[Array], Array]:
    """Time of the models since so many days ago."""
    return lambda age: calendar.since(age) / unit


def on_day(learnt: Learnt, as_of: date) -> Learnt:
    """What was learnt, looked at from another day."""
    later = (as_of - learnt.until).days
    clock = learnt.calendar.clock
    calendar = learnt.calendar._replace(clock=None if clock is None else clock.seen_from(later))
    model, choice = learnt.fit.model, learnt.choice
    if isinstance(model, Early):
        placed = model.placed(learnt.span + later, model_time(calendar, unit_days(learnt.unit)))
        choice = choice.with_model(placed)
    return learnt._replace(choice=choice, calendar=calendar)
