"""A series of revenue on the clock that customers' purchases have: season, level, slope and bursts.

The logarithm of revenue a day is a Gaussian process with the prior of `models.clock`, seen with the noise of
a number of orders. How large its parts are the evidence says, averaged over the same grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from crmkit.models.clock import ENOUGH, GRID, YEAR
from crmkit.models.numerics.processes import believe

Array = np.ndarray

MOST = 208  # periods that are looked at, four years of weeks
BLOCK = 52  # periods that are foreseen together
FARTHEST = 10.0  # years ahead, beyond which nothing more changes
LATELY = 12  # periods whose numbers of orders those to come are expected to have
SPREAD = 2.0  # variance of the revenue of n orders over n · squared mean, where amounts vary as much as they are high


@dataclass(frozen=True)
class Pace:
    """What is expected of the logarithm of revenue in the periods to come, and its standard deviation."""

    mean: Array
    sd: Array

    @classmethod
    def fit(cls, series: Array, orders: Array, days: Array) -> Self | None:
        """From revenue and orders of the periods so far, and the days of these and of those to come.

        None where a season cannot be told, or a period brought nothing.
        """
        n = len(series)
        if days[:n].sum() < ENOUGH or series.min() <= 0:
            return None
        skip = max(n - MOST, 0)
        seen, precise = np.log(series / days[:n])[skip:], np.maximum(orders[skip:], 1) / SPREAD
        usual = float((seen * precise).sum() / precise.sum())
        middle = (np.cumsum(days) - days / 2)[skip:] / YEAR
        middle = np.minimum(middle - middle[0], middle[n - skip - 1] - middle[0] + FARTHEST)
        past, future = middle[: n - skip], middle[n - skip :]
        parts = [
            _ahead(past, seen - usual, precise, future[begin : begin + BLOCK])
            for begin in range(0, len(future), BLOCK)
        ]
        mean, variance = (np.concatenate(column) for column in zip(*parts, strict=True))
        noise = 1 / precise[-LATELY:].mean()
        return cls(mean + usual + np.log(days[n:]), np.sqrt(variance + noise))


def _ahead(past: Array, seen: Array, precise: Array, future: Array) -> tuple[Array, Array]:
    """Mean and variance of the process at times to come, in years, averaged over the grid."""
    times = np.r_[past, future]
    priors = np.array([size.covariance(times) for size in GRID])
    found = believe(priors, np.diag(np.sqrt(precise)), precise * seen)
    logs = found.log_evidence + np.array([size.log_prior for size in GRID])
    weight = np.exp(logs - logs.max())
    known, n = found.averaged(weight / weight.sum()), len(past)
    return known.mean[n:], np.diag(known.covariance)[n:]
