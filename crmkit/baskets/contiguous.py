"""Orders whose lines stand together, as in most exports: each is a basket as soon as its lines have passed.

Only an order that is met again, and a file whose lines stand anyhow, is left to be grouped by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.engine.rows import LocalRows, Shrink
from crmkit.load.transactions import Transactions

Array = np.ndarray
Lines = Callable[..., pl.LazyFrame]
SIZE = pl.col("product").list.len().cast(pl.Int64)
_FEW_ROWS = 10_000
_WORTH = 0.8


def read(sales: Transactions, lines: Lines, *, monthly: bool) -> LocalRows:
    """The distinct products of each order and their `size`, in one pass over a stream of rows.

    `lines` makes `key` (64 bits), `product` and with `monthly` the `month` of what was bought; it is told whether
    `every` row has an order id.
    """
    narrow = pl.Schema(
        {"key": pl.UInt64(), "product": pl.String()} | ({"month": pl.Int32()} if monthly else {})
    )
    met = _Met(lines, narrow)
    rest = sales.by_key(met.query, key="key", shrink=Shrink(met.stream, narrow, by_rows=True))
    for place, runs in enumerate(met.once):  # one by one: no two copies of all
        met.once[place] = met.named(runs).drop("key")
    return LocalRows(pl.concat([*met.once, rest.frame().drop("key")], rechunk=False), (_sized,))


def _sized(frame: pl.DataFrame) -> pl.DataFrame:
    """By row: baskets with their `size`."""
    return frame.with_columns(size=SIZE)


def held(lines: pl.LazyFrame, *, coded: bool) -> pl.LazyFrame:
    """By key: the distinct products of each order or customer; `coded`: as numbers, which this process alone knows."""
    product = pl.col("product").cast(pl.Categorical()) if coded else pl.col("product")
    first = [pl.col("month").min() for _ in {"month"} & set(lines.collect_schema())]
    return lines.group_by("key").agg(product.unique(), *first)


class _Met:
    """Takes orders off a stream of rows: `once` are those whose lines stand together."""

    def __init__(self, lines: Lines, narrow: pl.Schema) -> None:
        self._lines = lines
        self._narrow = narrow
        self.query = partial(held, coded=True)
        self.once: list[pl.DataFrame] = []
        # Numbers keep their meaning for as long as some column is of this kind.
        self._alive = pl.Series([""], dtype=pl.Categorical())

    def stream(self, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The lines of orders that were met more than once; of all orders where a batch shows that little stands together."""
        self.once, worth = [], True
        yield pl.DataFrame(schema=self._narrow)
        for batch in batches:
            lines = self._lines(batch.lazy(), every=_has_order_ids(batch)).collect()
            if worth:
                self.once.append(_runs(lines))
                worth = lines.height < _FEW_ROWS or self.once[-1].height <= lines.height * _WORTH
            else:
                yield self._plain(lines)
        again = self._met_again() if worth else pl.lit(True)
        for place, runs in enumerate(self.once):
            taken = runs.filter(again)
            if taken.height:
                self.once[place] = runs.filter(~again)
                yield self._plain(self.named(taken).explode("product"))

    def _plain(self, lines: pl.DataFrame) -> pl.DataFrame:
        return lines.select(self._narrow.names()).cast(self._narrow)

    def named(self, runs: pl.DataFrame) -> pl.DataFrame:
        """Their products by name again."""
        return runs.with_columns(pl.col("product").list.eval(pl.element().cat.to(pl.Categorical())))

    def _met_again(self) -> pl.Expr:
        """What is true of orders whose lines stood in more than one place."""
        keys = np.concatenate([np.zeros(0, np.uint64), *(runs["key"].to_numpy() for runs in self.once)])
        keys.sort()
        return pl.col("key").is_in(pl.Series(np.unique(keys[1:][keys[1:] == keys[:-1]])).implode())


def _has_order_ids(batch: pl.DataFrame) -> bool:
    return "order" in batch.columns and not batch["order"].null_count()


def _runs(lines: pl.DataFrame) -> pl.DataFrame:
    """Neighbouring lines of one key as one, with the numbers of its products.

    In memory of NumPy: what is kept from among so much that is not would take twice the room in that of Polars.
    """
    keys = lines["key"].to_numpy()
    names = lines["product"]
    texts = names.cast(pl.String) if names.dtype.is_integer() else names
    products = texts.cast(pl.Categorical()).to_physical().to_numpy()
    starts = np.flatnonzero(_changes(keys))
    run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(keys)))
    lists = np.sort(run << 32 | products, kind="stable")  # nearly sorted as it comes
    lists = lists[_changes(lists)]
    ends = np.searchsorted(lists >> 32, np.arange(len(starts) + 1))
    labels = pa.array(lists.astype(np.uint32))
    table = {"key": keys[starts], "product": pa.LargeListArray.from_arrays(ends, labels)}
    if "month" in lines.columns:
        table["month"] = np.minimum.reduceat(lines["month"].to_numpy(), starts)
    return pl.DataFrame(pa.table(table))


def _changes(values: Array) -> Array:
    """Where each value is another than the one before."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]
