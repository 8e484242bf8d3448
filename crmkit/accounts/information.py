"""How much a customer tells about what is bought, beyond what rows dealt at random would seem to tell.

Mutual information is positive for pure noise, and more so the fewer rows each customer has. So its
expectation for the same totals is taken off (Vinh, Epps & Bailey 2010, J. Mach. Learn. Res. 11:2837).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray

_SPREAD, _LEAST = 12.0, 24  # standard deviations, and counts, beyond which no chance is left


class Information(NamedTuple):
    """All in nats: of customer and category, what chance alone gives, and what knowing all would be."""

    mutual: float
    by_chance: float
    entropy: float

    @property
    def needs(self) -> float:
        """0 where customers differ as chance has it, 1 where each buys one category only."""
        room = self.entropy - self.by_chance
        return (self.mutual - self.by_chance) / room if room > 1e-12 else 0.0


def of_counts(cells: Array, times: Array, rows: Array, customers: Array, categories: Array) -> Information:
    """From counts of counts.

    `cells` are numbers of rows of one customer in one category, each of which occurs `times`; `rows` are
    numbers of rows of a customer, which so many `customers` have; `categories` are the rows of each category.
    """
    total = int(categories.sum())
    sums = [
        np.einsum("i,i", _n_log_n(numbers), many.astype(float))
        for numbers, many in ((cells, times), (rows, customers))
    ]
    of_categories = float(_n_log_n(categories).sum())
    whole = total * np.log(total)
    mutual = (sums[0] - sums[1] - of_categories + whole) / total
    entropy = (whole - of_categories) / total
    kinds, many = np.unique(categories, return_counts=True)
    return Information(
        max(float(mutual), 0.0), expected(rows, customers, kinds, many, total), max(float(entropy), 0.0)
    )


def _n_log_n(numbers: Array) -> Array:
    return np.asarray(numbers * np.log(numbers))


def expected(rows: Array, customers: Array, categories: Array, many: Array, total: int) -> float:
    """The mean of mutual information over all tables with these margins, where rows are dealt at random."""
    found = 0.0
    for row, times in zip(rows.tolist(), customers.tolist(), strict=True):
        found += times * float(np.einsum("j,j", _of_row(row, categories, total), many.astype(float)))
    return found


def _of_row(row: int, categories: Array, total: int) -> Array:
    """Σ_n n/N log(N n / (a b)) P(n), hypergeometric, for one a and every b."""
    from scipy.special import gammaln

    b = categories.astype(float)
    mean = row * b / total
    reach = np.ceil(_SPREAD * np.sqrt(mean)) + _LEAST
    low = np.maximum.reduce([np.ones_like(b), row + b - total, np.floor(mean - reach)])
    high = np.minimum.reduce([np.full_like(b, row), b, np.ceil(mean + reach)])
    n = low[:, None] + np.arange(int((high - low).max()) + 1)
    valid = n <= high[:, None]
    n = np.where(valid, n, low[:, None])
    a, b = float(row), b[:, None]
    fixed = gammaln(a + 1) + gammaln(total - a + 1) - gammaln(total + 1.0)
    fixed = fixed + gammaln(b + 1) + gammaln(total - b + 1)
    free = gammaln(n + 1) + gammaln(a - n + 1) + gammaln(b - n + 1) + gammaln(total - a - b + n + 1)
    terms = n / total * np.log(total * n / (a * b)) * np.exp(fixed - free)
    return np.asarray(np.where(valid, terms, 0.0).sum(axis=1))
