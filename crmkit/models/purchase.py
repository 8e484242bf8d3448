"""What all purchase models share: frozen parameters, formulas as methods, `fit` as constructor.

A customer is three numbers: x repeat purchases, the last at time t_x, observed until T, with time
counted from the first purchase. A model states its likelihood and a handful of quantities *given
that the customer is alive at T*; everything else follows here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models import fitting
from crmkit.models.model import Model
from crmkit.models.numerics.derivatives import Sums, WithDerivatives
from crmkit.models.predictions import Past, Predictions
from crmkit.models.weighted import WeightedHistories, collapse, columns

Array = np.ndarray


class Draw(NamedTuple):
    """Simulated customers: their history until T, and the orders in the horizon after it."""

    x: Array
    t_x: Array
    T: Array
    x_star: Array


class PurchaseModel(Model, ABC):
    """A model of when customers buy and when they stop.

    `times` are the parameters measured in units of time. Methods take
    numbers or arrays that broadcast against each other and return arrays. Times are in the unit of
    the parameters; a discount `rate` is continuous, per that unit.
    """

    times: ClassVar[tuple[str, ...]]
    gap_matters: ClassVar[bool] = False  # whether t_x still tells something once alive at T is known

    @property
    def stages(self) -> int:
        """Erlang stages in a gap between purchases; one unless the model says otherwise."""
        return 1

    # ---- parameters

    def rescaled(self, unit: float) -> Self:
        """The same model in a unit of time that is 1/`unit` of the present one."""
        return replace(self, **{name: getattr(self, name) * unit for name in self.times})  # type: ignore[type-var]

    # ---- fitting

    @classmethod
    def fit(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None) -> fitting.Fit:
        """Maximum likelihood from one row a customer, or from fewer rows with weights.

        Raises ModelError when the rows cannot be purchase histories or nobody bought twice.
        """
        return fitting.fit_purchases(cls.starts(), collapse(x, t_x, T, weights), cls.forever())

    @classmethod
    def forever(cls) -> list[PurchaseModel]:
        """The starts of the model to which this one shrinks when nobody ever leaves, if any."""
        return []

    @classmethod
    @abstractmethod
    def starts(cls) -> list[Self]:
        """Where to start Newton's method, for time scaled to a mean T of one."""

    @abstractmethod
    def jet(self, rows: WeightedHistories) -> WithDerivatives:
        """Log-likelihood of each row with its derivatives in the logarithms of the parameters."""

    def likelihood(self, rows: WeightedHistories) -> Callable[[Self], Sums]:
        """The log-likelihood of all rows with its derivatives, as a function of models of this kind.

        What does not depend on the parameters is done once.
        """
        return lambda model: fitting.row_sums(model, rows)

    # ---- given alive at T; arguments are parallel arrays, t_x is zero unless gap_matters

    @abstractmethod
    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Each customer's log-likelihood, in the unit of time of the parameters."""

    @abstractmethod
    def _alive_now(self, past: Past) -> Array: ...

    @abstractmethod
    def _survival(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """P(alive at T + h | alive at T)."""

    @abstractmethod
    def _mean(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """E(Y | alive), Y being the purchases in (T, T + h]."""

    @abstractmethod
    def _pairs(self, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """E(Y (Y − 1) | alive)."""

    @abstractmethod
    def _mass(self, n: Array, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """P(Y = n | alive)."""

    @abstractmethod
    def _discounted(self, h: Array, rate: float, x: Array, t_x: Array, T: Array) -> Array:
        """E(Σ e^{-rate·u} over the purchases at T + u, u <= h | alive)."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, T: ArrayLike, horizon: ArrayLike = 0.0) -> Draw:
        """Simulate one new customer for each T, and what they buy in the horizon after it."""

    @abstractmethod
    def _future(self, rng: np.random.Generator, h: Array, x: Array, t_x: Array, T: Array) -> Array:
        """One draw of Y for each row, given alive."""

    # ---- what follows

    def seen(self, past: Past) -> Predictions:
        """What this model says of customers with these histories."""
        return Predictions(self, past)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, after: ArrayLike = 0.0) -> Array:
        """P(alive at T + after | x, t_x, T)."""
        past, (after,) = _history(x, t_x, T, after)
        return self.seen(past).alive_after(after)

    def conditional_expected(self, h: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Expected purchases in (T, T + h] of a customer with this history (CET)."""
        past, (h,) = _history(x, t_x, T, h)
        return self.seen(past).expected(h)

    def expected(self, h: ArrayLike) -> Array:
        """Expected repeat purchases of a new customer in the time h after the first purchase."""
        return self.conditional_expected(h, 0.0, 0.0, 0.0)

    def conditional_pmf(
        self, n: ArrayLike, h: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> Array:
        """P(n purchases in (T, T + h]) for a customer with this history."""
        past, (n, h) = _history(x, t_x, T, n, h)
        return self.seen(past).mass(n, h)

    def pmf(self, n: ArrayLike, t: ArrayLike) -> Array:
        """P(n repeat purchases of a new customer in the time t after the first purchase)."""
        return self.conditional_pmf(n, t, 0.0, 0.0, 0.0)

    def p_purchase(self, h: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """P(at least one purchase in (T, T + h]) for a customer with this history."""
        past, (h,) = _history(x, t_x, T, h)
        return self.seen(past).some(h)

    def conditional_pairs(self, h: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """E(Y (Y − 1)) of the purchases Y in (T, T + h]; the variance is this + E(Y) − E(Y)²."""
        past, (h,) = _history(x, t_x, T, h)
        return self.seen(past).pairs(h)

    def dect(self, horizon: ArrayLike, rate: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Discounted expected purchases in the horizon; it may be infinite if `rate` is positive."""
        past, (horizon,) = _history(x, t_x, T, horizon)
        return self.seen(past).discounted(horizon, rate)

    def dert(self, rate: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Discounted expected residual transactions: `dect` without a horizon."""
        return self.dect(np.inf, rate, x, t_x, T)

    def draw_future(
        self, rng: np.random.Generator, h: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, size: int
    ) -> Array:
        """`size` draws (size, n) of each known customer's purchases in (T, T + h]."""
        past, (h,) = _history(x, t_x, T, h)
        x, t_x, T, h = (np.tile(column, size) for column in (past.x, past.t_x, past.T, h))
        alive = rng.random(len(h)) < np.tile(self.seen(past).alive, size)
        return np.where(alive, self._future(rng, h, x, t_x, T), 0).reshape(size, -1)


def _history(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *others: ArrayLike
) -> tuple[Past, tuple[Array, ...]]:
    """Checked histories and what goes with them, as arrays of one shape."""
    arrays = columns(x, t_x, T, *others)
    if any(not (column >= 0).all() for column in arrays[3:]):
        raise ModelError("Horizons and counts must not be negative.")
    return Past.of(*arrays[:3]), arrays[3:]
