"""Special functions that fits and expectations need: importing scipy's would take longer than a fit.

Gamma and its kin by Stirling's series, after a shift of small arguments (Abramowitz & Stegun 6.1.15,
6.1.40, 6.3.18, 6.4.12). Arguments are positive; the absolute error is that of the rounding of a double.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray

FAR = 8.0  # from here on eight terms of the series are a double's precision
_HALF_LOG_TAU = 0.9189385332046727418
# B_2k, the Bernoulli numbers
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def _series(coefficients: Sequence[float], w: Array) -> Array:
    """Σ_k coefficients[k] w^-2k, k from 0."""
    square, total = 1 / (w * w), np.zeros_like(w)
    for coefficient in reversed(coefficients):
        total *= square
        total += coefficient
    return total


def _shifted(z: ArrayLike) -> tuple[Array, Array, Array]:
    """z, where it is small, and the argument of the series: z, or z + 8 where it is small."""
    z = np.asarray(z, float)
    small = z < FAR
    return z, small, np.where(small, z + FAR, z)


def log_gamma(z: ArrayLike) -> Array:
    """log Γ(z)."""
    z, small, w = _shifted(z)
    value = (w - 0.5) * np.log(w) - w + _HALF_LOG_TAU
    value += _series([b / ((2 * k + 1) * (2 * k + 2)) for k, b in enumerate(_BERNOULLI)], w) / w
    low, product = np.where(small, z, 1.0), np.ones_like(w)
    for i in range(int(FAR)):
        product *= low + i
    return value - np.where(small, np.log(product), 0.0)


def digamma(z: ArrayLike) -> Array:
    """The derivative of log Γ."""
    z, small, w = _shifted(z)
    value = np.log(w) - 0.5 / w
    value -= _series([b / (2 * k + 2) for k, b in enumerate(_BERNOULLI)], w) / (w * w)
    low = np.where(small, z, np.inf)
    return value - sum(1 / (low + i) for i in range(int(FAR)))


def trigamma(z: ArrayLike) -> Array:
    """The second derivative of log Γ."""
    z, small, w = _shifted(z)
    value = (1 + 0.5 / w + _series(_BERNOULLI, w) / (w * w)) / w
    low = np.where(small, z, np.inf)
    return value + sum(1 / (low + i) ** 2 for i in range(int(FAR)))


def expit(z: Array) -> Array:
    """1/(1 + e^-z)."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1 + small)


def exprel(z: Array) -> Array:
    """(e^z − 1)/z, which is one at zero."""
    safe = np.where(z == 0, 1.0, z)
    return np.where(z == 0, 1.0, np.expm1(safe) / safe)


def gauss_legendre(n: int) -> tuple[Array, Array]:
    """Nodes and weights on [−1, 1] of Gauss' rule: the roots of the Legendre polynomial by Newton's method."""
    x = -np.cos(np.pi * (np.arange(n) + 0.75) / (n + 0.5))
    for _ in range(6):
        below, value = np.ones_like(x), x.copy()
        for k in range(2, n + 1):
            below, value = value, ((2 * k - 1) * x * value - (k - 1) * below) / k
        slope = n * (below - x * value) / (1 - x * x)
        x = x - value / slope
    return x, 2 / ((1 - x * x) * slope**2)
