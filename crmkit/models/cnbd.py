"""BG/CNBD-k and MBG/CNBD-k: purchases more regular than Poisson (Reutterer, Platzer & Schröder 2020)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln

from crmkit.errors import ModelError
from crmkit.models.betageometric import BetaGeometric
from crmkit.models.fitting import Fit, fit_purchases
from crmkit.models.nbd import NBD
from crmkit.models.numerics.quadrature import (
    DISCOUNTED,
    Chebyshev,
    beta_nodes,
    gamma_nodes,
    horizon_end,
    legendre,
)
from crmkit.models.numerics.ranks import ranked
from crmkit.models.purchase import PurchaseModel
from crmkit.models.weighted import WeightedHistories, collapse, columns

Array = np.ndarray
Factor = Callable[[float, Array], Array | float]  # of m and the b of those who are alive

MOST_REGULAR = 12  # the largest k that is tried
FEW = 256  # rows whose sums end together
ONE_BY_ONE = 256  # terms of a sum before it is taken as an integral


@dataclass(frozen=True)
class _CNBD(BetaGeometric):
    """`BetaGeometric` with gaps Erlang-k; k = 1 is the model without C.

    Given alive, the stages passed since t_x still matter. With stage j, Y >= m needs
    mk − j Poisson events and m − 1 tosses without leaving, which gives every expectation as an
    exact sum over m (no other implementation has it: they rescale the formula for k = 1).
    """

    k: int = 1

    gap_matters: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1 or int(self.k) != self.k:
            raise ModelError(f"k counts Erlang stages: it must be a whole number from 1; it is {self.k}.")

    @property
    def stages(self) -> int:
        return self.k

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "k": self.k}

    @classmethod
    def forever(cls) -> list[PurchaseModel]:
        return []

    @classmethod
    def fit(
        cls,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        k: int | None = None,
        log_gaps: ArrayLike | None = None,
    ) -> Fit:
        """Maximum likelihood with `k` given, or chosen by likelihood from 1 upwards.

        `log_gaps` is each customer's sum of the logarithms of the times between purchases (zero
        without repeat purchases); with it likelihoods are those of the full purchase times.
        Without it they are of (x, t_x) alone, in the convention in which k = 1 is the BG/NBD's.
        """
        rows = collapse(x, t_x, T, weights)
        total = _total(x, log_gaps, weights)
        if k is not None:
            return _fit_one(cls, rows, k, total)
        best = fit = _fit_one(cls, rows, 1, total)
        tried = 1
        while tried < min(best.model.stages + 2, MOST_REGULAR):
            tried += 1
            fit = _fit_one(cls, rows, tried, total, near=fit.model if tried > 2 else None)
            best = fit if fit.log_likelihood > best.log_likelihood else best
        return replace(best, free=best.free + 1)

    # ---- given alive

    def _series(self, factor: Factor, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """Σ_m factor(m) P(Y >= m | alive), until nothing more is added.

        The terms are added one by one at first; far out, where they change slowly, the sum over
        each doubling of m is an integral.
        """
        shares, b = self._log_alive(x, t_x, T)[1], self._b_now(x)
        v = h / (self.alpha + T)
        usual = float(((self.r + self.k * (x + 1)) * v).max(initial=0.0)) / self.k

        def term(m: float) -> Array:
            tails = (betainc(m * self.k - j, self.r + self.k * x + j, v / (1 + v)) for j in range(self.k))
            reach = sum(share * tail for share, tail in zip(shares, tails, strict=True))
            return factor(m, b) * self._kept(np.full_like(x, m - 1), x) * reach

        total = np.zeros_like(v)
        for m in range(1, ONE_BY_ONE + 1):
            now = term(m)
            total += now
            if m > usual and not (now > 1e-16 * total).any():
                return total
        start = ONE_BY_ONE + 0.5
        while (start < usual or (start * term(start) > 1e-15 * total).any()) and start < 1e12:
            nodes, weights = legendre(48)
            total += sum(
                start * weight * term(start * (1 + node)) for node, weight in zip(nodes, weights, strict=True)
            )
            start *= 2
        return total

    def _blocks(self, factor: Factor, *rows: Array) -> Array:
        """`_series` in blocks, so that a few frequent buyers do not prolong everybody's sum."""
        parts = [
            self._series(factor, *(column[at : at + FEW] for column in rows))
            for at in range(0, len(rows[0]), FEW)
        ]
        return np.concatenate(parts)

    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._blocks(lambda m, b: 1.0, h, x, t_x, T)

    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._blocks(lambda m, b: 2.0 * (m - 1), h, x, t_x, T)

    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return 1 - self._blocks(lambda m, b: self.a / (self.a + b + m - 1), h, x, t_x, T)

    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        if (rate * h >= DISCOUNTED).all():
            return self._transform(rate, x, t_x, T)
        return self._by_parts(horizon_end(h, rate), rate, x, t_x, T)

    def _by_parts(self, end: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        """∫ e^{-rate·u} dE(u) = e^{-rate·h} E(h) + rate ∫ e^{-rate·u} E(u) du, E the exact expectation."""
        c, (nodes, weights) = self.alpha + T, legendre(32)
        width = np.log1p(end / c)
        total = np.exp(-rate * end) * self._mean(end, x, t_x, T)
        for node, weight in zip(nodes, weights, strict=True):
            u = c * np.expm1(width * node)
            total += weight * width * (c + u) * rate * np.exp(-rate * u) * self._mean(u, x, t_x, T)
        return total

    def _transform(self, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        """Σ_j share_j E[φ^{k−j} / (1 − (1−p) φ^k)], φ = λ/(λ + rate): it depends on x, rate·(alpha + T)."""
        delay = np.log(rate * (self.alpha + T))
        low, reach = delay.min(), max(float(np.ptp(delay)), 1e-3)
        kinds, which = ranked(x)
        total = np.zeros_like(delay)
        for j, share in enumerate(self._log_alive(x, t_x, T)[1]):
            table = Chebyshev(partial(self._log_transform, j, kinds, low), reach, 24)
            total += share * np.exp(table(which, (delay - low)[:, None])[:, 0])
        return total

    def _log_transform(self, j: int, x: Array, low: float, w: Array) -> Array:
        """The log of the expectation of `_transform`, for each x and each rate·(alpha + T) = e^(low + w)."""
        delay = np.exp(low + w)
        finest = float((self.r + self.k * (x.max() + 1)) / delay.min())
        p, coin = beta_nodes(self.a, self._b_now(x), finest * self.k)
        rows = []
        for i, n in enumerate(x):
            g, gamma = gamma_nodes(self.r + self.k * n + j)
            lost = -np.expm1(-self.k * np.log1p(delay[:, None] / g))  # 1 − φ^k
            inner = np.stack([(1 / (row[:, None] + p[i] * (1 - row[:, None]))) @ coin[i] for row in lost])
            first = np.exp(-(self.k - j) * np.log1p(delay[:, None] / g))
            rows.append(np.log((first * inner) @ gamma))
        return np.array(rows)


@dataclass(frozen=True)
class BGCNBD(_CNBD):
    """`BGNBD` with Erlang-k gaps."""

    name: ClassVar[str] = "bgcnbd"
    title: ClassVar[str] = "BG/CNBD-k"
    modified: ClassVar[bool] = False


@dataclass(frozen=True)
class MBGCNBD(_CNBD):
    """`MBGNBD` with Erlang-k gaps."""

    name: ClassVar[str] = "mbgcnbd"
    title: ClassVar[str] = "MBG/CNBD-k"
    modified: ClassVar[bool] = True


def _total(x: ArrayLike, log_gaps: ArrayLike | None, weights: ArrayLike | None) -> float | None:
    """The weighted sum of `log_gaps`."""
    if log_gaps is None:
        return None
    _, gaps, weight = columns(x, log_gaps, 1.0 if weights is None else weights)
    if not np.isfinite(gaps).all():
        raise ModelError("log_gaps must be finite: merge orders of one day before taking logarithms of gaps.")
    return float((gaps * weight).sum())


def _fit_one(
    cls: type[_CNBD], rows: WeightedHistories, k: int, log_gaps: float | None, near: Any = None
) -> Fit:
    """The fit for one k, its log-likelihood with the factor of the gaps that makes different k comparable.

    `near` is the fit for k − 1, from which it is not far.
    """
    starts = [replace(start, k=k, alpha=start.alpha / k) for start in cls.starts()]
    if near is not None:
        unit = float((rows.T * rows.weights).sum()) / rows.customers
        starts = [replace(near.rescaled(1 / unit), k=k, alpha=near.alpha / unit * (k - 1) / k)]
    fit = fit_purchases(starts, rows, NBD.starts() if k == 1 else ())
    if log_gaps is not None:
        constant = (k - 1) * log_gaps - float(rows.x @ rows.weights) * float(gammaln(k))
    else:
        some = rows.x > 0
        x, t_x = rows.x[some], rows.t_x[some]
        each = (k - 1) * x * np.log(t_x) - gammaln(k * x) + gammaln(x)
        constant = float((each * rows.weights[some]).sum())
    return replace(fit, log_likelihood=fit.log_likelihood + constant)
