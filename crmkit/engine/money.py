"""Money: whole minor units inside, exact amounts outside; all ways between the two, and the one rounding of formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal

import polars as pl

HUNDREDTH = Decimal("0.01")
# Python's own default keeps 28 digits; a Decimal(38) column may hold more.
EXACT = Context(prec=80)
_WIDE = Context(prec=38)


def unit(decimals: int) -> int:
    """How many minor units make one: 100 for two decimals."""
    return int(10**decimals)


def scale(frame: pl.DataFrame, column: str) -> int:
    """Decimals of a money column; 0 for whole numbers."""
    return scale_of(frame.schema[column])


def scale_of(kind: pl.DataType | None) -> int:
    """Decimals of a type; 0 for whole numbers."""
    return kind.scale if isinstance(kind, pl.Decimal) else 0


def whole(column: str) -> pl.Expr:
    """A money or count column as whole minor units, wide enough for any sum."""
    return pl.col(column).to_physical().cast(pl.Int128)


def exact(units: int, decimals: int) -> Decimal:
    """Minor units as an exact amount."""
    return Decimal(units).scaleb(-decimals, EXACT)


def as_money(units: str | pl.Expr, decimals: int) -> pl.Expr:
    """A column of minor units as exact amounts, under its own name."""
    column = pl.col(units) if isinstance(units, str) else units
    return column.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-decimals))


def amount(value: float | Decimal | None, decimals: int = 2) -> Decimal | None:
    """The value to the nearest hundredth, or to more `decimals`; nothing for what is missing or without bound."""
    if value is None or not math.isfinite(value):
        return None
    # `+ 0` turns a negative zero into zero.
    return Decimal(value).quantize(Decimal(1).scaleb(-decimals), context=_WIDE) + 0


def amounts(name: str, values: Iterable[float | Decimal | None], decimals: int = 2) -> pl.Series:
    """A money column from values that a formula worked out."""
    return pl.Series(name, [amount(value, decimals) for value in values], dtype=pl.Decimal(38, decimals))
