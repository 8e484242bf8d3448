"""How often each value occurs: tables that add up, from which borders are found without a global sort."""

from __future__ import annotations

from decimal import Context, Decimal

import polars as pl

# Python's own default keeps 28 digits; a Decimal(38) column may hold more.
EXACT = Context(prec=80)
_WHOLE = 2**63


def scale(frame: pl.DataFrame, column: str) -> int:
    """Decimal places of a money column; 0 for whole numbers."""
    kind = frame.schema[column]
    return kind.scale if isinstance(kind, pl.Decimal) else 0


def whole(column: str) -> pl.Expr:
    """A money or count column as whole minor units, wide enough for any sum."""
    return pl.col(column).to_physical().cast(pl.Int128)


def money(units: int, places: int) -> Decimal:
    """Minor units as an exact amount."""
    return Decimal(units).scaleb(-places, EXACT)


def tally(values: pl.Series) -> pl.DataFrame:
    """Distinct values in ascending order with the number of rows `n` that have each; nulls are left out."""
    rows = values.alias("value").drop_nulls().to_frame()
    return rows.group_by("value").agg(n=pl.len().cast(pl.Int64)).sort("value")


def ratio(part: pl.Expr, total: int | pl.Expr) -> pl.Expr:
    """The part divided by the total and rounded once, null where the total is not above zero."""
    # Polars divides by a scalar as it multiplies by the reciprocal: 249 / 249 is then 0.9999999999999999.
    column = part * 0 + total
    return pl.when(column > 0).then(part / column)


def largest_first(frame: pl.DataFrame, value: str, key: str) -> pl.DataFrame:
    """The rows by value, the largest first and nulls last, and equal ones by key."""
    by_key = frame if frame[key].is_sorted() else frame.sort(key)
    exact = not frame.schema[value].is_float() and frame.height > 0
    if exact and not frame[value].null_count():
        least, most = by_key.select(least=whole(value).min(), most=whole(value).max()).row(0)
        if (most - least + 1) * frame.height < _WHOLE:
            # Value and place as one number sort five times as fast.
            number = (most - whole(value)).cast(pl.Int64) * frame.height + pl.int_range(frame.height)
            return by_key[by_key.select(number.sort() % frame.height).to_series()]
    # A stable sort by the value alone takes a third of the time of a sort by both.
    return by_key.sort(value, descending=True, nulls_last=True, maintain_order=True)
