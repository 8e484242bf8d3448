"""What rows that stand next to each other spare the query that follows.

Exports list an order's lines together, and most of them list orders as they came, under ids that
only rise. Both are seen while the rows stream by, and nothing is taken for granted: where ids do not
rise, `NotRisingError` says so, and the rows are counted in the way that needs no order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from crmkit.load.transactions import Shrink

OPENS = "opens"
_FEW_ROWS = 10_000
_WORTH = 0.8


class NotRisingError(Exception):
    """Order ids that go back, come again under another customer, or are missing."""


def adding_up(key: str) -> Shrink:
    """Fewer rows for a query that only adds up."""
    return Shrink(partial(added_up, key=key))


def opening(key: str, *, by_rows: bool) -> Shrink:
    """Orders told by `opens`; `by_rows`: the query also counts single rows, so that none may be added up."""
    return Shrink(partial(_opening, key=key, by_rows=by_rows), adds={OPENS: pl.Boolean()})


def _opening(batches: Iterator[pl.DataFrame], *, key: str, by_rows: bool) -> Iterator[pl.DataFrame]:
    yield from opened(batches if by_rows else added_up(batches, key=key), key=key)


def added_up(batches: Iterator[pl.DataFrame], *, key: str) -> Iterator[pl.DataFrame]:
    """Add up neighbouring rows of one customer, order and day, purchases and refunds apart.

    It gives up where the first batch shows that there is little to gain.
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
            opens = pl.repeat(False, batch.height, eager=True).scatter(bought.arg_true(), opens)
        yield batch.drop("order").with_columns(opens.alias(OPENS))


def _opens(purchases: pl.DataFrame, key: str, last: tuple[Any, Any]) -> pl.Series:
    """Which rows begin an order, given the row before the first; NotRisingError where that cannot be told."""
    customers, orders = purchases[key], purchases["order"]
    before = orders.shift(1, fill_value=last[1])
    opens = orders.ne_missing(before)
    passed_on = ~opens & customers.ne_missing(customers.shift(1, fill_value=last[0]))
    if orders.null_count() or passed_on.any() or not (_rises(orders, before) | ~opens).all():
        raise NotRisingError
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
