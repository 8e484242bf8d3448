"""Transactions where Spark reads them: each pass runs `load`'s own reader inside the tasks.

The account of the rows travels with them, as one row of each task whose customer is null, so that
one pass over the data does for both, and an attempt that failed counts for nothing.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from crmkit.engine.rows import ByRow, Counted, Shrink
from crmkit.errors import DataError
from crmkit.load import infer, layouts
from crmkit.load.account.audit import Reject
from crmkit.load.columns import assignment
from crmkit.load.customers import layout
from crmkit.load.infer import Sample, role_columns
from crmkit.load.inputs import ROW, Input
from crmkit.load.plan import Options, ReadingPlan
from crmkit.load.reader import PassReport, Reader
from crmkit.load.transactions import Build, Place, Transactions, added, asked_of
from crmkit.spark.rows import SparkRows, streamed, together
from crmkit.spark.sources import Names, Source, Unpack, find, parts

ACCOUNT = "__account"
_TALLY = {"value": pl.String(), "count": pl.Int64()}


class Lake(Transactions):
    """The rows of one folder, file or table that Spark reads."""

    knows_lines = False  # rows on a cluster have none
    in_one_stream = False

    def __init__(self, name: str, source: Source, names: Names, plan: ReadingPlan, sampled: Sample) -> None:
        super().__init__(name, plan, sampled)
        self._source = source
        self._data = source.data(names)
        self._unpack = source.unpack(names)

    def tally(self, raw: str) -> pl.DataFrame:
        found = streamed(self._data, partial(_tallied, self._unpack, raw), _TALLY)
        counts = found.counts(Counted(by=["value"], sums=["count"]))
        return counts.select("value", "count")

    def everything(self, function: ByRow, schema: Mapping[str, Any]) -> SparkRows:
        names = {opened.name: {column: column for column in opened.plain} for opened in self._source.inputs}
        unpack = self._source.unpack(names, lenient=True)
        return streamed(self._source.data(names), partial(_everything, unpack, function), schema)

    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        return {
            (one.file, one.record): (f"row {one.record + 1} of a part", one.record + 1, "") for one in rejects
        }

    def _pass(self, build: Build, key: str, shrink: Shrink | None) -> SparkRows:
        found = self._keyed(build, key, shrink).cached()
        accounts = found.by_row(_accounts_only).frame()
        self._findings = _sum(self._reader().empty(), accounts[ACCOUNT])
        return found.by_row(_rows_only)

    def _pass_of_counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        found = self._keyed(build, "customer", None).frame()
        self._findings = _sum(self._reader().empty(), found[ACCOUNT].drop_nulls())
        return added(_rows_only(found), by)

    def _keyed(self, build: Build, key: str, shrink: Shrink | None) -> SparkRows:
        """What the query makes of all rows of each key, and the accounts."""
        reader = self._reader()
        schema = pl.Schema(reader.schema())
        asked = {key, *asked_of(build, schema)}
        carried = {name: kind for name, kind in schema.items() if name in asked} | {ACCOUNT: pl.Binary()}
        used = streamed(self._data, partial(_used, reader, self._unpack, shrink, list(carried)), carried)
        made = build(schema.to_frame(eager=False)).collect_schema()
        return used.dealt(key).stream(partial(_built, build), {**made, ACCOUNT: pl.Binary()})


def load(
    spark: Any,
    paths: Sequence[str],
    options: Options,
    *,
    needs: frozenset[str],
    wants: frozenset[str],
    asked: bool = False,
) -> Lake:
    """Find the roles of the columns and how these are written, from a sample (see `crmkit.load.load`).

    `asked` tells that the user has set the number of parts.
    """
    if not asked and (number := parts(spark, paths)) is not None:
        spark.conf.set("spark.sql.shuffle.partitions", str(number))
    options = layouts.opening(options)
    source = find(spark, paths, options, assignment.all_needs(options, needs))
    _refuse_customers(source.inputs[0], options)
    options = layouts.chosen(source.inputs[0].columns, options, source.inputs[0].name)
    needed = assignment.all_needs(options, needs)
    cast = assignment.cast_with_orders(source.inputs, options, needed, wants, partial(_first_rows, source))
    names = {
        opened.name: role_columns(list(roles.values()))
        for opened, roles in zip(source.inputs, cast, strict=True)
    }
    sampled = source.sample(names)
    path = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    made = Lake(path, source, names, ReadingPlan(roles=cast[0], options=options), sampled)
    made.plan = infer.make(sampled, cast[0], options, path, made.tally, needs=needs, wide=pl.DataFrame)
    if made.plan.lines.need_a_stream and not source.whole_files:
        raise DataError(
            f"{path}: facts of whole orders stand on their lines ({', '.join(made.plan.said) or 'by its layout'}), which is read "
            "in the order of the file's rows. Read it with --engine polars, or say --amount-per line."
        )
    if made.plan.lines.restarts and "store" not in wants:
        return load(spark, paths, options, needs=needs, wants=wants | {"store"}, asked=True)
    named = {name for name, word in options.columns.items() if word}
    if "order" in cast[0] and "order" not in needed | wants | named and not made.plan.lines.need_a_stream:
        made.forget("order")
    return made


def _refuse_customers(opened: Input, options: Options) -> None:
    """DataError for a table of customers: it has a row for each, and one machine reads it."""
    if layout.columns_of(opened.columns, options, opened.name) is not None:
        raise DataError(
            f"{opened.name} is a table of customers, one row each, and --engine spark reads transactions. "
            "Read it with --engine polars: pareto, rfm and clv take customers there."
        )


def _first_rows(source: Source, opened: Input, columns: Sequence[str]) -> pl.DataFrame:
    """The first rows of some columns, from all inputs that have them."""
    known = {one.name: {name: name for name in columns if name in one.plain} for one in source.inputs}
    if not known[opened.name]:
        return pl.DataFrame()
    return source.sample(known).frame.select(list(known[opened.name]))


def _used(
    reader: Reader,
    unpack: Unpack,
    shrink: Shrink | None,
    columns: list[str],
    arrow: Iterator[pa.RecordBatch],
) -> Iterator[pl.DataFrame]:
    """The rows in use of a part, and last the account of all its rows."""
    findings = reader.empty()

    def rows() -> Iterator[pl.DataFrame]:
        carry, once = reader.carry(), reader.once()
        for part, raw, watch in unpack(arrow):
            if raw is None:
                reader.close(watch, findings, part)
            else:
                yield reader.read(carry.filled(raw), findings, part, watch, once)
        findings.audit.differing_orders += once.differing if once else 0

    for used in rows() if shrink is None else shrink.stream(rows()):
        yield used.with_columns(pl.lit(None, dtype=pl.Binary).alias(ACCOUNT)).select(columns)
    account = pl.DataFrame({ACCOUNT: [pickle.dumps(findings)]})
    empty = pl.Schema(reader.schema()).to_frame()
    yield pl.concat([empty, account], how="diagonal").select(columns)


def _built(build: Build, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    found = together(frames)
    if found is None:
        return
    account = pl.col(ACCOUNT)
    rows = found.filter(account.is_null()).drop(ACCOUNT)
    made = build(rows.lazy()).collect()
    yield made.with_columns(pl.lit(None, dtype=pl.Binary).alias(ACCOUNT))
    accounts = found.filter(account.is_not_null()).select(ACCOUNT)
    if accounts.height:
        yield pl.concat([made.clear(), accounts], how="diagonal")


def _rows_only(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col(ACCOUNT).is_null()).drop(ACCOUNT)


def _accounts_only(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col(ACCOUNT).is_not_null()).select(ACCOUNT)


def _sum(findings: PassReport, accounts: pl.Series) -> PassReport:
    # In the order of the accounts themselves: parts come back in any.
    for account in sorted(accounts.to_list()):
        findings.add(pickle.loads(account))
    return findings


def _everything(unpack: Unpack, function: ByRow, arrow: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    for _, raw, _ in unpack(arrow):
        if raw is not None:
            yield function(raw.drop(ROW))


def _tallied(unpack: Unpack, raw: str, arrow: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    yield infer.tally_of_all([(one for _, one, _ in unpack(arrow) if one is not None)], raw)
