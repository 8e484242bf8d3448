"""Columns that are carried along with customers, such as a name or an e-mail address: the latest value of each.

The latest is that of the latest day; of one day's rows, that of the last in the file. Blank values do not count,
and neither do rows that are set aside or skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from crmkit.errors import UsageError
from crmkit.load import batches
from crmkit.load.account.audit import REASON, SKIP
from crmkit.load.columns.roles import match, unknown
from crmkit.load.files import Files
from crmkit.load.infer import renamed
from crmkit.load.inputs import Input, StreamFlags
from crmkit.load.values.clean import clean
from crmkit.load.values.numbers import BLANKS
from crmkit.result import LongTable, Result

_PLACE = "__place"


def latest(sales: Files, columns: Sequence[str]) -> pl.DataFrame:
    """One row for each customer: `customer` as text, and the latest value of each column, null where there is none."""
    schema = {"customer": pl.String, **dict.fromkeys(columns, pl.String)}
    found = {
        name: pl.DataFrame(schema={"customer": pl.String, "date": pl.Date, _PLACE: pl.Int64, name: pl.String})
        for name in columns
    }
    for frame in _rows(sales, columns):
        for name in columns:
            there = frame.select("customer", "date", _PLACE, name).filter(pl.col(name).is_not_null())
            found[name] = _last(pl.concat([found[name], there]))
    people = pl.concat([one.select("customer") for one in found.values()]).unique()
    for name in columns:
        people = people.join(found[name].select("customer", name), on="customer", how="left")
    return people.select(list(schema))


def _last(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("date", _PLACE).group_by("customer").last()


def _rows(sales: Files, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows in use with the columns as text, and the place of each in the input."""
    place = 0
    for opened, names in zip(sales.inputs, sales.names, strict=True):
        here = {name: _column(name, opened) for name in columns}
        for frame in batches.read(
            opened, list(dict.fromkeys([*names.values(), *here.values()])), StreamFlags()
        ):
            cleaned = clean(renamed(frame, names, StreamFlags()), sales.plan)
            used = (cleaned[REASON] == 0) & (cleaned[SKIP] == 0)
            rows = cleaned.select(pl.col("customer").cast(pl.String), "date").with_columns(
                pl.int_range(place, place + frame.height, dtype=pl.Int64).alias(_PLACE),
                *(_text(frame[column], name) for name, column in here.items()),
            )
            place += frame.height
            yield rows.filter(used)


def _column(name: str, opened: Input) -> str:
    found = match(name, opened.columns)
    if found is None:
        raise unknown(name, opened.columns, opened.name, "--keep")
    return found


def _text(values: pl.Series, name: str) -> pl.Series:
    text = values.cast(pl.String, strict=False).str.strip_chars()
    return text.set(text.is_in(list(BLANKS)), None).alias(name)


def onto(result: Result, sales: object, names: str) -> Result:
    """The result with these columns (names with commas between) beside the id in every table of customers.

    UsageError where there is no such table, or the rows are not in files on this machine.
    """
    columns = [name.strip() for name in names.split(",") if name.strip()]
    if not isinstance(sales, Files):
        raise UsageError(
            "--keep looks into transactions in files on this machine. Leave it out, or give such a file."
        )
    waiting = result.tables.waiting(result.detail or "") if isinstance(result.tables, LongTable) else None
    made = {name: result.tables[name] for name in result.tables if waiting is None or name != result.detail}
    if waiting is None and not any("customer" in table.columns for table in made.values()):
        raise UsageError(
            f"--keep: {result.command} lists no customers. Leave it out, or try crmkit customers."
        )
    kept = latest(sales, columns)
    tables = {
        name: joined(table, kept) if "customer" in table.columns else table for name, table in made.items()
    }
    if waiting is None:
        return replace(result, tables=tables)
    rows = waiting.map_in_order(partial(joined, kept=kept))
    return replace(result, tables=LongTable(tables, str(result.detail), rows))


def joined(table: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """A table of customers with what was kept of each, beside the id."""
    twice = [name for name in kept.columns if name != "customer" and name in table.columns]
    if twice:
        raise UsageError(
            f"--keep {twice[0]}: the table has a column of this name already. Rename it in the file."
        )
    order = [
        name
        for column in table.columns
        for name in ([column, *kept.columns[1:]] if column == "customer" else [column])
    ]
    return table.join(kept, on="customer", how="left", maintain_order="left").select(order)
