"""Values of a table of customers, read as those of transactions are: one column at a time, and all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from crmkit.engine.money import as_money, unit
from crmkit.errors import DataError
from crmkit.load import batches, infer
from crmkit.load.account.audit import REASON, REASONS
from crmkit.load.columns import expression
from crmkit.load.columns.roles import Role
from crmkit.load.infer import Sample
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.plan import MAX_SCALE, Options, ReadingPlan
from crmkit.load.values import arrow_types
from crmkit.load.values.clean import clean

_KINDS = {"customer": "customer", "first": "date", "last": "date"}
_COUNTS = frozenset({"orders", "days", "rows", "recency", "x", "t_x", "T"})
_NEEDED = frozenset({"customer", "orders", "revenue"})
_MAY_BE_BLANK = frozenset(map(REASONS.index, ("no date", "no amount")))
_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class _Column(NamedTuple):
    """One column: what it says, how the file calls it and of which type it is there."""

    what: str
    name: str
    stored: pa.DataType | None
    file: str

    @property
    def role(self) -> str:
        """The role of transactions that is read in the same way."""
        return _KINDS.get(self.what, "amount")


def read(item: Input, found: Mapping[str, str], options: Options) -> pl.DataFrame:
    """The columns of one file, as ORDER calls them; DataError for the first value that does not fit."""
    columns = [_Column(what, name, item.types.get(name), item.name) for what, name in found.items()]
    for column in columns:
        if column.stored is not None and not pa.types.is_duration(column.stored):
            arrow_types.refuse_misfit(column.stored, role=column.role, column=column.name, file=item.name)
    frame = _whole(item, list(dict.fromkeys(found.values())))
    read_as = Options(date_format=options.date_format, decimal=options.decimal, tz=options.tz)
    made = pl.DataFrame([_values(column, frame[column.name], read_as) for column in columns])
    _refuse_nonsense(made, item.name)
    return made


def _whole(item: Input, names: list[str]) -> pl.DataFrame:
    flags = StreamFlags()
    parts = [part.drop(ROW) for part in batches.read(item, names, flags)]
    ragged = [row for row in flags.ragged if not row.is_blank]
    if ragged or not parts:
        record = (
            f"record {ragged[0].record + 1} has {ragged[0].actual} fields" if ragged else "it has no rows"
        )
        raise DataError(f"{item.name}: the customers table is not whole: {record}.")
    return pl.concat(parts, how="vertical_relaxed")


def _values(column: _Column, series: pl.Series, options: Options) -> pl.Series:
    if column.stored is not None and pa.types.is_duration(column.stored):
        return (series.cast(pl.Int64) // _DAY[column.stored.unit]).alias(column.what)
    cleaned, plan = _cleaned(column, series, options)
    reasons = cleaned[REASON]
    blank = reasons.is_in(sorted(_MAY_BE_BLANK)) if column.what not in _NEEDED else pl.Series([False])
    wrong = (reasons > 0) & ~blank
    if column.what in _COUNTS:
        fraction = cleaned["amount"] % unit(plan.scale) != 0
        wrong |= (fraction | (cleaned["amount"] < 0) | cleaned["__rounded"]).fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"{column.file}: the customers table has {str(series[row])[:80]!r} as {column.name} in row {row + 1}, "
            f"which does not fit that column ({REASONS[reasons[row]] or 'no whole number of 0 or more'})."
        )
    values = cleaned[column.role]
    if column.role == "customer":
        return values.cast(pl.String).alias(column.what)
    if column.role == "date":
        return values.alias(column.what)
    if column.what in _COUNTS:
        return (values // unit(plan.scale)).alias(column.what)
    return values.to_frame().select(as_money(values.name, plan.scale).alias(column.what)).to_series()


def _cleaned(column: _Column, series: pl.Series, options: Options) -> tuple[pl.DataFrame, ReadingPlan]:
    """As a column of transactions of which nothing else is known, with as many decimals as it has."""
    told = {"customer": pl.lit("-."), "date": pl.lit(date(2000, 1, 1))}
    name = "amount:0" if column.role == "amount" else column.role
    raw = series.alias(name).to_frame()
    raw = raw.with_columns(pl.int_range(raw.height, dtype=pl.Int64).alias(ROW)).with_columns(
        constant.alias(role) for role, constant in told.items() if role != name
    )
    cast = {role: Role(role, expression.column(column.name), "given") for role in {*told, column.role}}
    sampled = Sample(raw, complete=True)
    plan = infer.make(sampled, cast, options, column.file, _no_tally, needs=frozenset({"customer", "date"}))
    while True:
        cleaned = clean(raw, plan, suspicious=True)
        lost = cleaned.filter(cleaned["__rounded"])["__amount"]
        if not lost.len() or plan.scale == MAX_SCALE:
            return cleaned, plan
        plan = plan.but(scale=infer.scale_for(lost, plan.scale + 1))


def _no_tally(raw: str) -> pl.DataFrame:
    raise AssertionError(f"the sample holds all of {raw}")


def _refuse_nonsense(made: pl.DataFrame, file: str) -> None:
    """Whoever has ordered has done so on some day, and whoever has not, on none."""
    if "last" not in made.columns:
        return
    odd = (made["orders"] > 0) != made["last"].is_not_null()
    if odd.any():
        who, orders, last = made.select("customer", "orders", "last").row(int(odd.arg_max() or 0))
        what = f"{orders} orders and no date of the last" if last is None else f"0 orders, the last of {last}"
        raise DataError(
            f"{file}: the customers table says of {who!r}: {what}. Mend it, or leave the row out."
        )
