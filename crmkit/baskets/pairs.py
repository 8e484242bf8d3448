"""How many baskets hold both products of a pair: numbers of pairs, basket by basket, which are counted and add up.

Every pair has a number, and the popular products come first in it: most of what is met then lies close together
in the table of counts, which takes a third of the time that a sparse product XᵀX takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmkit.engine.rows import Counted, Rows

Array = np.ndarray

_BASKETS_AT_ONCE = 1 << 19
_PAIRS_AT_ONCE = (
    1 << 16
)  # of one size of baskets: what a processor has near; larger arrays come anew from the system
_WAITING = 1 << 22  # pairs, before it is known how they are counted best
_MOST_CELLS = 1 << 25  # pairs that have a cell of their own
_SPARSE = 16
_ONE = np.uint32(1)  # of the type of a cell: the addition takes twenty times as long where types differ
_PAIR = {"a": pl.Int32, "b": pl.Int32}


class Held(NamedTuple):
    """The products of some baskets by their places, one basket after the other; basket i ends before `ends[i + 1]`."""

    places: Array
    ends: Array


def count(baskets: Rows, products: Sequence[str], most: int) -> pl.DataFrame:
    """Pairs a < b (places in `products`) that some basket of at most `most` products holds, with its `orders`."""
    if baskets.is_here:
        return _of_batches(baskets.batches(_BASKETS_AT_ONCE), products, most)
    parts = baskets.by_row(partial(_of_batch, products=products, most=most))
    return parts.counts(Counted(by=["a", "b"], sums=["orders"])).drop("n")


def _of_batch(frame: pl.DataFrame, products: Sequence[str], most: int) -> pl.DataFrame:
    return _of_batches([frame], products, most)


def _of_batches(frames: Iterable[pl.DataFrame], products: Sequence[str], most: int) -> pl.DataFrame:
    return _counted((held(frame, products, most) for frame in frames), len(products))


def incidence(frame: pl.DataFrame, products: Sequence[str], most: int) -> Any:
    """A sparse matrix of ones: a row for each basket of at most `most` products, a column for each of `products`."""
    from scipy import sparse

    found = held(frame, products, most)
    ones = np.ones(len(found.places), np.int32)
    return sparse.csr_matrix((ones, found.places, found.ends), shape=(len(found.ends) - 1, len(products)))


def held(frame: pl.DataFrame, products: Sequence[str], most: int) -> Held:
    """Those of `products` that each basket of at most `most` products holds."""
    large = frame["size"] > most
    kept = frame.filter(~large) if large.any() else frame
    flat = kept["product"].explode(empty_as_null=False)
    found = _placed(flat, pl.Series("product", list(products), dtype=pl.String).cast(flat.dtype))
    ends = np.concatenate([[0], np.cumsum(kept["size"].to_numpy())])
    known = found >= 0
    if known.all():
        return Held(found, ends)
    before = np.concatenate([[0], np.cumsum(known)])
    return Held(found[known], before[ends])


def _placed(flat: pl.Series, names: pl.Series) -> Array:
    """The place of each product among the names, -1 where it has none."""
    places = np.arange(names.len())
    if flat.dtype != pl.Categorical:
        return flat.replace_strict(names, pl.Series(places), default=-1).to_numpy()
    codes, known = flat.to_physical().to_numpy(), names.to_physical().to_numpy()
    table = np.full(max(codes.max(initial=0), known.max(initial=0)) + 1, -1)
    table[known] = places
    return np.asarray(table[codes])


def _counted(batches: Iterable[Held], products: int) -> pl.DataFrame:
    """The pairs of all these baskets."""
    first = np.concatenate([[0], np.cumsum(np.arange(products - 1, 0, -1))]) if products else np.zeros(1, int)
    begins = first[:products] - np.arange(products) - 1
    ranked, tally = np.zeros(0, np.int64), _Tally(products * (products - 1) // 2)
    for batch in batches:
        if not len(ranked):  # the first batch says who is popular; nothing but time depends on it
            ranked = np.argsort(-np.bincount(batch.places, minlength=products), kind="stable")
            ranks = np.argsort(ranked)
        for baskets in _by_size(Held(ranks[batch.places], batch.ends)):
            tally.add(_numbers(baskets, begins))
    numbers, orders = tally.counts()
    ends = range(_PAIRS_AT_ONCE, len(numbers) + _PAIRS_AT_ONCE, _PAIRS_AT_ONCE)
    parts = [_pairs(part, first, begins, ranked) for part in np.split(numbers, ends)]
    return pl.concat(parts).with_columns(pl.Series("orders", orders, dtype=pl.Int64))


def _pairs(numbers: Array, first: Array, begins: Array, ranked: Array) -> pl.DataFrame:
    """The pairs a < b that have these numbers."""
    rank = np.searchsorted(first, numbers, side="right") - 1
    pair = ranked[rank], ranked[numbers - begins[rank]] if len(numbers) else rank
    return pl.DataFrame({"a": np.minimum(*pair), "b": np.maximum(*pair)}, schema=_PAIR)


def _by_size(batch: Held) -> Iterator[Array]:
    """Tables of baskets of the same size, a row for each."""
    sizes = np.diff(batch.ends)
    order = np.argsort(sizes, kind="stable")
    kinds, begins = np.unique(sizes[order], return_index=True)
    for size, rows in zip(kinds.tolist(), np.split(order, begins)[1:], strict=True):
        if size < 2:
            continue
        step = max(1, 2 * _PAIRS_AT_ONCE // (size * (size - 1)))
        for start in range(0, len(rows), step):
            yield batch.places[batch.ends[rows[start : start + step], None] + np.arange(size)]


def _numbers(baskets: Array, begins: Array) -> Array:
    """The numbers of all pairs in baskets of one size: that of a pair a < b is `begins[a]` + b."""
    baskets.sort(axis=1)
    one, other = np.triu_indices(baskets.shape[1], 1)
    columns = np.ascontiguousarray(baskets.T)
    return np.ravel(begins[columns][one] + columns[other])


class _Tally:
    """How often each number below `cells` came: in a cell of its own where that pays."""

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._waiting: list[Array] = []
        self._many = 0
        self._dense: Array | None = None
        self._sparse = pl.DataFrame(schema={"number": pl.Int64, "orders": pl.Int64})

    def add(self, numbers: Array) -> None:
        """Take in these numbers."""
        if self._dense is not None:
            np.add.at(self._dense, numbers, _ONE)
            return
        self._waiting.append(numbers)
        self._many += len(numbers)
        if self._many >= _WAITING:
            self._flush()

    def _flush(self) -> None:
        numbers = np.concatenate([*self._waiting, np.zeros(0, np.int64)])
        self._waiting, self._many = [], 0
        if self._cells <= min(_MOST_CELLS, _SPARSE * len(numbers)):
            self._dense = np.zeros(self._cells, _ONE.dtype)
            self.add(numbers)
            return
        met = pl.DataFrame({"number": numbers}).with_columns(orders=pl.lit(1, pl.Int64))
        both = pl.concat([self._sparse, met.cast(self._sparse.schema)])
        self._sparse = both.group_by("number").agg(pl.col("orders").sum())

    def counts(self) -> tuple[Array, Array]:
        """The numbers that came, ascending, and how often."""
        if self._dense is None:
            self._flush()
        if self._dense is not None:
            self._dense[self._sparse["number"].to_numpy()] += (
                self._sparse["orders"].to_numpy().astype(_ONE.dtype)
            )
            numbers = np.flatnonzero(self._dense)
            return numbers, self._dense[numbers]
        found = self._sparse.sort("number")
        return found["number"].to_numpy(), found["orders"].to_numpy()
