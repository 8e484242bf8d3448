"""Which purchase model: fits of all candidates, and the rule that `--model auto` follows.

The rule. NBD, BG/NBD, MBG/NBD, Pareto/NBD and MBG/CNBD-k are fitted to all of the history; the one
with the lowest AIC is taken. BG/NBD is shown and never taken: it holds every customer who bought
once for alive, for ever, and most bases are made of such customers.

Where there is enough history, forecasts are tested, too. The last part of the history is held back,
each model is fitted to what came before, and its forecast is scored by the logarithm of the
probability that it gave to each customer's number of purchases. A model is beaten if another one
scores better by more than two standard errors of the difference; the lowest AIC is then looked for
among those that no other model beats. A regular model, whose likelihood is that of every gap, has to forecast
clearly better than the best plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn

import numpy as np
import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.forecast.calendar import EVEN, Calendar, calendar_of
from crmkit.history.purchase_histories import Days, Histories, after, histories, known, repeats
from crmkit.models import PURCHASE_MODELS, Fit, fit_early
from crmkit.models.early import FADING, WORTH, Early
from crmkit.models.intervals import SHOCKS
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
    """What was held back to test forecasts: the customers known at `origin`, and their purchases until `end`.

    The histories are in the time of the calendar.
    """

    origin: date
    end: date
    before: Histories
    purchases: Array
    calendar: Calendar = EVEN

    @property
    def days(self) -> int:
        return (self.end - self.origin).days

    @property
    def time(self) -> float:
        """The days that count until the end."""
        return float(self.calendar.ahead(self.days))

    def on(self, ask: str) -> Holdout:
        """The same by the calendar that would have been learnt at the origin."""
        calendar = calendar_of(self.before, ask, self.days)
        return replace(self, before=calendar.on(self.before), calendar=calendar)


class Began(NamedTuple):
    """When the file began, for customers who may have been there before.

    `span` are the days from then to the as-of date, `since` the time of the models since so many days ago.
    """

    span: int
    since: Callable[[Array], Array]


@dataclass(frozen=True)
class Choice:
    """The candidates with the chosen one first, and why it was chosen."""

    candidates: tuple[Candidate, ...]
    reason: str
    holdout: Holdout | None = None

    @property
    def fit(self) -> Fit:
        return self.candidates[0].fit

    def with_more(self, log_likelihood: float) -> Choice:
        """The same with so much added to every log-likelihood."""
        found = [
            replace(one, fit=replace(one.fit, log_likelihood=one.fit.log_likelihood + log_likelihood))
            for one in self.candidates
        ]
        return replace(self, candidates=tuple(found))

    def with_model(self, model: Any) -> Choice:
        """The same with another model in the place of the chosen one's."""
        first, *others = self.candidates
        return replace(self, candidates=(replace(first, fit=replace(first.fit, model=model)), *others))


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


def choose(
    past: Histories, unit: float, held: Holdout | None, tell: Tell = nothing, began: Began | None = None
) -> Choice:
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
        first, left = left[0], _proven(left, scores)
        if left[0] is not first:
            reason = (
                f"{first.model.title} has a lower AIC, which regular gaps explain, but its forecast of the last "
                f"{held.days} days was not clearly better"
            )
    best = with_early(left, past, unit, began)
    listed = [best, *(fit for fit in fits if fit.name != best.name)]
    means = {name: float(score.mean()) for name, score in scores.items()}
    found = tuple(Candidate(fit, means.get(fit.name), fit is best) for fit in listed)
    return Choice(found, reason, held)


def _proven(fits: Sequence[Fit], scores: dict[str, Array]) -> list[Fit]:
    """Without the regular models that do not forecast clearly better than the best plain one.

    Their likelihood is that of every gap, of which forecasts of totals and ranks need little.
    """
    plain = max(
        (one for one in fits if one.model.stages == 1), key=lambda one: scores[one.name].mean(), default=None
    )
    if plain is None:
        return list(fits)
    return [one for one in fits if one.model.stages == 1 or _clearly(scores[one.name] - scores[plain.name])]


def with_early(fits: Sequence[Fit], past: Histories, unit: float, began: Began | None) -> Fit:
    """The first of the fits, or, if it is likelier by far, one in which early customers are old ones.

    The search is for those whose AIC is next to the first one's; with k = 1 a regular model is another one's twin.
    """
    if began is None:
        return fits[0]
    rows = collapse(past.x, past.t_x, past.T).scaled(unit)
    first = fit_early(fits[0], rows, *began)
    near = [fit for fit in fits[1:] if fit.aic < fits[0].aic + WORTH and not _is_twin(fit)]
    fading = (first.model.tau,) if isinstance(first.model, Early) else FADING
    others = [fit_early(fit, rows, *began, fading=fading) for fit in near]
    best = min([first, *others], key=lambda fit: fit.aic)
    return best if best.aic <= fits[0].aic - WORTH else fits[0]


def _is_twin(fit: Fit) -> bool:
    return fit.name in REGULAR and fit.model.stages == 1


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
    time, spread = held.time / unit, held.calendar.mixed(held.days) ** 0.5
    shocks = SHOCKS if spread > 0 else ((0.0, 1.0),)
    history, mass = (x, t_x / unit, T / unit), np.zeros_like(n)
    for shock, weight in shocks:
        mass = mass + weight * fit.model.conditional_pmf(n, time * np.exp(shock * spread), *history)
    return np.log(np.maximum(mass, IMPOSSIBLE))


def cut(
    table: Days, origin: date, end: date, *, money: bool = True, first: bool = False
) -> tuple[pl.DataFrame, Holdout]:
    """The customers known at `origin`, and what they bought until `end`; `first` as in `histories`."""
    people = known(table, origin).filter(pl.col("x").is_not_null())
    before = histories(people, money=money, repeats=repeats(table, origin), first=first)
    purchases = after(table, people, origin, end)["actual_purchases"].to_numpy().astype(float)
    return people, Holdout(origin, end, before, purchases)


def held_back(table: Days, as_of: date, horizon: int, ask: str = "off") -> Holdout | None:
    """The last third of the history, but no more than the horizon; None where that leaves too little.

    `ask` chooses the calendar.
    """
    part = min((as_of - table.first).days // 3, horizon)
    if part < 1:
        return None
    _, held = cut(table, as_of - timedelta(days=part), as_of, money=False)
    enough = (held.before.x > 0).sum() >= ENOUGH and held.purchases.sum() >= ENOUGH
    return held.on(ask) if enough else None


def refuse_untested(otherwise: str = "") -> NoReturn:
    """UsageError where `auto` cannot test models, since customers are elsewhere; `otherwise` is what else can be done."""
    raise UsageError(
        "--model auto tests each model on every n-th customer in the order of their ids, and with --engine spark "
        f"these are not here. Name a model, such as --model mbgnbd{otherwise}."
    )


def extremes(model: Any, x: Array, T: Array) -> list[int]:
    """Places of the histories at the ends of all ranges, which settle how finely a model's rules are laid out."""
    if isinstance(model, Early):
        return [int(rows[at]) for one, rows in model.parts(T) for at in extremes(one, x[rows], T[rows])]
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
