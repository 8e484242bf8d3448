"""Rows that lie somewhere, here in memory or spread over a cluster, and what may be asked of them.

Every computation over many rows is one of three kinds, and an analysis that keeps to them does not
know where its rows are: *by key* (all rows of one customer together, see `load.transactions`), *by
row* (each row by itself) and *counts* (small tables that add up, brought here).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import polars as pl

ByRow = Callable[[pl.DataFrame], pl.DataFrame]


class Counted(NamedTuple):
    """What is counted for each different combination of the columns `by`, besides the rows `n`."""

    by: Sequence[str] = ()
    sums: Sequence[str] = ()
    least: Sequence[str] = ()
    most: Sequence[str] = ()

    def measures(self) -> list[pl.Expr]:
        """Whole numbers, exact money and extremes only, so that no order of adding up matters."""
        return [
            *(pl.col(name).sum() for name in self.sums),
            *(pl.col(name).min() for name in self.least),
            *(pl.col(name).max() for name in self.most),
        ]

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The counts of these rows, in ascending order of `by`."""
        return self._grouped(rows, [pl.len().cast(pl.Int64).alias("n"), *self.measures()])

    def added(self, parts: pl.DataFrame) -> pl.DataFrame:
        """The counts of parts of the rows, made one."""
        return self._grouped(parts, [pl.col("n").sum(), *self.measures()])

    def _grouped(self, frame: pl.DataFrame, measures: Sequence[pl.Expr]) -> pl.DataFrame:
        if not self.by:
            return frame.select(measures)
        return frame.group_by(self.by).agg(measures).sort(self.by, nulls_last=True)


class Rows(Protocol):
    """A table in no place in particular."""

    is_here: bool

    @property
    def schema(self) -> pl.Schema:
        """Column names and types."""

    def by_row(self, function: ByRow) -> Rows:
        """The table that the function makes, batch by batch; each row of it comes of one row here."""

    def counts(self, wanted: Counted) -> pl.DataFrame:
        """A small table that adds up, brought here."""

    def arranged(self, order: ByRow) -> Rows:
        """The same rows in this order, where rows have one: those of a cluster have none."""

    def frame(self) -> pl.DataFrame:
        """All rows, brought here."""

    def write(self, path: str) -> None:
        """Have the rows written from where they are, if that is not here."""


class Here:
    """Rows in this machine's memory."""

    is_here = True

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    @property
    def schema(self) -> pl.Schema:
        return self._frame.schema

    def by_row(self, function: ByRow) -> Here:
        return Here(function(self._frame))

    def counts(self, wanted: Counted) -> pl.DataFrame:
        return wanted.of(self._frame)

    def arranged(self, order: ByRow) -> Here:
        return Here(order(self._frame))

    def frame(self) -> pl.DataFrame:
        return self._frame

    def write(self, path: str) -> None:
        raise NotImplementedError("rows that are here leave through `report`")


def of(table: pl.DataFrame | Rows) -> Rows:
    """A frame as rows; rows as they are."""
    return Here(table) if isinstance(table, pl.DataFrame) else table
