"""Rows as they lie on a cluster, in batches of any size, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crmkit.engine.rows import ByRow, Counted


class Scattered:
    """See `crmkit.engine.rows.Rows`. An answer may not depend on how the rows fell into batches."""

    is_here = False

    def __init__(self, batches: list[pl.DataFrame], order: ByRow | None = None) -> None:
        self._batches = batches
        self._order = order

    @classmethod
    def of(cls, frame: pl.DataFrame, size: int) -> Scattered:
        """Batches of so many rows, and one of none."""
        return cls([frame.head(0), *(frame[at : at + size] for at in range(0, frame.height, size))])

    @property
    def schema(self) -> pl.Schema:
        return self._batches[0].schema

    def by_row(self, function: ByRow) -> Scattered:
        return Scattered([function(batch) for batch in self._batches])

    def by_key(self, key: str, function: ByRow) -> Scattered:
        place = pl.concat(self._batches).with_columns(part=pl.col(key).hash(5) % 3)
        parts = place.partition_by("part", include_key=False)
        return Scattered([function(part) for part in [place.drop("part").head(0), *parts]])

    def counts(self, wanted: Counted) -> pl.DataFrame:
        return wanted.added(pl.concat([wanted.of(batch) for batch in self._batches]))

    def arranged(self, order: ByRow) -> Scattered:
        return Scattered(self._batches, order)

    def begun(self) -> Scattered:
        return self

    def shown(self, function: ByRow) -> Scattered:
        return Scattered(self.by_row(function)._batches, self._order)

    def kept(self) -> Scattered:
        return self

    def frame(self) -> pl.DataFrame:
        whole = pl.concat(self._batches)
        return whole if self._order is None else self._order(whole)

    def pieces(self, size: int) -> Iterator[pl.DataFrame]:
        raise NotImplementedError

    def write(self, path: str) -> None:
        self.frame().write_parquet(path)
