"""What a key's first day came to, without a sum for each day of each key: rows are noted as they stream by.

A row takes twenty bytes. Rows that are too many for it are grouped by key and day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from crmkit.engine import runs
from crmkit.engine.rows import Shrink

FIRST, REVENUE = "first", "first_revenue"


class FirstDays:
    """The days and amounts of the rows of one pass."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._rows = list[pl.DataFrame]()

    def noting(self, shrink: Shrink) -> Shrink:
        """The same on the way to a query that finds the first day of each key; what is restored has its revenue, too."""

        def stream(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
            return runs.noted(
                shrink.stream(batches), self._rows, lambda batch: batch.select(self._key, "date", "amount")
            )

        def restored(found: pl.DataFrame) -> pl.DataFrame:
            found = self._added(found)
            return found if shrink.restored is None else shrink.restored(found)

        return replace(shrink, stream=stream, restored=restored)

    def _added(self, found: pl.DataFrame) -> pl.DataFrame:
        """By row: the amounts of a key's first day; nothing for one that has none."""
        key = self._key
        none = found.head(0).select(key, date=FIRST, amount="revenue")
        rows = (
            pl.concat([none, *self._rows])
            .lazy()
            .join(found.lazy().select(key, FIRST), on=key, nulls_equal=True)
        )
        there = rows.filter(pl.col("date") == pl.col(FIRST))
        sums = there.group_by(key).agg(pl.col("amount").sum().alias(REVENUE))
        joined = found.lazy().join(sums, on=key, how="left", nulls_equal=True, maintain_order="left")
        return joined.with_columns(pl.col(REVENUE).fill_null(0)).collect(engine="streaming")
