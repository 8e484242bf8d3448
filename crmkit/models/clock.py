"""A calendar common to all customers: days on which everybody buys more, or less, than on others.

Customer i buys at the rate lambda_i g(d) on day d while a customer. With G(d) the sum of g up to
day d, every model of (x, t_x, T) holds unchanged in the time of this clock, t_x' = G(last) − G(first)
and T' = G(as of) − G(first), and

    log L(θ, f) = Σ_i log L_model(x_i, t_x'_i, T'_i; θ) + Σ_d n_d log g(d)

where n_d are the repeat purchases of day d and log g = f is constant within bins of four weeks. f is a
Gaussian process: a season, a level that walks, a slope and bursts. How large each of them is, the
evidence says: the answer is an average over a fixed grid, without an optimiser or random numbers.
The future of f is what the process expects, and its variance is the shock that all customers share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.models.fitting import Fit, fit_purchases
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.nbd import NBD
from crmkit.models.numerics.processes import Beliefs, believe, root
from crmkit.models.weighted import WeightedHistories, collapse
from crmkit.parse import MEAN_YEAR

Array = np.ndarray

YEAR = MEAN_YEAR
ENOUGH = 455  # days of history, fifteen months: with fewer, a season cannot be told from growth
BIN = 28  # days: whole weeks, so that days of the week balance, and short closures do not pass for seasons
MOST_BINS = 130  # of the history, ten years; longer histories have longer bins
SLOPE = 0.10  # a year, standard deviation of the log
USUAL_WALK = 0.12  # scale of the prior of the level's walk, a year
SMOOTH = 0.5  # of the season, within a year
BURST = 56.0  # days over which half of a burst fades
SEASONS, WALKS, BURSTS = (0.1, 0.2, 0.4, 0.6), (0.03, 0.06, 0.12, 0.2, 0.4), (0.02, 0.06, 0.15)
AT_FIRST = (0.2, 0.15, 0.1)
ROUNDS, STEPS = 6, 30
SETTLED = 0.005  # largest move of f, in logs, after which a further round changes nothing
NOBODY_LEAVES = 1e-9
STEP = 0.05  # of a log-parameter, at most, for the difference quotient


class Size(NamedTuple):
    """Standard deviations of the parts of f: season, walk of the level in a year, bursts."""

    season: float
    walk: float
    burst: float

    @property
    def log_prior(self) -> float:
        """A level that walks far is less likely from the start."""
        return -((self.walk / USUAL_WALK) ** 2) / 2

    def covariance(self, t: Array) -> Array:
        """Prior covariance of f at these times in years; the constant is alpha's, and free."""
        apart = t[:, None] - t
        season = np.exp(-2 * np.sin(np.pi * apart) ** 2 / SMOOTH**2)
        burst = 0.5 * np.exp(-np.abs(apart) * YEAR / BURST) + 0.5 * (apart == 0)
        level = self.walk**2 * np.minimum(t[:, None], t) + SLOPE**2 * t[:, None] * t
        return 1.0 + self.season**2 * season + level + self.burst**2 * burst


GRID = tuple(Size(s, w, b) for s in SEASONS for w in WALKS for b in BURSTS)


