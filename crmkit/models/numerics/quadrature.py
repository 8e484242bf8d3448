"""Integrals that the models need, by rules that keep their accuracy at every parameter value.

Three shapes occur: an integral of a log-concave function over an interval (Pareto/NBD), an
expectation over a Beta distribution (the BG family), and a discounted integral of a smooth rate.
None uses the hypergeometric functions of the papers, which overflow or cancel for large x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from crmkit.models.numerics.special import gauss_legendre

Array = np.ndarray
LogConcave = Callable[[Array], tuple[Array, Array]]

CUT = 37.0  # e^-37 is below the rounding of a double
DISCOUNTED = 45.0  # e^-45 of the first unit of value: nothing is lost beyond it
TINY = 1e-300
_CACHED = 128


@cache
def legendre(n: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = gauss_legendre(n)
    return (nodes + 1) / 2, weights / 2


class Nodes(NamedTuple):
    """Points (rows, n) and weights of a rule for each row."""

    at: Array
    weights: Array


def _towards(log_f: LogConcave, start: Array, mode: Array, goal: Array) -> Array:
    """Where the log-concave function has fallen to `goal`, or `start` if it does not fall so far.

    Newton's method from outside never overshoots the crossing of a concave function, so a few
    steps leave an interval that is at worst slightly too wide.
    """
    at = start
    for _ in range(4):
        value, slope = log_f(at)
        short = goal - value
        if not (short > 0).any():
            break
        safe = np.where(slope == 0, 1.0, slope)
        move = np.where((short > 0) & (slope != 0), short / safe, 0.0)
        at = np.clip(at + move, np.minimum(start, mode), np.maximum(start, mode))
    return at


def essential(log_f: LogConcave, low: Array, high: Array, mode: Array) -> tuple[Array, Array]:
    """The part of [low, high] where the log-concave e^log_f is above e^-37 of its maximum, at `mode`.

    `log_f(y)` returns the logarithm and its slope for each row.
    """
    goal = log_f(mode)[0] - CUT
    return _towards(log_f, low, mode, goal), _towards(log_f, high, mode, goal)


def gauss(left: Array, right: Array, n: int = 32) -> Nodes:
    """Gauss-Legendre nodes and weights on each row's interval."""
    nodes, weights = legendre(n)
    width = (right - left)[:, None]
    return Nodes(left[:, None] + width * nodes, width * weights)


def log_integral(log_values: Array, weights: Array) -> tuple[Array, Array]:
    """log Σ weights · e^log_values by row, and each node's share of the sum."""
    top = log_values.max(axis=1)
    share = weights * np.exp(log_values - top[:, None])
    whole = np.maximum(share.sum(axis=1), TINY)
    share /= whole[:, None]
    return top + np.log(whole), share


def beta_nodes(a: float, b: Array, finest: float = 1.0) -> Nodes:
    """A rule for expectations over p ~ Beta(a, b), one row for each b; the weights sum to one.

    The trapezoidal rule in y = logit p, whose density e^{ay} / (1 + e^y)^{a+b} is smooth with
    exponential tails, converges geometrically. Functions may vary down to p ~ 1/finest; below
    that they are constant, so the rest of the tail, a geometric series, goes to the last node.
    """
    b = np.asarray(b, float)
    mode, spread = np.log(a / b), np.sqrt(1 / a + 1 / b)
    reach = np.sqrt(2 * CUT) * spread
    low = np.maximum(mode - reach - CUT / a, -CUT - np.log1p(finest) - np.log1p(b))
    high = np.minimum(mode + reach + CUT / b, CUT + np.log1p(a))
    step = np.minimum(0.3, 0.7 * spread)
    count = int(np.ceil(((high - low) / step).max()))
    step = (high - low) / count
    y = low[:, None] + step[:, None] * np.arange(count + 1)
    softplus = np.logaddexp(0.0, y)
    logs = a * y - (a + b[:, None]) * softplus
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights[:, 0] += weights[:, 0] / np.expm1(np.minimum(a * step, 700.0))
    weights[:, -1] += weights[:, -1] / np.expm1(np.minimum(b * step, 700.0))
    return Nodes(np.exp(y - softplus), weights / weights.sum(axis=1, keepdims=True))


