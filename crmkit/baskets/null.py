"""What chance puts together, given how large baskets are and how popular products.

Large baskets hold everything, so any two products meet there whether or not they belong together. The
maximum-entropy model of a table of zeros and ones with given row and column sums (bipartite
configuration model: Saracco, Di Clemente, Gabrielli & Squartini 2015, Scientific Reports 5:10595)
says how likely a product is in a basket of each size, if nothing but sizes and popularity mattered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

_ENOUGH = 1e-12
_MOST_STEPS = 5_000
_PAIRS_AT_ONCE = 1 << 16
_MOST_MARKS = 1 << 25


@dataclass(frozen=True)
class Null:
    """The chance of each class of products (those of one count) in baskets of each size.

    `chance[c, k]` belongs to `counts[c]` and `sizes[k]`; `baskets[k]` is how many have that size.
    """

    counts: Array
    sizes: Array
    baskets: Array
    chance: Array
    products: Array  # how many products each class has

    @classmethod
    def fit(cls, counts: Array, sizes: Array, baskets: Array) -> Null:
        """The model in which products come as often, and baskets are as large, as they are here.

        `counts`: in how many baskets each product is; `sizes` and `baskets`: how many baskets have each size.
        Σ counts = Σ sizes · baskets.
        """
        classes, products = np.unique(counts, return_counts=True)
        order = np.argsort(sizes)
        return cls(
            classes,
            sizes[order],
            baskets[order],
            chances(classes, products, sizes[order], baskets[order]),
            products,
        )

    def weights(self) -> Array:
        """For each size, its baskets times how many pairs they hold for each that independent chances would put there.

        A basket of k products holds k(k-1)/2 pairs, and one of a single product none.
        """
        mean, squares = (np.einsum("c,ck->k", self.products, self.chance**power) for power in (1, 2))
        drawn = mean**2 - squares
        pairs = self.sizes * (self.sizes - 1.0)
        return self.baskets * np.divide(pairs, drawn, out=np.zeros_like(drawn), where=drawn > 0)

    def expected(self, own: Array, a: Array, b: Array) -> Array:
        """How many baskets chance would give both products of each pair (a, b) of places in `own`, counts of products."""
        classes = np.searchsorted(self.counts, own)
        pairs = classes[a] * len(self.counts) + classes[b]
        kinds, inverse = _distinct(pairs, len(self.counts) ** 2)
        one, other = np.divmod(kinds, len(self.counts))
        weighted = self.chance * self.weights()
        found = np.empty(len(kinds))
        for start in range(0, len(kinds), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            found[part] = np.einsum("ik,ik->i", weighted[one[part]], self.chance[other[part]])
        # What is in none of these baskets has no class.
        return found[inverse] * (own > 0)[a] * (own > 0)[b]


def _distinct(numbers: Array, end: int) -> tuple[Array, Array]:
    """The distinct ones of numbers below `end`, ascending, and the place of each number among them."""
    if end > _MOST_MARKS:
        return np.unique(numbers, return_inverse=True)
    place = np.zeros(end, np.int32)
    place[numbers] = 1
    kinds = np.flatnonzero(place)
    place[kinds] = np.arange(len(kinds))
    return kinds, place[numbers]


def chances(counts: Array, products: Array, sizes: Array, baskets: Array) -> Array:
    """p = x y / (1 + x y) for each class of products and each size of baskets, such that both sums hold.

    What is in every basket, and a basket that holds everything, leave nothing to chance and are set aside first.
    """
    chance = np.zeros((len(counts), len(sizes)))
    rows, columns = np.arange(len(counts)), np.arange(len(sizes))
    count, size = counts.astype(float), sizes.astype(float)
    while len(rows) and len(columns):
        always = count[rows] >= baskets[columns].sum()
        whole = size[columns] >= products[rows].sum()
        nothing = size[columns] <= 0
        if always.any():
            chance[np.ix_(rows[always], columns)] = 1
            size[columns] -= products[rows[always]].sum()
            rows = rows[~always]
        elif whole.any():
            chance[np.ix_(rows, columns[whole])] = 1
            count[rows] -= baskets[columns[whole]].sum()
            columns = columns[~whole]
            rows = rows[count[rows] > 0]
        elif nothing.any():
            columns = columns[~nothing]
        else:
            chance[np.ix_(rows, columns)] = _solved(
                count[rows], products[rows], size[columns], baskets[columns]
            )
            break
    return chance


def _solved(counts: Array, products: Array, sizes: Array, baskets: Array) -> Array:
    """The fixed point of x = n / Σ N y/(1+xy) and y = k / Σ m x/(1+xy)."""
    total = float(np.sqrt(counts @ products))
    x, y = counts / total, sizes / total
    for _ in range(_MOST_STEPS):
        before = x
        x = counts / _sums(x, y, baskets)
        y = sizes / _sums(y, x, products)
        if np.abs(x / before - 1).max() < _ENOUGH:
            break
    odds = np.multiply.outer(x, y)
    return odds / (1 + odds)


def _sums(x: Array, y: Array, many: Array) -> Array:
    """Σ_k many_k y_k / (1 + x y_k) for each x."""
    return np.einsum("ik,k->i", 1 / (1 + np.multiply.outer(x, y)), many * y)
