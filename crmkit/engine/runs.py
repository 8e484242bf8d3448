"""Rows that stand together made one, and rows that are noted on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl


def summed(rows: pl.DataFrame, starts: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """The rows that begin a run, with the sums of each run in these columns: the differences of running sums."""
    reached = rows.select(pl.col(names).cum_sum().filter(starts.shift(-1, fill_value=True)))
    return rows.filter(starts).with_columns(reached.select(pl.all() - pl.all().shift(1, fill_value=0)))


def noted(
    batches: Iterator[pl.DataFrame], notes: list[pl.DataFrame], of: Callable[[pl.DataFrame], pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """The same batches, of each of which something is noted; what a pass that did not settle left is forgotten."""
    notes.clear()
    for batch in batches:
        notes.append(of(batch))
        yield batch
