"""A Result as a workbook: a sheet for each table, money as numbers with their format, ids as text, and the account of every row.

A spreadsheet counts in doubles, which hold fifteen digits: what has more is written as text, so that no digit changes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from crmkit import columns
from crmkit.errors import DataError
from crmkit.language.safe_text import safe
from crmkit.result import Result
from crmkit.sources.extras import needed

if TYPE_CHECKING:
    import polars as pl

ROWS = (1 << 20) - 1  # below the header
_AT_ONCE = 20_000
_DIGITS = 15
_LONGEST = 32_767  # characters in a cell
_WIDTHS = (8, 40)
_NO_NAME = r"[\[\]:*?/\\]"
_PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
_KINDS = {"share": "0.0%", "times": "#,##0.00", "days": "#,##0.0", "ratio": "#,##0.0000", "money": "#,##0.00"}


def library() -> Any:
    """What writes workbooks; DataError where it is not installed."""
    return needed("xlsxwriter", "excel", "Writing a workbook")


def write(result: Result, stream: BinaryIO) -> int:
    """Write all tables, and say how many rows they have; DataError, before anything is written, for one that no sheet can hold."""
    tables = dict(result.tables)
    for name, frame in tables.items():
        if frame.height > ROWS:
            raise DataError(
                f"The table {safe(name)} has {frame.height:,} rows, and a sheet of a workbook holds {ROWS:,} below its header. "
                "Write it to a file that holds them all: -o NAME.parquet, or another table with --table NAME."
            )
    with library().Workbook(stream, _PLAIN) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # equal answers are equal bytes
        look = _Look(book)
        taken: set[str] = set()
        for name, frame in tables.items():
            _write_table(book.add_worksheet(_sheet_name(name, taken)), frame, look)
        if result.account is not None:
            _write_account(book.add_worksheet(_sheet_name("account", taken)), _account(result), look)
    return sum(frame.height for frame in tables.values())


class _Look:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[str, Any] = {}
        self.header = book.add_format({"bold": True, "bottom": 1})

    def number(self, pattern: str) -> Any:
        if pattern not in self._made:
            self._made[pattern] = self._book.add_format({"num_format": pattern})
        return self._made[pattern]


def _sheet_name(name: str, taken: set[str]) -> str:
    plain = re.sub(_NO_NAME, " ", safe(name))[:28].strip("' ") or "table"
    made, count = plain, 1
    while made.lower() in taken:
        made, count = f"{plain} {count + 1}", count + 1
    taken.add(made.lower())
    return made


def _write_table(sheet: Any, frame: pl.DataFrame, look: _Look) -> None:
    sheet.freeze_panes(1, 1)
    if frame.height:
        sheet.autofilter(0, 0, frame.height, max(frame.width - 1, 0))
    head = frame.head(200)
    writers = []
    for place, column in enumerate(frame):
        shown = [len(str(value)) for value in head[column.name].to_list()]
        sheet.set_column(place, place, min(max(len(column.name), *shown, _WIDTHS[0]), _WIDTHS[1]) + 2)
        writers.append(_writer(sheet, column, look))
    for place, name in enumerate(frame.columns):
        sheet.write_string(0, place, safe(name), look.header)
    for line, row in enumerate(_rows(frame), 1):
        for place, value in enumerate(row):
            if value is not None:
                writers[place](line, place, value)


def _rows(frame: pl.DataFrame) -> Iterator[Sequence[Any]]:
    for piece in frame.iter_slices(_AT_ONCE):
        yield from piece.iter_rows()


def _writer(sheet: Any, column: pl.Series, look: _Look) -> Callable[[int, int, Any], None]:
    """How a cell of this column is written: by its type, and by what the vocabulary says that it is."""
    import polars as pl

    kind, dtype = columns.kind(column.name), column.dtype

    def text(line: int, place: int, value: Any) -> None:
        sheet.write_string(line, place, str(value)[:_LONGEST])

    if dtype == pl.Boolean:
        return lambda line, place, value: text(line, place, "yes" if value else "no")
    if dtype == pl.Date:
        return _formatted(sheet.write_datetime, look.number("yyyy-mm-dd"))
    if not dtype.is_numeric() or kind == "text":
        return text
    if isinstance(dtype, pl.Decimal):
        return _exact(_formatted(sheet.write_number, look.number(_pattern(dtype.scale))), text)
    if dtype.is_integer():
        pattern = "0" if kind == "score" else "#,##0"
        return _exact(_formatted(sheet.write_number, look.number(pattern)), text)
    return _finite(_formatted(sheet.write_number, look.number(_KINDS.get(kind, "General"))))


def _pattern(scale: int) -> str:
    return "#,##0" + ("." + "0" * scale if scale else "")


def _formatted(write_: Callable[..., Any], form: Any) -> Callable[[int, int, Any], None]:
    return lambda line, place, value: write_(line, place, value, form)


def _exact(number: Callable[..., None], text: Callable[..., None]) -> Callable[[int, int, Any], None]:
    """As a number where a double keeps all digits."""

    def written(line: int, place: int, value: Any) -> None:
        digits = len(value.as_tuple().digits) if isinstance(value, Decimal) else len(str(abs(value)))
        (number if digits <= _DIGITS else text)(line, place, value)

    return written


def _finite(number: Callable[..., None]) -> Callable[[int, int, Any], None]:
    def written(line: int, place: int, value: float) -> None:
        if math.isfinite(value):
            number(line, place, value)

    return written


def _account(result: Result) -> Iterator[tuple[str, Any]]:
    """What was asked, and what became of every row."""
    yield "question", result.command
    if result.headline:
        yield "answer", result.headline
    assert result.account is not None
    for name, value in result.account.facts().items():
        if isinstance(value, dict):
            yield from ((f"{name}: {reason}", count) for reason, count in value.items())
        else:
            yield name, value
    for note in (*result.account.notes, *result.notes):
        yield "note", note


def _write_account(sheet: Any, told: Iterator[tuple[str, Any]], look: _Look) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 80)
    for place, name in enumerate(("what", "value")):
        sheet.write_string(0, place, name, look.header)
    for line, (name, value) in enumerate(told, 1):
        sheet.write_string(line, 0, safe(name))
        if isinstance(value, int | Decimal):
            scale = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
            sheet.write_number(line, 1, value, look.number(_pattern(max(scale, 0))))
        elif value is not None:
            sheet.write_string(line, 1, safe(str(value)))
