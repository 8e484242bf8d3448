"""What most files allow, so that the query over their rows has less to do.

Exports list an order's lines together; most list orders as they came, under ids that only rise; and
most ids are short. All of it is seen while the rows stream by, and none is taken for granted: where
a file is different, `NotHereError` says in what, and the pass begins again without that shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import polars as pl

from crmkit.engine import packed_ids, runs
from crmkit.engine.hashed_ids import Kept, SharedError, Texts
from crmkit.engine.openings import APART, OPENS, REPEATS, RISING, NotHereError, Opened, opened
from crmkit.engine.rows import Shrink

SHORT, HASHED, SHORT_ORDERS = "short", "hashed", "short orders"
LINES = "__lines"
Taken = frozenset[str]
_FEW_ROWS = 10_000
_WORTH = 0.8
Answer = TypeVar("Answer")


def shortest(run: Callable[[Taken], Answer], taken: Taken) -> Answer:
    """What the pass finds with as many of these shortcuts as the rows allow."""
    while True:
        try:
            return run(taken)
        except NotHereError as refused:
            taken -= {str(refused)}


def allowed(first: pl.DataFrame, key: str, taken: Taken, order: pl.Expr, *, one_day: bool = False) -> Taken:
    """Those of these shortcuts that the first rows allow: a pass that must begin again has read ahead."""

    def run(taken: Taken) -> Taken:
        list(shrink(key, taken, by_rows=False, order=order, one_day=one_day).stream(iter([first])))
        return taken

    return shortest(run, taken)


def shrink(
    key: str, taken: Taken, *, by_rows: bool, order: pl.Expr | None = None, one_day: bool = False
) -> Shrink:
    """These shortcuts on the way to a query; `by_rows`: it also counts single rows, by the sum of `LINES`.

    `order` are 64 bits that tell orders apart, which APART needs. `one_day`: an order that opens must be of one day,
    which RISING sees.
    """
    return Shortcuts(key, taken, by_rows, order, one_day=one_day).shrink()


class Shortcuts:
    """Shortcuts together, and what the rows of the latest pass left for its end."""

    def __init__(
        self, key: str, taken: Taken, by_rows: bool, order: pl.Expr | None, *, one_day: bool = False
    ) -> None:
        self._key, self._by_rows, self._order = key, by_rows, order
        self._alike = ["date"] if one_day else []
        self._taken = taken - {HASHED} if SHORT in taken else taken
        self._taken -= {APART} if RISING in taken or order is None or one_day else set()
        self._texts: Texts | None = None
        self._kept: Kept | None = None
        self._opened: Opened | None = None

    def shrink(self) -> Shrink:
        """What streams, what it adds, and what makes good at the end."""
        adds: dict[str, Any] = {LINES: pl.Int64()} if self._by_rows else {}
        if self._taken & {RISING, APART}:
            adds[OPENS] = pl.Boolean()
        elif SHORT_ORDERS in self._taken:
            adds["order"] = pl.UInt64()
        if self._taken & {SHORT, HASHED}:
            adds[self._key] = pl.UInt64()
        made_good = self._taken & {SHORT, HASHED, APART}
        return Shrink(self._stream, adds, self._by_rows, self._restored if made_good else None)

    def _stream(self, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        taken, key = self._taken, self._key
        self._texts, self._kept, self._opened = None, None, None  # of a pass that did not settle
        rows = (packed(batch, key) for batch in batches) if SHORT in taken else batches
        rows = (numbered(batch) for batch in rows) if SHORT_ORDERS in taken else rows
        rows = added_up(rows, key=key, counted=self._by_rows)
        # Neighbours are compared as texts first, so that no hash decides about them.
        if HASHED in taken:
            texts = self._texts = Texts()
            rows = (_hashed(batch, key, texts) for batch in rows)
        if APART in taken and self._order is not None:
            self._opened = Opened()
            return self._opened.stream(rows, key=key, order=self._order)
        return opened(rows, key=key, alike=self._alike) if RISING in taken else rows

    def _restored(self, found: pl.DataFrame) -> pl.DataFrame:
        """By row: what the query found, with ids as text again and each order counted once."""
        if self._opened is not None:
            found = _counted_once(found, self._key, self._opened)
        if SHORT in self._taken:
            return unpacked(found, self._key)
        return found if self._texts is None else self._unhashed(found, self._texts)

    def _unhashed(self, found: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        try:
            self._kept = self._kept or texts.complete()
            return found.with_columns(self._kept.texts(found[self._key].to_numpy()).alias(self._key))
        except SharedError:
            raise NotHereError(HASHED) from None


def _hashed(batch: pl.DataFrame, key: str, texts: Texts) -> pl.DataFrame:
    """Long text ids as numbers."""
    if batch[key].null_count():
        raise NotHereError(HASHED)
    return batch.with_columns(texts.hashed(batch[key]))


def _counted_once(found: pl.DataFrame, key: str, opened: Opened) -> pl.DataFrame:
    """Orders that opened more than once, taken off."""
    repeats = opened.repeats(key)
    if repeats is None or "orders" not in found.columns:
        return found
    joined = found.join(repeats, on=key, how="left", maintain_order="left", nulls_equal=True)
    fewer = pl.col("orders") - pl.col(REPEATS).fill_null(0)
    return joined.with_columns(fewer.alias("orders")).drop(REPEATS)


def added_up(batches: Iterator[pl.DataFrame], *, key: str, counted: bool = False) -> Iterator[pl.DataFrame]:
    """Add up neighbouring rows of one customer, order and day, purchases and refunds apart.

    `counted`: `LINES` say how many rows each stands for. It gives up where a batch shows that there is little to gain.
    """
    worth = True
    for batch in batches:
        rows = batch.with_columns(pl.lit(1, dtype=pl.Int64).alias(LINES)) if counted else batch
        if not worth or batch.height < _FEW_ROWS or ("cost" in batch.columns and batch["cost"].null_count()):
            yield rows
            continue
        starts = _starts(batch, key)
        worth = (starts.sum() or 0) <= batch.height * _WORTH
        yield _sums(rows, starts) if worth else rows


def _starts(batch: pl.DataFrame, key: str) -> pl.Series:
    """Where something changes that keeps two rows apart."""
    same = [name for name in (key, "order", "date") if name in batch.columns]
    changed = [pl.col(name).ne_missing(pl.col(name).shift()) for name in same]
    sign = pl.col("amount") > 0
    return batch.select(pl.any_horizontal(*changed, sign.ne_missing(sign.shift()))).to_series()


def _sums(batch: pl.DataFrame, starts: pl.Series) -> pl.DataFrame:
    return runs.summed(batch, starts, [name for name in ("amount", "cost", LINES) if name in batch.columns])


def packed(batch: pl.DataFrame, key: str) -> pl.DataFrame:
    """Short text ids as whole numbers in the same order, which are grouped in half the time."""
    ids = packed_ids.read(batch[key])
    if ids is None:
        raise NotHereError(SHORT)
    return batch.with_columns(pl.Series(key, ids.numbers))


def numbered(batch: pl.DataFrame) -> pl.DataFrame:
    """Short text ids of orders as whole numbers, which rise by length first."""
    ids = packed_ids.read(batch["order"])
    if ids is None:
        raise NotHereError(SHORT_ORDERS)
    zeros = (8 * (packed_ids.BYTES - ids.sizes)).astype(np.uint64)
    return batch.with_columns(pl.Series("order", ids.numbers >> zeros))


def unpacked(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """By row: the ids of `packed` as text again."""
    return frame.with_columns(packed_ids.written(key, frame[key]))
