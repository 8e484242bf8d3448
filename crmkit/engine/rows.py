"""Rows that lie somewhere, here in memory or spread over a cluster, and what may be asked of them.

Every computation over many rows is one of three kinds, and an analysis that keeps to them does not
know where its rows are: *by key* (all rows of one customer together; of transactions, see
`load.transactions`), *by row* (each row by itself) and *counts* (small tables that add up, brought here).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import polars as pl

from crmkit.engine import tallies
from crmkit.engine.prefetch import soon

# Whether somebody will look at all rows; one who only sees summaries needs no order of them.
is_listed = ContextVar("is_listed", default=True)
ByRow = Callable[[pl.DataFrame], pl.DataFrame]
# More rows than MANY, here, are worked on in pieces.
MANY = 1 << 24
_PIECE = 1 << 22


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
        counts = self._by_places(rows) if len(self.by) == 1 and not self.most else None
        if counts is not None:
            return counts
        return self._grouped(rows, [pl.len().cast(pl.Int64).alias("n"), *self.measures()])

    def _by_places(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        if self.sums or self.least:
            return tallies.sums(rows, self.by[0], self.sums, self.least)
        return tallies.tally(rows[self.by[0]])

    def added(self, parts: pl.DataFrame) -> pl.DataFrame:
        """The counts of parts of the rows, made one."""
        return self._grouped(parts, [pl.col("n").sum(), *self.measures()])

    def _grouped(self, frame: pl.DataFrame, measures: Sequence[pl.Expr]) -> pl.DataFrame:
        if not self.by:
            return frame.select(measures)
        return frame.group_by(self.by).agg(measures).sort(self.by, nulls_last=True)


@dataclass(frozen=True)
class Shrink:
    """Makes rows fewer or narrower, batch by batch, before a query sees them; `adds` are further columns.

    `by_rows`: the query counts single rows, of which none may be added up; `restored`, by row, makes of what
    the query finds what it would have found without.
    """

    stream: Callable[[Iterator[pl.DataFrame]], Iterator[pl.DataFrame]]
    adds: Mapping[str, Any] = field(default_factory=dict)
    by_rows: bool = False
    restored: ByRow | None = None


@dataclass(frozen=True)
class Order:
    """An order that a few columns decide: `row_order` are the rows' numbers, the first one's first."""

    columns: Sequence[str]
    row_order: Callable[[pl.DataFrame], pl.Series]

    def __call__(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame in this order."""
        return frame[self.row_order(frame)]


class Rows(Protocol):
    """A table in no place in particular."""

    is_here: bool

    @property
    def schema(self) -> pl.Schema:
        """Column names and types."""

    def by_row(self, function: ByRow) -> Rows:
        """The table that the function makes, batch by batch; each row of it comes of one row here."""

    def by_key(self, key: str, function: ByRow) -> Rows:
        """What the function makes of all rows of some keys, in which a key's rows are together."""

    def counts(self, wanted: Counted) -> pl.DataFrame:
        """A small table that adds up, brought here."""

    def ordered_by(self, order: ByRow) -> Rows:
        """The same rows in this order, where rows have one: those of a cluster have none.

        The order is for whoever looks at all of them; what is asked or made of them further on knows none.
        """

    def prefetch_order(self) -> Rows:
        """The same rows, whose order a thread finds while something else is asked."""

    def map_in_order(self, function: ByRow) -> Rows:
        """`by_row` in the same order, for whoever looks at all of them; the columns that decide it are kept."""

    def cached(self) -> Rows:
        """The same rows, made once and not each time that something is asked of them."""

    def frame(self) -> pl.DataFrame:
        """All rows, brought here."""

    def batches(self, size: int) -> Iterator[pl.DataFrame]:
        """All rows, so many at a time at most, if they are here; one piece at least."""

    def write(self, path: str) -> None:
        """Have the rows written from where they are, if that is not here."""


