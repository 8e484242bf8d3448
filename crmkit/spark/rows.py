"""Five verbs on Spark: read, write, by row, by key and counts. Nothing in here knows what the rows mean.

Rows travel as Arrow batches and every function sees Polars frames, so a result does not depend on
which engine moved the rows. Only the public API of PySpark 4 is used, which Spark Connect has, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from crmkit.engine.rows import ByRow, Counted
from crmkit.errors import DataError

Stream = Callable[[Iterator[pl.DataFrame]], Iterator[pl.DataFrame]]
FromArrow = Callable[[Iterator[pa.RecordBatch]], Iterator[pl.DataFrame]]

# Arrow as Spark knows it, without string views.
_PLAIN = pl.CompatLevel.oldest()
_WORDS: dict[Any, str] = {
    pl.Int8: "tinyint",
    pl.Int16: "smallint",
    pl.Int32: "int",
    pl.Int64: "bigint",
    pl.UInt32: "bigint",
    pl.Float64: "double",
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Binary: "binary",
    pl.Int128: "decimal(38,0)",
}
_CARRIED: dict[Any, Any] = {pl.UInt32: pl.Int64(), pl.Int128: pl.Decimal(38, 0)}


class SparkRows:
    """Rows on a cluster, in no order; see `crmkit.engine.rows.Rows`.

    `data` is a Spark frame, and `function` what is still to be made of its batches: functions are put
    one upon the other here, so that a row goes to Python and back once, however many there are.
    """

    is_here = False

    def __init__(
        self,
        data: Any,
        schema: Mapping[str, Any],
        function: FromArrow | None = None,
        order: ByRow | None = None,
    ) -> None:
        self._data = data
        self._schema = pl.Schema(schema)
        self._function = function
        self._order = order

    @property
    def schema(self) -> pl.Schema:
        return self._schema

    @property
    def data(self) -> Any:
        """The rows as a Spark frame."""
        if self._function is None:
            return self._data
        return self._data.mapInArrow(partial(_task, self._function), ddl(self._schema))

    def by_row(self, function: ByRow) -> SparkRows:
        made = function(self._schema.to_frame()).schema
        return self.stream(partial(_each, function), made)

    def stream(self, function: Stream, schema: Mapping[str, Any]) -> SparkRows:
        """The batches that a function makes of all batches of a part, whichever rows that holds."""
        before = self._function or partial(_framed, self._schema)
        return SparkRows(self._data, schema, partial(_after, before, function))

    def dealt(self, key: str) -> SparkRows:
        """The same rows in parts that hold all rows of each of their keys."""
        return SparkRows(self.data.repartition(key), self._schema)

    def by_key(self, key: str, function: ByRow) -> SparkRows:
        made = function(self._schema.to_frame()).schema
        return self.dealt(key).stream(partial(_whole, function), made)

    def counts(self, wanted: Counted) -> pl.DataFrame:
        from pyspark.sql import functions as f

        made = wanted.of(self._schema.to_frame()).schema
        parts = self.stream(partial(_counted, wanted), made)
        if wanted.by:
            measures = [f.sum(name).alias(name) for name in ("n", *wanted.sums)]
            measures += [f.min(name).alias(name) for name in wanted.least]
            measures += [f.max(name).alias(name) for name in wanted.most]
            parts = SparkRows(parts.data.groupBy(*wanted.by).agg(*measures), made)
        return wanted.added(parts.frame())

    def ordered_by(self, order: ByRow) -> SparkRows:
        return SparkRows(self._data, self._schema, self._function, order)

    def prefetch_order(self) -> SparkRows:
        return self

    def map_in_order(self, function: ByRow) -> SparkRows:
        rows = self.by_row(function)
        return rows if self._order is None else rows.ordered_by(self._order)

    def frame(self) -> pl.DataFrame:
        found = as_frame(self.data.toArrow(), self._schema)
        return found if self._order is None else self._order(found)

    def cached(self) -> SparkRows:
        """The same rows, made once and kept on the disks of the cluster."""
        from pyspark import StorageLevel

        return SparkRows(self.data.persist(StorageLevel.DISK_ONLY), self._schema, order=self._order)

    def batches(self, size: int) -> Iterator[pl.DataFrame]:
        raise NotImplementedError("rows of a cluster are written from there, or brought here whole")

    def write(self, path: str) -> None:
        """A folder with a file for each part, or a table if the path is `table:NAME`; neither may exist."""
        writer = self.data.write.mode("error")
        if path.startswith("table:"):
            writer.saveAsTable(path.removeprefix("table:"))
        elif path.rstrip("/").endswith(".csv"):
            writer.csv(path, header=True, escape='"', emptyValue="")
        else:
            writer.parquet(path)


def refuse_taken(spark: Any, path: str) -> None:
    """DataError if the output is there already, before there is work to lose."""
    from pyspark.errors import AnalysisException

    try:
        if path.startswith("table:"):
            taken = spark.catalog.tableExists(path.removeprefix("table:"))
        else:
            taken = bool(spark.read.format("binaryFile").load(path).schema)
    except AnalysisException:
        return
    if taken:
        raise DataError(f"The output {path} is there already. With --engine spark, name a new one.")


def streamed(data: Any, function: FromArrow, schema: Mapping[str, Any]) -> SparkRows:
    """What a function makes of the Arrow batches of each part of a Spark frame."""
    return SparkRows(data, schema, function)


def ddl(schema: Mapping[str, Any]) -> str:
    """A schema in Spark's words."""
    return ", ".join(f"`{name}` {_word(kind)}" for name, kind in schema.items())


