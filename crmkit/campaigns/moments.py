"""Sums that add up, from which means, variances and covariances are worked out without loss.

Every variable is a whole number (money in minor units, chances in millionths), so sums of products are exact: rows may
come in any order and from any engine, and nothing cancels in n Σxy − Σx Σy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import polars as pl

from crmkit.campaigns.statistics import Sample
from crmkit.engine.rows import Counted, Rows

Array = np.ndarray


def _product(a: str, b: str) -> str:
    return f"{a}*{b}"


@dataclass(frozen=True)
class Moments:
    """Of so many customers: the sum of each variable, and of the products of each two."""

    n: int
    variables: tuple[str, ...]
    sums: Mapping[str, int]

    def and_zeros(self, number: int) -> Moments:
        """With so many more customers, of whom all variables are zero."""
        return Moments(self.n + number, self.variables, self.sums)

    def __add__(self, other: Moments) -> Moments:
        sums = {name: self.sums[name] + other.sums[name] for name in self.sums}
        return Moments(self.n + other.n, self.variables, sums)

    def mean(self, name: str) -> float:
        """The mean, 0 of nobody."""
        return float(Fraction(self.sums[name], self.n)) if self.n else 0.0

    def covariance(self, a: str, b: str) -> float:
        """Of two variables, by n - 1; 0 of fewer than two customers."""
        if self.n < 2:
            return 0.0
        first, second = sorted((a, b), key=self.variables.index)
        whole = self.n * self.sums[_product(first, second)] - self.sums[a] * self.sums[b]
        return float(Fraction(whole, self.n * (self.n - 1)))

    def sample(self, name: str, unit: float = 1.0) -> Sample:
        """Number, mean and variance of a variable, of which one is so many units."""
        return Sample(self.n, self.mean(name) * unit, self.covariance(name, name) * unit * unit)

    def covariances(self, rows: Sequence[str], columns: Sequence[str]) -> Array:
        """The matrix of them."""
        return np.array([[self.covariance(a, b) for b in columns] for a in rows]).reshape(
            len(rows), len(columns)
        )


def nobody(variables: Iterable[str]) -> Moments:
    """The moments of no customers."""
    names = tuple(variables)
    products = [_product(a, b) for a, b in combinations_with_replacement(names, 2)]
    return Moments(0, names, dict.fromkeys([*names, *products], 0))


def of(rows: Rows, variables: Sequence[str], by: Sequence[str]) -> dict[tuple[Any, ...], Moments]:
    """The moments for each different combination of the columns `by`; variables are whole numbers."""
    names = tuple(variables)
    pairs = list(combinations_with_replacement(names, 2))

    def multiplied(frame: pl.DataFrame) -> pl.DataFrame:
        wide = [pl.col(name).cast(pl.Int128) for name in names]
        products = [
            (pl.col(a).cast(pl.Int128) * pl.col(b).cast(pl.Int128)).alias(_product(a, b)) for a, b in pairs
        ]
        return frame.select(*by, *wide, *products)

    sums = [*names, *(_product(a, b) for a, b in pairs)]
    counted = rows.by_row(multiplied).counts(Counted(by=by, sums=sums))
    return {
        tuple(row[name] for name in by): Moments(row["n"], names, {name: int(row[name]) for name in sums})
        for row in counted.iter_rows(named=True)
    }
