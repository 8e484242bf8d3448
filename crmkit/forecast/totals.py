"""What a fit says of customers now, in a horizon and beyond; totals by group, and how sure they are.

The doubt about the parameters is common to all customers and does not average out. It is measured
by evaluating every quantity again at `spread_points`, a few parameter vectors with the mean and
the covariance of the estimate. What each customer does is random on its own, and independent of
the others. Both add up to a variance, and a gamma distribution with it gives the interval. What the
calendar may hold moves everybody alike, and makes it wider (`models.intervals.total`).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from crmkit.models import Fit, Outlook
from crmkit.models.intervals import Prospects, Totals, spread_points, total
from crmkit.models.predictions import Past, Predictions
from crmkit.models.weighted import unique_rows, workers

Array = np.ndarray

FINITE_MEAN = 1.05  # the least q of Gamma-Gamma at which a mean is taken


class Expected(NamedTuple):
    """At given parameters, by different history: chance of being alive, orders in the horizon, and
    orders without horizon, each discounted to today."""

    alive: Array
    orders: Array
    residual: Array


class Reach(NamedTuple):
    """How far a forecast looks, in the time of its model, and what moves all customers alike.

    `rate` is the continuous discount in the horizon and `beyond` that without one; `shock` and
    `shock_beyond` are variances of the logarithm of totals, `mixed` that of what each customer does.
    """

    time: float
    rate: float = 0.0
    beyond: float = 0.0
    shock: float = 0.0
    mixed: float = 0.0
    shock_beyond: float = 0.0


class Groups(NamedTuple):
    """Each customer's group (a code from 0), how many groups there are, and how sure intervals are."""

    codes: Array
    size: int
    level: float


@dataclass(frozen=True)
class Customers:
    """Each different history once, in the unit of the model, and what is known of spend."""

    past: Past
    where: Array
    amounts: Array
    mean: Array | None

    @classmethod
    def of(cls, x: Array, t_x: Array, T: Array, amounts: Array, mean: Array | None) -> Customers:
        (kinds_x, kinds_T, kinds_t), where = unique_rows(x, T, t_x)
        return cls(Past.of(kinds_x, kinds_t, kinds_T), where, amounts, mean)


def expected(known: Predictions, reach: Reach) -> Expected:
    """All three quantities; without a discount there is no residual, and it is zero."""
    h, rate = np.full_like(known.past.x, reach.time), reach.beyond
    residual = known.discounted(np.full_like(h, np.inf), rate) if rate > 0 else np.zeros_like(h)
    return Expected(known.alive, known.expected(h), residual)


@dataclass(frozen=True)
class Forecast:
    """Every customer's prospects, and the same at the spread parameters for intervals of totals."""

    customers: Customers
    reach: Reach
    outlook: Outlook
    at_fit: Expected
    at_points: Sequence[Expected]
    spend_points: Sequence[Array]

    def active(self, groups: Groups) -> Totals:
        """Customers who are alive."""
        chance = self.outlook.alive
        points = [self._each(one.alive) for one in self.at_points]
        found = _total(chance, [points], chance * (1 - chance), groups, 0.0)
        return found._replace(high=np.minimum(found.high, np.bincount(groups.codes, minlength=groups.size)))

    def orders(self, groups: Groups) -> Totals:
        """Orders in the horizon."""
        return self.outlook.order_totals(groups.codes, groups.level)

    def revenue(self, groups: Groups) -> Totals:
        """Revenue in the horizon, not discounted."""
        orders = [one.orders for one in (self.at_fit, *self.at_points)]
        return self._money(orders, 1.0, groups, self.reach.shock)

    def value(self, groups: Groups) -> Totals:
        """Revenue in the horizon, discounted by each customer's mean factor."""
        undiscounted = self._each(self.at_fit.orders) * self._spend()
        assert self.outlook.value is not None
        factor = _ratio(self.outlook.value, undiscounted)
        orders = [one.orders for one in (self.at_fit, *self.at_points)]
        return self._money(orders, factor, groups, self.reach.shock)

    def residual(self, groups: Groups) -> Totals:
        """Discounted revenue without a horizon."""
        orders = [one.residual for one in (self.at_fit, *self.at_points)]
        return self._money(orders, 1.0, groups, self.reach.shock_beyond)

    def _each(self, values: Array) -> Array:
        return values[self.customers.where]

    def _spend(self) -> Array:
        assert self.outlook.spend is not None
        return self.outlook.spend

    def _money(self, kinds: Sequence[Array], factor: Array | float, groups: Groups, shock: float) -> Totals:
        """Orders at the fit and at the points, priced.

        A customer's own variance is that of the revenue in the horizon, scaled like the mean.
        """
        orders, *points = (self._each(one) * factor for one in kinds)
        spend, revenue = self._spend(), self.outlook.value_distribution()
        own = revenue.some * revenue.square - (revenue.some * revenue.mean) ** 2
        scaled = own * _ratio(orders, self._each(self.at_fit.orders)) ** 2
        by_orders, by_spend = [one * spend for one in points], [orders * one for one in self.spend_points]
        return _total(orders * spend, [by_orders, by_spend], scaled, groups, shock)


def _ratio(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def _total(
    mean: Array, common: Sequence[Sequence[Array]], own: Array, groups: Groups, shock: float
) -> Totals:
    def add(values: Array) -> Array:
        if groups.size == 1:
            return np.array([values.sum()])
        return np.bincount(groups.codes, values, groups.size)

    whole, variance = add(mean), np.maximum(add(own), 0.0)
    for points in common:
        if points:
            variance = variance + np.mean([(add(point) - whole) ** 2 for point in points], axis=0)
    return total(whole, variance, groups.level, shock)


def forecast(fit: Fit, spend: Fit | None, reach: Reach, customers: Customers) -> Forecast:
    """All that is expected of these customers; times in the unit of the fit."""
    known, *others = (model.seen(customers.past) for model in (fit.model, *spread_points(fit)))
    at_fit = expected(known, reach)  # first, since it sorts out the histories for all
    # numpy lets go of the interpreter, so threads suffice; the order of the answers is that of the models.
    with ThreadPoolExecutor(workers()) as pool:
        at_points = list(pool.map(lambda one: expected(one, reach), others))
    orders = np.array([one.orders for one in at_points]).reshape(len(others), len(at_fit.orders))
    prospects = Prospects(reach.time, known, at_fit.orders, orders, reach.shock, reach.mixed)
    view = prospects.outlook(customers.where, reach.rate, spend, customers.mean, customers.amounts)
    points = [] if spend is None else _spend_points(spend, customers)
    return Forecast(customers, reach, view, at_fit, at_points, points)


def look_at(fit: Fit, spend: Fit | None, reach: Reach, customers: Customers) -> Outlook:
    """What is expected of each customer; times in the unit of the fit."""
    prospects = Prospects.of(fit, reach.time, customers.past, reach.shock, reach.mixed)
    return prospects.outlook(customers.where, reach.rate, spend, customers.mean, customers.amounts)


def _spend_points(spend: Fit, customers: Customers) -> list[Array]:
    """Expected amounts at the spread parameters; where Gamma-Gamma has no mean, at the next that has."""
    models: list[Any] = spread_points(spend)
    safe = [replace(one, q=max(one.q, FINITE_MEAN)) if hasattr(one, "q") else one for one in models]
    return [one.expected(customers.amounts, customers.mean) for one in safe]