class LocalRows:
    """Rows in this machine's memory.

    What is to be made of very many of them is made piece by piece, each time that it is asked for.
    """

    is_here = True

    def __init__(self, frame: pl.DataFrame, steps: tuple[ByRow, ...] = ()) -> None:
        self._frame = frame
        self._steps = steps

    @property
    def schema(self) -> pl.Schema:
        return self._made(self._frame.head(0)).schema

    def by_row(self, function: ByRow) -> LocalRows:
        later = LocalRows(self._frame, (*self._steps, function))
        return later if self._frame.height > MANY else LocalRows(later.frame())

    def by_key(self, key: str, function: ByRow) -> LocalRows:
        return LocalRows(function(self.frame()))

    def counts(self, wanted: Counted) -> pl.DataFrame:
        found = [wanted.of(piece) for piece in self._pieces()]
        return found[0] if len(found) == 1 else wanted.added(pl.concat(found))

    def ordered_by(self, order: ByRow) -> LocalRows:
        return OrderedRows(self, order) if isinstance(order, Order) else LocalRows(order(self.frame()))

    def prefetch_order(self) -> LocalRows:
        return self

    def map_in_order(self, function: ByRow) -> LocalRows:
        return self.by_row(function)

    def cached(self) -> LocalRows:
        return self

    def frame(self) -> pl.DataFrame:
        return joined(list(self._pieces())) if self._steps else self._frame

    def batches(self, size: int) -> Iterator[pl.DataFrame]:
        """The rows as they leave, so many at a time at most; one piece at least."""
        for piece in self._pieces() if self._steps else (self._frame,):
            for start in range(0, max(piece.height, 1), size):
                yield piece.slice(start, size)

    def write(self, path: str) -> None:
        raise NotImplementedError("rows that are here leave through `report`")

    def _pieces(self) -> Iterator[pl.DataFrame]:
        size = _size(self._frame.height)
        for start in range(0, max(self._frame.height, 1), size):
            yield self._made(self._frame.slice(start, size))

    def _made(self, frame: pl.DataFrame) -> pl.DataFrame:
        for step in self._steps:
            frame = step(frame)
        return frame


class OrderedRows(LocalRows):
    """Rows in this machine's memory that are put in order when all of them are looked at."""

    def __init__(self, rows: LocalRows, order: Order) -> None:
        super().__init__(rows._frame, rows._steps)
        self._order = order
        self._row_order: Callable[[], pl.Series] = self._found
        self._last: tuple[ByRow, ...] = ()

    def prefetch_order(self) -> OrderedRows:
        if is_listed.get():
            self._row_order = soon(self._row_order)
        return self

    def map_in_order(self, function: ByRow) -> OrderedRows:
        rows = copy(self)
        rows._last = (*self._last, function)
        return rows

    @property
    def schema(self) -> pl.Schema:
        return self._unordered().schema

    def by_row(self, function: ByRow) -> LocalRows:
        return self._unordered().by_row(function)

    def by_key(self, key: str, function: ByRow) -> LocalRows:
        return self._unordered().by_key(key, function)

    def counts(self, wanted: Counted) -> pl.DataFrame:
        return self._unordered().counts(wanted)

    def ordered_by(self, order: ByRow) -> LocalRows:
        return self._unordered().ordered_by(order)

    def frame(self) -> pl.DataFrame:
        return joined(list(self.batches(_size(self._frame.height))))

    def batches(self, size: int) -> Iterator[pl.DataFrame]:
        places, rows = self._row_order(), self._unordered()
        if places.len() < self._frame.height:  # some rows were left out on the way
            rows = LocalRows(LocalRows(self._frame, self._steps).frame(), self._last)
        for start in range(0, max(places.len(), 1), size):
            yield rows._made(rows._frame[places.slice(start, size)])

    def _unordered(self) -> LocalRows:
        return LocalRows(self._frame, (*self._steps, *self._last))

    def _found(self) -> pl.Series:
        rows = LocalRows(self._frame, self._steps)
        return self._order.row_order(joined([piece.select(self._order.columns) for piece in rows._pieces()]))


def _size(height: int) -> int:
    return _PIECE if height > MANY else MANY


def joined(pieces: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame of these, which are used up: no more than a column is ever there twice."""
    if len(pieces) == 1:
        return pieces[0].rechunk()  # a frame in pieces is gathered at four times the cost
    names = pieces[0].columns
    columns = (pl.concat([piece.drop_in_place(name) for piece in pieces], rechunk=True) for name in names)
    return pl.DataFrame(list(columns))


def as_rows(table: pl.DataFrame | Rows) -> Rows:
    """A frame as rows; rows as they are."""
    return LocalRows(table) if isinstance(table, pl.DataFrame) else table
