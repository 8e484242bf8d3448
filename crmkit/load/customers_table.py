"""Customers tables that were made elsewhere, accepted wherever customers are what a command eats.

The layout is that of `crmkit customers`: `customer, last, orders, revenue` at least, in CSV or
Parquet. `first`, `days`, `refunds` and the other measures are used where they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import cast

import polars as pl

from crmkit.errors import DataError
from crmkit.load import batches
from crmkit.load.customers import layout
from crmkit.load.customers.layout import ORDER
from crmkit.load.find import sources
from crmkit.load.find.sources import Source
from crmkit.load.inputs import Input, without_effect
from crmkit.load.plan import Options


def read(
    files: Sequence[str | Source], options: Options, tell: Callable[[str], None] = lambda note: None
) -> pl.DataFrame | None:
    """The customers of these files, or None where they do not hold customers.

    The as-of date is the option's, else the one that `last` and `recency` agree on, else the latest
    `last`. DataError for a value that does not fit its column, an id that comes twice, and dates
    after the as-of date: a table cannot be wound back. `tell` takes a sentence on customers that were left out.
    """
    found = sources.find(list(files))
    if any(source.kind == sources.LEDGER for source in found):
        return None
    opened = [one for source in found for one in _opened(source, options)]
    if len(opened) < len(found):
        return None
    named = [layout.columns_of(item.columns, options, item.name) for item in opened]
    whole = [columns for columns in named if columns is not None]
    if not opened or len(whole) < len(named):
        return None
    for note in without_effect(
        opened, encoding=options.encoding, delimiter=options.delimiter, header=options.header
    ):
        tell(note)
    from crmkit.load.customers import values  # not for transactions

    tables = [values.read(item, columns, options) for item, columns in zip(opened, whole, strict=True)]
    frame = _dated(pl.concat(tables, how="diagonal_relaxed"), options, opened[0].name)
    _refuse_twice(frame, opened[0].name)
    as_of = options.as_of or _as_of(frame, opened[0].name)
    _refuse_later(frame, as_of, opened[0].name)
    made = timed(frame.drop("recency", "x", "t_x", "T", strict=False), as_of)
    if options.exclude is not None:
        listed = options.exclude.holds(made["customer"])
        tell(options.exclude.account(int(listed.sum())))
        made = made.filter(~listed)
    return made.select(name for name in ORDER if name in made.columns).sort("customer")


def _opened(source: Source, options: Options) -> list[Input]:
    """The source, or the table in it that holds customers; none where that is not clear."""
    open_ = partial(
        batches.open_input,
        encoding=options.encoding,
        delimiter=options.delimiter,
        suits=_suits,
        header=options.header,
    )
    if not source.choices:
        return [open_(source)]

    def lists_them(columns: Sequence[str]) -> bool:
        found = layout.columns_of(columns, options, "")
        return found is not None and found["customer"].lower() != "customers"  # which are counted there

    fits = batches.fitting(source, open_, lists_them)
    source.taken[:] = [one.source for one in fits]
    return fits if len(fits) == 1 else []


def _suits(columns: Sequence[str]) -> bool:
    try:
        return layout.columns_of(columns, Options(), "") is not None
    except DataError:
        return True  # the error to come should speak of this header


def _dated(frame: pl.DataFrame, options: Options, file: str) -> pl.DataFrame:
    """The day of the last order, where the table says only how many days ago it was."""
    if "last" in frame.columns:
        return frame
    if options.as_of is None:
        raise DataError(
            f"{file}: the customers table says how many days ago the last order was, and not as of when. "
            "Say --as-of DATE, the day from which its recency was counted."
        )
    ago = pl.duration(days="recency")
    return frame.with_columns(last=pl.when(pl.col("orders") > 0).then(pl.lit(options.as_of) - ago))


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
            return cast(date, days[0])
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
