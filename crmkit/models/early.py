"""Customers who were there when the file began: they look new and buy like old ones.

Who is seen first in the first weeks of a file is likely to buy often, for a frequent customer shows up at once
and a rare one later. So the scale of rates depends on s, the day first seen counted from the begin
of the file, in classes of four weeks:

    alpha(s) = alpha · e^(−γ z),    z = e^(−s/τ)

It is a model with a covariate, z. γ is estimated, τ is the likeliest of a few. Where customers really began
with the file nothing is gained, and AIC leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models.covariates import CovariateFit, climb, likelihood_of
from crmkit.models.fitting import Fit
from crmkit.models.numerics.derivatives import WithDerivatives
from crmkit.models.numerics.optimise import promise
from crmkit.models.predictions import Past
from crmkit.models.purchase import Draw, PurchaseModel
from crmkit.models.weighted import WeightedHistories, columns

Array = np.ndarray

CLASS = 28  # days
FADING = (15.0, 30.0, 60.0, 120.0, 240.0)  # τ in days
NEGLIGIBLE = 0.01  # z below which a customer is like any later one
SAMPLE = 20_000  # histories on which τ is chosen
WORTH = 10.0  # of AIC
HOPELESS = WORTH / 4  # of log-likelihood, half of what AIC would ask for, below which nobody climbs
NAME = "early"


def classes(span: int, tau: float) -> list[tuple[int, float]]:
    """(T, z): the longest T of a later class, in days, and z of the class beyond it; T ascends.

    `span` are the days from the first of the file to the as-of date.
    """
    count = span // CLASS + 1
    weights = np.exp(-(np.arange(count) + 0.5) * CLASS / tau)
    kept = np.flatnonzero(weights >= NEGLIGIBLE)
    return [(span - CLASS * (int(c) + 1), float(weights[c])) for c in kept[::-1]]


@dataclass(frozen=True)
class Early(PurchaseModel):
    """A model whose alpha is smaller for customers first seen early; `factor` is e^γ.

    `edges` are times in the unit of the model: T up to the first belongs to those who came late, T
    beyond edge i to z[i].
    """

    base: PurchaseModel
    factor: float
    tau: float
    edges: tuple[float, ...]
    z: tuple[float, ...]

    times: ClassVar[tuple[str, ...]] = ("alpha",)

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.base.name

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.base.title

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.base.names, NAME)

    @property
    def gap_matters(self) -> bool:  # type: ignore[override]
        return self.base.gap_matters

    @property
    def stages(self) -> int:
        return self.base.stages

    @property
    def params(self) -> dict[str, float]:
        return {**self.base.params, NAME: self.factor}

    def at(self, log_params: Array) -> Self:
        factor = float(np.exp(np.clip(log_params[-1], -690.0, 690.0)))
        return replace(self, base=self.base.at(log_params[:-1]), factor=factor)

    def rescaled(self, unit: float) -> Self:
        edges = tuple(edge * unit for edge in self.edges)
        return replace(self, base=self.base.rescaled(unit), edges=edges)

    def placed(self, span: int, since: Callable[[Array], Array]) -> Self:
        """The same model as of another day, `span` days after the begin of the file.

        `since` turns days before that day into time of the model.
        """
        found = classes(span, self.tau)
        ages = np.array([age for age, _ in found]) + 0.5  # between whole days
        return replace(
            self, edges=tuple(since(np.maximum(ages, 0.0)).tolist()), z=tuple(weight for _, weight in found)
        )

    def to_dict(self) -> dict[str, Any]:
        return {**self.base.to_dict(), NAME: {"factor": self.factor, "tau": self.tau}}

    # ---- every customer by the model of their class

    def of_class(self, place: int) -> PurchaseModel:
        """The plain model of class 0 (late), 1, 2, …"""
        if place == 0:
            return self.base
        alpha = self.base.alpha * self.factor ** -self.z[place - 1]  # type: ignore[attr-defined]
        return replace(self.base, alpha=alpha)  # type: ignore[type-var]

    def parts(self, T: Array) -> Iterator[tuple[PurchaseModel, Array]]:
        """The plain models, each with the rows that it is for."""
        place = np.searchsorted(np.array(self.edges), T, side="left")
        for one in np.unique(place):
            yield self.of_class(int(one)), np.flatnonzero(place == one)

    def _each(self, method: str, T: Array, *arrays: Any) -> Array:
        """What the plain models' `method` says, row by row; arguments that are no arrays are the same for all."""
        answer = np.empty(len(T))
        for model, rows in self.parts(T):
            own = (one[rows] if isinstance(one, np.ndarray) else one for one in arrays)
            answer[rows] = getattr(model, method)(*own)
        return answer

    @classmethod
    def starts(cls) -> list[Self]:
        raise ModelError("This model is fitted by fit_early, from the plain one.")

    def jet(self, rows: WeightedHistories) -> WithDerivatives:
        raise ModelError("This model is fitted by fit_early, from the plain one.")

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        x, t_x, T = columns(x, t_x, T)
        return self._each("log_likelihood", T, x, t_x, T)

    def _alive_now(self, past: Past) -> Array:
        answer = np.empty(len(past.T))
        for model, rows, part in past.split(self.edges):
            answer[rows] = self.of_class(model)._alive_now(part)
        return answer

    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_survival", T, h, x, t_x, T)

    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_mean", T, h, x, t_x, T)

    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_pairs", T, h, x, t_x, T)

    def _mass(self, n: Array, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_mass", T, n, h, x, t_x, T)

    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_discounted", T, h, rate, x, t_x, T)

    def draw(self, rng: np.random.Generator, T: ArrayLike, horizon: ArrayLike = 0.0) -> Draw:
        T, horizon = columns(T, horizon)
        found = Draw(*np.zeros((4, len(T))))
        for model, rows in self.parts(T):
            for answer, part in zip(found, model.draw(rng, T[rows], horizon[rows]), strict=True):
                answer[rows] = part
        return found

    def _future(self, rng: np.random.Generator, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._each("_future", T, rng, h, x, t_x, T)

    def limit_notes(self) -> list[str]:
        return self.base.limit_notes()


def fit_early(
    plain: Fit,
    rows: WeightedHistories,
    span: int,
    since: Callable[[Array], Array],
    fading: Sequence[float] = FADING,
) -> Fit:
    """The plain fit's model with alpha(s), fitted to the same histories.

    `rows` are in the unit of the plain fit; `span` and `since` are as in `Early.placed`. The
    log-likelihood is in the terms of the plain fit's, so that their AIC compare. Where nothing is to be gained, the plain fit
    is the answer.
    """
    starts = [Early(plain.model, 1.0, tau, (), ()).placed(span, since) for tau in fading]
    few = rows.thinned(SAMPLE)
    promised = np.array([_promised(start, few) for start in starts]) * (rows.customers / few.customers)
    if promised.max() < HOPELESS:
        return plain
    starts = [start for start, gain in zip(starts, promised, strict=True) if gain >= promised.max() / 2]
    tried = [_climbed(start, few) for start in starts] if len(starts) > 1 or few is rows else []
    best = max(range(len(tried)), key=lambda i: tried[i][1], default=0)
    start = starts[best]
    found, gain = tried[best] if few is rows else _climbed(start, rows)
    return replace(
        plain,
        model=replace(start, base=found.base, factor=float(np.exp(found.coefficients["alpha"][0]))),
        log_likelihood=plain.log_likelihood + gain,
        free=plain.free + 2,
        log_covariance=found.log_covariance,
        identified=found.identified,
    )


def _promised(start: Early, rows: WeightedHistories) -> float:
    """How much likelier than the plain model it promises to be, judged by slope and curvature at that model."""
    base, parts = _split(start, rows, _mean_time(rows))
    return promise(likelihood_of(base, parts, np.zeros(len(base.names) + 1)), np.r_[base.log_params, 0.0])


def _climbed(start: Early, rows: WeightedHistories) -> tuple[CovariateFit, float]:
    """The best parameters, and how much likelier they are than the plain model's."""
    unit = _mean_time(rows)
    base, parts = _split(start, rows, unit)
    found = climb(base, parts, {"alpha": 1}, (1.0, 0.0))
    scaled = rows.scaled(unit)
    before = float((scaled.weights * base.log_likelihood(*scaled[:3])).sum())
    return replace(found, base=found.base.rescaled(unit)), found.log_likelihood - before


def _mean_time(rows: WeightedHistories) -> float:
    return float((rows.T * rows.weights).sum() / rows.customers)


def _split(
    start: Early, rows: WeightedHistories, unit: float
) -> tuple[PurchaseModel, list[tuple[Array, WeightedHistories]]]:
    """The plain model in this unit of time, and the customers of each class with what moves their alpha."""
    base, scaled = start.base.rescaled(1 / unit), rows.scaled(unit)
    place = np.searchsorted(np.array(start.edges), rows.T, side="left")
    z = np.r_[0.0, start.z]
    parts = []
    for one in np.unique(place):
        design = np.hstack([np.eye(len(base.names)), np.zeros((len(base.names), 1))])
        design[base.names.index("alpha"), -1] = -z[one]
        parts.append((design, WeightedHistories(*(column[place == one] for column in scaled))))
    return base, parts
