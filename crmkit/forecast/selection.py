"""Which purchase model: fits of all candidates, and the rule that `--model auto` follows.

The rule. NBD, BG/NBD, MBG/NBD, Pareto/NBD and MBG/CNBD-k are fitted to all of the history; the one
with the lowest AIC is taken. BG/NBD is shown and never taken: it holds every customer who bought
once for alive, for ever, and most bases are made of such customers.

Where there is enough history, forecasts are tested, too. The last part of the history is held back,
each model is fitted to what came before, and its forecast is scored by the logarithm of the
probability that it gave to each customer's number of purchases. A model is beaten if another one
scores better by more than two standard errors of the difference; the lowest AIC is then looked for
among those that no other model beats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.history.purchase_histories import Days, Histories, after, histories, known, log_gaps
from crmkit.models import PURCHASE_MODELS, Fit
from crmkit.models.weighted import WeightedHistories, collapse

Array = np.ndarray
Tell = Callable[[str], None]
History = tuple[Array, Array, Array]  # x, t_x, T in the unit of a model

UNITS = {"day": Fraction(1), "week": Fraction(7), "month": Fraction(365, 12)}
AUTO = ("nbd", "bgnbd", "mbgnbd", "paretonbd", "mbgcnbd")
REGULAR = ("bgcnbd", "mbgcnbd")
EVERYBODY_ALIVE = ("bgnbd", "bgcnbd")
ENOUGH = 50  # repeat customers before, and purchases after, the day at which history is cut
MOST_SCORED = 50_000
CLEARLY = 2.0  # standard errors
IMPOSSIBLE = 1e-300


def nothing(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Candidate:
    """A model fitted to all of the history; `score` is its mean log score in the holdout, if any."""

    fit: Fit
    score: float | None = None
    chosen: bool = False

    @property
    def name(self) -> str:
        return self.fit.name


@dataclass(frozen=True)
class Holdout:
    """What was held back to test forecasts: the customers known at `origin`, and their purchases until `end`."""

    origin: date
    end: date
    before: Histories
    purchases: Array

    @property
    def days(self) -> int:
        return (self.end - self.origin).days


@dataclass(frozen=True)
class Choice:
    """The candidates with the chosen one first, and why it was chosen."""

    candidates: tuple[Candidate, ...]
    reason: str
    holdout: Holdout | None = None

    @property
    def fit(self) -> Fit:
        return self.candidates[0].fit


def unit_days(unit: str) -> float:
    """The length of a unit of time; UsageError for one that does not exist."""
    if unit not in UNITS:
        raise UsageError(f"--unit {unit!r} is not one of {', '.join(UNITS)}.")
    return float(UNITS[unit])


def check_model(name: str, k: int | None) -> None:
    """UsageError for a model that does not exist, or a k that does not go with it."""
    if name != "auto" and name not in PURCHASE_MODELS:
        raise UsageError(f"There is no model {name!r}. Choose one of auto, {', '.join(PURCHASE_MODELS)}.")
    if k is not None and name not in REGULAR:
        raise UsageError(f"--k belongs to the models {' and '.join(REGULAR)}. Add --model {REGULAR[1]}.")
    if k is not None and k < 1:
        raise UsageError(f"--k is {k}; it counts the stages of a gap, from 1.")


def fit_model(name: str, past: Histories, unit: float, k: int | None = None) -> Fit:
    """One model's fit, with time in units of so many days."""
    return fit_collapsed(name, collapse(past.x, past.t_x, past.T), unit, k, past.log_gaps)


def fit_collapsed(
    name: str, rows: WeightedHistories, unit: float, k: int | None = None, log_gaps: float | None = None
) -> Fit:
    """The same of histories that were counted; `log_gaps` is the sum over all customers."""
    scaled = rows.scaled(unit)
    if name not in REGULAR:
        return PURCHASE_MODELS[name].fit(*scaled)
    gaps = None
    if log_gaps is not None:
        # Only the sum over all customers matters, so one row may carry it.
        gaps = np.zeros_like(rows.x)
        gaps[0] = (log_gaps - float(rows.x @ rows.weights) * np.log(unit)) / rows.weights[0]
    return PURCHASE_MODELS[name].fit(*scaled, k=k, log_gaps=gaps)  # type: ignore[call-arg]


def fit_all(
    names: Iterable[str], past: Histories, unit: float, k: int | None = None, tell: Tell = nothing
) -> list[Fit]:
    """Several models' fits to the same customers."""
    rows, fits = collapse(past.x, past.t_x, past.T), []
    for name in names:
        tell(f"fitting {PURCHASE_MODELS[name].title}")
        fits.append(fit_collapsed(name, rows, unit, k, past.log_gaps))
    return fits


