"""Beta-discrete-Weibull: contracts whose risk of ending changes with age (Fader & Hardie 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, zeta

from crmkit.errors import ModelError
from crmkit.models.fitting import Fit, maximum_fit
from crmkit.models.model import Model
from crmkit.models.nbd import LARGE_SHAPE
from crmkit.models.numerics.derivatives import WithDerivatives, empty, log_sum, mirror
from crmkit.models.weighted import columns, unique_rows

Array = np.ndarray

LONGEST = 100_000  # renewals that a discounted sum may need


class Contract(Model):
    """Contracts that end at the t-th renewal; S(t) = B(gamma, delta + t^c)/B(gamma, delta) survive it.

    θ ~ Beta(gamma, delta) between customers, (1 − θ)^(t^c) survive given θ. A customer is t and
    whether the contract `ended` at the t-th renewal (t >= 1) or is running after t renewals.
    """

    gamma: float
    delta: float
    box: ClassVar[tuple[tuple[float, float], ...]]

    @property
    def shape(self) -> float:
        """The exponent c of duration: above one, the risk of each customer grows with age."""
        return 1.0

    @classmethod
    def start(cls) -> Self:
        raise NotImplementedError

    @classmethod
    def fit(cls, t: ArrayLike, ended: ArrayLike, weights: ArrayLike | None = None) -> Fit:
        """Maximum likelihood over customers. Raises ModelError when no contract ended."""
        t, ended, w = columns(t, ended, 1.0 if weights is None else weights)
        _check(t, ended)
        (t, ended), where = unique_rows(t, ended)
        w = np.bincount(where, weights=w)
        if not (ended * w > 0).any():
            raise ModelError("No contract has ended, so nothing can be said of when contracts end.")
        fit = maximum_fit(cls.start(), lambda now: now.jet(t, ended).total(w), cls.box, float(w.sum()))
        return fit.with_limits()

    @classmethod
    def fit_cohort(cls, survivors: ArrayLike) -> Fit:
        """From a cohort's counts: survivors[0] contracts began, survivors[i] survived renewal i."""
        counts = np.asarray(survivors, float)
        if counts.ndim != 1 or len(counts) < 2 or (np.diff(counts) > 0).any() or not (counts >= 0).all():
            raise ModelError("Survivors must be two or more counts, none above the one before.")
        last = len(counts) - 1
        t = np.append(np.arange(1, last + 1), last)
        return cls.fit(t, np.arange(last + 1) < last, np.append(-np.diff(counts), counts[-1]))

    # ---- likelihood

    def _survival_jet(self, t: Array) -> WithDerivatives:
        """log S(t) in (log gamma, log delta, log c)."""
        g, d, c = self.gamma, self.delta, self.shape
        log_t = np.log(np.maximum(t, 1.0))
        v = np.where(t > 0, np.exp(c * log_t), 0.0)
        by_v, by_vv = c * log_t * v, c * log_t * v * (1 + c * log_t)
        whole, trigamma = digamma(g + d + v), zeta(2, g + d + v)
        slope, bend = digamma(d + v) - whole, zeta(2, d + v) - trigamma
        jet = empty(3, len(t))
        jet.value[:] = betaln(g, d + v) - betaln(g, d)
        jet.gradient[0] = g * (digamma(g + d) - whole)
        jet.gradient[1] = d * (slope + digamma(g + d) - digamma(d))
        jet.gradient[2] = slope * by_v
        jet.hessian[0, 0] = jet.gradient[0] + g * g * (zeta(2, g + d) - trigamma)
        jet.hessian[0, 1] = g * d * (zeta(2, g + d) - trigamma)
        jet.hessian[0, 2] = -g * trigamma * by_v
        jet.hessian[1, 1] = jet.gradient[1] + d * d * (bend + zeta(2, g + d) - zeta(2, d))
        jet.hessian[1, 2] = d * bend * by_v
        jet.hessian[2, 2] = bend * by_v**2 + slope * by_vv
        mirror(jet.hessian)
        return jet

    def jet(self, t: Array, ended: Array) -> WithDerivatives:
        """Log-likelihood of each row: log S(t), or log(S(t − 1) − S(t)) for those who ended at t."""
        running = self._survival_jet(t)
        over = log_sum(
            [self._survival_jet(np.maximum(t - 1, 0)), self._survival_jet(np.maximum(t, 1))], (1, -1)
        )
        whole = WithDerivatives(
            *(np.where(ended > 0, gone, here) for gone, here in zip(over, running, strict=True))
        )
        p = len(self.names)
        return WithDerivatives(whole.value, whole.gradient[:p], whole.hessian[:p, :p])

    def log_likelihood(self, t: ArrayLike, ended: ArrayLike) -> Array:
        t, ended = columns(t, ended)
        _check(t, ended)
        return self.jet(t, ended).value

    def limit_notes(self) -> list[str]:
        if self.gamma + self.delta > LARGE_SHAPE:
            return ["All customers are equally likely to leave (gamma and delta grow without bound)."]
        return []

    # ---- predictions

    def _log_survival(self, t: ArrayLike) -> Array:
        powered = np.power(np.asarray(t, float), self.shape)
        return betaln(self.gamma, self.delta + powered) - betaln(self.gamma, self.delta)

    def survival(self, t: ArrayLike) -> Array:
        """S(t): the share of contracts that survive t renewals."""
        return np.exp(self._log_survival(t))

    def retention(self, t: ArrayLike) -> Array:
        """S(t)/S(t − 1): the share of the contracts that reached renewal t >= 1 which are renewed."""
        t = np.asarray(t, float)
        return np.exp(self._log_survival(t) - self._log_survival(t - 1))

    def pmf(self, t: ArrayLike) -> Array:
        """P(the contract ends at renewal t >= 1)."""
        t = np.asarray(t, float)
        return self.survival(t - 1) - self.survival(t)

    def dect(self, h: int, rate: float, t: ArrayLike) -> Array:
        """Discounted expected renewals among the next h, for a contract running after t renewals."""
        (t,) = columns(t)
        kinds, where = np.unique(t, return_inverse=True)
        ahead = np.arange(1, int(h) + 1)
        logs = self._log_survival(kinds[:, None] + ahead) - self._log_survival(kinds)[:, None]
        return np.exp(np.maximum(logs - rate * ahead, -700.0)).sum(axis=1)[where]

    def dert(self, rate: float, t: ArrayLike) -> Array:
        """`dect` without a horizon: the discounted expected residual lifetime, in renewals."""
        if not rate > 45 / LONGEST:
            raise ModelError(
                f"Without a horizon the discount rate must be above {45 / LONGEST:.2g} a period."
            )
        return self.dect(int(np.ceil(45 / rate)), rate, t)

    def draw(self, rng: np.random.Generator, observed: ArrayLike) -> tuple[Array, Array]:
        """Simulate a contract observed for so many renewals: t and whether it ended there."""
        (observed,) = columns(observed)
        theta = np.clip(rng.beta(self.gamma, self.delta, len(observed)), 1e-15, 1 - 1e-15)
        exposure = rng.exponential(1.0, len(observed)) / -np.log1p(-theta)
        survived = np.ceil(
            np.minimum(exposure ** (1 / self.shape), 1e9)
        )  # ends at the first t with t^c above it
        ended = survived <= observed
        return np.where(ended, np.maximum(survived, 1), observed), ended


@dataclass(frozen=True)
class BdW(Contract):
    """`Contract` with a free exponent c; c = 1 is the sBG."""

    gamma: float
    delta: float
    c: float

    name: ClassVar[str] = "bdw"
    title: ClassVar[str] = "beta-discrete-Weibull"
    names: ClassVar[tuple[str, ...]] = ("gamma", "delta", "c")
    box: ClassVar[tuple[tuple[float, float], ...]] = ((1e-6, 1e6), (1e-6, 1e6), (0.05, 8.0))

    @property
    def shape(self) -> float:
        return self.c

    @classmethod
    def start(cls) -> Self:
        return cls(0.7, 1.5, 1.0)


def _check(t: Array, ended: Array) -> None:
    if not np.isfinite(t).all() or (t != np.floor(t)).any() or (t < 0).any():
        raise ModelError("t counts renewals: it must be a whole number, zero or more.")
    if ((ended > 0) & (t < 1)).any():
        raise ModelError("A contract can end at the first renewal at the earliest: t >= 1 where it ended.")
