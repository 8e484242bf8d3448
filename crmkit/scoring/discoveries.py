"""Which of many findings are more than chance: false discovery rates, and how unlikely a count is."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_NORMAL_95 = 1.959963984540054
_SMALLEST = 1e-280  # below, a chance is reckoned by its logarithm


def q_values(p: Array, tests: int) -> Array:
    """For each p the least false discovery rate at which it is a finding (Benjamini & Hochberg 1995, J. R. Statist. Soc. B 57:289).

    `tests` is how many were made in all; those that are not in `p` have larger ones.
    """
    order = np.argsort(p, kind="stable")
    raw = p[order] * tests / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return found


def at_least(count: Array, expected: Array) -> Array:
    """P(Poisson(expected) ≥ count)."""
    from scipy.special import gammainc

    return np.where(count <= 0, 1.0, gammainc(np.maximum(count, 1), expected))


def log_at_least(count: Array, expected: Array, p: Array) -> Array:
    """The logarithm of `p`, what `at_least` gives: it is there where the chance itself is too small for a double."""
    from scipy.special import gammaln

    with np.errstate(divide="ignore", invalid="ignore"):
        # The first term of the sum, and about how much larger the sum is.
        first = count * np.log(expected) - expected - gammaln(count + 1.0)
        tail = first - np.log1p(-np.minimum(expected / (count + 1.0), 1 - 1e-9))
        return np.asarray(np.where(p > _SMALLEST, np.log(p), tail))


def at_most(count: Array, expected: Array) -> Array:
    """P(Poisson(expected) ≤ count)."""
    from scipy.special import gammaincc

    return np.asarray(gammaincc(count + 1.0, expected))


def wilson(k: Array, n: Array) -> tuple[Array, Array]:
    """The interval of 95 % of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209)."""
    z2 = _NORMAL_95**2
    middle = (k + z2 / 2) / (n + z2)
    half = _NORMAL_95 / (n + z2) * np.sqrt(k * (n - k) / n + z2 / 4)
    return middle - half, middle + half
