"""A column as a reader sees it: thousands separators, percentages, ISO days, blanks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crmkit import columns
from crmkit.language.catalogue import phrase
from crmkit.language.figures import money_decimals
from crmkit.language.safe_text import safe

if TYPE_CHECKING:
    import polars as pl

Form = Callable[[Any], str]


def shown(column: pl.Series, kind: str | None = None) -> list[str]:
    """The values of `column` as text, null and NaN as blanks; `kind` overrides the vocabulary's."""
    form = _form(column, kind or columns.kind(column.name))
    return ["" if value is None else form(value) for value in column.to_list()]


def is_number(column: pl.Series) -> bool:
    """Whether the column is aligned to the right."""
    return column.dtype.is_numeric()


def _form(column: pl.Series, kind: str) -> Form:
    import polars as pl

    dtype = column.dtype
    if dtype == pl.Boolean:
        return lambda value: phrase("yes") if value else phrase("no")
    if kind == "share" and dtype.is_numeric():
        return _finite(lambda value: f"{value:z.1%}")
    if isinstance(dtype, pl.Decimal):
        return _money_form(column)
    if dtype.is_float():
        return _finite(_float_form(column, kind))
    if dtype.is_integer():
        # An unknown column may hold years or codes, which are not written with separators.
        return str if kind in {"text", "score"} else "{:,}".format
    return safe


def _finite(form: Form) -> Form:
    return lambda value: form(value) if math.isfinite(value) else ""


def _float_form(column: pl.Series, kind: str) -> Form:
    # Counts that are not whole are expected ones.
    if kind == "money":
        return _money_form(column)
    if kind in {"times", "count"}:
        return "{:z,.2f}".format
    if kind == "days":
        return "{:z,.1f}".format
    return _ratio_form(column)


def _money_form(column: pl.Series) -> Form:
    """Two decimals, or none down the column where hundredths tell nothing; files keep every decimal."""
    top = max((abs(v) for v in column.to_list() if v is not None and math.isfinite(v)), default=0)
    decimals = money_decimals(top)
    return lambda value: f"{value:z,.{decimals}f}"


def _ratio_form(column: pl.Series) -> Form:
    """About four significant digits, with the same number of decimals down the column."""
    top = max((abs(v) for v in column.to_list() if v is not None and math.isfinite(v)), default=0.0)
    decimals = 2 if top >= 10 else 3 if top >= 1 else 4
    least = 10.0**-decimals

    def form(value: float) -> str:
        if 0 < abs(value) < least or abs(value) >= 1e15:
            return f"{value:.2e}"
        return f"{value:,.{decimals}f}"

    return form
