"""Tables as bytes for other programs: CSV, TSV, JSON, NDJSON, Parquet, Markdown, packed or not.

Every writer gives the same bytes for the same tables, and takes a binary stream. Values are
faithful: what a terminal must not see is `report.py`'s concern. The functions expect a Result that
holds just the tables to be written; formats of a single table write the first.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from crmkit.engine.prefetch import ahead
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.output import cells, workbook
from crmkit.result import Result

if TYPE_CHECKING:
    import polars as pl

SCHEMA = 1
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".md": "markdown",
    ".xlsx": "xlsx",
}
PACKINGS = {".gz": "gzip", ".zst": "zstd"}
# A workbook is a file, and no stream of a terminal or pipe.
FORMATS = ("table", *(name for name in dict.fromkeys(SUFFIXES.values()) if name != "xlsx"))

_ROWS_PER_GROUP = 1 << 18
# Rows that are held as text at a time.
_TEXT_ROWS = 100_000
# A double keeps any 15 decimal digits, and not every 16.
_DOUBLE_DIGITS = 15
# OWASP's list of what makes a spreadsheet read a cell as a formula.
_FORMULA = r"^[=+\-@\t\r]"


class FileLayout(NamedTuple):
    """How a file is written: one of FORMATS, and `gzip`, `zstd` or nothing around it."""

    format: str
    packing: str | None = None
    bom: bool = False  # of CSV and TSV, for spreadsheets that take anything else for an old encoding


def layout(path: str | PurePath) -> FileLayout:
    """The layout that a file name asks for by its extension; UsageError for one that we do not write."""
    name = PurePath(path).name.lower()
    stem, dot, last = name.rpartition(".")
    packing = PACKINGS.get(dot + last)
    if packing:
        stem, dot, last = stem.rpartition(".")
    form = SUFFIXES.get(dot + last) if stem else None
    if form is None or (packing and form in {"parquet", "xlsx"}):
        raise UsageError(
            f"The name {safe(path)} does not say which format to write. Known extensions are "
            f"{' '.join(SUFFIXES)}, and all but .parquet and .xlsx also with .gz or .zst after it."
        )
    return FileLayout(form, packing)


def write(result: Result, stream: BinaryIO, how: FileLayout, *, excel_safe: bool = False) -> int:
    """Write the tables of `result` to `stream` and say how many rows; `excel_safe` disarms formulas in CSV and TSV."""
    with packed(stream, how.packing) as target:
        if how.format == "json":
            _write_json(result, target)
        elif how.format == "xlsx":
            return workbook.write(result, target)
        elif how.format == "markdown":
            _write_markdown(result, target)
        else:
            if how.bom and how.format in {"csv", "tsv"}:
                target.write(codecs.BOM_UTF8)
            return _write_first(result, target, how.format, excel_safe)
    return sum(frame.height for frame in result.tables.values())


def _write_first(result: Result, stream: BinaryIO, form: str, excel_safe: bool) -> int:
    name = next(iter(result.tables))
    if form == "parquet":
        return _write_parquet(result.batches(name, _ROWS_PER_GROUP), stream)
    frame = result.tables[name]
    if form == "ndjson":
        _write_rows(frame, stream, "\n")
    else:
        separator = "\t" if form == "tsv" else ","
        _plain(frame, excel_safe).write_csv(stream, separator=separator)
    return frame.height


class _OneWay:
    """A stream that Polars and PyArrow may write to, yet neither seek nor close."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        return self._stream.write(data)

    def flush(self) -> None:
        """Left to the owner: flushing a compressor at each batch would bloat its output."""

    def close(self) -> None:
        """Left to the owner."""


@contextmanager
def packed(stream: BinaryIO, packing: str | None) -> Iterator[BinaryIO]:
    """`stream`, or a compressor in front of it whose header names neither file nor time."""
    if packing == "gzip":
        import gzip

        # Level 1 takes a sixth of the time of level 6 on an export and a seventh more bytes.
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=stream, mtime=0) as packer:
            yield cast(BinaryIO, _OneWay(cast(BinaryIO, packer)))
    elif packing == "zstd":
        import pyarrow as pa

        with pa.CompressedOutputStream(pa.PythonFile(_OneWay(stream), "w"), "zstd") as packer:
            yield cast(BinaryIO, _OneWay(packer))
    else:
        yield stream


def formulas(frame: pl.DataFrame) -> int:
    """How many text cells a spreadsheet would take for formulas."""
    if not (texts := _texts(frame)):
        return 0
    found = frame.select(expr.str.contains(_FORMULA).sum() for expr in texts)
    return sum(count or 0 for count in found.row(0))


def _texts(frame: pl.DataFrame) -> list[pl.Expr]:
    import polars as pl

    kinds = (pl.String, pl.Categorical, pl.Enum)
    return [pl.col(n).cast(pl.String) for n, dtype in frame.schema.items() if isinstance(dtype, kinds)]


def _plain(frame: pl.DataFrame, excel_safe: bool) -> pl.DataFrame:
    """The frame as CSV takes it: no NaN and no infinity, and formulas disarmed where asked."""
    import polars as pl
    import polars.selectors as cs

    frame = frame.with_columns(pl.when(cs.float().is_finite()).then(cs.float()))
    if not excel_safe:
        return frame
    frame = frame.with_columns(text.str.replace(f"({_FORMULA})", "'$1") for text in _texts(frame))
    return frame.rename({n: "'" + n for n in frame.columns if n[:1] in set("=+-@\t\r")})


