"""What most files allow, so that the query over their rows has less to do.

Exports list an order's lines together; most list orders as they came, under ids that only rise; and
most ids are short. All of it is seen while the rows stream by, and none is taken for granted: where
a file is different, `NotHereError` says in what, and the pass begins again without that shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np
import polars as pl

from crmkit.engine import packed_ids
from crmkit.engine.rows import Shrink

OPENS = "opens"
RISING, SHORT, SHORT_ORDERS = "rising", "short", "short orders"
Taken = frozenset[str]
_FEW_ROWS = 10_000
_WORTH = 0.8
Answer = TypeVar("Answer")


class NotHereError(Exception):
    """The rows do not allow this shortcut."""


def shortest(run: Callable[[Taken], Answer], taken: Taken) -> Answer:
    """What the pass finds with as many of these shortcuts as the rows allow."""
    while True:
        try:
            return run(taken)
        except NotHereError as refused:
            taken -= {str(refused)}


def shrink(key: str, taken: Taken, *, by_rows: bool) -> Shrink:
    """These shortcuts on the way to a query; `by_rows`: it also counts single rows, so that none may be added up."""
    adds: dict[str, Any] = {}
    if RISING in taken:
        adds[OPENS] = pl.Boolean()
    elif SHORT_ORDERS in taken:
        adds["order"] = pl.UInt64()
    if SHORT in taken:
        adds[key] = pl.UInt64()
    return Shrink(partial(_shrunk, key=key, taken=taken, by_rows=by_rows), adds, by_rows)


def _shrunk(
    batches: Iterator[pl.DataFrame], *, key: str, taken: Taken, by_rows: bool
) -> Iterator[pl.DataFrame]:
    rows = (packed(batch, key) for batch in batches) if SHORT in taken else batches
    rows = (numbered(batch) for batch in rows) if SHORT_ORDERS in taken else rows
    rows = rows if by_rows else added_up(rows, key=key)
    yield from opened(rows, key=key) if RISING in taken else rows


def added_up(batches: Iterator[pl.DataFrame], *, key: str) -> Iterator[pl.DataFrame]:
    """Add up neighbouring rows of one customer, order and day, purchases and refunds apart.

    It gives up where a batch shows that there is little to gain.
    """
    worth = True
    for batch in batches:
        if not worth or batch.height < _FEW_ROWS or "cost" in batch.columns:
            yield batch
            continue
        starts = _starts(batch, key)
        worth = (starts.sum() or 0) <= batch.height * _WORTH
        yield _sums(batch, starts) if worth else batch


def _starts(batch: pl.DataFrame, key: str) -> pl.Series:
    """Where something changes that keeps two rows apart."""
    same = [name for name in (key, "order", "date") if name in batch.columns]
    changed = [pl.col(name).ne_missing(pl.col(name).shift()) for name in same]
    sign = pl.col("amount") > 0
    return batch.select(pl.any_horizontal(*changed, sign.ne_missing(sign.shift()))).to_series()


def _sums(batch: pl.DataFrame, starts: pl.Series) -> pl.DataFrame:
    reached = batch["amount"].cum_sum().filter(starts.shift(-1, fill_value=True))
    return batch.filter(starts).with_columns((reached - reached.shift(1, fill_value=0)).alias("amount"))


def opened(batches: Iterator[pl.DataFrame], *, key: str) -> Iterator[pl.DataFrame]:
    """Replace order ids by `opens`: whether a row is the first purchase of its customer's order.

    While the ids of purchases rise, equal ones stand together, so that looking at the row before
    finds each order once. They rise by length first, as numbers written as text do.
    """
    last: tuple[Any, Any] = (None, None)
    for batch in batches:
        bought = batch["amount"] > 0
        whole = bool(bought.all())
        purchases = batch.select(key, "order") if whole else batch.select(key, "order").filter(bought)
        opens = _opens(purchases, key, last)
        if purchases.height:
            last = purchases.row(-1)
        if not whole:
            opens = _spread(opens, bought)
        yield batch.drop("order").with_columns(opens.alias(OPENS))


def _spread(found: pl.Series, mask: pl.Series) -> pl.Series:
    """The values where the mask is, and False elsewhere."""
    places = mask.to_numpy()
    spread = np.zeros(len(places), bool)
    spread[places] = found.to_numpy()
    return pl.Series(spread)


def _opens(purchases: pl.DataFrame, key: str, last: tuple[Any, Any]) -> pl.Series:
    """Which rows begin an order, given the row before the first."""
    customers, orders = purchases[key], purchases["order"]
    before = orders.shift(1, fill_value=last[1])
    opens = orders.ne_missing(before)
    passed_on = ~opens & customers.ne_missing(customers.shift(1, fill_value=last[0]))
    if orders.null_count() or passed_on.any() or not (_rises(orders, before) | ~opens).all():
        raise NotHereError(RISING)
    return opens


def _rises(ids: pl.Series, before: pl.Series) -> pl.Series:
    """Whether each id is above the one before it; null, which is no objection, where there is none."""
    above = ids > before
    if ids.dtype != pl.String:
        return above
    sizes, sizes_before = ids.str.len_bytes(), before.str.len_bytes()
    if sizes.min() == sizes.max() == sizes_before.min() == sizes_before.max():
        return above
    return (sizes > sizes_before) | ((sizes == sizes_before) & above)


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
