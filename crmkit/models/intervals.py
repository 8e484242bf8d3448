"""What a fit says of known customers in a horizon, and how sure it is.

Two kinds of doubt are kept apart. The parameters are doubtful for all customers together; their
share comes from re-evaluating the expectations at a few points spread like the estimate's
distribution. What each customer does is random on its own; its share comes from the model's first
two moments and P(no purchase), which fix a distribution with an atom at zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaincinv, ndtri

from crmkit.errors import ModelError
from crmkit.models.fitting import Fit
from crmkit.models.predictions import Past, Predictions
from crmkit.models.spend import Moments
from crmkit.models.weighted import columns, unique_rows

Array = np.ndarray

FARTHEST = 3.0  # a point moves a parameter by at most e^3
POISSON = 1e7  # a negative binomial of this shape is a Poisson
NORMAL = 1e6  # a gamma of this shape is a normal
SHOCKS = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))  # three points with a normal's first moments
TINY = 1e-300


class Interval(NamedTuple):
    """For each customer: a central interval, and the probability that it holds (counts are whole)."""

    low: Array
    high: Array
    mass: Array


class Totals(NamedTuple):
    """By group: expected total and its interval."""

    expected: Array
    low: Array
    high: Array


def spread_points(fit: Fit) -> list[Any]:
    """Models around the estimate with, together, its mean and covariance in log-parameters.

    They lie at ±√n standard deviations along the n principal axes, equally weighted: the cubature
    rule of degree three (Arasaratnam & Haykin 2009). Eight evaluations replace some hundred random
    draws, and the answer does not depend on a seed.
    """
    values, vectors = np.linalg.eigh(fit.log_covariance)
    axes = [(value, vector) for value, vector in zip(values, vectors.T, strict=True) if value > 1e-14]
    steps = [np.sqrt(len(axes) * value) * vector for value, vector in axes]
    steps = [step * min(1.0, FARTHEST / float(np.abs(step).max())) for step in steps]
    return [fit.model.at(fit.model.log_params + sign * step) for step in steps for sign in (1.0, -1.0)]


@dataclass(frozen=True)
class Hurdle:
    """Nothing with probability 1 − some; else a positive amount with the given two moments."""

    some: Array
    mean: Array
    square: Array

    @classmethod
    def of(cls, some: Array, mean: Array, square: Array) -> Hurdle:
        """From the unconditional moments E(Y) and E(Y²), given P(Y > 0)."""
        safe = np.maximum(some, TINY)
        return cls(some, mean / safe, square / safe)

    # ---- counts: Y − 1 is negative binomial where Y > 0

    def _beyond_one(self) -> tuple[Array, Array]:
        """Mean and negative binomial shape of Y − 1 given Y > 0."""
        mean = np.maximum(self.mean - 1, 0.0)
        excess = np.maximum(self.square - self.mean**2 - mean, 0.0)
        shape = np.minimum(mean**2 / np.maximum(excess, mean**2 / POISSON + TINY), POISSON)
        return mean, np.maximum(shape, 1e-9)

    def count_beyond(self, n: Array) -> Array:
        """P(Y > n)."""
        mean, shape = self._beyond_one()
        tail = betainc(shape * 0 + np.maximum(n, 1), shape, mean / (mean + shape))
        return np.where(n < 0, 1.0, np.where(n < 1, self.some, self.some * tail))

    def count_quantile(self, u: float) -> Array:
        """The smallest n with P(Y <= n) >= u."""
        answer = np.zeros_like(self.some)
        open_ = np.flatnonzero(self.some > 1 - u)
        low, high = np.zeros(len(open_)), np.ones(len(open_))
        looked = np.arange(len(open_))  # most are done after the first step, and not looked at again
        while len(looked := looked[self._above(open_[looked], high[looked], u)]):
            low[looked], high[looked] = high[looked], 2 * high[looked]
        while len(looked := np.flatnonzero(high - low > 1)):  # P(Y > low) > 1 − u >= P(Y > high)
            middle = np.floor((low[looked] + high[looked]) / 2)
            above = self._above(open_[looked], middle, u)
            low[looked[above]], high[looked[~above]] = middle[above], middle[~above]
        answer[open_] = high
        return answer

    def _above(self, rows: Array, n: Array, u: float) -> Array:
        """Whether P(Y > n) > 1 − u, of these rows."""
        return self._rows(rows).count_beyond(n) > 1 - u

    def count_interval(self, level: float) -> Interval:
        low, high = self.count_quantile((1 - level) / 2), self.count_quantile((1 + level) / 2)
        return Interval(low, high, self.count_beyond(low - 1) - self.count_beyond(high))

    # ---- amounts: gamma where positive

    def amount_quantile(self, u: float) -> Array:
        answer = np.zeros_like(self.some)
        open_ = np.flatnonzero(self.some > 1 - u)
        inner = self._rows(open_)
        within = np.clip((u - 1 + inner.some) / np.maximum(inner.some, TINY), 0.0, 1 - 1e-16)
        answer[open_] = gamma_quantile(within, inner.mean, inner.square - inner.mean**2)
        return answer

    def amount_interval(self, level: float) -> Interval:
        low, high = self.amount_quantile((1 - level) / 2), self.amount_quantile((1 + level) / 2)
        below = np.where(low > 0, (1 - level) / 2, 0.0)
        above = np.where(high > 0, (1 - level) / 2, self.some)
        return Interval(low, high, 1 - below - above)

    def _rows(self, rows: Array) -> Hurdle:
        return Hurdle(self.some[rows], self.mean[rows], self.square[rows])


def gamma_quantile(u: ArrayLike, mean: Array, variance: Array) -> Array:
    """Quantile of the gamma distribution with this mean and variance; the mean where it is sure."""
    u, mean, variance = np.broadcast_arrays(u, mean, variance)
    sure = (variance <= 1e-14 * mean**2) | (mean <= 0)
    shape = np.where(sure, 1.0, mean**2 / np.where(sure, 1.0, variance))
    skewed = np.clip(shape, 1e-3, NORMAL)
    scaled = gammaincinv(skewed, u) / skewed
    normal = 1 + ndtri(np.clip(u, 1e-16, 1 - 1e-16)) / np.sqrt(shape)
    return np.where(sure, mean, mean * np.where(shape < NORMAL, scaled, np.maximum(normal, 0.0)))


@dataclass(frozen=True)
class Outlook:
    """Predictions customers in a horizon: expectations, chances and intervals, one entry for each customer.

    Made by `outlook`. `alive` is P(alive at T), `p_purchase` P(at least one purchase in the
    horizon), `orders` the expected purchases. With a spend fit, `spend` is the expected amount of a
    purchase and `value` the expected total, discounted if a rate was given.
    """

    alive: Array
    p_purchase: Array
    orders: Array
    spend: Array | None
    value: Array | None
    _where: Array  # each customer's row among the unique histories
    _hurdle: Hurdle  # orders, by unique history
    _points: Array  # expected orders at the spread parameters, (points, unique histories)
    _shock: float  # variance of the logarithm of what moves all totals alike
    _discount: Array  # mean discount factor of an order, by customer
    _amounts: Moments | None
    _spend_points: Callable[[], list[Array]]

    def orders_interval(self, level: float = 0.8) -> Interval:
        """Central predictive interval of each customer's orders."""
        return Interval(*(part[self._where] for part in self._hurdle.count_interval(level)))

    def orders_beyond(self, n: ArrayLike) -> Array:
        """P(orders > n) of each customer."""
        return self._customers().count_beyond(np.asarray(n, float))

    def value_interval(self, level: float = 0.8) -> Interval:
        """Central predictive interval of each customer's value."""
        low, high, mass = self.value_distribution().amount_interval(level)
        return Interval(low * self._discount, high * self._discount, mass)

    def value_distribution(self) -> Hurdle:
        """Of each customer's undiscounted value: from the moments of orders and of amounts."""
        amounts, orders = self._money(), self._customers()
        first = orders.mean * amounts.mean
        pairs = np.maximum(orders.square - orders.mean, 0.0)
        return Hurdle(orders.some, first, orders.mean * amounts.square + pairs * amounts.mean_square)

    def order_totals(self, groups: ArrayLike | None = None, level: float = 0.8) -> Totals:
        """Expected orders by group (codes 0, 1, …; None is one group) with an interval.

        The doubt about the parameters is common to all customers of a group; purchase randomness
        is independent between them.
        """
        add, size = self._adder(groups)
        expected = add(self.orders)
        common = [np.bincount(self._cell(groups), row[self._where], size) for row in self._points]
        return _totals(expected, [common], add(self._customers_variance()), (level, self._shock))

    def value_totals(self, groups: ArrayLike | None = None, level: float = 0.8) -> Totals:
        """Expected value by group with an interval, as `order_totals`."""
        amounts, hurdle = self._money(), self.value_distribution()
        add, _ = self._adder(groups)
        assert self.value is not None
        by_orders = [add(row[self._where] * amounts.mean * self._discount) for row in self._points]
        by_spend = [add(self.orders * spend * self._discount) for spend in self._spend_points()]
        own = hurdle.some * hurdle.square - (hurdle.some * hurdle.mean) ** 2
        return _totals(
            add(self.value), [by_orders, by_spend], add(own * self._discount**2), (level, self._shock)
        )

    def _money(self) -> Moments:
        if self._amounts is None:
            raise ModelError("Without a spend model there is no value; give `spend` and `m`.")
        return self._amounts

    def _customers(self) -> Hurdle:
        return self._hurdle._rows(self._where)

    def _customers_variance(self) -> Array:
        one = self._hurdle
        return (one.some * one.square - (one.some * one.mean) ** 2)[self._where]

    def _cell(self, groups: ArrayLike | None) -> Array:
        return np.zeros(len(self.orders), int) if groups is None else np.asarray(groups)

    def _adder(self, groups: ArrayLike | None) -> tuple[Callable[[Array], Array], int]:
        cell = self._cell(groups)
        size = int(cell.max(initial=0)) + 1
        return (lambda values: np.bincount(cell, values, size)), size


