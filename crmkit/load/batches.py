"""Sources → batches of raw columns, CSV as text and Parquet as typed, each row with its number.

CSV goes through PyArrow's streaming reader because it names each row whose number of fields is
wrong (Polars pads short rows without a word), and Parquet through PyArrow because it verifies page
checksums. Memory is bounded by the batch, whatever the file's size.
"""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from crmkit.errors import DataError
from crmkit.load import text
from crmkit.load.sources import Source
from crmkit.load.text import Dialect

BLOCK = 4 << 20
ROWS = 1 << 18
ROW = "__row"


@dataclass
class Input:
    """One opened source: the columns it has and, for CSV, how it is written."""

    source: Source
    columns: tuple[str, ...]
    dialect: Dialect | None = None
    types: dict[str, pa.DataType] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.source.name


@dataclass
class Ragged:
    """A CSV row with the wrong number of fields; `record` counts data records from 0."""

    record: int
    expected: int
    actual: int
    text: str


@dataclass
class Watch:
    """What the bytes showed while they streamed by."""

    ragged: list[Ragged] = field(default_factory=list)
    nul: bool = False
    bytes_read: int = 0
    ends_in_newline: bool = True


def open_input(
    source: Source, *, encoding: str | None, delimiter: str | None, suits: Callable[[Sequence[str]], bool]
) -> Input:
    """Look at the header of a source, without reading its rows."""
    if source.kind == "parquet":
        return _open_parquet(source)
    dialect = text.sniff(source, encoding=encoding, delimiter=delimiter, suits=suits)
    return Input(source, dialect.columns + tuple(key for key, _ in source.hive), dialect)


def _open_parquet(source: Source) -> Input:
    schema = _parquet(source).schema_arrow
    hive = tuple(key for key, _ in source.hive if key not in schema.names)
    types = {schema.field(i).name: schema.field(i).type for i in range(len(schema))}
    return Input(source, tuple(schema.names) + hive, types=types | dict.fromkeys(hive, pa.string()))


def _parquet(source: Source) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.raw(), page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_parquet_sentence(source.name, error)) from None


def _parquet_sentence(name: str, error: Exception) -> str:
    reason = str(error).split("\n")[0].rstrip(".")[:200]
    return f"{name}: the Parquet file is corrupt or truncated, or its footer is ({reason}); fetch it again."


def read(
    opened: Input, columns: Sequence[str], watch: Watch, rows: int | None = None
) -> Iterator[pl.DataFrame]:
    """Batches of the named columns with the record number of each row in `ROW`.

    CSV columns are String; rows with a wrong number of fields are left out and noted in `watch`.
    With `rows`, stop after at least so many.
    """
    batches = _read_csv(opened, columns, watch) if opened.dialect else _read_parquet(opened, columns)
    seen = 0
    for batch in batches:
        frame = _with_hive(batch, opened, columns)
        seen += frame.height
        yield frame
        if rows is not None and seen >= rows:
            return


def _with_hive(frame: pl.DataFrame, opened: Input, columns: Sequence[str]) -> pl.DataFrame:
    hive = [
        pl.lit(value).alias(key)
        for key, value in opened.source.hive
        if key in columns and key not in frame.columns
    ]
    return frame.with_columns(hive) if hive else frame


def _read_parquet(opened: Input, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    file = _parquet(opened.source)
    stored = [name for name in columns if name in file.schema_arrow.names]
    start = 0
    try:
        for batch in file.iter_batches(ROWS, columns=stored):
            if len(batch) == 0:
                continue
            frame = pl.DataFrame(pl.from_arrow(batch)) if stored else pl.DataFrame(height=len(batch))
            yield frame.with_columns(pl.int_range(start, start + len(batch), dtype=pl.Int64).alias(ROW))
            start += len(batch)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_parquet_sentence(opened.name, error)) from None
    if start != file.metadata.num_rows:
        raise DataError(_parquet_sentence(opened.name, ValueError("fewer rows than its footer says")))


def _read_csv(opened: Input, columns: Sequence[str], watch: Watch) -> Iterator[pl.DataFrame]:
    dialect = opened.dialect
    assert dialect is not None
    positions = {name: str(dialect.columns.index(name)) for name in columns if name in dialect.columns}
    stream = _Watched(opened, watch)
    records = 0
    try:
        with _csv_reader(stream, dialect, list(positions.values()), watch) as reader:
            for batch in reader:
                frame = pl.DataFrame(pl.from_arrow(batch)).rename(
                    {place: name for name, place in positions.items()}
                )
                yield _numbered(frame, records, watch)
                records += frame.height
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise DataError(_csv_sentence(opened, error)) from None
    except UnicodeError:
        raise DataError(_encoding_sentence(opened)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(text.container_sentence(opened.name, error)) from None
    _refuse_open_quote(opened, watch)


def _csv_reader(stream: _Watched, dialect: Dialect, include: list[str], watch: Watch) -> Any:
    def ragged(row: Any) -> str:
        watch.ragged.append(
            Ragged(row.number - dialect.skip - 1, row.expected_columns, row.actual_columns, row.text)
        )
        return "skip"

    return pc.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pc.ReadOptions(
            column_names=[str(i) for i in range(len(dialect.columns))],
            skip_rows=dialect.skip,
            block_size=BLOCK,
            encoding=dialect.encoding,
            use_threads=False,  # only then are bad rows numbered, and it costs less CPU
        ),
        parse_options=pc.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=ragged
        ),
        convert_options=pc.ConvertOptions(
            include_columns=include, column_types=dict.fromkeys(include, pa.string())
        ),
    )


