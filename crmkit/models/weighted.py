"""Customers in the three numbers that buy-till-you-die models need, checked and collapsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models.numerics.ranks import dense, ranked

Array = np.ndarray
Answer = TypeVar("Answer")

BLOCK = 4096  # rows a block: node tables of this many rows stay in a core's cache


class WeightedHistories(NamedTuple):
    """Unique (x, t_x, T), sorted, each with the number of customers who share it."""

    x: Array
    t_x: Array
    T: Array
    weights: Array

    @property
    def customers(self) -> float:
        return float(self.weights.sum())

    def scaled(self, unit: float) -> WeightedHistories:
        """The same customers with time measured in `unit`s."""
        return self._replace(t_x=self.t_x / unit, T=self.T / unit)

    def thinned(self, most: int) -> WeightedHistories:
        """At most about `most` rows, chosen by every n-th customer so that the mix stays true."""
        if len(self.x) <= most:
            return self
        ends = np.cumsum(self.weights)
        picks = np.searchsorted(ends, (np.arange(most) + 0.5) * (ends[-1] / most))
        kept, times = np.unique(picks, return_counts=True)
        return WeightedHistories(self.x[kept], self.t_x[kept], self.T[kept], times.astype(float))


def round_end(T: Array) -> Array:
    """The next power of two: a time after T that many share."""
    return np.exp2(np.ceil(np.log2(np.maximum(T, 1e-300))))


class Pairs(NamedTuple):
    """The different (x, t) of histories, t being t_x or T, and each row's two places among them.

    Likelihoods that are sums of a function of (x, t_x) and one of (x, T) need each function once a
    pair, and there are far fewer pairs than different histories. What happens between t_x and T is what
    happens from t_x to a common `end` less what happens from T on.
    """

    x: Array
    t: Array
    end: Array
    last: Array
    seen: Array

    @classmethod
    def of(cls, x: Array, t_x: Array, T: Array, end: Array) -> Pairs:
        twice = (np.concatenate(both) for both in ((x, x), (end, end), (t_x, T)))
        (kinds, ends, t), where = unique_rows(*twice)
        return cls(kinds, t, ends, where[: len(x)], where[len(x) :])


def columns(*values: ArrayLike) -> tuple[Array, ...]:
    """The arguments as float arrays of one common shape (n,)."""
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, float)) for value in values))
    return tuple(arrays)


def check(x: Array, t_x: Array, T: Array) -> None:
    """Raise ModelError unless the numbers can be purchase histories."""
    if not all(np.isfinite(column).all() for column in (x, t_x, T)):
        raise ModelError("x, t_x and T must be finite numbers; some are missing or infinite.")
    if (x < 0).any() or (x != np.floor(x)).any():
        raise ModelError("x counts repeat purchases: it must be a whole number, zero or more.")
    if (t_x < 0).any() or (t_x > T).any():
        raise ModelError("The last purchase must lie within the observed time: 0 <= t_x <= T.")
    if ((x > 0) != (t_x > 0)).any():
        raise ModelError(
            "t_x must be zero exactly where x is zero. Merge the orders that a customer placed "
            "on one day before counting repeat purchases."
        )


def unique_rows(*arrays: Array) -> tuple[tuple[Array, ...], Array]:
    """The different rows of parallel columns, sorted by the first, second, …, and each row's place."""
    n = len(arrays[0])
    where, size = np.zeros(n, np.int64), 1
    for column in arrays:
        values, code = ranked(column)
        if size * len(values) > 2**62:
            kinds, where = dense(where, size)
            size = len(kinds)
        where, size = where * len(values) + code, size * len(values)
    kinds, where = dense(where, size)
    first = np.empty(len(kinds), np.int64)
    first[where] = np.arange(n)  # any one of them: they are equal
    return tuple(column[first] for column in arrays), where


def collapse(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None
) -> WeightedHistories:
    """Unique (x, t_x, T) with weights; the order and the duplication of rows leave no trace."""
    x, t_x, T, w = columns(x, t_x, T, 1.0 if weights is None else weights)
    check(x, t_x, T)
    if not np.isfinite(w).all() or (w < 0).any():
        raise ModelError("Weights must be finite and not negative.")
    (x, T, t_x), where = unique_rows(x, T, t_x)
    counts = np.bincount(where, weights=w, minlength=len(x))
    kept = counts > 0
    return WeightedHistories(x[kept], t_x[kept], T[kept], counts[kept])


def workers() -> int:
    """How many threads to use: the cores this process may run on, at most four."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def each_block(function: Callable[[WeightedHistories], Answer], rows: WeightedHistories) -> list[Answer]:
    """`function` of every block, in the order of the rows whatever the number of threads."""
    return in_parts(lambda *part: function(WeightedHistories(*part)), BLOCK, *rows)


def in_parts(function: Callable[..., Answer], size: int, *arrays: Array) -> list[Answer]:
    """`function` of so many rows of the columns at a time, in their order whatever the number of threads.

    numpy lets go of the interpreter inside its loops, so threads suffice.
    """
    starts = range(0, len(arrays[0]), size)
    parts = [tuple(column[at : at + size] for column in arrays) for at in starts]
    if len(parts) * size < 4 * BLOCK or workers() == 1:
        return [function(*part) for part in parts]
    with ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(lambda part: function(*part), parts))
