"""Would `clv` have been right? Fit on the first part of the history, forecast the second, compare.

The history is cut at one or more days (origins). At each, every model learns what was known then
and forecasts the orders and the revenue of the customers known then until the end of the test.
*auto* is what `clv` would have said. Rules of thumb forecast the same (`forecast.trials`). A model that does not
beat them is not worth having.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.errors import UsageError
from crmkit.forecast.calendar import check_calendar
from crmkit.forecast.learning import Asked
from crmkit.forecast.scores import BASELINES, Trial, by_origin, calibration, pooled, tracking
from crmkit.forecast.selection import AUTO as CANDIDATES
from crmkit.forecast.selection import Tell, check_model, nothing
from crmkit.forecast.trials import AUTO as SAID
from crmkit.forecast.trials import trials_at
from crmkit.headlines import answered, checks
from crmkit.history.purchase_histories import Days, days_of
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.parse import Duration
from crmkit.result import Result

# What stays on a narrow screen: what was expected, what came, how near, and how well customers were ranked.
_MODELS = "table first:expected_purchases,actual_purchases,bias,rmse,spearman,gini,interval_coverage"
_ORIGINS = "table first:end,model,expected_purchases,actual_purchases,purchases_low,purchases_high,bias"


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
    calendar: str = "auto",
    classic: bool = False,
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
        calendar, classic: as in `clv`, for the row `auto`.
        tell: is told what is being done.

    Raises DataError where too little was known at an origin, or nobody bought afterwards.
    """
    check_model(model, k)
    check_calendar(calendar)
    at, length = (
        parse.day("--split", split),
        None if horizon is None else parse.duration(horizon, "--horizon"),
    )
    level = parse.percent(interval, "--interval", low=0.01, high=0.99)
    sales = transactions_of(data, ("customer", "date"), ("amount",))
    found = days_of(sales, keep_zero=keep_zero)
    table = found.rows
    plan = BacktestPlan.of(
        table.first, found.as_of, split=at, count=origins, days=None if length is None else length.days
    )
    asked = Asked(
        model=model,
        k=k,
        days=plan.days,
        calendar=calendar,
        classic=classic,
    )
    return tables_of(table, plan, asked, level=level, money=sales.has_amount, tell=tell)


def tables_of(
    table: Days,
    plan: BacktestPlan,
    asked: Asked,
    *,
    level: float = 0.80,
    money: bool = True,
    tell: Tell = nothing,
) -> Result:
    """Compare what `clv` would have said, and the models that it chooses from, with what happened."""
    names = CANDIDATES if asked.model == "auto" else (asked.model,)
    trials: list[Trial] = []
    for origin in plan.origins:
        tell(f"going back to {origin}")
        trials += trials_at(table, origin, names, asked, level=level, money=money)
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
    judged = [trial for trial in trials if trial.model in (best, SAID)]
    said = (*_notes(models, facts), *_on_totals(judged, level))
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
        pictures={
            "models": _MODELS,
            # Those of one day say what the first table says.
            "origins": "none" if len(plan.origins) == 1 else _ORIGINS,
        },
    )


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
    said = []
    for name in dict.fromkeys(trial.model for trial in trials):
        own = [trial for trial in trials if trial.model == name]
        held = sum(bool(trial.holds_total) for trial in own)
        none = "" if held else ": it is far too sure of itself here, so go by how far the totals were off"
        said.append(
            f"The {level:.0%} interval of the total of {name} held {held} of {len(own)} totals{none}."
        )
    return said
