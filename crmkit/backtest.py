"""Would `clv` have been right? Fit on the first part of the history, forecast the second, compare.

The history is cut at one or more days (origins). At each, every model learns what was known then
and forecasts the orders and the revenue of the customers known then until the end of the test.
Two rules of thumb forecast the same: *constant rate*, where each customer goes on buying at the
rate so far, and *last period*, where each buys what they bought in the time of the same length
before. A model that does not beat them is not worth having.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.errors import DataError, UsageError
from crmkit.forecast.scores import BASELINES, Trial, by_origin, calibration, pooled, tracking
from crmkit.forecast.selection import (
    AUTO,
    REGULAR,
    History,
    Holdout,
    Tell,
    check_model,
    cut,
    fit_all,
    log_scores,
    nothing,
    unit_days,
)
from crmkit.headlines import answered, checks
from crmkit.history.purchase_histories import Days, after, by_day, days
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.models import Fit, fit_spend, outlook
from crmkit.models.predictions import Past
from crmkit.parse import Duration
from crmkit.result import Result

Array = np.ndarray

FEWEST = 10  # repeat customers before an origin
WEEK = 7
UNIT = unit_days("week")


@dataclass(frozen=True, kw_only=True)
class BacktestPlan:
    """The days at which history is cut, and the length of each test in days."""

    origins: tuple[date, ...]
    days: int

    @classmethod
    def of(
        cls, first: date, last: date, *, split: date | None = None, count: int = 1, days: int | None = None
    ) -> BacktestPlan:
        """Tests that follow each other and end with the history, unless the first day is given.

        The first origin is `split`, else the middle of the history, or as late as tests of `days` allow.
        """
        if not 1 <= count <= 50:
            raise UsageError(f"--origins is {count}. Give a number from 1 to 50.")
        if split is None:
            split = first + (last - first) // 2 if days is None else last - timedelta(days=days * count)
        length = (last - split).days // count if days is None else days
        if not first < split < last or length < 1 or split + timedelta(days=length * count) > last:
            raise UsageError(
                f"{count} test(s) of {max(length, 1)} days from {split} on do not fit into the history, which runs "
                f"from {first} to {last}. Choose --split within it, or a shorter --horizon."
            )
        return cls(origins=tuple(split + timedelta(days=length * i) for i in range(count)), days=length)


@question
@answered(checks.backtest)
def analyse(
    data: Data,
    *,
    split: str | date | None = None,
    origins: int = 1,
    horizon: str | int | Duration | None = None,
    model: str = "auto",
    k: int | None = None,
    interval: str | float = "80%",
    keep_zero: bool = False,
    tell: Tell = nothing,
) -> Result:
    """Fit on the first part of the history, forecast the second, and compare.

    Args:
        split: learn up to this day and forecast what follows; half the history unless given.
        origins: go back to so many days, one test after the other.
        horizon: the length of a test: days, or text such as 13w; what the history allows unless given.
        model: auto (all that `clv` chooses from), nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd.
        k: the regularity of bgcnbd and mbgcnbd; found unless given.
        interval: the probability of the intervals.
        keep_zero: whether an order with the amount 0 is a purchase.
        tell: is told what is being done.

    Raises DataError where too little was known at an origin, or nobody bought afterwards.
    """
    check_model(model, k)
    at, length = (
        parse.day("--split", split),
        None if horizon is None else parse.duration(horizon, "--horizon"),
    )
    level = parse.percent(interval, "--interval", low=0.01, high=0.99)
    sales = transactions_of(data, ("customer", "date"), ("amount",))
    found = sales.query(partial(by_day, keep_zero=keep_zero))
    table = days(found.rows.frame(), found.scale)
    plan = BacktestPlan.of(
        table.first, found.as_of, split=at, count=origins, days=None if length is None else length.days
    )
    return tables_of(table, plan, model=model, k=k, level=level, money=sales.has_amount, tell=tell)


def tables_of(
    table: Days,
    plan: BacktestPlan,
    *,
    model: str = "auto",
    k: int | None = None,
    level: float = 0.80,
    money: bool = True,
    tell: Tell = nothing,
) -> Result:
    """Compare models with what happened; `auto` compares all that `clv` chooses from.

    Raises DataError where too little was known at an origin, or nobody bought afterwards.
    """
    names = AUTO if model == "auto" else (model,)
    trials: list[Trial] = []
    for origin in plan.origins:
        tell(f"going back to {origin}")
        trials += _trials(table, origin, plan.days, names, k=k, level=level, money=money)
    models = pooled(trials, max(2, table.scale))
    best = models.filter("best")["model"][0]
    tables = {
        "models": models,
        "origins": by_origin(trials),
        "calibration": calibration([trial for trial in trials if trial.model == best]),
        "tracking": tracking(trials),
    }
    last = max((trial for trial in trials if trial.model == best), key=lambda trial: trial.origin)
    facts = _facts(plan, trials, last, level)
    said = (*_notes(models, facts), *_on_totals([trial for trial in trials if trial.model == best], level))
    return Result(
        command="backtest",
        tables=tables,
        facts=facts | {"warnings": list(said)},
        detail="tracking",
        notes=said,
        titles={
            "models": f"Forecasts of {plan.days} days, best first, and rules of thumb",
            "origins": "Orders of each test",
            "calibration": f"{best}: customers by the chance that they buy, and how many did",
        },
    )


def _trials(
    table: Days, origin: date, length: int, names: Sequence[str], *, k: int | None, level: float, money: bool
) -> list[Trial]:
    """All forecasts from one day."""
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
    actual = after(table, people, origin, end)["actual"].to_numpy() if money else None
    weeks = np.arange(WEEK, length + 1, WEEK)
    seen = _by_week(table, people, origin, weeks)
    past = held.before
    fits = fit_all(names, past, UNIT, k)
    if len(fits) > 1:  # with k = 1 a regular model is another one's twin
        fits = [fit for fit in fits if fit.name not in REGULAR or fit.model.stages > 1]
    spend = None if past.mean is None else fit_spend(past.amounts, past.mean)
    common = _Test(held, actual, weeks, seen, level)
    before = after(table, people, origin - timedelta(days=length), origin)
    return [*(common.of_model(fit, spend) for fit in fits), *common.rules_of_thumb(people, before)]


def _by_week(table: Days, people: pl.DataFrame, origin: date, weeks: Array) -> Array:
    """Purchases of these customers from the origin up to the end of each week."""
    known = table.ids.join(people.select("customer"), on="customer", how="semi").select("code")
    bought = table.rows.filter("bought", pl.col("date") > origin).join(known, on="code", how="semi")
    passed = bought.select((pl.col("date") - origin).dt.total_days())["date"].sort().to_numpy()
    return np.searchsorted(passed, weeks, side="right").astype(float)


@dataclass(frozen=True)
class _Test:
    """What happened after an origin, with which each forecast is compared."""

    held: Holdout
    actual: Array | None
    weeks: Array
    seen: Array
    level: float

    def of_model(self, fit: Fit, spend: Fit | None) -> Trial:
        past, horizon = self.held.before, self.held.days / UNIT
        history = past.x, past.t_x / UNIT, past.T / UNIT
        view = outlook(fit, horizon, *history, spend=spend, m=past.mean, n=past.amounts)
        interval, total = view.orders_interval(self.level), view.order_totals(level=self.level)
        n = self.held.purchases
        return self._trial(
            fit.name,
            view.orders,
            view.value,
            total=(float(total.low[0]), float(total.high[0])),
            alive=view.alive,
            chance=view.p_purchase,
            inside=(n >= interval.low) & (n <= interval.high),
            mass=interval.mass,
            log_score=log_scores(fit, self.held, UNIT),
            fit=fit,
            cumulative=_cumulative(fit, history, self.weeks / UNIT),
        )

    def rules_of_thumb(self, people: pl.DataFrame, before: pl.DataFrame) -> list[Trial]:
        """Constant rate and last period."""
        past, days = self.held.before, self.held.days
        usual = past.x.sum() / max(past.T.sum(), 1.0)
        rate = np.where(past.T > 0, past.x / np.maximum(past.T, 1.0), usual) * days
        orders = before["actual_purchases"].to_numpy().astype(float)
        revenue: tuple[Array | None, Array | None] = (None, None)
        if past.mean is not None:
            amount = people["revenue"].cast(pl.Float64).to_numpy() / (past.x + 1)
            revenue = rate * amount, before["actual"].to_numpy()
        return [
            self._trial(name, one, money, cumulative=one.sum() * self.weeks / days)
            for name, one, money in zip(BASELINES, (rate, orders), revenue, strict=True)
        ]

    def _trial(self, name: str, orders: Array, revenue: Array | None, **more: Any) -> Trial:
        held = self.held
        return Trial(
            name,
            held.origin,
            held.end,
            orders,
            held.purchases,
            revenue,
            self.actual,
            self.weeks,
            self.seen,
            **more,
        )


def _cumulative(fit: Fit, history: History, weeks: Array) -> Array:
    """Expected orders of all customers up to the end of each week."""
    past = Past.of(*history)
    known = fit.model.seen(past)
    return np.array([float(known.expected(np.full_like(past.x, week)).sum()) for week in weeks])


def _facts(plan: BacktestPlan, trials: Sequence[Trial], best: Trial, level: float) -> dict[str, Any]:
    assert best.fit is not None
    return {
        "origins": list(plan.origins),
        "days": plan.days,
        "end": max(trial.end for trial in trials),
        "customers": len(best.orders),
        "interval": level,
        "best": best.model,
        "unit": "week",
        "params": best.fit.params,
        "log_likelihood": best.fit.log_likelihood,
    }


def _notes(models: pl.DataFrame, facts: dict[str, Any]) -> tuple[str, ...]:
    best = models.filter("best").row(0, named=True)
    thumb = models.filter(pl.col("model").is_in(BASELINES)).sort("rmse", "model").row(0, named=True)
    verdict = (
        f"better than the rules of thumb, the best of which is {thumb['model']} (RMSE {thumb['rmse']:.3f})"
        if best["rmse"] < thumb["rmse"]
        else f"which {thumb['model']} beats (RMSE {thumb['rmse']:.3f}): do not build on the forecasts of a model here"
    )
    said = [
        f"{best['model']} forecast best: {best['expected_purchases']:,.0f} orders, and there were "
        f"{best['actual_purchases']:,} ({best['bias']:+.1%}); RMSE {best['rmse']:.3f}, {verdict}."
    ]
    if best["interval_coverage"] < best["interval_mass"] - 0.05:
        said.append(
            f"Its {facts['interval']:.0%} intervals should hold {best['interval_mass']:.0%} of the customers "
            f"(orders are whole, so they hold more than asked) and held {best['interval_coverage']:.0%}: "
            "it is too sure of itself."
        )
    return tuple(said)


def _on_totals(trials: Sequence[Trial], level: float) -> list[str]:
    """Whether the totals, too, came out as they should."""
    held = sum(
        one.total is not None and one.total[0] <= one.actual_purchases.sum() <= one.total[1] for one in trials
    )
    if held == len(trials):
        return []
    return [
        f"The {level:.0%} interval of the total held {held} of {len(trials)} totals. What moves all customers at "
        "once, such as a season or a campaign, is not in it."
    ]
