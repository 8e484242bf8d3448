"""Minor units, and amounts that a formula worked out, rounded once to exact hundredths."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

HUNDREDTH = Decimal("0.01")
_WIDE = Context(prec=38)


def unit(places: int) -> int:
    """How many minor units make one: 100 for two decimal places."""
    return int(10**places)


def amount(value: float | Decimal | None, places: int = 2) -> Decimal | None:
    """The value to the nearest hundredth, or to more `places`; nothing for what is missing or without bound."""
    if value is None or not math.isfinite(value):
        return None
    # `+ 0` turns a negative zero into zero.
    return Decimal(value).quantize(Decimal(1).scaleb(-places), context=_WIDE) + 0


def amounts(name: str, values: Iterable[float | Decimal | None], places: int = 2) -> pl.Series:
    """A money column from values that a formula worked out."""
    import polars as pl

    return pl.Series(name, [amount(value, places) for value in values], dtype=pl.Decimal(38, places))
