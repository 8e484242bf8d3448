"""Rows as they lie on a cluster, in batches of any size, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crmkit.engine.rows import ByRow, Counted


class BatchedRows:
    """See `crmkit.engine.rows.Rows`. An answer may not depend on how the rows fell into batches."""

    is_here = False

    def __init__(self, batches: list[pl.DataFrame], order: ByRow | None = None) -> None:
        self._batches = batches
        self._order = order

    @classmethod
    def of(cls, frame: pl.DataFrame, size: int) -> BatchedRows:
        """Batches of so many rows, and one of none."""
        return cls([frame.head(0), *(frame[at : at + size] for at in range(0, frame.height, size))])

    @property
    def schema(self) -> pl.Schema:
        return self._batches[0].schema

    def by_row(self, function: ByRow) -> BatchedRows:
        return BatchedRows([function(batch) for batch in self._batches])

    def by_key(self, key: str, function: ByRow) -> BatchedRows:
        place = pl.concat(self._batches).with_columns(part=pl.col(key).hash(5) % 3)
        parts = place.partition_by("part", include_key=False)
        return BatchedRows([function(part) for part in [place.drop("part").head(0), *parts]])

    def counts(self, wanted: Counted) -> pl.DataFrame:
        return wanted.added(pl.concat([wanted.of(batch) for batch in self._batches]))

    def ordered_by(self, order: ByRow) -> BatchedRows:
        return BatchedRows(self._batches, order)

    def prefetch_order(self) -> BatchedRows:
        return self

    def map_in_order(self, function: ByRow) -> BatchedRows:
        return BatchedRows(self.by_row(function)._batches, self._order)

    def cached(self) -> BatchedRows:
        return self

    def frame(self) -> pl.DataFrame:
        whole = pl.concat(self._batches)
        return whole if self._order is None else self._order(whole)

    def batches(self, size: int) -> Iterator[pl.DataFrame]:
        raise NotImplementedError

    def write(self, path: str) -> None:
        self.frame().write_parquet(path)
