"""CSV → batches of text columns, and where each record stands.

What is not plain goes through PyArrow's streaming reader, which names each row whose number of fields is
wrong. What it does not see is a quote that was never closed: one record swallows the
rows up to the next quote and looks whole. `_refuse_swallowed_rows` looks for that.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from crmkit.errors import DataError
from crmkit.load.csv.dialect import BLOCK, Dialect, container_sentence, encoding_error
from crmkit.load.csv.plain import Plain
from crmkit.load.csv.utf8 import Utf8
from crmkit.load.find.source import DAMAGED
from crmkit.load.inputs import ROW, Input, Ragged, StreamFlags
from crmkit.load.values import arrow_types


def read(opened: Input, columns: Sequence[str], watch: StreamFlags) -> Iterator[pl.DataFrame]:
    """Batches of the named columns as text, with the record number of each row in `ROW`."""
    dialect = opened.dialect
    assert dialect is not None
    places = {name: dialect.columns.index(name) for name in columns if name in dialect.columns}
    records = 0
    try:
        for frame in _frames(Utf8(opened, watch), dialect, places, watch):
            yield _numbered(frame, records, watch)
            records += frame.height
    except pa.ArrowInvalid as error:
        if not _is_no_rows(error, watch):
            raise DataError(_sentence(opened, error, records)) from None
    except UnicodeError:
        raise _encoding_error(opened) from None
    except DAMAGED as error:
        raise DataError(container_sentence(opened.name, error)) from None
    _refuse_open_quote(opened, watch)
    _refuse_swallowed_rows(opened, watch, records, list(places))


def _frames(
    stream: Utf8, dialect: Dialect, places: dict[str, int], watch: StreamFlags
) -> Iterator[pl.DataFrame]:
    """The columns under their names: plain blocks from the quick reader, and what follows them from the careful one."""
    plain, before = Plain(stream, dialect), 0
    for frame in plain.read(list(places.values())):
        watch.visible = None
        before += frame.height
        frame.columns = list(places)
        yield frame
    watch.line_ends += dialect.skip - plain.skip + before
    if not stream.has_more():
        return
    names = {str(place): name for name, place in places.items()}
    with _reader(stream, dialect, list(names), watch, skip=plain.skip, before=before) as reader:
        for batch in reader:
            watch.visible = {
                name for place, name in names.items() if arrow_types.is_visible(batch.column(place))
            }
            yield _unformulated(pl.DataFrame(pl.from_arrow(batch)).rename(names))


def _unformulated(frame: pl.DataFrame) -> pl.DataFrame:
    """Exports write ="00123" so that a spreadsheet keeps the zeros."""
    formulas = [name for name in frame.columns if frame[name].str.starts_with('="').any()]
    return frame.with_columns(pl.col(name).str.replace(r'^="([^"]*)"$', "${1}") for name in formulas)


def _reader(
    stream: Utf8, dialect: Dialect, include: list[str], watch: StreamFlags, *, skip: int, before: int
) -> Any:
    """PyArrow's, for what follows so many records and begins with so many lines to be skipped."""

    def ragged(row: Any) -> str:
        record = before + row.number - skip - 1
        watch.ragged.append(Ragged(record, row.expected_columns, row.actual_columns, row.text))
        return "skip"

    return pc.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pc.ReadOptions(
            column_names=[str(i) for i in range(len(dialect.columns))],
            skip_rows=skip,
            block_size=BLOCK,
            use_threads=False,  # only then are bad rows numbered, and it costs less CPU
        ),
        parse_options=pc.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=ragged
        ),
        convert_options=pc.ConvertOptions(
            include_columns=include, column_types=dict.fromkeys(include, pa.string())
        ),
    )


def _numbered(frame: pl.DataFrame, start: int, watch: StreamFlags) -> pl.DataFrame:
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


def _is_no_rows(error: Exception, watch: StreamFlags) -> bool:
    """A header without rows, which need not even end in a newline."""
    short = "Could not skip initial" in str(error) and watch.bytes_read < BLOCK
    return short or "Empty CSV" in str(error)


