"""Orders whose lines stand together, as in most exports: each is a basket as soon as its lines have passed.

Only an order that is met again, and a file whose lines stand anyhow, is left to be grouped by key.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.engine.rows import LocalRows, Shrink
from crmkit.load.transactions import Build, Transactions

SIZE = pl.col("product").list.len().cast(pl.Int64)
_FEW_ROWS = 10_000
_WORTH = 0.8


def read(sales: Transactions, lines: Build, *, monthly: bool) -> LocalRows:
    """The distinct products of each order and their `size`, in one pass over a stream of rows.

    `lines` makes `key` (64 bits), `product` and with `monthly` the `month` of what was bought.
    """
    label = pl.String() if sales.is_text("product") else pl.Int64()
    narrow = pl.Schema({"key": pl.UInt64(), "product": label} | ({"month": pl.Int32()} if monthly else {}))
    met = _Met(lines, narrow)
    rest = sales.by_key(met.query, key="key", shrink=Shrink(met.stream, narrow, by_rows=True))
    for place, runs in enumerate(met.once):  # one by one: no two copies of all
        met.once[place] = met.named(runs).drop("key")
    return LocalRows(pl.concat([*met.once, rest.frame().drop("key")], rechunk=False), (_sized,))


def _sized(frame: pl.DataFrame) -> pl.DataFrame:
    """By row: baskets with their `size`."""
    return frame.with_columns(size=SIZE)


def held(lines: pl.LazyFrame, *, coded: bool, by: str = "key") -> pl.LazyFrame:
    """By key: the distinct products of each order or customer; `coded`: as numbers, which this process alone knows."""
    product = pl.col("product").cast(pl.Categorical()) if coded else pl.col("product")
    known = [name for name in ("key", "month") if name != by and name in lines.collect_schema()]
    return lines.group_by(by, maintain_order=by != "key").agg(
        *(pl.col(name).min() for name in known), product.unique()
    )


class _Met:
    """Takes orders off a stream of rows: `once` are those whose lines stand together."""

    def __init__(self, lines: Build, narrow: pl.Schema) -> None:
        self._lines = lines
        self._narrow = narrow
        self._coded = narrow["product"] == pl.String()
        self.query = partial(held, coded=self._coded)
        self.once: list[pl.DataFrame] = []
        # Numbers keep their meaning for as long as some column is of this kind.
        self._alive = pl.Series([""], dtype=pl.Categorical())

    def stream(self, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The lines of orders that were met more than once; of all orders where a batch shows that little stands together."""
        self.once, worth = [], True
        yield pl.DataFrame(schema=self._narrow)
        for batch in batches:
            lines = self._lines(batch.lazy()).collect()
            if worth:
                self.once.append(self._runs(lines))
                worth = lines.height < _FEW_ROWS or self.once[-1].height <= lines.height * _WORTH
            else:
                yield self._plain(lines)
        again = self._met_again() if worth else pl.lit(True)
        for place, runs in enumerate(self.once):
            taken = runs.filter(again)
            if taken.height:
                self.once[place] = runs.filter(~again)
                yield self._plain(self.named(taken).explode("product"))

    def _runs(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Neighbouring lines of one key as one, products as numbers."""
        run = pl.col("key").ne_missing(pl.col("key").shift()).cum_sum().set_sorted()
        numbered = lines.lazy().with_columns(run.alias("run"))
        found = held(numbered, coded=self._coded, by="run").drop("run").collect()
        labels = found["product"].explode(empty_as_null=False).to_physical()
        return _apart(found.drop("product"), labels, found["product"].list.len())

    def _plain(self, lines: pl.DataFrame) -> pl.DataFrame:
        return lines.select(self._narrow.names()).cast(self._narrow)

    def named(self, runs: pl.DataFrame) -> pl.DataFrame:
        """Their products by name again."""
        if not self._coded:
            return runs
        return runs.with_columns(pl.col("product").list.eval(pl.element().cat.to(pl.Categorical())))

    def _met_again(self) -> pl.Expr:
        """What is true of orders whose lines stood in more than one place."""
        keys = np.concatenate([np.zeros(0, np.uint64), *(runs["key"].to_numpy() for runs in self.once)])
        keys.sort()
        return pl.col("key").is_in(pl.Series(np.unique(keys[1:][keys[1:] == keys[:-1]])).implode())


def _apart(frame: pl.DataFrame, labels: pl.Series, sizes: pl.Series) -> pl.DataFrame:
    """The same with lists of so many labels, in memory of its own: what is kept from among so much that is not would
    take twice the room."""
    ends = np.concatenate([[0], np.cumsum(sizes.to_numpy(), dtype=np.int64)])
    columns = {name: pa.array(frame[name].to_numpy().copy()) for name in frame.columns}
    lists = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(labels.to_numpy().copy()))
    return pl.DataFrame(pa.table(columns | {"product": lists}))
