"""Workbooks → sheets as CSV text: cells as they are written, never of types that were guessed from the first rows.

As text a sheet is read like any other: its header is looked for below titles and blank rows, and rows are accounted for.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, cast
from xml.etree import ElementTree

import polars as pl

from crmkit.errors import DataError
from crmkit.sources import binary_sheets
from crmkit.sources.archives import Open
from crmkit.sources.extras import needed
from crmkit.sources.spools import Spool

OLD = b"\xd0\xcf\x11\xe0"
_DIGITS = r"^-?\d+\.\d{8,}$"  # only a fraction can have more digits than the cell was meant to have
_HIDDEN = re.compile(rb"<row\b[^>]*?\bhidden=\"(?:1|true)\"")
_HIDDEN_ODS = re.compile(rb"<table:table-row\b[^>]*?\btable:visibility=\"(?:collapse|filter)\"[^>]*>")
_REPEATED = re.compile(rb"number-rows-repeated=\"(\d+)\"")
_TABLE_ODS = re.compile(rb"<table:table\b[^>]*?\btable:name=\"([^\"]*)\"")
_MOST_RUNS = 10_000
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Sheet:
    """A sheet, which may be empty."""

    name: str
    is_hidden: bool
    is_empty: bool
    _cells: Any
    _file: str
    _content: bytes
    _number: int

    def text(self) -> Spool:
        """Its cells as CSV with commas, a line for each row; DataError where there are none."""
        if self.is_empty:
            raise DataError(
                f"{self._file} ({self.name}): the sheet is empty; there are no rows to read. Name another one."
            )
        frame = self._cells.to_polars()
        spool = Spool(self._file)
        frame = frame.select(_plain(frame[name]) for name in frame.columns)
        for rows, blank in _runs(frame):
            rows.write_csv(cast("IO[bytes]", spool), include_header=False)
            spool.write(b"\n" * blank)
        return spool

    def hidden_rows(self) -> int:
        """How many of its rows a spreadsheet does not show; DataError where the library would lose some cells."""
        if not self._content.startswith(b"PK"):
            return binary_sheets.hidden_rows(self._content, self._number)
        with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
            names = set(archive.namelist())
            if "content.xml" in names:
                return _hidden_in_ods(archive.read("content.xml"), self.name)
            if "xl/workbook.bin" in names:
                return self._hidden_in_xlsb(archive)
            part = _part(archive, self.name) if "xl/workbook.xml" in names else None
            return _hidden_in_part(archive, part) if part in names else 0

    def _hidden_in_xlsb(self, archive: zipfile.ZipFile) -> int:
        hidden, is_short = binary_sheets.in_xlsb(archive, self.name)
        if is_short:
            raise DataError(
                f"{self._file} ({self.name}): the sheet has cells in a short form that cannot be read here; "
                "save the workbook as .xlsx first."
            )
        return hidden


def _runs(frame: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, int]]:
    """Rows with cells, and how many blank ones follow: a blank row is a blank line, and no row."""
    is_blank = frame.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"]
    lengths = is_blank.rle().struct.unnest()
    if lengths.height > _MOST_RUNS:  # then lines are not those of the sheet any more
        yield frame.filter(~is_blank), 0
        return
    start = 0
    for length, blank in lengths.iter_rows():
        yield (frame.clear(), length) if blank else (frame.slice(start, length), 0)
        start += length


def sheets(open_: Open, name: str) -> list[Sheet]:
    """The sheets; DataError for what is no workbook that can be read, or has no cells at all."""
    fastexcel = needed("fastexcel", "excel", f"{name}: a workbook")
    with open_() as file:
        content = file.read()
    if _is_locked(content):
        raise _locked(name)
    # It warns of formats of numbers that it does not know, which nobody here could mend.
    logging.getLogger("calamine").addHandler(logging.NullHandler())
    try:
        book = fastexcel.read_excel(content)
        cells = [_cells(book, sheet) for sheet in book.sheet_names]
    except (
        BaseException
    ) as error:  # the library's own errors, of many kinds, and its panics, which are no exceptions
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise _damaged(name, error) from None
        raise
    found = [
        Sheet(one.name, one.visible != "visible", not one.height, one, name, content, number)
        for number, one in enumerate(cells)
        if one is not None
    ]
    if all(sheet.is_empty for sheet in found):
        raise DataError(f"{name}: all sheets of the workbook are empty; there are no rows to read.")
    return found


def _cells(book: Any, sheet: str) -> Any:
    """The cells of a sheet, which are read here once; None for a chart that is a sheet of its own."""
    try:
        return book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
    except Exception as error:
        if "not a worksheet" in str(error).lower() or "not found" in str(error).lower():
            return None
        raise


def _is_locked(content: bytes) -> bool:
    if content.startswith(OLD):
        return "EncryptedPackage".encode("utf-16-le") in content or binary_sheets.is_locked(content)
    with suppress(zipfile.BadZipFile, KeyError), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"encryption-data" in archive.read("META-INF/manifest.xml")
    return False


def _locked(name: str) -> DataError:
    return DataError(f"{name}: the workbook is protected by a password; save it without one first.")


def _damaged(name: str, error: BaseException) -> DataError:
    reason = str(error).split("\n")[0].rstrip(".")[:160]
    if "assword" in reason or "ncrypt" in reason:
        return _locked(name)
    return DataError(
        f"{name}: the workbook is corrupt or no workbook ({reason}); open it in a spreadsheet and save it again."
    )


def _plain(cells: pl.Series) -> pl.Series:
    """Numbers with the fifteen digits that a spreadsheet shows: 3.3000000000000003 was 3.3; days without their midnight."""
    is_long = cells.str.contains(_DIGITS)
    if is_long.any():
        long = cells.filter(is_long)
        short = pl.Series([_shown(text) for text in long], dtype=pl.String)
        told = dict(zip(long, short, strict=True))
        cells = cells.replace(told)
    return cells.str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00$", "$1")


def _shown(text: str) -> str:
    """A double's shortest text, which is how the library writes one, in fifteen digits; other text as it is."""
    value = float(text)
    if format(value, "f") != text and repr(value) != text:
        return text
    return repr(float(f"{value:.15g}"))


def _part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The file of a sheet."""
    try:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except (ElementTree.ParseError, KeyError):
        return None
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for one in book.iter():
        if one.tag.endswith("}sheet") and one.get("name") == sheet:
            target = targets.get(one.get(_RELATION), "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None


def _hidden_in_part(archive: zipfile.ZipFile, part: Any) -> int:
    count, before = 0, b""
    with archive.open(part) as file:
        while chunk := file.read(4 << 20):
            held = before + chunk
            cut = held.rfind(b"<row")
            whole, before = (held, b"") if cut <= 0 else (held[:cut], held[cut:])
            count += len(_HIDDEN.findall(whole)) if b"hidden=" in whole else 0
    return count + len(_HIDDEN.findall(before))


def _hidden_in_ods(content: bytes, sheet: str) -> int:
    found = list(_TABLE_ODS.finditer(content))
    for place, one in enumerate(found):
        if one[1].decode() == sheet:
            end = found[place + 1].start() if place + 1 < len(found) else len(content)
            rows: Sequence[bytes] = _HIDDEN_ODS.findall(content[one.start() : end])
            return sum(int(times[1]) if (times := _REPEATED.search(row)) else 1 for row in rows)
    return 0