def gamma_nodes(shape: float) -> tuple[Array, Array]:
    """A rule for expectations of functions of g ~ Gamma(shape) that vanish or settle as g → 0."""
    mode, spread = np.log(shape), 1 / np.sqrt(shape)
    reach = np.sqrt(2 * CUT) * spread
    low = max(mode - reach - CUT / shape, min(-2 * CUT, mode - reach))
    high = mode + min(reach, np.log(2 * CUT / shape + 2) + 1)
    count = int(np.ceil((high - low) / min(0.3, 0.7 * spread)))
    y, step = np.linspace(low, high, count + 1, retstep=True)
    logs = shape * y - np.exp(y)
    weights = np.exp(logs - logs.max())
    weights[0] += weights[0] / np.expm1(min(shape * float(step), 700.0))
    return np.exp(y), weights / weights.sum()


def horizon_end(horizon: Array, rate: float) -> Array:
    """How far a discounted integral must go: the horizon, or where nothing is left of a unit."""
    return np.minimum(horizon, DISCOUNTED / rate) if rate > 0 else horizon


def annuity(horizon: Array, rate: float) -> Array:
    """∫ e^{-rate·u} du from 0 to the horizon, which may be infinite when the rate is positive."""
    if rate == 0:
        return np.asarray(horizon, float)
    return -np.expm1(-rate * np.minimum(horizon, 745.0 / rate)) / rate


def discounted(log_rate: Callable[[Array], Array], scale: Array, end: Array, rate: float) -> Array:
    """∫ e^{-rate·u} · scale · e^{log_rate(w)} dw with w = log(1 + u/scale), u from 0 to `end`.

    `log_rate` receives w of shape (rows, 64) and returns the log of the integrand's rate times
    (1 + u/scale), that is with the Jacobian of the substitution left to it.
    """
    nodes, weights = legendre(64)
    width = np.log1p(end / scale)[:, None]
    w = width * nodes
    values = np.exp(log_rate(w) - rate * scale[:, None] * np.expm1(w))
    return scale * ((values * weights).sum(axis=1) * width[:, 0])


class Chebyshev:
    """Smooth functions on [0, end], one a row, tabulated once and evaluated anywhere."""

    def __init__(self, function: Callable[[Array], Array], end: float, n: int = 48) -> None:
        """`function(w)` maps n points to values (rows, n)."""
        angles = np.pi * (np.arange(n) + 0.5) / n
        values = function((np.cos(angles) + 1) / 2 * end)
        # A sum for each coefficient by itself, so that no row depends on which others are there.
        cosines = np.cos(np.outer(np.arange(n), angles))
        self.end = end
        self.coefficients = np.stack([(values * row).sum(axis=1) for row in cosines], axis=1) * (2 / n)
        self.coefficients[:, 0] /= 2

    def __call__(self, which: Array, w: Array) -> Array:
        """Row `which[i]`'s function at w[i, :], by as many rows at a time as stay in the cache."""
        made = np.empty_like(w)
        for start in range(0, len(w), _CACHED):
            rows = slice(start, start + _CACHED)
            made[rows] = self._clenshaw(self.coefficients[which[rows]], 2 * w[rows] / self.end - 1)
        return made

    @staticmethod
    def _clenshaw(table: Array, t: Array) -> Array:
        twice, spare = 2 * t, np.empty_like(t)
        before, last = np.zeros_like(t), np.zeros_like(t)
        for j in range(table.shape[1] - 1, 0, -1):
            np.multiply(twice, last, out=spare)
            spare -= before
            spare += table[:, j, None]
            before, last, spare = last, spare, before
        return t * last - before + table[:, 0, None]
