"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987; derivations in Fader & Hardie, note 009)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.models.nbd import LARGE_SHAPE, NBD, count_mass, draw_rates, rate_notes, uniform_history
from crmkit.models.numerics.derivatives import (
    Sums,
    Term,
    WithDerivatives,
    added,
    empty,
    log_sum,
    log_sum_total,
    mirror,
    rising,
)
from crmkit.models.numerics.quadrature import (
    CUT,
    DISCOUNTED,
    TINY,
    discounted,
    essential,
    gauss,
    horizon_end,
    log_integral,
)
from crmkit.models.numerics.ranks import ranked
from crmkit.models.numerics.special import expit, exprel
from crmkit.models.paretonbd_integral import Departures
from crmkit.models.predictions import Past
from crmkit.models.purchase import Draw, PurchaseModel
from crmkit.models.weighted import Pairs, WeightedHistories, columns, round_end, unique_rows

Array = np.ndarray


@dataclass(frozen=True)
class ParetoNBD(PurchaseModel):
    """λ ~ Gamma(r, rate alpha), μ ~ Gamma(s, rate beta): purchases Poisson(λ) in a lifetime Exponential(μ).

    The likelihood of note 009 (eq. 18) is that of a customer alive at T plus that of one who left
    at some t in (t_x, T). The second is the difference of two integrals up to a common end, one from t_x and
    one from T, which many customers share; they are taken numerically instead of by ₂F₁. No digit is lost
    in the difference that the likelihood shows: leaving after T is a part of being alive at T.
    """

    r: float
    alpha: float
    s: float
    beta: float

    name: ClassVar[str] = "paretonbd"
    title: ClassVar[str] = "Pareto/NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    times: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    @classmethod
    def starts(cls) -> list[Self]:
        return [cls(0.5, 0.3, 0.5, 0.5), cls(1.0, 1.0, 2.0, 20.0)]

    # ---- likelihood

    @property
    def _lost(self) -> Departures:
        return Departures(self.r, self.alpha, self.s, self.beta)

    def _alive_jet(self, x: Array, T: Array) -> WithDerivatives:
        """The term of those who are still alive at T, without the factor Γ(r+x)/Γ(r) α^-x."""
        jet, R = empty(4, len(x)), self.r + x
        la, lb = np.log1p(T / self.alpha), np.log1p(T / self.beta)
        A, B = T / (self.alpha + T), T / (self.beta + T)
        jet.value[:] = -R * la - self.s * lb
        jet.gradient[:] = [-self.r * la, R * A, -self.s * lb, self.s * B]
        jet.hessian[0, 0], jet.hessian[0, 1] = -self.r * la, self.r * A
        jet.hessian[1, 1] = -R * A * (1 - A)
        jet.hessian[2, 2], jet.hessian[2, 3] = -self.s * lb, self.s * B
        jet.hessian[3, 3] = -self.s * B * (1 - B)
        mirror(jet.hessian)
        return jet

    def _factor_jet(self, x: Array) -> WithDerivatives:
        """The factor of all terms, Γ(r+x)/Γ(r) α^-x."""
        up, jet = rising(self.r, x), empty(4, len(x))
        jet.value[:] = up.value - x * np.log(self.alpha)
        jet.gradient[0], jet.gradient[1] = self.r * up.first, -x
        jet.hessian[0, 0] = self.r * up.first + self.r**2 * up.second
        return jet

    def jet(self, rows: WeightedHistories) -> WithDerivatives:
        x, t_x, T, _ = rows
        end = round_end(T)
        terms = [self._alive_jet(x, T), self._lost.jet(x, t_x, end), self._lost.jet(x, T, end)]
        return log_sum(terms, [1, 1, -1]) + self._factor_jet(x)

    def likelihood(self, rows: WeightedHistories) -> Callable[[Self], Sums]:
        x, t_x, T, weights = rows
        pairs, (kinds, where) = Pairs.of(x, t_x, T, round_end(T)), ranked(x)
        customers = np.bincount(where, weights)

        def sums(model: Self) -> Sums:
            lost = model._lost.jet(pairs.x, pairs.t, pairs.end)
            alive = Term(model._alive_jet(pairs.x, pairs.t), pairs.seen)
            terms = [alive, Term(lost, pairs.last), Term(lost, pairs.seen, -1)]
            return added([log_sum_total(terms, weights), model._factor_jet(kinds).total(customers)])

        return sums

    def _log_terms(self, pairs: Pairs) -> tuple[Array, Array]:
        """Logs of the terms "alive at T" and "left before T", without their common factor."""
        lost = self._lost.logs(pairs.x, pairs.t, pairs.end)
        alive = -(self.r + pairs.x) * np.log1p(pairs.t / self.alpha) - self.s * np.log1p(pairs.t / self.beta)
        share = -np.expm1(np.minimum(lost[pairs.seen] - lost[pairs.last], 0.0))
        return alive[pairs.seen], lost[pairs.last] + np.log(np.maximum(share, TINY))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        past = Past.of(x, t_x, T)
        factor = rising(self.r, past.x).value - past.x * np.log(self.alpha)
        return factor + np.logaddexp(*self._log_terms(past.pairs))

    @classmethod
    def forever(cls) -> list[PurchaseModel]:
        return [*NBD.starts()]

    def limit_notes(self) -> list[str]:
        notes = rate_notes(self.r, self.alpha)
        if self.s > LARGE_SHAPE:
            notes.append(
                f"All customers leave at the same rate, {self.s / self.beta:.4g} a unit of time "
                "(s and beta grow without bound)."
            )
        return notes

    # ---- given alive: λ ~ Gamma(r + x, alpha + T), and independently the time left ~ Pareto(s, beta + T)

    def _alive_now(self, past: Past) -> Array:
        alive, dead = self._log_terms(past.pairs)
        return expit(alive - dead)

    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        return np.exp(-self.s * np.log1p(h / (self.beta + T)))

    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        left = self.beta + T
        w = np.log1p(h / left)
        return (self.r + x) / (self.alpha + T) * left * w * exprel((1 - self.s) * w)

    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        R, left = self.r + x, self.beta + T
        w = np.log1p(h / left)
        squared_time = 2 * left**2 * w * (exprel((2 - self.s) * w) - exprel((1 - self.s) * w))
        return R * (R + 1) / (self.alpha + T) ** 2 * np.maximum(squared_time, 0.0)

    def _mass(self, n: Array, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        stays = self._survival(h, x, t_x, T) * count_mass(n, self.r + x, h / (self.alpha + T))
        return stays + self._mass_of_leavers(n, np.maximum(h, TINY), self.r + x, T)

    def _mass_of_leavers(self, n: Array, h: Array, R: Array, T: Array) -> Array:
        """P(n purchases and gone within h): ∫ P(n | u) f(u) du over the departure u.

        The interval that matters is found in log u, the integral taken in log(1 + u/min(b, c)).
        """
        from scipy.special import gammaln

        c, b, s = self.alpha + T, self.beta + T, self.s
        tilt = (n + 1) * (b + c) - (R + n) * b - (s + 1) * c
        root = np.sqrt(tilt**2 + 4 * (R + s) * (n + 1) * b * c)
        peak = np.where(tilt > 0, (root + tilt) / (2 * (R + s)), 2 * (n + 1) * b * c / (root + np.abs(tilt)))
        mode = np.log(np.minimum(peak, h))

        def log_f(y: Array) -> tuple[Array, Array]:
            u = np.exp(y)
            value = (n + 1) * y - (R + n) * np.log1p(u / c) - (s + 1) * np.log1p(u / b)
            return value, (n + 1) - (R + n) * u / (c + u) - (s + 1) * u / (b + u)

        far = mode - 2 * CUT - np.log1p(np.exp(mode) / c) - np.log1p(np.exp(mode) / b)
        m, ends = np.minimum(b, c), essential(log_f, far, np.log(h), mode)
        left, right = (np.log1p(np.exp(end) / m) for end in ends)
        nodes = gauss(left, right, 48)
        n, R, c, b, m = (column[:, None] for column in (n, R, c, b, m))
        u = np.maximum(m * np.expm1(nodes.at), TINY)
        logs = n * np.log(u / c) - (R + n) * np.log1p(u / c) - (s + 1) * np.log1p(u / b) + nodes.at
        logs += gammaln(R + n) - gammaln(R) - gammaln(n + 1) + np.log(m * s / b)
        value = log_integral(logs, nodes.weights)[0]
        return np.exp(np.maximum(value, -745.0)) * (value > -745.0)

    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        """The rate at T + u is (r+x)/(alpha+T) (1 + u/(beta+T))^-s; FHL 2005 (JMR) write its ∫ with U."""
        left = self.beta + T
        end = horizon_end(h, rate)
        if self.s > 1:
            end = np.minimum(end, left * np.expm1(min(DISCOUNTED / (self.s - 1), 700.0)))
        (kinds, ends), where = unique_rows(left, end)
        value = discounted(lambda w: (1 - self.s) * w, kinds, ends, rate)[where]
        return (self.r + x) / (self.alpha + T) * value

    # ---- simulation

    def draw(self, rng: np.random.Generator, T: ArrayLike, horizon: ArrayLike = 0.0) -> Draw:
        T, horizon = columns(T, horizon)
        rate = draw_rates(rng, self.r, self.alpha, len(T))
        leaving = draw_rates(rng, self.s, self.beta, len(T))
        life = rng.exponential(1.0, len(T)) / np.maximum(leaving, TINY)
        x, t_x = uniform_history(rng, rate, np.minimum(life, T))
        rest = np.clip(life - T, 0.0, horizon)
        return Draw(x, t_x, T, rng.poisson(rate * rest).astype(float))

    def _future(self, rng: np.random.Generator, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        rate = draw_rates(rng, self.r + x, self.alpha + T, len(x))
        life = (self.beta + T) * np.expm1(np.minimum(rng.exponential(1.0, len(x)) / self.s, 600.0))
        return rng.poisson(rate * np.minimum(life, h)).astype(float)
