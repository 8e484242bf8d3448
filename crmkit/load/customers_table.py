"""Customers tables that were made elsewhere, accepted wherever customers are what a command eats.

The layout is that of `crmkit customers`: `customer, last, orders, revenue` at least, in CSV or
Parquet. `first`, `days`, `refunds` and the other measures are used where they are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmkit.columns import CUSTOMERS
from crmkit.errors import DataError
from crmkit.load import batches
from crmkit.load.find import sources
from crmkit.load.find.sources import Source
from crmkit.load.infer import scale_for
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.plan import MAX_SCALE, Options

ORDER = ("customer", *CUSTOMERS)
REQUIRED = ("customer", "last", "orders", "revenue")
_MONEY = ("revenue", "refunds", "first_revenue", "profit")
_DATES = ("first", "last")
_COUNTS = ("orders", "days", "rows", "recency", "x", "t_x", "T")


def read(files: Sequence[str | Source], options: Options) -> pl.DataFrame | None:
    """The customers of these files, or None where they do not hold customers.

    The as-of date is the option's, else the one that `last` and `recency` agree on, else the latest
    `last`. DataError for a value that does not fit its column, an id that comes twice, and dates
    after the as-of date: a table cannot be wound back.
    """
    found = sources.find(list(files))
    opened = [
        batches.open_input(source, encoding=options.encoding, delimiter=options.delimiter, suits=_suits)
        for source in found
    ]
    if not opened or not all(_suits(item.columns) for item in opened):
        return None
    frame = pl.concat([_frame(item) for item in opened], how="diagonal_relaxed")
    _refuse_twice(frame, opened[0].name)
    as_of = options.as_of or _as_of(frame, opened[0].name)
    _refuse_later(frame, as_of, opened[0].name)
    made = timed(frame.drop("recency", "x", "t_x", "T", strict=False), as_of)
    if options.exclude is not None:
        made = made.filter(~options.exclude.holds(made["customer"]))
    return made.select(name for name in ORDER if name in made.columns).sort("customer")


def _suits(columns: Sequence[str]) -> bool:
    return set(REQUIRED) <= set(columns)


def _frame(item: Input) -> pl.DataFrame:
    wanted = [name for name in ORDER if name in item.columns]
    watch = StreamFlags()
    parts = [part.drop(ROW) for part in batches.read(item, wanted, watch)]
    if watch.ragged or not parts:
        what = (
            f"record {watch.ragged[0].record + 1} has {watch.ragged[0].actual} fields"
            if watch.ragged
            else "it has no rows"
        )
        raise DataError(f"{item.name}: the customers table is not whole: {what}.")
    frame = pl.concat(parts, how="vertical_relaxed")
    return frame.with_columns(_typed(frame, name, item.name) for name in wanted)


def _typed(frame: pl.DataFrame, name: str, file: str) -> pl.Series:
    series = frame[name]
    if name == "customer":
        typed = series.cast(pl.String, strict=False)
    elif name in _DATES:
        typed = (
            series.str.to_date("%Y-%m-%d", strict=False)
            if series.dtype == pl.String
            else series.cast(pl.Date, strict=False)
        )
    elif name in _COUNTS:
        typed = series.cast(pl.Int64, strict=False)
    else:
        typed = _money(series)
    blank = series.is_null() | (series == "") if series.dtype == pl.String else series.is_null()
    wrong = typed.is_null() & ~blank
    needed = name in ("customer", "orders", "revenue")
    if wrong.any() or (needed and typed.is_null().any()):
        row = int((wrong | typed.is_null()).arg_max() or 0)
        raise DataError(
            f"{file}: the customers table has {series[row]!r} as {name} in row {row + 1}, which does not fit that column."
        )
    return typed.alias(name)


def _money(series: pl.Series) -> pl.Series:
    if isinstance(series.dtype, pl.Decimal):
        return series.cast(pl.Decimal(38, max(2, series.dtype.scale)))
    if series.dtype == pl.String:
        places = max(2, *(series.str.extract(r"\.(\d+)$", 1).str.len_chars().drop_nulls().to_list()), 2)
        plain = pl.select(pl.when(series.str.contains(r"^-?\d+(\.\d+)?$")).then(series)).to_series()
        return plain.str.to_decimal(scale=places).cast(pl.Decimal(38, places))
    scale = min(scale_for(series.cast(pl.Float64), 2), MAX_SCALE)
    return (series.cast(pl.Float64) * 10**scale).round().cast(pl.Int64).cast(
        pl.Decimal(38, scale)
    ) / 10**scale


def _refuse_twice(frame: pl.DataFrame, file: str) -> None:
    twice = frame.filter(pl.col("customer").is_duplicated())["customer"].sort()
    if twice.len():
        raise DataError(f"{file}: the customer {twice[0]!r} appears more than once in the customers table.")


def _as_of(frame: pl.DataFrame, file: str) -> date:
    if "recency" in frame.columns:
        days = (
            frame.select((pl.col("last") + pl.duration(days="recency")).alias("day"))["day"]
            .drop_nulls()
            .unique()
        )
        if days.len() == 1:
            return days[0]
        if days.len() > 1:
            raise DataError(
                f"{file}: last and recency do not agree on one as-of date ({days.min()!s} … {days.max()!s}); say --as-of DATE."
            )
    latest = frame["last"].max()
    if not isinstance(latest, date):
        raise DataError(f"{file}: no customer has a date in the column last.")
    return latest


def _refuse_later(frame: pl.DataFrame, as_of: date, file: str) -> None:
    latest = frame["last"].max()
    if isinstance(latest, date) and latest > as_of:
        raise DataError(
            f"{file}: a customers table cannot be wound back: its latest order is of {latest}, after --as-of {as_of}. "
            "Start from the transactions."
        )


def timed(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Add recency, and x, t_x, T where first and days are there; whole days throughout."""
    day = pl.lit(as_of)
    columns = [(day - pl.col("last")).dt.total_days().alias("recency")]
    if {"first", "days"} <= set(frame.columns):
        columns += [
            pl.when(pl.col("last").is_not_null()).then(pl.col("days") - 1).alias("x"),
            (pl.col("last") - pl.col("first")).dt.total_days().alias("t_x"),
            (day - pl.col("first")).dt.total_days().alias("T"),
        ]
    return frame.with_columns(columns)