def _word(kind: Any) -> str:
    if isinstance(kind, pl.List):
        return f"array<{_word(kind.inner)}>"
    if isinstance(kind, pl.Struct):
        return f"struct<{', '.join(f'`{one.name}`: {_word(one.dtype)}' for one in kind.fields)}>"
    if isinstance(kind, pl.Decimal):
        return f"decimal({kind.precision or 38},{kind.scale})"
    return _WORDS[kind.base_type()]


def as_frame(table: pa.Table | pa.RecordBatch, schema: Mapping[str, Any]) -> pl.DataFrame:
    """What Spark hands over, in the types that it had here."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.cast(dict(schema))  # type: ignore[arg-type]


def _as_batches(frame: pl.DataFrame) -> list[pa.RecordBatch]:
    carried: dict[Any, Any] = {name: _carried(kind) for name, kind in frame.schema.items()}
    table = frame.cast(carried).to_arrow(compat_level=_PLAIN).combine_chunks()
    fields = [field.with_type(_narrow(field.type)) for field in table.schema]
    batches: list[pa.RecordBatch] = table.cast(pa.schema(fields)).to_batches()
    return batches


def _carried(kind: Any) -> Any:
    """The type in which a column travels."""
    return (
        pl.List(_carried(kind.inner)) if isinstance(kind, pl.List) else _CARRIED.get(kind.base_type(), kind)
    )


def _narrow(kind: pa.DataType) -> pa.DataType:
    """Spark reads no large lists."""
    return pa.list_(_narrow(kind.value_type)) if pa.types.is_large_list(kind) else kind


def _task(function: FromArrow, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for frame in function(batches):
        yield from _as_batches(frame)


def _framed(schema: Mapping[str, Any], batches: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    return (as_frame(batch, schema) for batch in batches)


def _after(before: FromArrow, function: Stream, batches: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    return function(before(batches))


def _each(function: ByRow, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    return (function(frame) for frame in frames)


def _whole(function: ByRow, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    found = together(frames)
    if found is not None:
        yield function(found)


def _counted(wanted: Counted, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The counts of all rows of a part."""
    so_far: pl.DataFrame | None = None
    for frame in frames:
        counts = wanted.of(frame)
        so_far = counts if so_far is None else wanted.added(pl.concat([so_far, counts]))
    if so_far is not None:
        yield so_far


def together(frames: Iterator[pl.DataFrame]) -> pl.DataFrame | None:
    """All rows of a part in one frame, None where it holds none."""
    found = [frame for frame in frames if frame.height]
    return pl.concat(found) if found else None
