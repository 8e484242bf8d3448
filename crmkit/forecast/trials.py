"""One day to look ahead from: every forecast that could have been made there, beside what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from crmkit.errors import DataError
from crmkit.forecast.calendar import YEAR
from crmkit.forecast.learning import Asked, Learnt, learn
from crmkit.forecast.scores import Trial
from crmkit.forecast.selection import REGULAR, Holdout, cut, fit_all, log_scores, unit_days
from crmkit.history.purchase_histories import Days, after, histories
from crmkit.models import Fit, fit_spend, outlook
from crmkit.models.predictions import Past

Array = np.ndarray

AUTO = "auto"
FEWEST = 10  # repeat customers before an origin
WEEK = 7
UNIT = unit_days("week")


def trials_at(
    table: Days, origin: date, names: Sequence[str], asked: Asked, *, level: float, money: bool
) -> list[Trial]:
    """All forecasts from one day, of so many days as are asked for: what `clv` says first.

    Raises DataError where too little was known then, or nobody bought afterwards.
    """
    people, held = _held(table, origin, asked.days, money=money)
    past = held.before
    common = Test(table, people, held, level, money=money)
    learnt = learn(
        histories(people, money=money, repeats=past.repeats, first=not asked.classic), asked, origin, table
    )
    fits = fit_all(names, past, UNIT, asked.k)
    if len(fits) > 1:  # with k = 1 a regular model is another one's twin
        fits = [fit for fit in fits if fit.name not in REGULAR or fit.model.stages > 1]
    spend = None if past.mean is None else fit_spend(past.amounts, past.mean, spread=past.spread)
    classic = [common.of_model(fit, spend) for fit in fits]
    return [common.of_learnt(learnt), *classic, *common.rules_of_thumb()]


def _held(table: Days, origin: date, length: int, *, money: bool) -> tuple[pl.DataFrame, Holdout]:
    end = origin + timedelta(days=length)
    people, held = cut(table, origin, end, money=money)
    repeaters = int((held.before.x > 0).sum())
    if repeaters < FEWEST:
        raise DataError(
            f"By {origin} only {repeaters} customers had bought on a second day, too few to fit a model to. "
            "Choose a later --split."
        )
    if not held.purchases.any():
        raise DataError(
            f"None of the customers known on {origin} bought until {end}: there is nothing to compare."
        )
    return people, held


class Test:
    """What happened after an origin, with which each forecast is compared."""

    def __init__(
        self, table: Days, people: pl.DataFrame, held: Holdout, level: float, *, money: bool
    ) -> None:
        self.table, self.people, self.held, self.level, self.money = table, people, held, level, money
        self.actual = after(table, people, held.origin, held.end)["actual"].to_numpy() if money else None
        self.weeks = np.arange(WEEK, held.days + 1, WEEK)
        self.seen = _by_week(table, people, held.origin, self.weeks)

    def of_model(self, fit: Fit, spend: Fit | None) -> Trial:
        """A model as the literature has it, in the time of the calendar."""
        return self._of(fit, spend, UNIT, self.held)

    def of_learnt(self, learnt: Learnt) -> Trial:
        """What `clv` would have said."""
        first = learnt.first
        past = histories(self.people, money=self.money, repeats=self.held.before.repeats, first=first)
        held = replace(self.held, before=learnt.calendar.on(past), calendar=learnt.calendar)
        return replace(self._of(learnt.fit, learnt.spend, unit_days(learnt.unit), held), model=AUTO)

    def _of(self, fit: Fit, spend: Fit | None, unit: float, held: Holdout) -> Trial:
        past, calendar = held.before, held.calendar
        history = past.x, past.t_x / unit, past.T / unit
        shock, mixed = calendar.shock(held.days), calendar.mixed(held.days)
        view = outlook(
            fit,
            held.time / unit,
            *history,
            spend=spend,
            m=past.mean,
            n=past.amounts,
            shock=shock,
            mixed=mixed,
        )
        interval, total = view.orders_interval(self.level), view.order_totals(level=self.level)
        n, known = held.purchases, fit.model.seen(Past.of(*history))
        ends = calendar.ahead(self.weeks) / unit
        return self._trial(
            fit.name,
            view.orders,
            view.value,
            total=(float(total.low[0]), float(total.high[0])),
            alive=view.alive,
            chance=view.p_purchase,
            inside=(n >= interval.low) & (n <= interval.high),
            mass=interval.mass,
            log_score=log_scores(fit, held, unit),
            fit=fit,
            cumulative=np.array([float(known.expected(np.full_like(past.x, end)).sum()) for end in ends]),
        )

    def rules_of_thumb(self) -> list[Trial]:
        """What needs no model, by name."""
        past, days, origin = self.held.before, self.held.days, self.held.origin
        span = max((origin - self.table.first).days, 1)
        usual = past.x.sum() / max(past.T.sum(), 1.0)
        rate = np.where(past.T > 0, past.x / np.maximum(past.T, 1.0), usual) * days
        so_far, revenue = past.x + 1, self._units("revenue")
        mean = revenue / so_far
        found = {
            "constant rate": (rate, rate * mean),
            "last period": self._repeats(origin - timedelta(days=days), origin),
            "orders so far": (so_far * days / span, so_far * days / span * (revenue.sum() / so_far.sum())),
            "revenue so far": (so_far * days / span, revenue * days / span),
        }
        year_ago = origin - timedelta(days=YEAR)
        if days <= YEAR and year_ago >= self.table.first:
            found["seasonal naive"] = self._repeats(year_ago, year_ago + timedelta(days=days))
        return [
            self._trial(
                name, orders, money if self.money else None, cumulative=orders.sum() * self.weeks / days
            )
            for name, (orders, money) in found.items()
        ]

    def _units(self, name: str) -> Array:
        """Money of these customers as numbers in units of the currency."""
        if not self.money:
            return np.zeros(self.people.height)
        return self.people[name].cast(pl.Float64).to_numpy()

    def _repeats(self, begin: date, end: date) -> tuple[Array, Array]:
        """Repeat purchases in (begin, end], and their revenue: the day of the first purchase counts as nothing."""
        found, first = after(self.table, self.people, begin, end), self.people["first"]
        new = ((first > begin) & (first <= end)).to_numpy()
        orders = found["actual_purchases"].to_numpy() - new
        return orders.astype(float), found["actual"].to_numpy() - new * self._units("first_revenue")

    def _trial(self, name: str, orders: Array, revenue: Array | None, **more: Any) -> Trial:
        held = self.held
        past = (held.origin, held.end, orders, held.purchases, revenue, self.actual, self.weeks, self.seen)
        return Trial(name, *past, **more)


def _by_week(table: Days, people: pl.DataFrame, origin: date, weeks: Array) -> Array:
    """Purchases of these customers from the origin up to the end of each week."""
    known = table.ids.join(people.select("customer"), on="customer", how="semi").select("code")
    bought = table.rows.filter("bought", pl.col("date") > origin).join(known, on="code", how="semi")
    passed = bought.select((pl.col("date") - origin).dt.total_days())["date"].sort().to_numpy()
    return np.searchsorted(passed, weeks, side="right").astype(float)
