"""Distinct orders without a set of ids for each customer: an order is counted by the row that opens it.

Either ids only rise, so that looking at the row before finds each order once, or they do not, and what opened is
kept as numbers: orders that opened twice, whose lines lie apart, are found among them at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

OPENS, REPEATS = "opens", "__repeats"
RISING, APART = "rising", "apart"
_FEW_APART, _MOST_APART = 100, 0.001
_SEED = 11


class NotHereError(Exception):
    """The rows do not allow this shortcut."""


class Opened:
    """Which orders have opened, in the rows of one pass."""

    def __init__(self) -> None:
        self._rows = list[pl.DataFrame]()

    def stream(self, batches: Iterator[pl.DataFrame], *, key: str, order: pl.Expr) -> Iterator[pl.DataFrame]:
        """Replace order ids by `opens`, as `opened` does, in whatever order they come; keys are numbers."""
        last: tuple[Any, Any] = (None, None)
        for batch in batches:
            if batch.schema[key] == pl.String:
                raise NotHereError(APART)
            bought = batch["amount"] > 0
            purchases = batch.select(key, order.alias("order"))
            purchases = purchases if bought.all() else purchases.filter(bought)
            opens = _differs(purchases[key], last[0]) | _differs(purchases["order"], last[1])
            if purchases.height:
                last = purchases.row(-1)
                self._note(purchases.filter(opens))
            yield batch.drop("order").with_columns(_spread(opens, bought).alias(OPENS))

    def _note(self, opening: pl.DataFrame) -> None:
        if not self._rows and _repeated(opening).sum() > _FEW_APART + opening.height * _MOST_APART:
            raise NotHereError(APART)
        self._rows.append(opening)

    def repeats(self, key: str) -> pl.DataFrame | None:
        """How many times too often the orders of each key were counted; None where that is nobody's."""
        if not self._rows:
            return None
        rows = pl.concat(self._rows)
        suspects = rows.filter(_repeated(rows))
        if not suspects.height:
            return None
        times = suspects.group_by(key, "order").agg(pl.len().cast(pl.Int64) - 1)
        return times.group_by(key).agg(pl.col("len").sum().alias(REPEATS)).filter(pl.col(REPEATS) > 0)


def _repeated(rows: pl.DataFrame) -> pl.Series:
    """The rows that may not be the only ones of their two numbers."""
    key, order = rows.columns
    mixed = rows.select(pl.col(key).hash(_SEED) ^ pl.col(order)).to_series()
    in_order = mixed.sort()
    twice = in_order.filter(in_order == in_order.shift())
    return mixed.is_in(twice.implode()) if twice.len() else pl.repeat(False, rows.height, eager=True)


def _differs(values: pl.Series, before: Any) -> pl.Series:
    """Where a value is not that of the row before."""
    return values.ne_missing(values.shift(1, fill_value=before))


def opened(batches: Iterator[pl.DataFrame], *, key: str, alike: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
    """Replace order ids by `opens`: whether a row is the first purchase of its customer's order.

    While the ids of purchases rise, equal ones stand together, so that looking at the row before
    finds each order once. They rise by length first, as numbers written as text do. An order's purchases must be
    `alike` in these columns, too.
    """
    columns = ["order", key, *alike]
    last: tuple[Any, ...] = (None,) * len(columns)
    for batch in batches:
        bought = batch["amount"] > 0
        whole = bool(bought.all())
        purchases = batch.select(columns) if whole else batch.select(columns).filter(bought)
        opens = _opens(purchases, last)
        if purchases.height:
            last = purchases.row(-1)
        yield batch.drop("order").with_columns(_spread(opens, bought).alias(OPENS))


def _spread(found: pl.Series, mask: pl.Series) -> pl.Series:
    """The values where the mask is, and False elsewhere."""
    if len(found) == len(mask):
        return found
    places = mask.to_numpy()
    spread = np.zeros(len(places), bool)
    spread[places] = found.to_numpy()
    return pl.Series(spread)


def _opens(purchases: pl.DataFrame, last: tuple[Any, ...]) -> pl.Series:
    """Which rows begin an order, given the row before the first."""
    orders, *others = purchases
    before = orders.shift(1, fill_value=last[0])
    opens = orders.ne_missing(before)
    passed_on = any(
        (~opens & _differs(other, ended)).any() for other, ended in zip(others, last[1:], strict=True)
    )
    if orders.null_count() or passed_on or not (_rises(orders, before) | ~opens).all():
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
