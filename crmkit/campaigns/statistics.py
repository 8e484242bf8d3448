"""Differences between two arms: intervals and tests that stand in textbooks, from sums alone.

Means: Welch (1947). Shares: Newcombe's hybrid score interval (1998, method 10) and the pooled score test. Ratios of means
(revenue per order): the delta method. Relative differences: the delta method on the logarithm of the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Array = np.ndarray

LEVEL = 0.95
FEW_EVENTS = 10  # below which a test of shares is exact


class Sample(NamedTuple):
    """What is known of an arm: customers, and the mean and variance (by n - 1) of a measure."""

    n: int
    mean: float
    variance: float

    @property
    def of_mean(self) -> float:
        """The variance of the mean."""
        return self.variance / self.n if self.n else math.inf


class Estimate(NamedTuple):
    """A difference with its interval; None where there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    statistic: float | None = None
    df: float | None = None
    p: float | None = None

    def times(self, factor: float) -> Estimate:
        """The same in other units."""
        value, low, high = (None if one is None else one * factor for one in self[:3])
        return self._replace(value=value, low=low, high=high)


def normal_quantile(p: float) -> float:
    """Of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(p))


def _two_sided(statistic: float, df: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(statistic)))


def _quantile(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


def welch_df(treated: Sample, control: Sample) -> float:
    """Satterthwaite's degrees of freedom; nan where nothing varies."""
    parts = [(one.of_mean, one.n - 1) for one in (treated, control)]
    below = sum(part * part / df for part, df in parts if df > 0)
    return sum(part for part, _ in parts) ** 2 / below if below > 0 else math.nan


def difference(treated: Sample, control: Sample, level: float = LEVEL) -> Estimate:
    """Of means, by Welch; without an interval where an arm has fewer than two customers or nothing varies."""
    value = treated.mean - control.mean
    df = welch_df(treated, control)
    if min(treated.n, control.n) < 2 or math.isnan(df):
        return Estimate(value)
    error = math.sqrt(treated.of_mean + control.of_mean)
    half = _quantile(level, df) * error
    return Estimate(value, value - half, value + half, value / error, df, _two_sided(value / error, df))


def relative(treated: Sample, control: Sample, level: float = LEVEL) -> Estimate:
    """The difference as a part of the control's mean, with the interval of the logarithm of the ratio."""
    if treated.mean <= 0 or control.mean <= 0:
        return Estimate()
    ratio = treated.mean / control.mean
    df = welch_df(treated, control)
    if min(treated.n, control.n) < 2 or math.isnan(df):
        return Estimate(ratio - 1)
    error = math.sqrt(treated.of_mean / treated.mean**2 + control.of_mean / control.mean**2)
    parts = [(one.of_mean / one.mean**2, one.n - 1) for one in (treated, control)]
    own = sum(part for part, _ in parts) ** 2 / sum(part * part / n for part, n in parts if part)
    half = _quantile(level, own) * error
    return Estimate(ratio - 1, ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1)


def wilson(events: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share."""
    z = normal_quantile((1 + level) / 2)
    p, square = events / n, z * z
    middle = (p + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def shares(treated: tuple[int, int], control: tuple[int, int], level: float = LEVEL) -> Estimate:
    """The difference of two shares, each (events, customers): Newcombe's interval, p of the score test.

    With fewer than ten events, or non-events, in both arms together, p is that of Fisher's exact test.
    """
    (k1, n1), (k0, n0) = treated, control
    if not n1 or not n0:
        return Estimate()
    p1, p0 = k1 / n1, k0 / n0
    (l1, u1), (l0, u0) = wilson(k1, n1, level), wilson(k0, n0, level)
    value = p1 - p0
    low = value - math.sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2)
    high = value + math.sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2)
    pooled = (k1 + k0) / (n1 + n0)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    if min(k1 + k0, n1 + n0 - k1 - k0) < FEW_EVENTS:
        return Estimate(value, low, high, None, None, _fisher(k1, n1, k0, n0))
    z = value / error
    return Estimate(value, low, high, z, None, _two_sided(z, math.inf))


def _fisher(k1: int, n1: int, k0: int, n0: int) -> float:
    from scipy.stats import fisher_exact

    return float(fisher_exact([[k1, n1 - k1], [k0, n0 - k0]]).pvalue)


class Pair(NamedTuple):
    """What is known of an arm's ratio: customers, mean of the upper and of the lower measure, their variances and covariance."""

    n: int
    above: float
    below: float
    var_above: float
    var_below: float
    covariance: float

    def sample(self) -> Sample:
        """The ratio as if it were a mean over the customers, by the delta method."""
        if not self.below:
            return Sample(0, 0.0, 0.0)
        ratio = self.above / self.below
        spread = self.var_above - 2 * ratio * self.covariance + ratio * ratio * self.var_below
        return Sample(self.n, ratio, max(spread, 0.0) / self.below**2)


def sample_ratio(counts: Sequence[int], planned: Sequence[float]) -> tuple[float, float]:
    """Pearson's chi² of the customers in each arm against their planned shares, and p."""
    from scipy.special import chdtrc

    whole = sum(counts)
    square = math.fsum(
        (n - whole * share) ** 2 / (whole * share) for n, share in zip(counts, planned, strict=True)
    )
    return square, float(chdtrc(len(counts) - 1, square))


def standardised(treated: Sample, control: Sample) -> float | None:
    """The difference of means in standard deviations (the root of the mean of both variances)."""
    spread = (treated.variance + control.variance) / 2
    return (treated.mean - control.mean) / math.sqrt(spread) if spread > 0 else None