def _numbered(frame: pl.DataFrame, start: int, watch: Watch) -> pl.DataFrame:
    """Record numbers: good rows count on, and the rows that were left out keep their places.

    `watch.ragged` may run ahead of the batch (the reader parses the next block early), which does
    no harm: a place is skipped only where a later row would have taken it.
    """
    numbers = pl.Series(ROW, range(0), dtype=pl.Int64).extend(
        pl.int_range(start, start + frame.height, eager=True, dtype=pl.Int64)
    )
    if watch.ragged:
        # The i-th ragged row (from 0) at record k has k - i good rows before it.
        good_before = pl.Series([bad.record - i for i, bad in enumerate(watch.ragged)], dtype=pl.Int64)
        numbers = numbers + good_before.search_sorted(numbers, side="right").cast(pl.Int64)
    return frame.with_columns(numbers.alias(ROW))


def _csv_sentence(opened: Input, error: Exception) -> str:
    if "straddling" in str(error):
        return (
            f"{opened.name}: a row is longer than {BLOCK >> 20} MB; a quote that is never closed would do that. "
            'Look for a stray " in the file.'
        )
    return f"{opened.name}: the CSV cannot be read: {str(error).split(chr(10))[0][:200]}"


def _refuse_open_quote(opened: Input, watch: Watch) -> None:
    """A quote left open makes one row swallow all that follow, and that is no row to set aside quietly."""
    for bad in watch.ragged:
        if "\n" in bad.text.strip("\r\n") or "\r" in bad.text.strip("\r\n"):
            line = next(line for record, line, _ in locate(opened) if record == bad.record)
            raise DataError(
                f"{opened.name}: line {line}: a quote opens here and the row runs on over several lines, with {bad.actual} fields "
                f"where {bad.expected} are expected; mend the quote."
            )


def locate(opened: Input) -> Iterator[tuple[int, int, str]]:
    """(record number from 0, line of its first character from 1, its text) for each data record of a CSV."""
    dialect = opened.dialect
    assert dialect is not None
    taken: list[str] = []

    def feed(lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    with io.TextIOWrapper(
        opened.source.open(), encoding=dialect.encoding, errors="replace", newline=""
    ) as lines:
        for _ in range(dialect.skip):
            lines.readline()
        reader = csv.reader(feed(lines), delimiter=dialect.delimiter)
        record = 0
        for cells in reader:
            if cells:
                yield record, dialect.skip + reader.line_num - len(taken) + 1, "".join(taken).rstrip("\r\n")
                record += 1
            taken.clear()


class _Watched(io.RawIOBase):
    """The bytes on their way to the parser: checked to be text, searched for NUL, counted."""

    def __init__(self, opened: Input, watch: Watch) -> None:
        assert opened.dialect is not None
        self._name = opened.name
        self._file = opened.source.open()
        self._watch = watch
        self._encoding = opened.dialect.encoding
        self._decoder = codecs.getincrementaldecoder("utf-8")() if self._encoding == "utf-8" else None
        self._pending = False  # a character is cut by the end of the last chunk

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = self._file.read(BLOCK if size is None or size < 0 else size)
        self._inspect(chunk)
        return chunk

    def _inspect(self, chunk: bytes) -> None:
        self._watch.bytes_read += len(chunk)
        if self._decoder is None:
            return
        if chunk:
            self._watch.ends_in_newline = chunk.endswith((b"\n", b"\r"))
            self._watch.nul = self._watch.nul or b"\x00" in chunk
        if not chunk or self._pending or not chunk.isascii():
            self._decoder.decode(chunk, final=not chunk)
            self._pending = bool(self._decoder.getstate()[0])


def _encoding_sentence(opened: Input) -> str:
    """Where the text stops being in its encoding: read again, line by line, until it fails."""
    assert opened.dialect is not None
    encoding = opened.dialect.encoding
    with opened.source.open() as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return text.encoding_sentence(opened.name, line, encoding, error, number)
    return f"{opened.name}: the text is not valid {encoding.upper()}. Say --encoding if it is written in another one."
