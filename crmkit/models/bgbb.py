"""BG/BB: purchases at discrete opportunities (Fader, Hardie & Shang 2010; Hardie's note 010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln

from crmkit.errors import ModelError
from crmkit.models.fitting import Fit, maximum_fit
from crmkit.models.model import Model
from crmkit.models.nbd import LARGE_SHAPE
from crmkit.models.numerics.derivatives import WithDerivatives, beside, beta_ratio, log_sum
from crmkit.models.numerics.quadrature import beta_nodes
from crmkit.models.purchase import Draw
from crmkit.models.weighted import columns, unique_rows

Array = np.ndarray


@dataclass(frozen=True)
class BGBB(Model):
    """At each opportunity a customer dies, θ ~ Beta(gamma, delta), or else buys, p ~ Beta(alpha, beta).

    A customer is x purchases at n opportunities, the last purchase at opportunity t_x (0 if none).
    Given alive after n opportunities the customer is new again, with alpha + x, beta + n − x and
    delta + n for parameters, from which all predictions follow. Discount rates are continuous, per
    opportunity: log(1 + d) for the papers' d.
    """

    alpha: float
    beta: float
    gamma: float
    delta: float

    name: ClassVar[str] = "bgbb"
    title: ClassVar[str] = "BG/BB"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")

    @classmethod
    def fit(cls, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, weights: ArrayLike | None = None) -> Fit:
        """Maximum likelihood. Raises ModelError when the rows cannot be histories or nobody bought."""
        x, t_x, n, w = columns(x, t_x, n, 1.0 if weights is None else weights)
        _check(x, t_x, n)
        (x, t_x, n), where = unique_rows(x, t_x, n)
        w = np.bincount(where, weights=w)
        if not (x * w > 0).any():
            raise ModelError("Nobody bought at any opportunity, so the BG/BB cannot be fitted.")
        fits = [
            maximum_fit(start, lambda now: now.jet(x, t_x, n).total(w), [(1e-6, 1e6)] * 4, float(w.sum()))
            for start in (cls(1.0, 1.0, 1.0, 3.0), cls(1.0, 3.0, 0.2, 5.0))
        ]
        return max(fits, key=lambda fit: fit.log_likelihood).with_limits()

    def jet(self, x: Array, t_x: Array, n: Array) -> WithDerivatives:
        """Log-likelihood of each row, note 010: alive throughout, or dead before opportunity t_x + i + 1."""
        terms = [self._term(x, n - x, 0 * n, n)]
        for i in range(int((n - t_x).max(initial=0.0))):
            possible = i < n - t_x
            seen = np.where(possible, t_x + i, t_x)
            term = self._term(x, seen - x, 0 * n + 1, seen)
            terms.append(term._replace(value=np.where(possible, term.value, -np.inf)))
        return log_sum(terms)

    def _term(self, bought: Array, passed: Array, died: Array, lived: Array) -> WithDerivatives:
        coin = beta_ratio(self.alpha, self.beta, bought, passed)
        return beside(coin, beta_ratio(self.gamma, self.delta, died, lived))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        x, t_x, n = columns(x, t_x, n)
        _check(x, t_x, n)
        return self.jet(x, t_x, n).value

    def limit_notes(self) -> list[str]:
        notes = []
        if self.alpha + self.beta > LARGE_SHAPE:
            notes.append("All customers buy with the same probability (alpha and beta grow without bound).")
        if self.gamma + self.delta > LARGE_SHAPE:
            notes.append(
                "All customers drop out with the same probability (gamma and delta grow without bound)."
            )
        if self.gamma < 1e-4:
            notes.append("BG/BB found no drop-out in these data (gamma shrinks to zero).")
        return notes

    # ---- predictions

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, after: int = 1) -> Array:
        """P(alive at opportunity n + after); the papers report the next opportunity, after = 1."""
        x, t_x, n = columns(x, t_x, n)
        living = self._term(x, n - x, 0 * n, n).value - self.log_likelihood(x, t_x, n)
        return np.exp(np.minimum(living, 0.0)) * self._stays(n, after)

    def _stays(self, n: Array, periods: int | Array) -> Array:
        """P(alive at n + periods | alive at n)."""
        return np.exp(betaln(self.gamma, self.delta + n + periods) - betaln(self.gamma, self.delta + n))

    def conditional_expected(self, h: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """Expected purchases at the next h opportunities of a customer with this history."""
        return self.dect(h, 0.0, x, t_x, n)

    def expected(self, h: int) -> float:
        """Expected purchases of a new customer at the next h opportunities."""
        return float(self.conditional_expected(h, 0, 0, 0)[0])

    def dect(self, h: int, rate: float, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """Discounted expected purchases at the next h opportunities, the first discounted by e^-rate."""
        x, t_x, n = columns(x, t_x, n)
        kinds, where = np.unique(n, return_inverse=True)
        ahead = np.arange(1, int(h) + 1)
        years = (self._stays(kinds[:, None], ahead) * np.exp(-rate * ahead)).sum(axis=1)
        return self.p_alive(x, t_x, n, after=0) * self._buys(x, n) * years[where]

    def dert(self, rate: float, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """`dect` without a horizon: Σ (1−θ)^t e^{-rate·t} = (1−θ)/(e^rate − 1 + θ) for the living."""
        x, t_x, n = columns(x, t_x, n)
        if not rate > 0:
            raise ModelError("Without a horizon the discount rate must be positive.")
        kinds, where = np.unique(n, return_inverse=True)
        theta, weights = beta_nodes(self.gamma, self.delta + kinds, 1 / rate)
        years = ((1 - theta) / (np.expm1(rate) + theta) * weights).sum(axis=1)
        return self.p_alive(x, t_x, n, after=0) * self._buys(x, n) * years[where]

    def _buys(self, x: Array, n: Array) -> Array:
        return (self.alpha + x) / (self.alpha + self.beta + n)

    def conditional_pmf(self, k: int, h: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """P(k purchases at the next h opportunities) for a customer with this history."""
        x, t_x, n = columns(x, t_x, n)
        alive = self.p_alive(x, t_x, n, after=0)
        bought = self._count(k, h, x, n) * self._stays(n, h)
        for i in range(k, h):
            leaves = self._stays(n, i) - self._stays(n, i + 1)
            bought = bought + self._count(k, i, x, n) * leaves
        return alive * bought + (1 - alive) * (k == 0)

    def pmf(self, k: int, n: int) -> float:
        """P(a new customer buys k times at n opportunities)."""
        return float(self.conditional_pmf(k, n, 0, 0, 0)[0])

    def p_purchase(self, h: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """P(at least one purchase at the next h opportunities)."""
        return 1 - self.conditional_pmf(0, h, x, t_x, n)

    def _count(self, k: int, tries: int, x: Array, n: Array) -> Array:
        """P(k purchases at so many opportunities | alive at all of them): beta-binomial."""
        if k > tries:
            return np.zeros_like(n)
        a, b = self.alpha + x, self.beta + n - x
        ways = gammaln(tries + 1) - gammaln(k + 1) - gammaln(tries - k + 1)
        return np.exp(ways + betaln(a + k, b + tries - k) - betaln(a, b))

    # ---- simulation

    def draw(self, rng: np.random.Generator, n: ArrayLike, horizon: int = 0) -> Draw:
        """Simulate a new customer for each n: x, t_x (in `Draw.T` the n) and purchases in the horizon."""
        (n,) = columns(n)
        p, theta = rng.beta(self.alpha, self.beta, len(n)), rng.beta(self.gamma, self.delta, len(n))
        x, t_x, later, alive = np.zeros_like(n), np.zeros_like(n), np.zeros_like(n), np.ones(len(n), bool)
        for t in range(1, int(n.max(initial=0.0)) + horizon + 1):
            alive &= rng.random(len(n)) >= theta
            buys = alive & (rng.random(len(n)) < p)
            x += buys & (t <= n)
            t_x = np.where(buys & (t <= n), t, t_x)
            later += buys & (t > n) & (t <= n + horizon)
        return Draw(x, t_x, n, later)


def _check(x: Array, t_x: Array, n: Array) -> None:
    whole = all(np.isfinite(column).all() and (column == np.floor(column)).all() for column in (x, t_x, n))
    if not whole or not ((x >= 0) & (x <= t_x) & (t_x <= n) & ((x > 0) == (t_x > 0))).all():
        raise ModelError(
            "BG/BB needs whole numbers with 0 <= x <= t_x <= n: x purchases at n opportunities, the last "
            "at opportunity t_x, which is zero exactly where x is zero."
        )
