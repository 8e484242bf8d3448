"""Calendar periods as integers that can be subtracted: months, quarters, ISO weeks, weeks from Sunday on, years.

A period's index is its number since the year 0 (weeks: since Monday 0001-01-01, or the Sunday before), so that the next
period is `index + 1` and "periods since the first order" is a subtraction. Functions of one value
come in pairs: `index(expr)` for Polars, `index_of(day)` for a plain date.

    >>> index_of(date(2024, 3, 15), "month"), label_of(24290, "month")
    (24290, '2024-03')
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, cast, get_args

import polars as pl

from crmkit.parse import choice

Period = Literal["month", "quarter", "week", "sunday-week", "year"]
PERIODS: tuple[Period, ...] = get_args(Period)

MONTHS = {"month": 1, "quarter": 3, "year": 12}
EPOCH = date(1970, 1, 1).toordinal()
WEEKS = {
    "week": 1,
    "sunday-week": 0,
}  # the number of the first week's first day, where 1 is Monday 0001-01-01
FORMATS = {"month": "%Y-%m", "week": "%G-W%V", "sunday-week": "%Y-%m-%d", "year": "%Y"}


def check(period: str) -> Period:
    """The period itself, or UsageError with the names that exist."""
    return cast(Period, choice("--period", period, PERIODS))


def index(day: pl.Expr, period: Period) -> pl.Expr:
    """The index (Int32) of the period that a Date expression falls in."""
    if period in WEEKS:
        return (day.cast(pl.Int32) + (EPOCH - WEEKS[period])) // 7
    return (day.dt.year() * 12 + day.dt.month() - 1) // MONTHS[period]


def index_of(day: date, period: Period) -> int:
    """The index of the period that a day falls in."""
    if period in WEEKS:
        return (day.toordinal() - WEEKS[period]) // 7
    return (day.year * 12 + day.month - 1) // MONTHS[period]


def start(index: pl.Expr, period: Period) -> pl.Expr:
    """The first day of the period with this index."""
    if period in WEEKS:
        return (index.cast(pl.Int32) * 7 - (EPOCH - WEEKS[period])).cast(pl.Date)
    month = index * MONTHS[period]
    return pl.date(month // 12, month % 12 + 1, 1)


def start_of(index: int, period: Period) -> date:
    """The first day of the period with this index."""
    if period in WEEKS:
        return date.fromordinal(index * 7 + WEEKS[period])
    month = index * MONTHS[period]
    return date(month // 12, month % 12 + 1, 1)


def end(index: pl.Expr, period: Period) -> pl.Expr:
    """The last day of the period with this index."""
    return start(index + 1, period).dt.offset_by("-1d")


def end_of(index: int, period: Period) -> date:
    """The last day of the period with this index."""
    return start_of(index + 1, period) - timedelta(days=1)


def label(index: pl.Expr, period: Period) -> pl.Expr:
    """The period's name: 2024-03, 2024Q1, 2024-W05 (ISO week), 2024-01-28 (the Sunday that begins a week) or 2024."""
    if period == "quarter":
        return pl.format("{}Q{}", start(index, period).dt.strftime("%Y"), index % 4 + 1)
    return start(index, period).dt.strftime(FORMATS[period])


def label_of(index: int, period: Period) -> str:
    """The period's name: 2024-03, 2024Q1, 2024-W05 (ISO week), 2024-01-28 (the Sunday that begins a week) or 2024."""
    first = start_of(index, period)
    if period == "quarter":
        return f"{first.year:04}Q{index % 4 + 1}"
    if period == "week":
        year, week, _ = first.isocalendar()
        return f"{year:04}-W{week:02}"
    return first.isoformat()[: {"month": 7, "year": 4, "sunday-week": 10}[period]]


def complete(index: pl.Expr, period: Period, begin: date, as_of: date) -> pl.Expr:
    """Whether the data, which run from `begin` to `as_of`, cover the whole period."""
    return (start(index, period) >= begin) & (end(index, period) <= as_of)


def complete_of(index: int, period: Period, begin: date, as_of: date) -> bool:
    """Whether the data, which run from `begin` to `as_of`, cover the whole period."""
    return start_of(index, period) >= begin and end_of(index, period) <= as_of


def calendar(begin: date, as_of: date, period: Period) -> pl.DataFrame:
    """Every period from the one of `begin` to the one of `as_of`, gaps included, in order.

    Columns: index Int32, period (its name), start, end (both inclusive), complete.
    """
    indices = range(index_of(begin, period), index_of(as_of, period) + 1)
    i = pl.col("index")
    return pl.DataFrame({"index": pl.Series(indices, dtype=pl.Int32)}).with_columns(
        label(i, period).alias("period"),
        start(i, period).alias("start"),
        end(i, period).alias("end"),
        complete(i, period, begin, as_of).alias("complete"),
    )