def _totals(expected: Array, common: list[list[Array]], own: Array, sure: tuple[float, float]) -> Totals:
    """The variance comes from each source of common doubt and the customers' own; `sure` are level and shock."""
    variance = np.maximum(own, 0.0)
    for points in common:
        if points:
            variance = variance + np.mean([(point - expected) ** 2 for point in points], axis=0)
    return total(expected, variance, *sure)


def total(expected: Array, variance: Array, level: float, shock: float = 0.0) -> Totals:
    """Gamma with this mean and variance, its ends farther from the mean by a shock common to all.

    Distances from the mean on the log scale add up as those of independent causes.
    """
    low, high = (gamma_quantile(u, expected, variance) for u in ((1 - level) / 2, (1 + level) / 2))
    if shock > 0:
        reach, some = float(ndtri((1 + level) / 2)) * shock**0.5, np.maximum(expected, TINY)
        below, above = (np.log(some / np.maximum(low, TINY)), np.log(np.maximum(high, some) / some))
        low = np.where(low > 0, expected * np.exp(-np.hypot(below, reach)), 0.0)
        high = expected * np.exp(np.hypot(above, reach))
    return Totals(expected, low, high)


def outlook(
    fit: Fit,
    horizon: float,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    spend: Fit | None = None,
    m: ArrayLike | None = None,
    n: ArrayLike | None = None,
    rate: float = 0.0,
    shock: float = 0.0,
    mixed: float = 0.0,
) -> Outlook:
    """Expectations and intervals for customers (x, t_x, T) in the `horizon` after T.

    `spend` is a fitted spend model, `m` each customer's mean amount and `n` the number of amounts
    behind it (x unless given). `rate` discounts value continuously, per unit of time; intervals of
    value are discounted by the same mean factor. `shock` is the variance of the logarithm of what moves
    all totals alike, `mixed` the part of it that is mixed into what each customer does. Work is done once for each different history.
    """
    x, t_x, T = columns(x, t_x, T)
    (ux, uT, ut), where = unique_rows(x, T, t_x)
    prospects = Prospects.of(fit, horizon, Past.of(ux, ut, uT), shock, mixed)
    return prospects.outlook(where, rate, spend, m, x if n is None else n)


