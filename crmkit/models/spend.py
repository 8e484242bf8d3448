"""What all spend models share, a simple one that can always be fitted, and the choice between them.

A spend model sees x, the number of purchases with an amount, and m, the mean amount. Money may be
in any unit. Amounts are taken to be independent of how often a customer buys.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models.fitting import Fit, maximum_fit
from crmkit.models.model import Model
from crmkit.models.nbd import LARGE_SHAPE
from crmkit.models.numerics.derivatives import WithDerivatives, empty, mirror
from crmkit.models.weighted import columns, unique_rows

Array = np.ndarray

WORTH = 10.0  # of AIC, for a parameter that an analyst would have to explain
FEWEST = 30  # customers with an amount, below which Gamma-Gamma is not tried
FACTOR = 3.0  # by which single purchases must contradict what means say of their spread
LEAST_SHAPE, MOST_SHAPE = 1e-3, 1e6
ONLY_MEANS = ", and only means are looked at"


class Moments(NamedTuple):
    """Of a future amount M with the customer's own mean Z: E(M), E(M²) and E(Z²)."""

    mean: Array
    square: Array
    mean_square: Array


class SpendModel(Model, ABC):
    """A model of how much customers spend, with positive parameters."""

    powers: ClassVar[tuple[int, ...]]  # of money, in the unit of each parameter
    box: ClassVar[tuple[tuple[float, float], ...]]  # of each parameter, for money scaled to a mean m of one

    def rescaled(self, unit: float) -> Self:
        """The same model in a unit of money that is 1/`unit` of the present one."""
        scaled = {
            name: getattr(self, name) * unit**power
            for name, power in zip(self.names, self.powers, strict=True)
        }
        return replace(self, **scaled)  # type: ignore[type-var]

    @classmethod
    def fit(cls, x: ArrayLike, m: ArrayLike, weights: ArrayLike | None = None) -> Fit:
        """Maximum likelihood over the customers with x > 0 and m > 0; the others are left out.

        `Fit.customers` says how many were used. Raises ModelError if there are none.
        """
        return fit_amounts(cls.start(), x, m, weights)

    @classmethod
    @abstractmethod
    def start(cls) -> Self: ...

    @abstractmethod
    def jet(self, x: Array, m: Array) -> WithDerivatives:
        """Log-likelihood of each row with its derivatives in the logarithms of the parameters."""

    @abstractmethod
    def moments(self, x: ArrayLike, m: ArrayLike) -> Moments:
        """Of a future amount of customers with this history; x = 0 is a customer without amounts."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, x: ArrayLike) -> Array:
        """Simulate the mean amount of x purchases of a new customer, zero where x is zero."""

    def log_likelihood(self, x: ArrayLike, m: ArrayLike) -> Array:
        """Of the mean amount m of x > 0 purchases."""
        return self.jet(*columns(x, m)).value

    def expected(self, x: ArrayLike, m: ArrayLike) -> Array:
        """E(amount of a future purchase | x, m)."""
        return self.moments(x, m).mean


def fit_amounts(
    start: Any,
    x: ArrayLike,
    m: ArrayLike,
    weights: ArrayLike | None,
    given: Mapping[str, float] | None = None,
) -> Fit:
    """Maximum likelihood of a spend model, in the unit of money of m; parameters without a unit may be `given`."""
    given = given or {}
    x, m, w = columns(x, m, 1.0 if weights is None else weights)
    used = (x > 0) & (m > 0) & np.isfinite(m) & (w > 0)
    if not used.any():
        raise ModelError(
            "No customer has a repeat purchase with a positive amount, so spend cannot be modelled."
        )
    (x, m), where = unique_rows(x[used], m[used])
    w = np.bincount(where, weights=w[used])
    unit = float((m * w).sum() / w.sum())
    box = [
        (given[name],) * 2 if name in given else edges
        for name, edges in zip(start.names, start.box, strict=True)
    ]
    fit = maximum_fit(start, lambda now: now.jet(x, m / unit).total(w), box, float(w.sum()))
    log_likelihood = fit.log_likelihood - fit.customers * float(np.log(unit))
    return replace(fit, model=fit.model.rescaled(unit), log_likelihood=log_likelihood).with_limits(given)


@dataclass(frozen=True)
class LognormalSpend(SpendModel):
    """A customer's mean Z is lognormal; the amounts around it vary by the same share of it.

    log Z ~ Normal(log median, between), and given Z the mean of x amounts is lognormal with mean Z
    and log-variance within/x. The posterior of log Z is a weighted mean of the customer's and
    everybody's (credibility theory, Bühlmann 1967, on the log scale), so E(M | x, m) is finite
    whatever the tails: it stands in for Gamma-Gamma where that cannot be fitted.
    """

    median: float
    between: float
    within: float

    name: ClassVar[str] = "lognormal"
    title: ClassVar[str] = "lognormal spend"
    names: ClassVar[tuple[str, ...]] = ("median", "between", "within")
    powers: ClassVar[tuple[int, ...]] = (1, 0, 0)
    box: ClassVar[tuple[tuple[float, float], ...]] = ((1e-9, 1e9), (1e-8, 1e2), (1e-8, 1e2))

    @classmethod
    def start(cls) -> Self:
        return cls(1.0, 0.3, 0.3)

    def jet(self, x: Array, m: Array) -> WithDerivatives:
        S = self.within / x
        V, e = self.between + S, np.log(m / self.median) + S / 2
        by_V, by_VV = (e * e / V - 1) / (2 * V), (0.5 - e * e / V) / V**2
        jet = empty(3, len(V))
        jet.value[:] = -0.5 * (np.log(2 * np.pi * V) + e * e / V) - np.log(m)
        jet.gradient[:] = [e / V, by_V * self.between, S * (by_V - e / V / 2)]
        jet.hessian[0, 0] = -1 / V
        jet.hessian[0, 1] = -e / V**2 * self.between
        jet.hessian[0, 2] = S * (0.5 / V - e / V**2)
        jet.hessian[1, 1] = by_VV * self.between**2 + jet.gradient[1]
        jet.hessian[1, 2] = self.between * S * (by_VV + e / V**2 / 2)
        jet.hessian[2, 2] = jet.gradient[2] + S**2 * (by_VV + e / V**2 - 0.25 / V)
        mirror(jet.hessian)
        return jet

    def limit_notes(self) -> list[str]:
        if self.between < 1e-6:
            return [
                f"The mean amounts of customers do not differ by more than chance may explain{ONLY_MEANS}, so "
                "everybody is expected to spend the common mean."
            ]
        return []

    def moments(self, x: ArrayLike, m: ArrayLike) -> Moments:
        x, m = columns(x, m)
        known = (x > 0) & (m > 0)
        S = self.within / np.where(known, x, 1.0)
        trust = np.where(known, self.between / (self.between + S), 0.0)
        own = np.log(np.where(known, m, self.median) / self.median) + S / 2
        centre, spread = np.log(self.median) + trust * own, self.between * (1 - trust)
        mean_square = np.exp(2 * centre + 2 * spread)
        return Moments(np.exp(centre + spread / 2), mean_square * np.exp(self.within), mean_square)

    def draw(self, rng: np.random.Generator, x: ArrayLike) -> Array:
        (x,) = columns(x)
        log_mean = np.log(self.median) + np.sqrt(self.between) * rng.standard_normal(len(x))
        S = self.within / np.maximum(x, 1)
        return np.where(x > 0, np.exp(log_mean - S / 2 + np.sqrt(S) * rng.standard_normal(len(x))), 0.0)


class Spread(NamedTuple):
    """How amounts vary around the mean of who spent them: `customers` by their number of amounts, and `within`.

    `within` is the sum over all these customers of the squared coefficient of variation of their amounts.
    """

    amounts: Array
    customers: Array
    within: float

    @property
    def shape(self) -> float | None:
        """The shape p of single amounts, Gamma around a customer's mean; None where too few came twice.

        Shares of a customer's sum are Dirichlet(p, …, p), whatever the mean, so the squared coefficient of variation of
        n amounts is (n − 1)/(pn + 1) in the mean. The equation is solved for p by halving: one side falls with p.
        """
        n, customers = self.amounts, self.customers
        if float((customers * (n - 1)).sum()) < FEWEST:
            return None
        low, high = LEAST_SHAPE, MOST_SHAPE
        while high > low * (1 + 1e-12):
            p = float(np.sqrt(low * high))
            if float((customers * (n - 1) / (p * n + 1)).sum()) > self.within:
                low = p
            else:
                high = p
        return high


def fit_spend(
    x: ArrayLike,
    m: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    by_frequency: bool = False,
    spread: Spread | None = None,
) -> Fit:
    """Gamma-Gamma if it can be fitted and has a finite mean, else the lognormal model, saying why.

    `by_frequency`: with amounts that grow with x, where that is likelier by far (AIC). `spread` is what single purchases
    say of how a customer's amounts vary; it settles p where means say nothing of that, or something else altogether.
    """
    x, m, w = columns(x, m, 1.0 if weights is None else weights)
    used = (x > 0) & (m > 0) & (w > 0)
    p = None if spread is None else spread.shape
    if w[used].sum() < FEWEST:
        reason = f"fewer than {FEWEST} customers have a repeat purchase with an amount"
    elif np.ptp(m[used]) <= 1e-9 * m[used].max():
        reason = "all mean amounts are the same"
    else:
        fit = _gamma_gamma(x, m, w, by_frequency, {})
        if p is not None and _is_contradicted(fit.model, p):
            fit = _known_to_vary(_gamma_gamma(x, m, w, by_frequency, {"p": p}), p)
        if fit.model.q > 1:
            return fit
        reason = f"its q = {fit.model.q:.3g} is not above one, so that its mean would be infinite"
    simple = fit_amounts(
        LognormalSpend.start(), x, m, w, {} if p is None else {"within": float(np.log1p(1 / p))}
    )
    note = f"Spend is modelled as lognormal, not Gamma-Gamma: {reason}."
    simple = simple if p is None else _known_to_vary(simple, p)
    return replace(simple, notes=(note, *simple.notes))


def _gamma_gamma(x: Array, m: Array, w: Array, by_frequency: bool, given: Mapping[str, float]) -> Fit:
    from crmkit.models.gammagamma import GammaGamma, GammaGammaFrequency

    fit = fit_amounts(GammaGamma.start(), x, m, w, given)
    if not by_frequency:
        return fit
    growing = fit_amounts(GammaGammaFrequency.start(), x, m, w, given)
    return growing if growing.model.q > 1 and growing.aic <= fit.aic - WORTH else fit


def _is_contradicted(model: Any, p: float) -> bool:
    """Whether single purchases say something else than means, or these say nothing."""
    return max(model.p, model.q) > LARGE_SHAPE or model.q <= 1 or not 1 / FACTOR < model.p / p < FACTOR


def _known_to_vary(fit: Fit, p: float) -> Fit:
    """The fit, whose notes say whence it is known how amounts vary."""
    said = f"Purchases of one customer vary by {p**-0.5:.0%} around the customer's mean: single purchases say so, and means do not."
    notes = [note.replace(ONLY_MEANS, "") for note in fit.notes]
    return replace(fit, notes=(*([said] if p < LARGE_SHAPE else []), *notes))