def _write_parquet(pieces: Iterator[pl.DataFrame], stream: BinaryIO) -> int:
    """Row groups with page checksums, which let a reader notice a flipped bit; the next one is made meanwhile."""
    import polars as pl
    import pyarrow.parquet as pq

    first = _for_parquet(next(pieces))
    oldest = pl.CompatLevel.oldest()
    tables = (piece.to_arrow(compat_level=oldest) for piece in chain([first], map(_for_parquet, pieces)))
    schema = first.head(0).to_arrow(compat_level=oldest).schema
    sample = first.head(_TEXT_ROWS)
    rows = 0
    repeated = [name for name in first.columns if 2 * sample[name].n_unique() < sample.height]
    with pq.ParquetWriter(
        stream, schema, compression="zstd", write_page_checksum=True, use_dictionary=repeated
    ) as writer:
        for table in ahead(tables, depth=1):
            writer.write_table(table, row_group_size=_ROWS_PER_GROUP)
            rows += table.num_rows
    return rows


def _for_parquet(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl
    import polars.selectors as cs

    frame = frame.with_columns(cs.by_dtype(pl.Int128).cast(pl.Decimal(38, 0)))
    # Arrow hands names over as C strings, and Polars panics at a NUL.
    return frame.rename({name: name.replace("\0", r"\x00") for name in frame.columns if "\0" in name})


def _write_json(result: Result, stream: BinaryIO) -> None:
    """One object, a table's row per line, so that it can be read by eye and by `jq` alike."""
    told = {"headline": result.headline} if result.headline else {}
    head = {"schema": SCHEMA, "command": result.command, **told, "facts": plain_value(result.facts)}
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
    stream.write("\n".join(["{", *lines, '"tables": {']).encode())
    for place, (name, frame) in enumerate(result.tables.items()):
        stream.write(f"{',' if place else ''}\n{json.dumps(name, ensure_ascii=False)}: [\n".encode())
        _write_rows(frame, stream, ",\n")
        stream.write(b"]")
    stream.write(b"\n}\n}\n")


def _write_rows(frame: pl.DataFrame, stream: BinaryIO, between: str) -> None:
    """The rows as JSON objects, one a line, with `between` after each but the last."""
    for start in range(0, frame.height, _TEXT_ROWS):
        lines = _json_rows(frame.slice(start, _TEXT_ROWS))
        if start + lines.height == frame.height:
            _write_lines(lines.head(-1), stream, between)
            _write_lines(lines.tail(1), stream, "\n")
        else:
            _write_lines(lines, stream, between)


def _write_lines(lines: pl.DataFrame, stream: BinaryIO, end: str) -> None:
    lines.write_csv(stream, include_header=False, quote_style="never", line_terminator=end)


def _json_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """One column of text, a JSON object per row, made by Polars because exports are long."""
    import polars as pl

    pieces: list[pl.Expr] = []
    for place, (name, dtype) in enumerate(frame.schema.items()):
        key = json.dumps(name, ensure_ascii=False)
        pieces.append(pl.lit(f"{', ' if place else '{'}{key}: "))
        pieces.append(_json_text(pl.col(name), dtype).fill_null("null"))
    return frame.select(pl.concat_str([*pieces, pl.lit("}")]).alias("row"))


def _json_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A column's values as JSON text; money that a double cannot hold is a string."""
    import polars as pl

    text = column.cast(pl.String)
    quoted = pl.concat_str([pl.lit('"'), text, pl.lit('"')])
    if isinstance(dtype, pl.Decimal):
        limit = Decimal(10) ** (_DOUBLE_DIGITS - dtype.scale)
        return pl.when(column.abs() < limit).then(text).otherwise(quoted)
    if dtype.is_float():
        return pl.when(column.is_finite()).then(text)
    if dtype.is_integer() or dtype == pl.Boolean:
        return text
    if dtype == pl.Date:
        return quoted
    if dtype.is_temporal():
        return pl.concat_str([pl.lit('"'), column.dt.to_string("iso:strict"), pl.lit('"')])
    if not dtype.is_nested():
        column = text
    object_ = pl.struct(column.alias("v")).struct.json_encode()
    return object_.str.strip_prefix('{"v":').str.strip_suffix("}")


def plain_value(value: Any) -> Any:
    """`value` in JSON's own types: days as ISO text, NaN as null, money as a number if one can hold it."""
    if isinstance(value, Mapping):
        return {str(plain_value(key)): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, Decimal):
        return float(value) if len(value.as_tuple().digits) <= _DOUBLE_DIGITS else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    # numpy's scalars are the only other guests; anything else is written as it prints.
    return plain_value(value.item()) if hasattr(value, "item") else str(value)


def _write_markdown(result: Result, stream: BinaryIO) -> None:
    """Tables for people, formatted as on the terminal, with titles where there are several."""
    for place, (name, frame) in enumerate(result.tables.items()):
        if len(result.tables) > 1:
            title = _markdown_text(result.titles.get(name, name))
            stream.write(f"{chr(10) if place else ''}### {title}\n\n".encode())
        rules = ["---:" if cells.is_number(column) else "---" for column in frame]
        stream.write(_markdown_row([_markdown_text(n) for n in frame.columns]) + _markdown_row(rules))
        for part in frame.iter_slices(_TEXT_ROWS):
            shown = [_markdown_cells(column) for column in part]
            stream.write(b"".join(map(_markdown_row, zip(*shown, strict=True))))


def _markdown_row(row: Any) -> bytes:
    return f"| {' | '.join(row)} |\n".encode()


def _markdown_cells(column: pl.Series) -> list[str]:
    shown = cells.shown(column)
    return shown if cells.is_number(column) else [_markdown_text(text) for text in shown]


def _markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: neither markup, nor HTML, nor a table's bar."""
    return safe(text).translate(_MARKDOWN_ESCAPES)


_MARKDOWN_ESCAPES = {ord(c): "\\" + c for c in "\\`*_[]|~#"} | {
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("&"): "&amp;",
}
