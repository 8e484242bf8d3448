"""What a fit says of customers now, in a horizon and beyond; totals by group, and how sure they are.

The doubt about the parameters is common to all customers and does not average out. It is measured
by evaluating every quantity again at `spread_points`, a few parameter vectors with the mean and
the covariance of the estimate. What each customer does is random on its own, and independent of
the others. Both add up to a variance, and a gamma distribution with it gives the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from crmkit.candidates import History, by_history
from crmkit.models import Fit, Outlook, PurchaseModel, outlook
from crmkit.models.rows import unique_rows
from crmkit.models.uncertainty import gamma_quantile, spread_points

Array = np.ndarray

FINITE_MEAN = 1.05  # the least q of Gamma-Gamma at which a mean is taken


class Expected(NamedTuple):
    """At given parameters, by different history: chance of being alive, orders in the horizon, the
    same with each order discounted to today, and discounted orders without horizon."""

    alive: Array
    orders: Array
    discounted: Array
    residual: Array


class Total(NamedTuple):
    """By group: an expected total with its interval."""

    expected: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Customers:
    """Histories in the unit of the model, each different one once, and what is known of spend."""

    history: History
    where: Array
    amounts: Array
    mean: Array | None

    @classmethod
    def of(cls, x: Array, t_x: Array, T: Array, amounts: Array, mean: Array | None) -> Customers:
        (kinds_x, kinds_T, kinds_t), where = unique_rows(x, T, t_x)
        return cls((kinds_x, kinds_t, kinds_T), where, amounts, mean)

    def all(self) -> History:
        """The history of every customer."""
        x, t_x, T = (column[self.where] for column in self.history)
        return x, t_x, T


def expected(model: PurchaseModel, horizon: float, rate: float, history: History) -> Expected:
    """All four quantities; without a discount there is no residual, and it is zero."""
    alive = model.p_alive(*history)
    orders = by_history(model, alive, lambda *one: model.conditional_expected(horizon, *one), history)
    if rate == 0:
        return Expected(alive, orders, orders, np.zeros_like(orders))
    discounted = by_history(model, alive, lambda *one: model.dect(horizon, rate, *one), history)
    residual = by_history(model, alive, lambda *one: model.dert(rate, *one), history)
    return Expected(alive, orders, discounted, residual)


@dataclass(frozen=True)
class Forecast:
    """Every customer's prospects, and the same at the spread parameters for intervals of totals."""

    customers: Customers
    outlook: Outlook
    at_fit: Expected
    at_points: Sequence[Expected]
    spend_points: Sequence[Array]

    def active(self, groups: Groups) -> Total:
        """Customers who are alive."""
        chance = self.outlook.alive
        points = [self._each(one.alive) for one in self.at_points]
        found = _total(chance, [points], chance * (1 - chance), groups)
        return found._replace(high=np.minimum(found.high, np.bincount(groups.codes, minlength=groups.size)))

    def orders(self, groups: Groups) -> Total:
        """Orders in the horizon."""
        return Total(*self.outlook.order_totals(groups.codes, groups.level))

    def revenue(self, groups: Groups) -> Total:
        """Revenue in the horizon, not discounted."""
        return self._money(lambda one: one.orders, groups)

    def value(self, groups: Groups) -> Total:
        """Revenue in the horizon, discounted."""
        return self._money(lambda one: one.discounted, groups)

    def residual(self, groups: Groups) -> Total:
        """Discounted revenue without a horizon."""
        return self._money(lambda one: one.residual, groups)

    def _each(self, values: Array) -> Array:
        return values[self.customers.where]

    def _money(self, of: Callable[[Expected], Array], groups: Groups) -> Total:
        """A customer's own variance is that of the revenue in the horizon, scaled like the mean."""
        spend = self.outlook.spend
        assert spend is not None
        orders = self._each(of(self.at_fit))
        by_orders = [self._each(of(one)) * spend for one in self.at_points]
        by_spend = [orders * point for point in self.spend_points]
        revenue = self.outlook.value_distribution()
        own = revenue.some * revenue.square - (revenue.some * revenue.mean) ** 2
        usual = self._each(self.at_fit.orders)
        factor = np.where(usual > 0, orders / np.where(usual > 0, usual, 1.0), 0.0)
        return _total(orders * spend, [by_orders, by_spend], own * factor**2, groups)


class Groups(NamedTuple):
    """Each customer's group (a code from 0), how many groups there are, and how sure intervals are."""

    codes: Array
    size: int
    level: float


def _total(mean: Array, common: Sequence[Sequence[Array]], own: Array, groups: Groups) -> Total:
    def add(values: Array) -> Array:
        return np.bincount(groups.codes, values, groups.size)

    whole, variance = add(mean), np.maximum(add(own), 0.0)
    for points in common:
        if points:
            variance = variance + np.mean([(add(point) - whole) ** 2 for point in points], axis=0)
    low, high = (gamma_quantile((1 + sign * groups.level) / 2, whole, variance) for sign in (-1, 1))
    return Total(whole, low, high)


def forecast(fit: Fit, spend: Fit | None, horizon: float, rate: float, customers: Customers) -> Forecast:
    """All that is expected of these customers; times in the unit of the fit."""
    x, t_x, T = customers.all()
    return Forecast(
        customers,
        outlook(fit, horizon, x, t_x, T, spend=spend, m=customers.mean, n=customers.amounts, rate=rate),
        expected(fit.model, horizon, rate, customers.history),
        [expected(model, horizon, rate, customers.history) for model in spread_points(fit)],
        [] if spend is None else _spend_points(spend, customers),
    )


def _spend_points(spend: Fit, customers: Customers) -> list[Array]:
    """Expected amounts at the spread parameters; where Gamma-Gamma has no mean, at the next that has."""
    models: list[Any] = spread_points(spend)
    safe = [replace(one, q=max(one.q, FINITE_MEAN)) if hasattr(one, "q") else one for one in models]
    return [one.expected(customers.amounts, customers.mean) for one in safe]
