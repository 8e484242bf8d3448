"""Transactions that stream through one query on this machine, wherever they come from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from crmkit.engine.rows import LocalRows, Shrink, joined
from crmkit.load import spill
from crmkit.load.reader import Reader
from crmkit.load.transactions import Build, Transactions, added, asked_of


class Streamed(Transactions):
    """Rows in batches, one after the other; where they are too many for one query, by way of the disk."""

    @property
    def in_parts(self) -> bool:  # type: ignore[override]
        return self._expected_rows() > spill.WHOLE

    def _pass(self, build: Build, key: str, shrink: Shrink | None) -> LocalRows:
        return LocalRows(joined(self._answers(build, key, shrink)))

    def _pass_of_counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        found = self._answers(build, "customer", None)
        return found[0] if len(found) == 1 else added(pl.concat(found), by)

    def _answers(self, build: Build, key: str, shrink: Shrink | None) -> list[pl.DataFrame]:
        """What the query makes of all rows at once, or of each part where they are too many."""
        reader = self._reader()
        schema, self._findings = reader.schema(), reader.empty()
        if shrink is not None:
            schema |= shrink.adds

        def batches() -> Iterator[pl.DataFrame]:
            return (
                self._used(reader, singly=True)
                if shrink is None
                else shrink.stream(self._used(reader, singly=shrink.by_rows))
            )

        if not self.in_parts:
            return [_answer(build, schema, batches)]
        rows = self._expected_rows()
        carried = {name: schema[name] for name in asked_of(build, schema) | {key}}
        with spill.opened(rows, key, carried) as dealt:
            dealt.deal(batches())
            return [self._of_part(build, schema, dealt, place) for place in range(len(dealt))]

    def _of_part(self, build: Build, schema: dict[str, Any], dealt: spill.Parts, place: int) -> pl.DataFrame:
        if self.on_part:
            self.on_part(place + 1, len(dealt))
        return _answer(build, schema, partial(dealt.rows, place))

    @abstractmethod
    def _expected_rows(self) -> int:
        """About how many rows will stream by."""

    @abstractmethod
    def _used(self, reader: Reader, *, singly: bool) -> Iterator[pl.DataFrame]:
        """The rows in use, accounted for in `_findings`; `singly`: one by one, for who counts them."""


def _answer(
    build: Build, schema: dict[str, Any], batches: Callable[[], Iterator[pl.DataFrame]]
) -> pl.DataFrame:
    """What the query makes of these batches, which it takes one by one."""
    failed: list[BaseException] = []

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        # An exception would come out wrapped by the engine; it is kept and raised at the end.
        try:
            for frame in batches():
                chosen = frame.select(columns or list(schema))
                yield chosen if predicate is None else chosen.filter(predicate)
        except BaseException as error:
            failed.append(error)

    frame = build(register_io_source(rows, schema=schema)).collect(engine="streaming")
    if failed:
        raise failed[0]
    return frame
