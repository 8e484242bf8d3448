"""What Spark reads: Parquet and tables as columns, text files one by one, each by `load`'s own reader.

A text file goes to a task as a whole, so that it is read exactly as on one machine: quoted line
breaks, encodings, compression, and rows that are not as wide as the header. Many files are read at
once; one file of more than two gigabytes cannot be, and is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlparse

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from crmkit.errors import DataError, UsageError
from crmkit.load import batches, infer
from crmkit.load.columns import assignment
from crmkit.load.find import sources
from crmkit.load.find import tables as lake
from crmkit.load.infer import SAMPLE_ROWS, Sample
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.plan import Options
from crmkit.load.reader import Part
from crmkit.spark.rows import streamed

Names = Mapping[str, dict[str, str]]
# A part, a raw batch of it (None when the part has ended), and what its bytes showed.
Unpacked = tuple[Part, pl.DataFrame | None, StreamFlags]
Unpack = Callable[[Iterator[pa.RecordBatch]], Iterator[Unpacked]]

_TEXT_ENDS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst")
_LARGEST = 2**31 - 1
_AS_NUMBERS = "spark.sql.legacy.parquet.nanosAsLong"
# Stored bytes for one part of the rows by customer: some five million rows.
_EACH_PART = {True: 512 << 20, False: 64 << 20}
_FEWEST, _MOST = 4, 20_000


class Source(Protocol):
    """One input as Spark sees it: a Spark frame, and how a task makes raw batches of its parts."""

    inputs: list[Input]
    whole_files: bool  # a task reads files from their first row to their last

    def data(self, names: Names) -> Any:
        """What tasks get to see, as a Spark frame."""

    def unpack(self, names: Names, lenient: bool = False) -> Unpack:
        """How a task makes raw batches of that; `lenient` lets pass what no role needs."""

    def sample(self, names: Names) -> Sample:
        """The first rows."""


def find(spark: Any, given: Sequence[str], options: Options, needs: frozenset[str]) -> Source:
    """The source that paths, or one `table:NAME`, name."""
    tables = [path for path in given if path.startswith("table:")]
    if tables and len(given) > 1:
        raise UsageError("A table is read alone. Give one table:NAME, or paths.")
    if tables:
        return Columns(given[0], spark.read.table(given[0].removeprefix("table:")))
    for path in given:
        lake.refuse(Path(path.removeprefix("file:")))
    texts = [_is_text(spark, path) for path in given]
    if any(texts) and not all(texts):
        raise DataError("Some of these are text and some Parquet. Give them to one run each.")
    return TextFiles(spark, list(given), options, needs) if texts[0] else _parquet(spark, list(given))


def _parquet(spark: Any, paths: list[str]) -> Columns:
    """Spark knows no nanoseconds: it has them as numbers, and the schema of a file tells which they are."""
    from pyspark.errors import PySparkException

    spark.conf.set(_AS_NUMBERS, "false")
    try:
        return Columns(paths[0], spark.read.parquet(*paths), untold=_untold(paths))
    except PySparkException as error:
        if "NANOS" not in str(error):
            raise
    spark.conf.set(_AS_NUMBERS, "true")
    return Columns(paths[0], spark.read.parquet(*paths), _nanoseconds(spark, paths), _untold(paths))


def _nanoseconds(spark: Any, paths: list[str]) -> dict[str, pa.DataType]:
    """Which columns of the smallest file hold moments to the nanosecond."""
    from pyspark.sql import functions as f

    least = _files(spark, paths).agg(f.min("length")).toArrow().column(0)[0].as_py()
    smallest = _files(spark, paths).where(f.col("length") == least).select("content").limit(1)
    schema = pq.read_schema(pa.BufferReader(smallest.toArrow()["content"][0].as_buffer()))
    return {
        kind.name: kind.type for kind in schema if pa.types.is_timestamp(kind.type) and kind.type.unit == "ns"
    }


def _untold(paths: list[str]) -> dict[str, pa.DataType]:
    """Columns that Spark takes for the numbers or bytes they are stored as, by the first file that lies on this machine."""
    for path in paths:
        place = Path(path.removeprefix("file://").removeprefix("file:"))
        found = place if place.is_file() else next(iter(sorted(place.rglob("*.parquet"))), None)
        if found is not None:
            return {kind.name: kind.type for kind in _schema(found) if _is_untold(kind.type)}
    return {}


def _schema(file: Path) -> list[pa.Field]:
    """What a file says of its columns; nothing where it is torn, which Spark says with the file's name."""
    try:
        return list(pq.read_schema(file))
    except (pa.ArrowInvalid, OSError):
        return []


