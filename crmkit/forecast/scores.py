"""How forecasts are scored against what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from crmkit.engine.money import amounts
from crmkit.models import Fit

Array = np.ndarray

BASELINES = ("constant rate", "last period", "orders so far", "revenue so far", "seasonal naive")
BINS = 10


@dataclass(frozen=True)
class Trial:
    """One forecast from one day: arrays by customer, beside what they did; `seen` is by week."""

    model: str
    origin: date
    end: date
    orders: Array
    actual_purchases: Array
    revenue: Array | None
    actual_revenue: Array | None
    weeks: Array
    seen: Array
    cumulative: Array
    total: tuple[float, float] | None = None
    alive: Array | None = None
    chance: Array | None = None
    inside: Array | None = None
    mass: Array | None = None
    log_score: Array | None = None
    fit: Fit | None = None

    @property
    def top_decile(self) -> float | None:
        """Part of the revenue (of the orders, without money) that the tenth forecast to bring most brought."""
        if self.revenue is None or self.actual_revenue is None:
            return captured(self.orders, self.actual_purchases)
        return captured(self.revenue, self.actual_revenue)

    @property
    def holds_total(self) -> bool | None:
        """Whether the interval of the total held what happened."""
        return None if self.total is None else self.total[0] <= self.actual_purchases.sum() <= self.total[1]

    @property
    def ranked(self) -> tuple[Array, Array]:
        """Forecast and actual revenue (orders, without money), which the order of customers is judged by.

        Who gave back more than they bought counts as zero.
        """
        if self.revenue is None or self.actual_revenue is None:
            return self.orders, self.actual_purchases
        return self.revenue, np.maximum(self.actual_revenue, 0.0)


def spearman(forecast: Array, actual: Array) -> float | None:
    """Rank correlation, equal values at their mean rank; None where one of the two does not vary."""
    one, other = (_centred_ranks(values) for values in (forecast, actual))
    scale = float((one**2).sum() * (other**2).sum()) ** 0.5
    return float((one * other).sum()) / scale if scale > 0 else None


def _centred_ranks(values: Array) -> Array:
    _, where, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2
    return ranks[where] - (len(values) + 1) / 2


def normalised_gini(forecast: Array, actual: Array) -> float | None:
    """How much of the concentration of what happened the forecast's order finds: 1 all, 0 as chance would.

    The area between the curve of the actual total, customers in the order of the forecast, and the
    diagonal, over that in the order of what happened. Equal forecasts share.
    """
    best = _concentration(actual, actual)
    return _concentration(forecast, actual) / best if best > 0 else None


def _concentration(forecast: Array, actual: Array) -> float:
    total = float(actual.sum())
    if total <= 0:
        return 0.0
    _, where, sizes = np.unique(-forecast, return_inverse=True, return_counts=True)
    reached = np.r_[0.0, np.cumsum(np.bincount(where, actual))] / total
    return float(((reached[1:] + reached[:-1]) * sizes).sum()) / len(actual) - 1


def captured(forecast: Array, actual: Array, part: float = 0.1) -> float | None:
    """Part of the actual total that came from the `part` of customers with the highest forecast.

    Where equal forecasts straddle the border, each of them counts in proportion; None if the total
    is not above zero.
    """
    total, room = float(actual.sum()), part * len(forecast)
    if total <= 0:
        return None
    values, where, sizes = np.unique(-forecast, return_inverse=True, return_counts=True)
    brought = np.bincount(where, actual, len(values))
    taken = np.clip(room - (np.cumsum(sizes) - sizes), 0, sizes) / sizes
    return float((brought * taken).sum()) / total


def pooled(trials: Sequence[Trial], places: int = 2) -> pl.DataFrame:
    """One row for each model, over all its tests: models by log score , then rules of thumb.

    Equal ones come as asked for; money has `places` decimals.
    """
    names = list(dict.fromkeys(trial.model for trial in trials))
    rows = [_row(name, [trial for trial in trials if trial.model == name], places) for name in names]
    kinds = _KINDS | dict.fromkeys(_MONEY[:2], pl.Decimal(38, places))
    frame = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=kinds)
    frame = frame.sort("log_score", descending=True, nulls_last=True, maintain_order=True)
    best = pl.int_range(pl.len()) == 0
    columns = [*frame.columns, "best"]
    money = [] if frame["actual_revenue"].null_count() < frame.height else list(_MONEY)
    return frame.with_columns(best.alias("best")).select(name for name in columns if name not in money)


_SHARES = ("bias", "log_score", "brier", "top_decile", "interval_coverage", "interval_mass", "revenue_error")
_NUMBERS = ("spearman", "gini", "revenue_mae")
_KINDS: dict[str, Any] = {
    **dict.fromkeys((*_SHARES, *_NUMBERS), pl.Float64),
    "totals_held": pl.Int64,
}
_MONEY = ("expected_revenue", "actual_revenue", "revenue_error", "revenue_mae")


def _row(name: str, trials: Sequence[Trial], places: int) -> dict[str, Any]:
    orders, actual = (_joined(trials, field) for field in ("orders", "actual_purchases"))
    error = orders - actual
    chance, held = _joined(trials, "chance"), [trial.holds_total for trial in trials]
    return {
        "model": name,
        "customers": len(orders),
        "expected_purchases": float(orders.sum()),
        "actual_purchases": int(actual.sum()),
        "bias": _off(orders.sum(), actual.sum()),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "log_score": _mean(_joined(trials, "log_score")),
        "brier": None if not len(chance) else float(((chance - (actual > 0)) ** 2).mean()),
        "top_decile": _average(trial.top_decile for trial in trials),
        "spearman": _average(spearman(*trial.ranked) for trial in trials),
        "gini": _average(normalised_gini(*trial.ranked) for trial in trials),
        "totals_held": None if held[0] is None else sum(map(bool, held)),
        "tests": len(trials),
        "interval_coverage": _mean(_joined(trials, "inside")),
        "interval_mass": _mean(_joined(trials, "mass")),
        **_money_row(trials, places),
    }


def _money_row(trials: Sequence[Trial], places: int) -> dict[str, Any]:
    revenue, actual = (_joined(trials, field) for field in ("revenue", "actual_revenue"))
    if not len(revenue):
        return dict.fromkeys(_MONEY)
    expected, happened = float(revenue.sum()), float(actual.sum())
    exact = amounts("money", [expected, happened], places)
    return {
        "expected_revenue": exact[0],
        "actual_revenue": exact[1],
        "revenue_error": _off(expected, happened),
        "revenue_mae": float(np.abs(revenue - actual).mean()),
    }


def _joined(trials: Sequence[Trial], field: str) -> Array:
    """One field of all tests, empty where a forecast has none."""
    parts = [getattr(trial, field) for trial in trials]
    return np.concatenate([part for part in parts if part is not None] or [np.zeros(0)])


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _off(expected: float, actual: float) -> float | None:
    return float(expected / actual - 1) if actual > 0 else None


def by_origin(trials: Sequence[Trial]) -> pl.DataFrame:
    """One row for each test of each model, with the interval of the total."""
    rows = [
        {
            "origin": trial.origin,
            "end": trial.end,
            "model": trial.model,
            "customers": len(trial.orders),
            "expected_purchases": float(trial.orders.sum()),
            "purchases_low": None if trial.total is None else trial.total[0],
            "purchases_high": None if trial.total is None else trial.total[1],
            "actual_purchases": int(trial.actual_purchases.sum()),
            "bias": _off(trial.orders.sum(), trial.actual_purchases.sum()),
        }
        for trial in trials
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def calibration(trials: Sequence[Trial]) -> pl.DataFrame:
    """Customers in bins of ten points by their chance of a purchase: what was forecast, what happened."""
    chance, alive, orders, actual = (
        _joined(trials, field) for field in ("chance", "alive", "orders", "actual_purchases")
    )
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    columns = {"p_purchase": chance, "alive": alive, "expected_purchases": orders, "actual_purchases": actual}
    sums = {name: np.bincount(bins, values, BINS) for name, values in columns.items()}
    heads, bought = np.bincount(bins, minlength=BINS), np.bincount(bins, actual > 0, BINS)
    rows = [
        (
            f"{100 * i // BINS}–{100 * (i + 1) // BINS}%",
            int(heads[i]),
            sums["p_purchase"][i] / heads[i],
            bought[i] / heads[i],
            sums["alive"][i] / heads[i],
            sums["expected_purchases"][i],
            int(sums["actual_purchases"][i]),
        )
        for i in np.flatnonzero(heads)
    ]
    names = ("bin", "customers", "p_purchase", "bought", "alive", "expected_purchases", "actual_purchases")
    return pl.DataFrame(rows, schema=list(names), orient="row")


def tracking(trials: Sequence[Trial]) -> pl.DataFrame:
    """Orders by whole week after each origin, expected and actual, in the week and up to its end."""
    return pl.concat([_weeks(trial) for trial in trials])


def _weeks(trial: Trial) -> pl.DataFrame:
    ends = [trial.origin + timedelta(days=int(day)) for day in trial.weeks]
    return pl.DataFrame(
        {
            "origin": pl.Series([trial.origin] * len(ends), dtype=pl.Date),
            "model": pl.Series([trial.model] * len(ends), dtype=pl.String),
            "week": np.arange(1, len(ends) + 1),
            "date": pl.Series(ends, dtype=pl.Date),
            "expected_purchases": np.diff(trial.cumulative, prepend=0.0),
            "actual_purchases": np.diff(trial.seen, prepend=0.0).astype(int),
            "cumulative_expected": trial.cumulative,
            "cumulative_actual": trial.seen.astype(int),
        }
    )
