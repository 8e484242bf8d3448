"""Predictions customers, and what a model says of them: what can be found out once is found out once.

A model may be asked for several quantities of the same customers, and several models for each. The
histories are checked and sorted out once (`Past`), P(alive) is found once a model (`Predictions`), and what
holds given that a customer is alive once for each different (x, T).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from crmkit.errors import ModelError
from crmkit.models.weighted import Pairs, check, columns, round_end, unique_rows

if TYPE_CHECKING:
    from crmkit.models.purchase import PurchaseModel

Array = np.ndarray
Kinds = tuple[tuple[Array, ...], Array]  # the different rows, and each row's place among them


@dataclass(frozen=True)
class Past:
    """Histories, one entry of each array a customer."""

    x: Array
    t_x: Array
    T: Array

    @classmethod
    def of(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Self:
        """Checked: ModelError where the numbers cannot be purchase histories."""
        arrays = columns(x, t_x, T)
        check(*arrays)
        return cls(*arrays)

    @cached_property
    def pairs(self) -> Pairs:
        """The different (x, t_x) and (x, T), with an end for each that many share."""
        return Pairs.of(self.x, self.t_x, self.T, round_end(self.T))

    @cached_property
    def kinds(self) -> Kinds:
        """The different (x, 0, T)."""
        return unique_rows(self.x, np.zeros_like(self.t_x), self.T)

    @cached_property
    def _splits(self) -> dict[tuple[float, ...], list[tuple[int, Array, Past]]]:
        return {}

    def split(self, edges: tuple[float, ...]) -> list[tuple[int, Array, Past]]:
        """The histories by place of their T among the edges: the place, its rows, and these by themselves."""
        if edges not in self._splits:
            place = np.searchsorted(np.array(edges), self.T, side="left")
            groups = [(int(one), np.flatnonzero(place == one)) for one in np.unique(place)]
            self._splits[edges] = [
                (one, rows, Past(self.x[rows], self.t_x[rows], self.T[rows])) for one, rows in groups
            ]
        return self._splits[edges]

    @cached_property
    def all_kinds(self) -> Kinds:
        """The different (x, t_x, T)."""
        return unique_rows(self.x, self.t_x, self.T)


@dataclass(frozen=True)
class Predictions:
    """What a model says of customers with these histories; the methods are explained in `PurchaseModel`."""

    model: PurchaseModel
    past: Past

    @cached_property
    def alive(self) -> Array:
        """P(alive at T)."""
        return self.model._alive_now(self.past)

    def alive_after(self, after: Array) -> Array:
        return self.alive if not after.any() else self.alive * self._each(self.model._survival, after)

    def expected(self, h: Array) -> Array:
        return self.alive * self._each(self.model._mean, h)

    def mass(self, n: Array, h: Array) -> Array:
        return self.alive * self._each(self.model._mass, n, h) + (1 - self.alive) * (n == 0)

    def some(self, h: Array) -> Array:
        def some(h: Array, *history: Array) -> Array:
            return 1 - self.model._mass(np.zeros_like(h), h, *history)

        return self.alive * self._each(some, h)

    def pairs(self, h: Array) -> Array:
        return self.alive * self._each(self.model._pairs, h)

    def discounted(self, horizon: Array, rate: float) -> Array:
        if not (np.isfinite(rate) and rate >= 0):
            raise ModelError(f"The discount rate must be zero or positive; it is {rate}.")
        if rate == 0 and np.isinf(horizon).any():
            raise ModelError("Without a horizon the discount rate must be positive.")

        def discounted(h: Array, *history: Array) -> Array:
            return self.model._discounted(h, float(rate), *history)

        return self.alive * self._each(discounted, horizon)

    def _each(self, function: Callable[..., Array], *first: Array) -> Array:
        """`function` once for each different row: given alive, only x, T (and seldom t_x) matter."""
        past, gap_matters = self.past, self.model.gap_matters
        if all(len(column) and (column == column[0]).all() for column in first):
            kinds, where = past.all_kinds if gap_matters else past.kinds
            first = tuple(np.full(len(kinds[0]), column[0]) for column in first)
            return function(*first, *kinds)[where]
        t_x = past.t_x if gap_matters else np.zeros_like(past.t_x)
        rows, where = unique_rows(*first, past.x, t_x, past.T)
        return function(*rows)[where]
