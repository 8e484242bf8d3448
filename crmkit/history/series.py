"""Forecasts of a short series: the theta method, and the naive methods that it has to beat.

Theta won the M3 competition (Assimakopoulos and Nikolopoulos, 2000) and is simple exponential
smoothing with half the slope of a straight line as drift (Hyndman and Billah, 2003):

    forecast(h) = l_n + b/2 * (h - 1 + (1 - (1 - alpha)^n) / alpha)
    variance(h) = sigma^2 * (1 + (h - 1) * alpha^2)

with level l_1 = y_1, l_t = alpha * y_t + (1 - alpha) * l_(t-1), b the least-squares slope, and the
alpha among .01, .02 … .99 with the smallest squared one-step errors. A season, where two years and
a test show one, is taken out before and put back after (classical decomposition).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

ALPHAS = np.arange(1, 100) / 100
THETA_FROM = 6
# The 95 % point of the normal distribution: one-sided test of the seasonal autocorrelation.
SEASONAL_FROM = 1.645


class Forecaster(Protocol):
    """Anything that says what comes next, and how sure it is."""

    @property
    def name(self) -> str: ...

    def forecast(self, periods: int) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the next periods."""


@dataclass(frozen=True)
class Naive:
    """The value of one season ago (of the last period where season is 1)."""

    last: tuple[float, ...]
    sigma: float

    @classmethod
    def fit(cls, series: np.ndarray, season: int = 1) -> Naive:
        """Seasonal if the series is longer than a season, otherwise the last value; needs two values."""
        lag = season if len(series) > season else 1
        steps = series[lag:] - series[:-lag]
        return cls(tuple(series[-lag:].tolist()), float(np.sqrt(np.mean(steps**2))))

    @property
    def name(self) -> str:
        return "seasonal naive" if len(self.last) > 1 else "naive"

    def forecast(self, periods: int) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the next periods."""
        ahead = np.arange(periods)
        season = len(self.last)
        return np.array(self.last)[ahead % season], self.sigma * np.sqrt(ahead // season + 1)


@dataclass(frozen=True)
class Theta:
    """Exponential smoothing with drift; `factors` belong to the periods after the last one."""

    level: float
    drift: float
    alpha: float
    sigma: float
    n: int
    factors: tuple[float, ...] = (1.0,)

    @classmethod
    def fit(cls, series: np.ndarray, season: int = 1) -> Theta:
        """Fit to six values or more; a season is used where `is_seasonal` finds one in positive values."""
        factors = np.ones(1)
        if is_seasonal(series, season) and series.min() > 0:
            factors = season_factors(series, season)
        n = len(series)
        flat = series / factors[np.arange(n) % len(factors)]
        drift = slope(flat) / 2
        levels = _levels(flat)
        errors = flat[1:] - levels[:, :-1] - drift * _reach(np.arange(1, n))
        best = int(np.argmin((errors**2).sum(axis=1)))
        return cls(
            level=float(levels[best, -1]),
            drift=drift,
            alpha=float(ALPHAS[best]),
            # The level's weight and the slope were estimated from the n - 1 errors.
            sigma=float(np.sqrt((errors[best] ** 2).sum() / (n - 3))),
            n=n,
            factors=tuple(np.roll(factors, -(n % len(factors))).tolist()),
        )

    @property
    def name(self) -> str:
        return "theta"

    def forecast(self, periods: int) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the next periods."""
        ahead = np.arange(periods)
        reach = (1 - (1 - self.alpha) ** self.n) / self.alpha
        mean = self.level + self.drift * (ahead + reach)
        sd = self.sigma * np.sqrt(1 + ahead * self.alpha**2)
        factors = np.array(self.factors)[ahead % len(self.factors)]
        return mean * factors, sd * factors


def _levels(flat: np.ndarray) -> np.ndarray:
    """The smoothed level after each value, one row for each alpha."""
    levels = np.empty((len(ALPHAS), len(flat)))
    levels[:, 0] = flat[0]
    for t in range(1, len(flat)):
        levels[:, t] = ALPHAS * flat[t] + (1 - ALPHAS) * levels[:, t - 1]
    return levels


def _reach(t: np.ndarray) -> np.ndarray:
    """How many drifts lie between the level after t values and the value after it, by alpha."""
    return (1 - (1 - ALPHAS[:, None]) ** t) / ALPHAS[:, None]


def slope(series: np.ndarray) -> float:
    """Least-squares slope per period."""
    t = np.arange(len(series)) - (len(series) - 1) / 2
    return float((t * series).sum() / (t**2).sum())


def is_seasonal(series: np.ndarray, season: int) -> bool:
    """Whether more than two seasons were seen and the autocorrelation at that lag is above chance.

    r_m > 1.645 * sqrt((1 + 2 * sum over i < m of r_i^2) / n), Bartlett's approximation.
    """
    n = len(series)
    centred = series - series.mean()
    total = (centred**2).sum()
    if season < 2 or n <= 2 * season or total == 0:
        return False
    r = np.array([(centred[lag:] * centred[:-lag]).sum() for lag in range(1, season + 1)]) / total
    return bool(r[-1] > SEASONAL_FROM * np.sqrt((1 + 2 * (r[:-1] ** 2).sum()) / n))


def season_factors(series: np.ndarray, season: int) -> np.ndarray:
    """Classical decomposition: mean ratios to a centred moving average over an even season, mean 1."""
    weights = np.ones(season + 1) / season
    weights[[0, -1]] /= 2
    trend = np.convolve(series, weights, mode="valid")
    half = season // 2
    ratios = series[half : half + len(trend)] / trend
    place = (np.arange(len(trend)) + half) % season
    factors = np.bincount(place, weights=ratios, minlength=season) / np.bincount(place, minlength=season)
    return factors / factors.mean()
