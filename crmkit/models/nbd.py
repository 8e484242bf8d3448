"""NBD: customers buy at random for ever, at rates that differ (Ehrenberg 1959; Fader, Hardie & Lee 2005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.models.numerics.derivatives import Sums, WithDerivatives, empty, mirror, rising
from crmkit.models.numerics.quadrature import annuity
from crmkit.models.predictions import Past
from crmkit.models.purchase import Draw, PurchaseModel
from crmkit.models.weighted import WeightedHistories, check, columns, unique_rows

Array = np.ndarray

LARGE_SHAPE = 1e4


def purchase_jet(r: float, alpha: float, rows: WeightedHistories, k: int = 1) -> WithDerivatives:
    """log Γ(r+kx)/Γ(r) − kx log α − (r+kx) log(1+T/α): the purchases of one who is never lost.

    The gradient is in (log r, log α).
    """
    jet, n = empty(2, len(rows.x)), k * rows.x
    up = rising(r, n)
    length = np.log1p(rows.T / alpha)
    seen = rows.T / (alpha + rows.T)
    jet.value[:] = up.value - n * np.log(alpha) - (r + n) * length
    jet.gradient[0] = r * (up.first - length)
    jet.gradient[1] = (r + n) * seen - n
    jet.hessian[0, 0] = jet.gradient[0] + r * r * up.second
    jet.hessian[0, 1] = r * seen
    jet.hessian[1, 1] = -(r + n) * seen * (1 - seen)
    mirror(jet.hessian)
    return jet


def count_mass(n: Array, shape: Array, v: Array) -> Array:
    """P(n) of a Poisson count with mean v·g, g ~ Gamma(shape, 1): the negative binomial."""
    from scipy.special import gammaln, xlogy

    logs = gammaln(shape + n) - gammaln(shape) - gammaln(n + 1) + xlogy(n, v) - (shape + n) * np.log1p(v)
    return np.exp(np.maximum(logs, -745.0)) * (logs > -745.0)


def rate_notes(r: float, alpha: float) -> list[str]:
    """What it means when r has no upper bound."""
    if r < LARGE_SHAPE:
        return []
    return [
        f"All customers buy at the same rate, {r / alpha:.4g} a unit of time while they are alive "
        "(r and alpha grow without bound: the Poisson limit)."
    ]


def draw_rates(rng: np.random.Generator, shape: Array | float, scale: Array | float, n: int) -> Array:
    """Purchase rates ~ Gamma(shape) with rate parameter `scale`."""
    return rng.gamma(shape, 1.0, n) / scale


def uniform_history(rng: np.random.Generator, rate: Array, until: Array) -> tuple[Array, Array]:
    """Poisson purchases in (0, until]: how many, and when the last."""
    x = rng.poisson(rate * until).astype(float)
    last = until * rng.random(len(x)) ** (1 / np.maximum(x, 1))
    return x, np.where(x > 0, np.maximum(last, np.finfo(float).tiny), 0.0)


@dataclass(frozen=True)
class NBD(PurchaseModel):
    """λ ~ Gamma(r, rate alpha), purchases Poisson(λ), nobody ever leaves.

    Given x and T the rate is Gamma(r + x, alpha + T), so every formula is a negative binomial's.
    """

    r: float
    alpha: float

    name: ClassVar[str] = "nbd"
    title: ClassVar[str] = "NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha")
    times: ClassVar[tuple[str, ...]] = ("alpha",)

    @classmethod
    def starts(cls) -> list[Self]:
        return [cls(0.5, 0.5)]

    def jet(self, rows: WeightedHistories) -> WithDerivatives:
        return purchase_jet(self.r, self.alpha, rows)

    def likelihood(self, rows: WeightedHistories) -> Callable[[Self], Sums]:
        (x, T), where = unique_rows(rows.x, rows.T)
        return super().likelihood(WeightedHistories(x, T, T, np.bincount(where, rows.weights)))

    def limit_notes(self) -> list[str]:
        return rate_notes(self.r, self.alpha)

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        x, t_x, T = columns(x, t_x, T)
        check(x, t_x, T)
        up = rising(self.r, x).value
        return up - x * np.log(self.alpha) - (self.r + x) * np.log1p(T / self.alpha)

    def _alive_now(self, past: Past) -> Array:
        return np.ones_like(past.T)

    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return np.ones_like(T)

    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return (self.r + x) * (h / (self.alpha + T))

    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return (self.r + x) * (self.r + x + 1) * (h / (self.alpha + T)) ** 2

    def _mass(self, n: Array, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return count_mass(n, self.r + x, h / (self.alpha + T))

    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        return (self.r + x) / (self.alpha + T) * annuity(h, rate)

    def draw(self, rng: np.random.Generator, T: ArrayLike, horizon: ArrayLike = 0.0) -> Draw:
        T, horizon = columns(T, horizon)
        rate = draw_rates(rng, self.r, self.alpha, len(T))
        x, t_x = uniform_history(rng, rate, T)
        return Draw(x, t_x, T, rng.poisson(rate * horizon).astype(float))

    def _future(self, rng: np.random.Generator, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        rate = draw_rates(rng, self.r + x, self.alpha + T, len(x))
        return rng.poisson(rate * h).astype(float)