def _sentence(opened: Input, error: Exception, records: int) -> str:
    if "straddling" in str(error) or "Could not skip initial" in str(error):
        return (
            f"{opened.name}: after {records:,} rows comes one of more than {BLOCK >> 20} MB; a quote that is never closed "
            'would do that. Look for a stray " in the file.'
        )
    return f"{opened.name}: the CSV cannot be read: {str(error).split(chr(10))[0][:200]}"


def _refuse_open_quote(opened: Input, watch: StreamFlags) -> None:
    """A quote left open makes one row swallow all that follow, and that is no row to set aside quietly."""
    for bad in watch.ragged:
        if "\n" in bad.text.strip("\r\n") or "\r" in bad.text.strip("\r\n"):
            line = next(line for record, line, _ in locate(opened) if record == bad.record)
            raise DataError(
                f"{opened.name}: line {line}: a quote opens here and the row runs on over several lines, with {bad.actual} fields "
                f"where {bad.expected} are expected; mend the quote."
            )


def _refuse_swallowed_rows(opened: Input, watch: StreamFlags, rows: int, used: Sequence[str]) -> None:
    """A record with the right number of fields may still hold whole rows inside a quote.

    Line breaks inside quotes are legal, and a file without any has no more lines than records, so
    the slow look is for those that have more.
    """
    dialect = opened.dialect
    assert dialect is not None
    lines = watch.line_ends + (not watch.ends_in_newline)
    if opened.quotes_checked or not watch.quotes or lines <= dialect.skip + rows + len(watch.ragged):
        return
    opened.quotes_checked = True
    places = [dialect.columns.index(name) for name in used]
    for _, line, record in locate(opened):
        if ("\n" in record or "\r" in record) and _swallows(record, dialect, places):
            raise DataError(
                f"{opened.name}: line {line}: a quoted field that begins here runs on over lines that look like rows of their own; "
                "close the quote, or double it if it belongs to the text."
            )


def _swallows(record: str, dialect: Dialect, places: Sequence[int]) -> bool:
    """Whether a record over several lines holds one that could be a row like it."""
    whole = _cells(record, dialect)
    if len(whole) != len(dialect.columns):
        return False
    first, *others = record.splitlines()
    inner = next(i for i, cell in enumerate(whole) if "\n" in cell or "\r" in cell)
    candidates = [line for line in others if line.count('"') % 2 == 0]
    if inner < len(whole) - 1:
        candidates.append(_without_stray(first))
    return any(_alike(_cells(line, dialect), whole, places) for line in candidates)


def _without_stray(line: str) -> str:
    """A line that ends inside a quote, without the quote that stays open; those before it may hold delimiters."""
    place = line.rfind('"')
    return line[:place] + line[place + 1 :]


def _cells(record: str, dialect: Dialect) -> list[str]:
    return next(csv.reader(io.StringIO(record, newline=""), delimiter=dialect.delimiter), [])


def _alike(line: list[str], row: list[str], places: Sequence[int]) -> bool:
    """As many fields, and most of those that matter written in the same way (9-9-9, a9, 9.9)."""
    alike = [_shape(line[i]) == _shape(row[i]) for i in places] if len(line) == len(row) else []
    return sum(alike) * 2 > len(places)


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell.strip()))


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
        reader = csv.reader(feed(lines), delimiter=dialect.delimiter, skipinitialspace=dialect.blanks)
        record = 0
        for cells in reader:
            if cells:
                yield record, dialect.skip + reader.line_num - len(taken) + 1, "".join(taken).rstrip("\r\n")
                record += 1
            taken.clear()


def _encoding_error(opened: Input) -> DataError:
    """Where the text stops being in its encoding: decoded again, until it fails."""
    assert opened.dialect is not None
    encoding = opened.dialect.encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with opened.source.open() as file:
        while True:
            chunk = file.read(BLOCK)
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                line += error.object[: error.start].decode(encoding, "ignore").count("\n")
                return encoding_error(opened.source, encoding, error, line)
            except UnicodeError as error:
                return encoding_error(opened.source, encoding, error, line)
            if not chunk:
                return encoding_error(opened.source, encoding, None, line)