@dataclass(frozen=True)
class Prospects:
    """Different histories, as the fitted model and the spread points see them."""

    horizon: float
    known: Predictions
    orders: Array  # expected at the fit
    points: Array  # expected at the spread points, (points, histories)
    shock: float = 0.0  # variance of the logarithm of what moves all totals alike
    mixed: float = 0.0  # the part of it that is mixed into what each customer does

    @classmethod
    def of(cls, fit: Fit, horizon: float, past: Past, shock: float = 0.0, mixed: float = 0.0) -> Self:
        """ModelError for a horizon that is none."""
        if not (np.isfinite(horizon) and horizon >= 0):
            raise ModelError(f"The horizon must be a finite time, zero or more; it is {horizon}.")
        h = np.full_like(past.x, horizon)
        known, *others = (model.seen(past) for model in (fit.model, *spread_points(fit)))
        points = [one.expected(h) for one in others]
        at_points = np.array(points).reshape(len(points), len(h))
        return cls(horizon, known, known.expected(h), at_points, shock, mixed)

    def outlook(
        self, where: Array, rate: float, spend: Fit | None, m: ArrayLike | None, n: ArrayLike
    ) -> Outlook:
        """Of customers whose histories are at the places `where`; their amounts as in `outlook`."""
        amounts = None if spend is None else _amounts(spend, m, n)
        mean, (some, square) = self.orders, self._mixture()
        doubt = np.mean((self.points - mean) ** 2, axis=0) if len(self.points) else 0.0
        factor, orders = self._mean_discount(rate)[where], mean[where]
        return Outlook(
            alive=self.known.alive[where],
            p_purchase=some[where],
            orders=orders,
            spend=None if amounts is None else amounts.mean,
            value=None if amounts is None else orders * factor * amounts.mean,
            _where=where,
            _hurdle=Hurdle.of(some, mean, square + doubt),
            _points=self.points,
            _shock=self.shock,
            _discount=factor,
            _amounts=amounts,
            _spend_points=lambda: [] if spend is None else _spend_means(spend, m, n),
        )

    def _mixture(self) -> tuple[Array, Array]:
        """P(Y > 0) and E(Y²), over the shocks where they are mixed in."""
        known, h = self.known, np.full_like(self.orders, self.horizon)
        some, square = known.some(h), known.pairs(h) + self.orders
        if self.mixed > 0:
            (low, weight), (_, middle), (high, _) = SHOCKS
            some, square = middle * some, middle * square
            for shock in (low, high):
                moved = h * np.exp(shock * self.mixed**0.5)
                some = some + weight * known.some(moved)
                square = square + weight * (known.pairs(moved) + known.expected(moved))
        return np.clip(some, 0.0, 1.0), square

    def _mean_discount(self, rate: float) -> Array:
        """Discounted over undiscounted expected orders."""
        mean = self.orders
        if rate == 0:
            return np.ones_like(mean)
        discounted = self.known.discounted(np.full_like(mean, self.horizon), rate)
        return np.where(mean > 0, discounted / np.where(mean > 0, mean, 1.0), 1.0)


def _amounts(spend: Fit, m: ArrayLike | None, n: ArrayLike) -> Moments:
    if m is None:
        raise ModelError("To value customers their mean amounts `m` are needed.")
    return spend.model.moments(n, m)


def _spend_means(spend: Fit, m: ArrayLike | None, n: ArrayLike) -> list[Array]:
    """Expected amounts at the spread parameters; a Gamma-Gamma without a mean there is left out."""
    means = []
    for model in spread_points(spend):
        safe = replace(model, q=max(model.q, 1.05)) if hasattr(model, "q") else model
        means.append(_amounts(replace(spend, model=safe), m, n).mean)
    return means
