"""Transactions that are read once and then asked many questions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import polars as pl

from crmkit.engine import reducers, runs
from crmkit.engine.rows import LocalRows, Shrink
from crmkit.load.account.audit import Reject
from crmkit.load.orders import customer_day, order_key
from crmkit.load.transactions import Build, Place, Transactions

Answer = TypeVar("Answer")

_BATCH = 1 << 18


class Kept(Transactions):
    """The rows in use of `source`, those of one order on one day added up, in memory.

    One pass over the files fills it; every question after that is asked of what is here, and has the
    answer that the files would give, since questions may not depend on whether rows of an order
    come one by one. For questions that count single rows it is not made. `found` is what the pass found besides.
    """

    in_one_stream = False  # each customer's rows are together

    def __init__(self, source: Transactions) -> None:
        adding_up = reducers.shrink("customer", frozenset(), by_rows=False)
        noted: list[pl.DataFrame] = []
        if source.has("product"):
            adding_up = Shrink(partial(_noting, noted, source.has("order"), adding_up.stream), by_rows=True)
        read = source.query(_as_they_are, shrink=adding_up)
        self.found = read.but(None)
        self._frame = _by_customer(read.rows.frame())
        self._made: dict[Hashable, Any] = {}
        self._lines = pl.concat(noted) if noted else None
        super().__init__(source.name, source.plan, source._sample)
        self._source, self._findings = source, source._findings

    @property
    def lines(self) -> Kept | None:
        """The rows as they stood, for questions of products: an order's number in place of its id, and no customer.

        None where there is no column of products.
        """
        return None if self._lines is None else _Lines(self, self._lines)

    @property
    def customers(self) -> int:
        """How many customers the rows have."""
        return self._frame["customer"].n_unique()

    def _pass(self, build: Build, key: str, shrink: Shrink | None) -> LocalRows:
        rows = self._frame
        if shrink is not None and shrink.adds:  # all else that makes rows fewer was done when they came
            rows = pl.concat(shrink.stream(rows.iter_slices(_BATCH)))
        return LocalRows(build(rows.lazy()).collect(engine="streaming"))

    def _pass_of_counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        return build(self._frame.lazy()).collect(engine="streaming")

    def _until_settled(self, run: Callable[[], Any]) -> Any:
        """All was settled by the pass that filled it."""
        return run()

    def once(self, what: Hashable, make: Callable[[], Answer]) -> Answer:
        """What is made of these rows, made when it is first asked for."""
        if what not in self._made:
            self._made[what] = make()
        found: Answer = self._made[what]
        return found

    def made(self, what: Hashable) -> Any:
        """What was made under this name before, if anything is."""
        return self._made.get(what)

    def tally(self, raw: str) -> pl.DataFrame:
        """The distinct values of a raw column, from the files."""
        return self._source.tally(raw)

    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        """Where these rows stand in the files."""
        return self._source.locate(rejects)


def _by_customer(rows: pl.DataFrame) -> pl.DataFrame:
    """Each customer's rows together, the customer being a place in the order of ids, by which all grouping is quicker."""
    named = rows.with_columns(pl.col("customer").cast(pl.String))
    places = pl.Enum(named["customer"].unique().sort())
    return named.with_columns(pl.col("customer").cast(places)).sort("customer", "date")


def _as_they_are(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(pl.exclude("product"))


Stream = Callable[[Iterator[pl.DataFrame]], Iterator[pl.DataFrame]]


def _noting(
    noted: list[pl.DataFrame], has_order: bool, stream: Stream, batches: Iterator[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """The stream of these batches, of which the lines of products are noted on their way: twenty bytes for each."""
    order = order_key(has_order, customer_day())
    return stream(runs.noted(batches, noted, lambda batch: batch.select(*_LINE, order=order)))


_LINE = (
    pl.lit(None).alias("customer"),
    pl.lit(None).alias("date"),
    "amount",
    pl.col("product").cast(pl.String).cast(pl.Categorical()),
)


class _Lines(Kept):
    """The lines of a `Kept`, all of which have an order."""

    in_one_stream = True

    def __init__(self, kept: Kept, lines: pl.DataFrame) -> None:
        self.__dict__ |= kept.__dict__ | {"_frame": lines, "_made": {}}

    def has(self, role: str) -> bool:
        """Whether some column plays this role."""
        return role == "order" or super().has(role)
