"""How often each value occurs: tables that add up, from which borders are found without a global sort."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from crmkit.engine import packed_ids, text_order
from crmkit.engine.money import whole
from crmkit.engine.rows import Order

_WHOLE = 2**63


def tally(values: pl.Series) -> pl.DataFrame:
    """Distinct values in ascending order with the number of rows `n` that have each; nulls are left out."""
    rows = values.alias("value").drop_nulls().to_frame()
    return rows.group_by("value").agg(n=pl.len().cast(pl.Int64)).sort("value")


def ratio(part: pl.Expr, total: int | pl.Expr) -> pl.Expr:
    """The part divided by the total and rounded once, null where the total is not above zero."""
    # Polars divides by a scalar as it multiplies by the reciprocal: 249 / 249 is then 0.9999999999999999.
    column = part * 0 + total
    return pl.when(column > 0).then(part / column)


def by_id(key: str = "customer") -> Order:
    """In the order of their ids."""
    return Order([key], lambda frame: row_order_by_id(frame[key]))


def row_order_by_id(ids: pl.Series) -> pl.Series:
    """Short ids are compared as one number each, in a third of the time, after what all begin with."""
    if ids.dtype != pl.String or ids.null_count():
        return ids.arg_sort()
    found = packed_ids.read(ids.cast(pl.Binary).bin.slice(text_order.common(ids)))
    return text_order.row_order(ids) if found is None else pl.Series(found.numbers).arg_sort()


def by_value(value: str, key: str) -> Order:
    """The largest value first and nulls last, and equal ones by key."""
    return Order([value, key], partial(_largest_first, value=value, key=key))


def largest_first(frame: pl.DataFrame, value: str, key: str) -> pl.DataFrame:
    """The rows of a frame in the order of `by_value`."""
    return by_value(value, key)(frame)


def _largest_first(frame: pl.DataFrame, value: str, key: str) -> pl.Series:
    ids = frame[key]
    if ids.dtype == pl.String and not ids.null_count():
        return text_order.row_order(ids, *_by_value_alone(frame[value]))
    by_id = row_order_by_id(ids)
    order, _ = _by_value_alone(frame[value].gather(by_id))
    return by_id.gather(order)


def _by_value_alone(values: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The rows' numbers, the largest value first and equal ones as they stand; and where a value is that of the row before."""
    height = values.len()
    frame = values.to_frame("value")
    if not values.dtype.is_float() and height and not values.null_count():
        least, most = frame.select(least=whole("value").min(), most=whole("value").max()).row(0)
        if (most - least + 1) * height < _WHOLE:
            # Value and place as one number sort five times as fast.
            number = (most - whole("value")).cast(pl.Int64) * height + pl.int_range(height)
            in_order = frame.select(number.sort()).to_series()
            ranks = (in_order // height).to_numpy()
            return (in_order % height).cast(pl.UInt32).to_numpy(), ranks[1:] == ranks[:-1]
    # A stable sort by the value alone takes a third of the time of a sort by both.
    found = frame.with_row_index("place").sort("value", descending=True, nulls_last=True, maintain_order=True)
    same = found["value"].eq_missing(found["value"].shift())
    return found["place"].to_numpy(), same.to_numpy()[1:]