class Bins(NamedTuple):
    """Days of the history in bins that end with the as-of date; a day is known by its age, 0 the last one."""

    days: int
    length: int

    @classmethod
    def of(cls, days: int) -> Self:
        return cls(days, BIN * max(-(-days // (BIN * MOST_BINS)), 1))

    @property
    def number(self) -> int:
        return max(-(-self.days // self.length), 1)

    def overlaps(self) -> Array:
        """By age a of a day, and bin: days of the bin after that day, the as-of date included."""
        age = np.arange(self.days + 1)[:, None]
        youngest = self.length * np.arange(self.number - 1, -1, -1)
        return np.clip(age - youngest, 0, self.length).astype(float)

    def times(self, more: int = 0) -> Array:
        """Middles of the bins, and of so many bins to come, in years since the first began."""
        return (np.arange(self.number + more) + 0.5) * self.length / YEAR

    def sums(self, by_age: Array) -> Array:
        """What happened on each day, by bin."""
        place = self.number - 1 - np.arange(len(by_age)) // self.length
        return np.bincount(np.maximum(place, 0), by_age, self.number)


class Slope(NamedTuple):
    """The log-likelihood around one f: gradient, minus the Hessian, and expected purchases where g is one."""

    gradient: Array
    curvature: Array
    exposure: Array


@dataclass(frozen=True)
class Evidence:
    """What the clock learns from: different histories in whole days, and repeat purchases by bin."""

    bins: Bins
    rows: WeightedHistories
    repeats: Array

    @classmethod
    def of(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike | None, by_age: Array) -> Self:
        """`by_age` counts the repeat purchases of each day, the as-of date's first."""
        rows = collapse(x, t_x, T, weights)
        bins = Bins.of(int(rows.T.max()))
        return cls(bins, rows, bins.sums(by_age[: bins.days]))

    @cached_property
    def first(self) -> Array:
        """The age of each history's first day."""
        return self.rows.T.astype(np.int64)

    @cached_property
    def last(self) -> Array:
        """The age of each history's last purchase."""
        return (self.rows.T - self.rows.t_x).astype(np.int64)

    @cached_property
    def overlaps(self) -> Array:
        return self.bins.overlaps()

    def on(self, f: Array) -> WeightedHistories:
        """The histories in the time of the clock, in days."""
        since = np.einsum("dw,w->d", self.overlaps, np.exp(f))
        T = since[self.first]
        return self.rows._replace(T=T, t_x=np.where(self.rows.x > 0, T - since[self.last], 0.0))

    def fit(self, f: Array, near: Any = None) -> Fit:
        """The model of drop-out and rates in the time of the clock; `near` is one from which it is not far."""
        rows = self.on(f)
        if not isinstance(near, MBGNBD):
            return MBGNBD.fit(*rows)
        unit = float((rows.T * rows.weights).sum()) / rows.customers
        return fit_purchases([near.rescaled(1 / unit)], rows, NBD.starts())

    def log_likelihood(self, model: Any, f: Array) -> float:
        x, t_x, T, weights = self.on(f)
        return float((weights * model.log_likelihood(x, t_x, T)).sum() + (self.repeats * f).sum())

    def slope(self, model: MBGNBD, f: Array, *, curved: bool = True) -> Slope:
        """Exact derivatives, from sums over histories by first and by last day."""
        x, t_x, T, weights = self.on(f)
        g, R, alive = np.exp(f), model.r + x, model.p_alive(x, t_x, T)
        now, then = R / (model.alpha + T), R / (model.alpha + t_x)
        stay, left = weights * alive, weights * (1 - alive)
        exposure = self.by_bin(self.first, stay * now + left * then) - self.by_bin(self.last, left * then)
        gradient = self.repeats - g * exposure
        if not curved:
            return Slope(gradient, np.zeros((0, 0)), exposure)
        of_T = stay * now**2 * ((R + 1) / R - alive)
        of_t = left * then**2 * ((R + 1) / R - (1 - alive))
        of_both = -stay * (1 - alive) * now * then
        hessian = self._squares(of_T + of_t + 2 * of_both, of_t, of_t + of_both)
        return Slope(gradient, np.diag(g * exposure) - g[:, None] * hessian * g, exposure)

    def by_bin(self, age: Array, values: Array) -> Array:
        return np.einsum("d,dw->w", np.bincount(age, values, self.bins.days + 1), self.overlaps)

    def _squares(self, first: Array, last: Array, both: Array) -> Array:
        """Σ first v v' + last u u' − both (v u' + u v'), v the days since the first and u since the last purchase."""
        size, v = self.bins.days + 1, self.overlaps
        ends = np.bincount(self.first, first, size) + np.bincount(self.last, last, size)
        crossed = np.stack([np.bincount(self.first, both * v[self.last, w], size) for w in range(v.shape[1])])
        mixed = np.einsum("wd,dv->wv", crossed, v)
        return np.einsum("d,dw,dv->wv", ends, v, v) - mixed - mixed.T


@dataclass(frozen=True, kw_only=True)
class Clock:
    """f by bin of the history and of the time to come, and how sure it is; time of the clock is in days.

    One day of the clock is an average day of the history, as customers lived through it. It is looked at `at`
    days after the day up to which it has learnt. `doubt` are variances of f in the past, and `covariance`
    that of the bins to come, both against the level of the history; `repeats` are its repeat purchases by
    bin, `expected` those of even days; `gain` is the log-likelihood over that of a clock which runs evenly.
    """

    length: int  # days of a bin
    past: Array
    future: Array
    doubt: Array
    covariance: Array
    repeats: Array
    expected: Array
    gain: float
    at: int = 0

    def position(self, day: ArrayLike) -> Array:
        """Time of the clock from the day up to which it has learnt to so many days after it (or before)."""
        days, pace = np.asarray(day, float), np.exp(np.r_[self.past, self.future])
        ends = self.length * np.arange(-len(self.past), len(self.future) + 1)
        passed = np.r_[0.0, np.cumsum(pace)] * self.length
        passed -= passed[len(self.past)]
        year = max(round(YEAR / self.length), 1)
        after = np.maximum(days - ends[-1], 0.0) * pace[-year:].mean()
        return np.interp(days, ends, passed) + after + np.minimum(days - ends[0], 0.0) * pace[0]

    def since(self, age: ArrayLike) -> Array:
        """Time of the clock from so many days ago until the as-of date."""
        return self.position(self.at) - self.position(self.at - np.asarray(age, float))

    def ahead(self, days: ArrayLike) -> Array:
        """Time of the clock in so many days after the as-of date; beyond what it foresees it runs evenly."""
        return self.position(self.at + np.asarray(days, float)) - self.position(self.at)

    def shock(self, days: float) -> float:
        """Variance of the logarithm of what these days count as, against the days that were learnt from."""
        steps = np.clip(self.length * np.arange(len(self.future) + 1) - self.at, 0.0, days)
        time = np.diff(self.ahead(steps))
        parts = time / max(float(time.sum()), 1e-300)
        return max(float(np.einsum("i,ij,j", parts, self.covariance, parts)), 0.0)

    def seen_from(self, day: int) -> Self:
        """The same clock, looked at so many days later than now."""
        return replace(self, at=self.at + day)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {"length": self.length, "gain": self.gain, **arrays}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The clock that `to_dict` described; ValueError if its parts do not fit together."""
        found = {name: np.array(saved[name], float) for name in _ARRAYS}
        n, m = len(found["past"]), len(found["future"])
        shapes = {"doubt": (n,), "repeats": (n,), "expected": (n,), "covariance": (m, m)}
        if not (n and m and all(found[name].shape == shape for name, shape in shapes.items())):
            raise ValueError("the parts of its calendar do not fit together")
        return cls(length=int(saved["length"]), gain=float(saved["gain"]), **found)  # type: ignore[arg-type]


_ARRAYS = ("past", "future", "doubt", "covariance", "repeats", "expected")


def fit_clock(
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    by_age: Array,
    *,
    ahead: int,
    weights: ArrayLike | None = None,
    grid: Sequence[Size] = GRID,
) -> Clock:
    """The clock of customers with these histories, in whole days, and of so many days to come.

    `by_age` counts the repeat purchases of all customers on each day, that of the as-of date first.
    Raises ModelError as `fit` does.
    """
    known = Evidence.of(x, t_x, T, weights, by_age)
    bins = known.bins
    t = bins.times(max(-(-ahead // bins.length), 1))
    priors = np.array([size.covariance(t) for size in grid])
    usual = Size(*AT_FIRST).covariance(t[: bins.number])
    flat = known.fit(np.zeros(bins.number))
    f, model = _mode(known, _exposing(flat.model), usual), flat.model
    for _ in range(ROUNDS):
        f = _centred(f, known.repeats)
        found, slope, model = _round(known, f, model, priors, grid)
        before, f = f, f + np.clip(found.mean[: bins.number] - f, -1.0, 1.0)
        if np.abs(_centred(f, known.repeats) - before).max() < SETTLED:
            break
    lived = known.by_bin(known.first, known.rows.weights)
    level = float(np.log((np.exp(f) * lived).sum() / lived.sum()))
    exposed = np.exp(f) * np.maximum(slope.exposure, 0.0)
    apart = _against(found.covariance, exposed / exposed.sum())
    last, n = known.fit(f - level, model), bins.number
    return Clock(
        length=bins.length,
        past=f - level,
        future=found.mean[n:] - level,
        doubt=np.maximum(np.diag(apart)[:n], 0.0),
        covariance=apart[n:, n:],
        repeats=known.repeats,
        expected=known.slope(_exposing(last.model), f - level, curved=False).exposure,
        gain=last.log_likelihood + float((known.repeats * (f - level)).sum()) - flat.log_likelihood,
    )


def _against(covariance: Array, shares: Array) -> Array:
    """The covariance of f less its mean over the history, of which each bin is a share."""
    level = np.r_[shares, np.zeros(len(covariance) - len(shares))]
    with_level = np.einsum("ij,j->i", covariance, level)
    return covariance - with_level - with_level[:, None] + float((level * with_level).sum())


def _centred(f: Array, repeats: Array) -> Array:
    return f - float((f * repeats).sum()) / max(float(repeats.sum()), 1.0)


def _exposing(model: Any) -> MBGNBD:
    """An MBG/NBD, also where the fit is its limit without drop-out."""
    return MBGNBD(model.r, model.alpha, NOBODY_LEAVES, 1.0) if isinstance(model, NBD) else model


def _mode(known: Evidence, model: MBGNBD, prior: Array) -> Array:
    """The f of highest posterior with the model held: Newton's method, f = prior · a."""
    a = f = np.zeros(len(prior))
    value = known.log_likelihood(model, f)
    for _ in range(STEPS):
        slope = known.slope(model, f)
        found = believe(prior[None], root(slope.curvature), slope.gradient + _times(slope.curvature, f))
        target, size = found.duals[0], 1.0
        while size > 1e-4:
            new = a + size * (target - a)
            at = _times(prior, new)
            height = known.log_likelihood(model, at) - float((new * at).sum()) / 2
            if height > value - 1e-9:
                break
            size /= 2
        moved = float(np.abs(at - f).max())
        a, f, value = new, at, height
        if moved < SETTLED:
            break
    return f


def _round(
    known: Evidence, f: Array, near: Any, priors: Array, grid: Sequence[Size]
) -> tuple[Beliefs, Slope, Any]:
    """Beliefs on f, past and future, averaged over the grid; the model is fitted anew before."""
    fit = known.fit(f, near)
    slope = known.slope(_exposing(fit.model), f)
    doubt = _doubt(known, fit, f)
    curvature = slope.curvature - np.einsum("wk,vk->wv", doubt, doubt)
    # A constant in f is alpha's: the data say nothing of it.
    curvature = curvature - curvature.mean(0) - curvature.mean(1)[:, None] + curvature.mean()
    pull = slope.gradient - slope.gradient.mean() + _times(curvature, f)
    found = believe(priors, root(curvature), pull)
    logs = found.log_evidence + np.array([size.log_prior for size in grid])
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    return found.averaged(weight), slope, fit.model


def _doubt(known: Evidence, fit: Fit, f: Array) -> Array:
    """How the gradient moves with the model's own parameters, a standard deviation each way."""
    values, vectors = np.linalg.eigh(fit.log_covariance)
    columns = []
    for value, vector in zip(np.minimum(values, 4.0), vectors.T, strict=True):
        if value < 1e-12:
            continue
        step = min(float(np.sqrt(value)), STEP)
        up, down = (
            known.slope(_exposing(fit.model.at(fit.model.log_params + sign * step * vector)), f, curved=False)
            for sign in (1.0, -1.0)
        )
        columns.append(np.sqrt(value) * (up.gradient - down.gradient) / (2 * step))
    return np.stack(columns, 1) if columns else np.zeros((len(f), 0))


def _times(matrix: Array, vector: Array) -> Array:
    return np.einsum("ij,j->i", matrix, vector)
