"""Orders whose lines stand together, as in most exports: each is a basket as soon as its lines have passed.

Only an order that is met again, and a file whose lines stand anyhow, is left to be grouped by key.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import polars as pl

from crmkit.engine.rows import LocalRows, Shrink
from crmkit.load.transactions import Build, Transactions

_FEW_ROWS = 10_000
_WORTH = 0.8


def read(sales: Transactions, lines: Build, *, monthly: bool) -> LocalRows:
    """The distinct products of each order, in one pass over a stream of rows.

    `lines` makes `key` (64 bits), `product` and with `monthly` the `month` of what was bought.
    """
    label = pl.String() if sales.is_text("product") else pl.Int64()
    narrow = pl.Schema({"key": pl.UInt64(), "product": label} | ({"month": pl.Int32()} if monthly else {}))
    met = _Met(lines, narrow)
    rest = sales.by_key(met.query, key="key", shrink=Shrink(met.stream, narrow, by_rows=True))
    return LocalRows(pl.concat([*met.once, rest.frame()], rechunk=False).drop("key"))


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
                yield lines.cast(self._narrow)
        self.once, again = self._parted() if worth else ([], self.once)
        yield from (runs.explode("product").cast(self._narrow) for runs in again)

    def _runs(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Neighbouring lines of one key as one."""
        run = pl.col("key").ne_missing(pl.col("key").shift()).cum_sum().set_sorted()
        numbered = lines.lazy().with_columns(run.alias("run"))
        return held(numbered, coded=self._coded, by="run").drop("run").collect()

    def _parted(self) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
        """What was met once, and what again and again."""
        keys = np.sort(
            np.concatenate([np.zeros(0, np.uint64), *(runs["key"].to_numpy() for runs in self.once)])
        )
        twice = pl.Series(np.unique(keys[1:][keys[1:] == keys[:-1]]))
        again = pl.col("key").is_in(twice.implode())
        return [runs.filter(~again) for runs in self.once], [runs.filter(again) for runs in self.once]