def only(fit: Fit, reason: str) -> Choice:
    """The choice where there is none."""
    return Choice((Candidate(fit, chosen=True),), reason)


def choose(past: Histories, unit: float, held: Holdout | None, tell: Tell = nothing) -> Choice:
    """The candidates of the rule above, the chosen one first and the others by AIC."""
    fits = sorted(fit_all(AUTO, past, unit, tell=tell), key=lambda fit: fit.aic)
    left, reason = [fit for fit in fits if fit.name not in EVERYBODY_ALIVE], "the lowest AIC"
    scores: dict[str, Array] = {}
    if held is not None:
        tell("testing the forecasts")
        scores = {fit.name: log_scores(_again(fit, held.before, unit), held, unit) for fit in fits}
        lost = beaten({fit.name: scores[fit.name] for fit in left})
        reason = f"the lowest AIC, and no other forecast of the last {held.days} days was clearly better"
        if left[0].name in lost:
            reason = f"{left[0].model.title} has a lower AIC, but its forecast of the last {held.days} days was clearly worse"
        left = [fit for fit in left if fit.name not in lost]
    best = left[0]
    listed = [best, *(fit for fit in fits if fit is not best)]
    means = {name: float(score.mean()) for name, score in scores.items()}
    found = tuple(Candidate(fit, means.get(fit.name), fit is best) for fit in listed)
    return Choice(found, reason, held)


def _again(fit: Fit, before: Histories, unit: float) -> Fit:
    """The same model fitted to the earlier part, with the same k."""
    k = fit.model.stages if fit.name in REGULAR else None
    return fit_model(fit.name, before, unit, k)


def beaten(scores: dict[str, Array]) -> set[str]:
    """The models to which another one's log scores are clearly superior."""
    return {
        name for name, score in scores.items() if any(_clearly(other - score) for other in scores.values())
    }


def _clearly(gain: Array) -> bool:
    """Whether a mean gain over customers is above zero by more than chance explains."""
    return bool(gain.sum() > max(CLEARLY * float(gain.std()) * len(gain) ** 0.5, 0.0))


def log_scores(fit: Fit, held: Holdout, unit: float) -> Array:
    """The log-probability that the fit gave to each customer's purchases; of every n-th if there are many."""
    past, step = held.before, -(-len(held.purchases) // MOST_SCORED)
    x, t_x, T, n = (column[::step] for column in (past.x, past.t_x, past.T, held.purchases))
    mass = fit.model.conditional_pmf(n, held.days / unit, x, t_x / unit, T / unit)
    return np.log(np.maximum(mass, IMPOSSIBLE))


def cut(table: Days, origin: date, end: date, *, money: bool = True) -> tuple[pl.DataFrame, Holdout]:
    """The customers known at `origin`, and what they bought until `end`."""
    people = known(table, origin).filter(pl.col("x").is_not_null())
    before = histories(people, money=money, gaps=log_gaps(table, origin))
    purchases = after(table, people, origin, end)["actual_purchases"].to_numpy().astype(float)
    return people, Holdout(origin, end, before, purchases)


def held_back(table: Days, as_of: date, horizon: int) -> Holdout | None:
    """The last third of the history, but no more than the horizon; None where that leaves too little."""
    part = min((as_of - table.first).days // 3, horizon)
    if part < 1:
        return None
    _, held = cut(table, as_of - timedelta(days=part), as_of, money=False)
    enough = (held.before.x > 0).sum() >= ENOUGH and held.purchases.sum() >= ENOUGH
    return held if enough else None


def extremes(model: Any, x: Array, T: Array) -> list[int]:
    """Places of the histories at the ends of all ranges, which settle how finely a model's rules are laid out."""
    pace = (model.r + model.stages * x) / (model.alpha + T)
    return [int(place) for place in (pace.argmax(), T.argmin(), T.argmax(), x.argmin(), x.argmax())]


def check_histories(past: Histories) -> None:
    """DataError where no model of repeat purchases can be fitted."""
    if not len(past.x):
        raise DataError("Nobody has bought anything, so there is nothing to project. See `crmkit check`.")
    if not (past.x > 0).any():
        raise DataError(
            f"None of the {len(past.x):,} customers bought on a second day, so there is nothing to learn about "
            "repeat purchases. Give a longer history; `crmkit value` works with assumptions instead."
        )
