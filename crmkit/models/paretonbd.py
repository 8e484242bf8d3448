"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987; derivations in Fader & Hardie, note 009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, exprel, gammaln

from crmkit.models.base import Draw, PurchaseModel
from crmkit.models.jet import Jet, empty, log_sum, mirror, rising
from crmkit.models.nbd import LARGE_SHAPE, NBD, count_mass, draw_rates, rate_notes, uniform_history
from crmkit.models.quadrature import (
    CUT,
    DISCOUNTED,
    TINY,
    Nodes,
    discounted,
    essential,
    gauss,
    horizon_end,
    log_integral,
)
from crmkit.models.rows import Rows, check, columns, each_block, unique_rows

Array = np.ndarray


@dataclass(frozen=True)
class ParetoNBD(PurchaseModel):
    """λ ~ Gamma(r, rate alpha), μ ~ Gamma(s, rate beta): purchases Poisson(λ) in a lifetime Exponential(μ).

    The likelihood of note 009 (eq. 18) is that of a customer alive at T plus that of one who left
    at some t in (t_x, T). The second is an integral, which is taken numerically instead of as the
    difference of two ₂F₁: its logarithm is concave in y = log(1 + t/min(alpha, beta)).
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

    def _death_nodes(self, x: Array, t_x: Array, T: Array) -> tuple[Nodes, Array, Array]:
        """Times t in (t_x, T) at which to weigh a departure, and the log of what is integrated."""
        m, R = min(self.alpha, self.beta), self.r + x
        mode = t_x
        if self.alpha <= self.beta:  # else the integrand falls from the start
            mode = np.clip(((1 - R) * self.beta - (self.s + 1) * self.alpha) / (self.s + R), t_x, T)

        def log_f(y: Array) -> tuple[Array, Array]:
            t, la, lb = self._logs(y)
            value = y - R * la - (self.s + 1) * lb
            return value, 1 - R * (m + t) / (self.alpha + t) - (self.s + 1) * (m + t) / (self.beta + t)

        nodes = gauss(*essential(log_f, np.log1p(t_x / m), np.log1p(T / m), np.log1p(mode / m)))
        t, la, lb = self._logs(nodes.at)
        values = nodes.at - R[:, None] * la - (self.s + 1) * lb + np.log(m * self.s / self.beta)
        return Nodes(t, nodes.weights), np.stack([la, lb]), values

    def _logs(self, y: Array) -> tuple[Array, Array, Array]:
        """t with y = log(1 + t/m), where m is the smaller of α and β, and log(1 + t/α), log(1 + t/β), one of which is y."""
        t = min(self.alpha, self.beta) * np.expm1(y)
        la = y if self.alpha <= self.beta else np.log1p(t / self.alpha)
        lb = y if self.beta <= self.alpha else np.log1p(t / self.beta)
        return t, la, lb

    def _death_jet(self, rows: Rows) -> Jet:
        """The term of those who left before T, without the factor Γ(r+x)/Γ(r) α^-x."""
        nodes, (la, lb), values = self._death_nodes(rows.x, rows.t_x, rows.T)
        log_value, share = log_integral(values, nodes.weights)
        A, B = nodes.at / (self.alpha + nodes.at), nodes.at / (self.beta + nodes.at)
        R = (self.r + rows.x)[:, None]
        slopes = (-self.r * la, R * A, 1 - self.s * lb, (self.s + 1) * B - 1)
        jet = empty(4, len(rows.x))
        jet.value[:] = log_value
        jet.gradient[:] = [_mean(share, slope) for slope in slopes]
        for i, slope in enumerate(slopes):
            weighted = share * slope
            for j in range(i, 4):
                jet.hessian[i, j] = _mean(weighted, slopes[j]) - jet.gradient[i] * jet.gradient[j]
        jet.hessian[0, 0] += jet.gradient[0]
        jet.hessian[0, 1] += self.r * _mean(share, A)
        jet.hessian[1, 1] -= R[:, 0] * _mean(share, A * (1 - A))
        jet.hessian[2, 2] += jet.gradient[2] - 1
        jet.hessian[2, 3] += self.s * _mean(share, B)
        jet.hessian[3, 3] -= (self.s + 1) * _mean(share, B * (1 - B))
        mirror(jet.hessian)
        return jet

    def _alive_jet(self, rows: Rows) -> Jet:
        """The term of those who are still alive at T, without the same factor."""
        jet, R = empty(4, len(rows.x)), self.r + rows.x
        la, lb = np.log1p(rows.T / self.alpha), np.log1p(rows.T / self.beta)
        A, B = rows.T / (self.alpha + rows.T), rows.T / (self.beta + rows.T)
        jet.value[:] = -R * la - self.s * lb
        jet.gradient[:] = [-self.r * la, R * A, -self.s * lb, self.s * B]
        jet.hessian[0, 0], jet.hessian[0, 1] = -self.r * la, self.r * A
        jet.hessian[1, 1] = -R * A * (1 - A)
        jet.hessian[2, 2], jet.hessian[2, 3] = -self.s * lb, self.s * B
        jet.hessian[3, 3] = -self.s * B * (1 - B)
        mirror(jet.hessian)
        return jet

    def jet(self, rows: Rows) -> Jet:
        jet = log_sum([self._alive_jet(rows), self._death_jet(rows)])
        up = rising(self.r, rows.x)
        jet.value[:] += up.value - rows.x * np.log(self.alpha)
        jet.gradient[0] += self.r * up.first
        jet.gradient[1] -= rows.x
        jet.hessian[0, 0] += self.r * up.first + self.r**2 * up.second
        return jet

    def _log_terms(self, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        """Logs of the terms "alive at T" and "left before T", without their common factor."""

        def death(block: Rows) -> Array:
            nodes, _, values = self._death_nodes(block.x, block.t_x, block.T)
            return log_integral(values, nodes.weights)[0]

        dead = np.concatenate(each_block(death, Rows(x, t_x, T, x)))
        return -(self.r + x) * np.log1p(T / self.alpha) - self.s * np.log1p(T / self.beta), dead

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        x, t_x, T = columns(x, t_x, T)
        check(x, t_x, T)
        factor = rising(self.r, x).value - x * np.log(self.alpha)
        return factor + np.logaddexp(*self._log_terms(x, t_x, T))

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

    def _alive_now(self, x: Array, t_x: Array, T: Array) -> Array:
        alive, dead = self._log_terms(x, t_x, T)
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


def _mean(share: Array, values: Array) -> Array:
    return np.einsum("nk,nk->n", share, values)