def _is_untold(kind: pa.DataType) -> bool:
    tests = (pa.types.is_duration, pa.types.is_time, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _is_text(spark: Any, path: str) -> bool:
    name = path.lower().rstrip("/*")
    if name.endswith((*_TEXT_ENDS, ".parquet", ".pq")):
        return name.endswith(_TEXT_ENDS)
    listed = _files(spark, [path]).select("path").limit(1).toArrow()
    if not listed.num_rows:
        raise DataError(f"{path}: there is no file in this folder.")
    return str(listed["path"][0]).lower().endswith(_TEXT_ENDS)


def parts(spark: Any, given: Sequence[str]) -> int | None:
    """Into how many parts to deal the rows by customer; None, and the cluster's own way, for a table."""
    if given[0].startswith("table:"):
        return None
    total = _files(spark, list(given)).agg({"length": "sum"}).toArrow().column(0)[0].as_py() or 0
    return min(_MOST, max(_FEWEST, -(-total // _EACH_PART[_is_text(spark, given[0])])))


def _files(spark: Any, paths: list[str]) -> Any:
    return spark.read.format("binaryFile").load(paths)


class Columns:
    """Parquet or a table: Spark hands over typed columns."""

    whole_files = False

    def __init__(
        self,
        name: str,
        data: Any,
        nanoseconds: Mapping[str, pa.DataType] | None = None,
        untold: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        self._data = data
        self._nanoseconds = dict(nanoseconds or {})
        kinds = data.limit(0).toArrow().schema
        types = {kind.name: kind.type for kind in kinds} | self._nanoseconds | dict(untold or {})
        self.inputs = [Input(_nameless(name), tuple(kinds.names), types=types)]

    def data(self, names: Names) -> Any:
        return self._data.select(["`" + name.replace("`", "``") + "`" for name in self._wanted(names)])

    def unpack(self, names: Names, lenient: bool = False) -> Unpack:
        name = self.inputs[0].name
        return partial(_typed, Part(name, names[name]), self._wanted(names), self._nanoseconds, lenient)

    def sample(self, names: Names) -> Sample:
        first = self.data(names).limit(SAMPLE_ROWS + 1).toArrow()
        taken = [raw for _, raw, _ in self.unpack(names)(iter(first.to_batches())) if raw is not None]
        return Sample(pl.concat(taken) if taken else pl.DataFrame(), first.num_rows <= SAMPLE_ROWS)

    def _wanted(self, names: Names) -> list[str]:
        return list(dict.fromkeys(names[self.inputs[0].name].values()))


def _typed(
    part: Part,
    columns: list[str],
    moments: Mapping[str, pa.DataType],
    lenient: bool,
    arrow: Iterator[pa.RecordBatch],
) -> Iterator[Unpacked]:
    watch = StreamFlags(lenient)
    for batch in arrow:
        schema = [field.with_type(moments.get(field.name, field.type)) for field in batch.schema]
        frame = batches.numbered(batch.cast(pa.schema(schema)), columns, part.file, watch, 0)
        yield part, infer.renamed(frame, part.names, watch), watch


class TextFiles:
    """CSV files, each read whole by one task."""

    whole_files = True

    def __init__(self, spark: Any, paths: list[str], options: Options, needs: frozenset[str]) -> None:
        self._found = _files(spark, paths)
        self._open = partial(_opened, options, needs)
        largest = self._found.select("path", "length").orderBy("length", ascending=False).limit(1).toArrow()
        if largest.num_rows and largest["length"][0].as_py() > _LARGEST:
            raise DataError(
                f"{_name(str(largest['path'][0]))}: a text file of more than 2 GB cannot be read by one task. "
                "Split it, or convert it to Parquet."
            )
        headers = streamed(self.data({}), partial(_headers, self._open), _HEADER).frame().sort("file")
        self.inputs = [Input(_nameless(name), tuple(columns)) for name, columns in headers.iter_rows()]

    def data(self, names: Names) -> Any:
        return self._found.select("path", "content")

    def unpack(self, names: Names, lenient: bool = False) -> Unpack:
        return partial(_read, self._open, names, lenient)

    def sample(self, names: Names) -> Sample:
        each = max(500, SAMPLE_ROWS // max(1, len(self.inputs)))
        raw = {ROW: pl.Int64(), **{name: pl.String() for name in next(iter(names.values()))}}
        task = partial(_head, self._open, names, each)
        taken = streamed(self.data(names), task, {"file": pl.String(), **raw}).frame().sort("file", ROW)
        complete = all(rows < each for rows in taken["file"].value_counts()["count"])
        return Sample(taken.drop("file"), complete)


_HEADER = {"file": pl.String(), "columns": pl.List(pl.String())}


def _opened(options: Options, needs: frozenset[str], path: str, content: bytes) -> Input:
    name = _name(path)
    kind, compression = sources.sniff(content[:512], name)
    if kind != "csv":
        raise DataError(f"{name}: this is no text, though its name says so.")
    source = sources.Source(name, kind, compression, bytes_=partial(io.BytesIO, content))
    return assignment.open_input(source, options, needs)


def _name(path: str) -> str:
    """A file as the user calls it, not as an address."""
    return unquote(urlparse(path).path) if path.startswith("file:") else path


def _nameless(name: str) -> sources.Source:
    return sources.Source(name, "elsewhere")


def _each(open_: Any, arrow: Iterator[pa.RecordBatch]) -> Iterator[Input]:
    for batch in arrow:
        for path, content in zip(batch["path"], batch["content"], strict=True):
            yield open_(path.as_py(), content.as_py())


def _headers(open_: Any, arrow: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    for opened in _each(open_, arrow):
        yield pl.DataFrame({"file": [opened.name], "columns": [list(opened.columns)]}, schema=_HEADER)


def _head(open_: Any, names: Names, rows: int, arrow: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    for opened in _each(open_, arrow):
        taken = list(infer.raw_batches(opened, names[opened.name], StreamFlags(), rows))
        if taken:
            yield pl.concat(taken).head(rows).select(pl.lit(opened.name).alias("file"), pl.all())


def _read(open_: Any, names: Names, lenient: bool, arrow: Iterator[pa.RecordBatch]) -> Iterator[Unpacked]:
    for opened in _each(open_, arrow):
        watch, part = StreamFlags(lenient), Part(opened.name, names[opened.name])
        for raw in infer.raw_batches(opened, dict(part.names), watch):
            yield part, raw, watch
        yield part, None, watch
