"""The BG family: after each purchase a customer leaves with probability p ~ Beta(a, b).

BG/NBD, MBG/NBD (which also allows leaving right after the first purchase) and their CNBD-k kin
(whose gaps are Erlang-k) share likelihood, P(alive) and count distribution; they are here once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.models.nbd import LARGE_SHAPE, NBD, count_mass, draw_rates, purchase_jet, rate_notes
from crmkit.models.numerics.derivatives import (
    Sums,
    Term,
    WithDerivatives,
    added,
    beside,
    beta_ratio,
    empty,
    log_sum,
    log_sum_total,
    mirror,
)
from crmkit.models.numerics.quadrature import Chebyshev, beta_nodes, discounted, horizon_end
from crmkit.models.numerics.ranks import ranked
from crmkit.models.numerics.special import expit, log_gamma
from crmkit.models.predictions import Past
from crmkit.models.purchase import Draw, PurchaseModel
from crmkit.models.weighted import BLOCK, Pairs, WeightedHistories, check, columns

Array = np.ndarray

SMALL_SHAPE = 1e-4


@dataclass(frozen=True)
class BetaGeometric(PurchaseModel):
    """λ ~ Gamma(r, rate alpha), gaps Erlang-k(λ), a coin p ~ Beta(a, b) after each purchase decides to leave.

    With R = r + kx, d = 1 if modified else 0 and z = (T − t_x)/(alpha + T), the likelihood is
    B(a, b+x+d)/B(a, b) · Γ(R)/Γ(r) alpha^r (alpha+T)^-R times
    a/(b+x−1+d) · ((alpha+T)/(alpha+t_x))^R (left after the last purchase; BG only if x > 0)
    + Σ_{j<k} (R)_j z^j/j! (alive, j of the k Erlang stages passed). The gaps' own factor, which
    is free of the parameters, is one for k = 1 and is left to the fit otherwise.
    """

    r: float
    alpha: float
    a: float
    b: float

    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    times: ClassVar[tuple[str, ...]] = ("alpha",)
    modified: ClassVar[bool]

    @classmethod
    def starts(cls) -> list[Self]:
        return [cls(0.5, 0.3, 1.0, 2.0), cls(1.0, 1.0, 0.2, 2.0)]

    @classmethod
    def forever(cls) -> list[PurchaseModel]:
        return [*NBD.starts()]

    # ---- likelihood

    def _common_jet(self, rows: WeightedHistories) -> WithDerivatives:
        """The factor of all terms: the purchases, and x + d tosses after which the customer stayed."""
        tosses = beta_ratio(self.a, self.b, np.zeros_like(rows.x), rows.x + self.modified)
        return beside(purchase_jet(self.r, self.alpha, rows, self.stages), tosses)

    def _gone_jet(self, rows: WeightedHistories) -> WithDerivatives:
        """The term of those who left right after their last purchase."""
        R = self.r + self.stages * rows.x
        back = self._b_before(rows.x)
        seen, last = (t / (self.alpha + t) for t in (rows.T, rows.t_x))
        length = np.log1p((rows.T - rows.t_x) / (self.alpha + rows.t_x))
        jet = empty(4, len(R))
        jet.value[:] = self._gone(rows.x, rows.t_x, rows.T)
        jet.gradient[:] = [self.r * length, R * (last - seen), np.ones_like(R), -self.b / back]
        jet.hessian[0, 0], jet.hessian[0, 1] = self.r * length, self.r * (last - seen)
        jet.hessian[1, 1] = R * (seen * (1 - seen) - last * (1 - last))
        jet.hessian[3, 3] = -self.b / back * (1 - self.b / back)
        mirror(jet.hessian)
        return jet

    def _stage_jet(self, j: int, rows: WeightedHistories) -> WithDerivatives:
        """The term of those alive with j stages passed since the last purchase."""
        R = self.r + self.stages * rows.x
        steps = [1 / (R + i) for i in range(j)]
        first, second = sum(steps, np.zeros_like(R)), sum((-step * step for step in steps), np.zeros_like(R))
        seen = rows.T / (self.alpha + rows.T)
        jet = empty(4, len(R))
        jet.value[:] = self._stage(j, rows.x, rows.t_x, rows.T)
        jet.gradient[0], jet.gradient[1] = self.r * first, -j * (1 - seen)
        jet.hessian[0, 0] = self.r * first + self.r**2 * second
        jet.hessian[1, 1] = -j * seen * (1 - seen)
        return jet

    def jet(self, rows: WeightedHistories) -> WithDerivatives:
        jet = log_sum([self._gone_jet(rows), *(self._stage_jet(j, rows) for j in range(self.stages))])
        return jet + self._common_jet(rows)

    def likelihood(self, rows: WeightedHistories) -> Callable[[Self], Sums]:
        """With k = 1 it is a sum of a function of (x, T) and one of (x, t_x)."""
        if self.stages > 1:
            return super().likelihood(rows)
        x, t_x, T, weights = rows
        pairs, (kinds, where) = Pairs.of(x, t_x, T, np.zeros_like(T)), ranked(x)
        customers = np.bincount(where, weights)

        def sums(model: Self) -> Sums:
            alive, gone = model._since_jets(pairs.x, pairs.t)
            both = log_sum_total([Term(alive, pairs.seen), Term(gone, pairs.last)], weights)
            return added([both, model._factor_jet(kinds).total(customers)])

        return sums

    def _factor_jet(self, x: Array) -> WithDerivatives:
        """What depends on x alone: the purchases, and the tosses as in `_common_jet`."""
        rows = WeightedHistories(x, np.zeros_like(x), np.zeros_like(x), x)
        return self._common_jet(rows)

    def _since_jets(self, x: Array, t: Array) -> tuple[WithDerivatives, WithDerivatives]:
        """With k = 1, the terms of those alive at t = T, and of those who left at t = t_x."""
        R, back = self.r + x, self._b_before(x)
        length, seen = np.log1p(t / self.alpha), t / (self.alpha + t)
        alive = empty(4, len(x))
        alive.value[:] = -R * length
        alive.gradient[0], alive.gradient[1] = -self.r * length, R * seen
        alive.hessian[0, 0], alive.hessian[0, 1] = -self.r * length, self.r * seen
        alive.hessian[1, 1] = -R * seen * (1 - seen)
        mirror(alive.hessian)
        gone = WithDerivatives(*(part.copy() for part in alive))
        gone.value[:] += np.where(x + self.modified > 0, np.log(self.a / back), -np.inf)
        gone.gradient[2], gone.gradient[3] = 1.0, -self.b / back
        gone.hessian[3, 3] = -self.b / back * (1 - self.b / back)
        return alive, gone

    def _b_before(self, x: Array) -> Array:
        """b of the Beta after all purchases but the last; where there is none, any positive number."""
        return np.where(x + self.modified > 0, self.b + x - 1 + self.modified, 1.0)

    def _gone(self, x: Array, t_x: Array, T: Array) -> Array:
        """Log of the odds term "left after the last purchase"."""
        R = self.r + self.stages * x
        length = np.log1p((T - t_x) / (self.alpha + t_x))
        log_odds = np.log(self.a) - np.log(self._b_before(x)) + R * length
        return np.where(x + self.modified > 0, log_odds, -np.inf)

    def _stage(self, j: int, x: Array, t_x: Array, T: Array) -> Array:
        """Log of the odds term "alive, j stages passed"."""
        if j == 0:
            return np.zeros_like(T)
        R, z = self.r + self.stages * x, (T - t_x) / (self.alpha + T)
        log_z = np.log(np.maximum(z, 1e-300))
        return log_gamma(R + j) - log_gamma(R) - log_gamma(j + 1) + np.where(z > 0, j * log_z, -np.inf)

    def _log_alive(self, x: Array, t_x: Array, T: Array) -> tuple[Array, list[Array]]:
        """Log of the sum of the alive terms, and each stage's share of it."""
        logs = [self._stage(j, x, t_x, T) for j in range(self.stages)]
        whole = np.logaddexp.reduce(logs, axis=0)
        return whole, [np.exp(one - whole) for one in logs]

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        x, t_x, T = columns(x, t_x, T)
        check(x, t_x, T)
        common = self._common_jet(WeightedHistories(x, t_x, T, x)).value
        return common + np.logaddexp(self._gone(x, t_x, T), self._log_alive(x, t_x, T)[0])

    def limit_notes(self) -> list[str]:
        notes, share = rate_notes(self.r, self.alpha), self.a / (self.a + self.b)
        if self.a + self.b > LARGE_SHAPE:
            notes.append(
                f"All customers leave with the same probability, {share:.4g}, after a purchase "
                "(a and b grow without bound)."
            )
        elif self.a < SMALL_SHAPE and self.b < SMALL_SHAPE:
            notes.append(
                f"Customers are of two kinds: {share:.4g} leave after one purchase, the others never do "
                "(a and b shrink to zero)."
            )
        elif share > 1 - SMALL_SHAPE:
            notes.append("Everybody leaves after one purchase (b shrinks to zero or a grows without bound).")
        return notes

    # ---- given alive: λ ~ Gamma(R, alpha + T) and p ~ Beta(a, b + x + d), independent (k = 1)

    def _alive_now(self, past: Past) -> Array:
        x, t_x, T = past.x, past.t_x, past.T
        return expit(self._log_alive(x, t_x, T)[0] - self._gone(x, t_x, T))

    def _b_now(self, x: Array) -> Array:
        return self.b + x + self.modified

    def _over_p(
        self, function: Callable[[Array, Array, Array], Array], h: Array, x: Array, T: Array
    ) -> Array:
        """E of function(p, R, v) over p, with R = r + x and v = h/(alpha + T)."""
        R, v = self.r + x, h / (self.alpha + T)
        kinds, which = ranked(x)
        p, weights = beta_nodes(self.a, self._b_now(kinds), float((R * v).max(initial=0.0)))
        values = np.empty_like(v)
        for at in range(0, len(v), BLOCK // 4):
            rows = slice(at, at + BLOCK // 4)
            parts = function(p[which[rows]], R[rows, None], v[rows, None])
            values[rows] = np.einsum("nk,nk->n", weights[which[rows]], parts)
        return values

    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._over_p(lambda p, R, v: np.exp(-R * np.log1p(p * v)), h, x, T)

    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """E[(1 − (1 + pv)^-R)/p]: as the ₂F₁ of note 004, but regular at a = 1 and for large x."""
        return self._over_p(lambda p, R, v: -np.expm1(-R * np.log1p(p * v)) / p, h, x, T)

    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return self._over_p(_pairs_given_p, h, x, T)

    def _kept(self, n: Array, x: Array) -> Array:
        """P(n further purchases are not followed by leaving)."""
        from scipy.special import gammaln

        a, b = self.a, self._b_now(x)
        return np.exp(gammaln(b + n) - gammaln(b) - gammaln(a + b + n) + gammaln(a + b))

    def _mass(self, n: Array, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """P(Y = n): n completed gaps and still a customer, or left at the n-th."""
        from scipy.special import betainc

        k, v = self.stages, h / (self.alpha + T)
        exactly, at_least = np.zeros_like(v), np.zeros_like(v)
        for j, share in enumerate(self._log_alive(x, t_x, T)[1]):
            R, first = self.r + k * x + j, n * k - j
            for i in range(k):
                exactly += share * np.where(first + i >= 0, count_mass(np.maximum(first + i, 0), R, v), 0.0)
            at_least += share * betainc(np.maximum(first, 1.0), R, v / (1 + v))
        before, after = self._kept(np.maximum(n - 1, 0), x), self._kept(n, x)
        return exactly * after + np.where(n > 0, (before - after) * at_least, 0.0)

    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        """The rate at T + u is E[(r+x)/c (1 + p u/c)^-(r+x+1)], c = alpha + T: tabulated once for each x."""
        c = self.alpha + T
        end = horizon_end(h, rate)
        kinds, which = ranked(x)
        reach = float(np.log1p((end / c).max(initial=0.0))) or 1.0
        table = Chebyshev(lambda w: self._log_rate(kinds, w), reach)
        return (self.r + x) / c * discounted(lambda w: table(which, w) + w, c, end, rate)

    def _log_rate(self, x: Array, w: Array) -> Array:
        """log E[(1 + p v)^-(r+x+1)] at v = e^w − 1, for each x and each w."""
        v = np.expm1(w)
        p, weights = beta_nodes(self.a, self._b_now(x), float((self.r + x.max() + 1) * v.max()))
        rows = []
        for point, weight, count in zip(p, weights, x, strict=True):
            logs = -(self.r + count + 1) * np.log1p(point * v[:, None])
            top = logs.max(axis=1, keepdims=True)
            rows.append(top[:, 0] + np.log(np.exp(logs - top) @ weight))
        return np.array(rows)

    # ---- simulation

    def draw(self, rng: np.random.Generator, T: ArrayLike, horizon: ArrayLike = 0.0) -> Draw:
        T, horizon = columns(T, horizon)
        n, end = len(T), T + horizon
        rate, p = draw_rates(rng, self.r, self.alpha, n), rng.beta(self.a, self.b, n)
        x, x_star, t_x, now = np.zeros((4, n))
        active = np.flatnonzero(rng.random(n) >= p) if self.modified else np.arange(n)
        while len(active):
            now[active] += rng.gamma(self.stages, 1.0, len(active)) / np.maximum(rate[active], 1e-300)
            active = active[now[active] <= end[active]]
            seen = active[now[active] <= T[active]]
            x[seen] += 1
            t_x[seen] = now[seen]
            x_star[active[now[active] > T[active]]] += 1
            active = active[rng.random(len(active)) >= p[active]]
        return Draw(x, t_x, T, x_star)

    def _future(self, rng: np.random.Generator, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        shares = np.cumsum(self._log_alive(x, t_x, T)[1], axis=0)
        stage = (rng.random(len(x)) > shares[:-1]).sum(axis=0)
        rate = draw_rates(rng, self.r + self.stages * x + stage, self.alpha + T, len(x))
        p = np.maximum(rng.beta(self.a, self._b_now(x)), 1e-9)
        gaps = (rng.poisson(rate * h) + stage) // self.stages
        return np.minimum(gaps, rng.geometric(p)).astype(float)


def _pairs_given_p(p: Array, R: Array, v: Array) -> Array:
    """E[Y (Y−1)] = 2 (1−p)/p² · (1 − (1+s)^-R − R s (1+s)^-(R+1)) with s = pv; a series where it cancels."""
    s = p * v
    log_s = np.log1p(s)
    exact = -np.expm1(-R * log_s) - R * s * np.exp(-(R + 1) * log_s)
    series = R * (R + 1) * v**2 * (0.5 - (R + 2) * s / 3)
    small = (R + 2) * s < 1e-4
    return 2 * (1 - p) * np.where(small, series, exact / np.where(small, 1.0, p * p))
