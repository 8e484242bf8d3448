"""Transactions that are read once and then asked many questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import polars as pl

from crmkit.engine import reducers
from crmkit.engine.rows import LocalRows, Shrink
from crmkit.load.account.audit import Reject
from crmkit.load.transactions import Build, Place, Transactions

_BATCH = 1 << 18


class Kept(Transactions):
    """The rows in use of `source`, those of one order on one day added up, in memory.

    One pass over the files fills it; every question after that is asked of what is here, and has the
    answer that the files would give, since questions may not depend on whether rows of an order
    come one by one. For questions that count single rows it is not made. `found` is what the pass found besides.
    """

    def __init__(self, source: Transactions) -> None:
        shrink = partial(reducers.shrink, "customer", frozenset(), by_rows=False)
        read = source.query(_as_they_are, shrink=shrink())
        self.found = read.but(None)
        self._frame = read.rows.frame()
        super().__init__(source.name, source.plan, source._sample)
        self._source, self._findings = source, source._findings

    @property
    def customers(self) -> int:
        """How many customers the rows have."""
        return self._frame["customer"].n_unique()

    def _pass(self, build: Build, key: str, shrink: Shrink | None) -> LocalRows:
        rows = self._frame
        if shrink is not None:
            rows = pl.concat(shrink.stream(rows.iter_slices(_BATCH)))
        return LocalRows(build(rows.lazy()).collect(engine="streaming"))

    def _pass_of_counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        return build(self._frame.lazy()).collect(engine="streaming")

    def _until_settled(self, run: Callable[[], Any]) -> Any:
        """All was settled by the pass that filled it."""
        return run()

    def tally(self, raw: str) -> pl.DataFrame:
        """The distinct values of a raw column, from the files."""
        return self._source.tally(raw)

    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        """Where these rows stand in the files."""
        return self._source.locate(rejects)


def _as_they_are(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows
