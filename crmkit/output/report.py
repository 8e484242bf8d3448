"""The way out of the house: a Result to the terminal, to standard output, to a file.

Only this module and the command line print. A command's files and its screen go out together:

    with Outputs() as files:
        export(rejects, "rejects.csv", files)
        export(result, "tiers.parquet", files)
        show(result)

When anything fails, a full disk or a broken table, no file has changed; when only the reader of
standard output has left (`| head`), the files are written all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.output import formats, places
from crmkit.output.files import Outputs, layout
from crmkit.output.formats import FORMATS, FileLayout
from crmkit.output.streams import standard_output
from crmkit.result import Result

if TYPE_CHECKING:
    from crmkit.output.screen import Color

Say = Callable[[str], None]
_PIPE = 1 << 16  # bytes that a pipe takes while nobody reads
TEN = 10
_AT_ONCE = 1 << 17  # rows

__all__ = ["FORMATS", "Outputs", "export", "hint", "safe", "show"]


def export(
    result: Result,
    path: str | Path,
    files: Outputs,
    *,
    table: str | None = None,
    excel_safe: bool = False,
    bom: bool = False,
    say: Say | None = None,
) -> int:
    """Write one table of `result` (default: the detail table, else the first) as `path`'s extension says.

    A workbook holds all tables, unless one is named, and the account of the rows; `bom` marks CSV and TSV as UTF-8.
    Returns the number of its rows. `say` takes a sentence on cells that a spreadsheet would take for formulas (default: `hint`).
    """
    if places.is_table(path):
        name = next(iter(_choose(result, table or _main(result)).tables))
        return files.write_table(str(path), result.batches(name, _AT_ONCE))
    how = layout(path)._replace(bom=bom)
    whole = how.format == "xlsx" and table is None
    chosen = result if whole else _choose(result, table or _main(result))
    rows: list[int] = []
    files.write(path, lambda stream: rows.append(formats.write(chosen, stream, how, excel_safe=excel_safe)))
    if how.format in {"csv", "tsv"}:
        _tell_of_formulas(chosen, path, excel_safe, say or hint)
    return rows[-1]


def _tell_of_formulas(chosen: Result, path: str | Path, excel_safe: bool, say: Say) -> None:
    (frame,) = chosen.tables.values()
    if count := formats.formulas(frame):
        cells = f"{count:,} text cell{'s' * (count > 1)} of {safe(path)}"
        if excel_safe:
            say(f"{cells} got a ' in front, so that a spreadsheet does not take them for formulas")
        else:
            say(f"{cells} could be taken for formulas by a spreadsheet; --excel-safe prevents it")


def plot(result: Result, path: str | Path, files: Outputs, table: str | None = None) -> None:
    """Draw the answer, or the table of it that was asked for, into a file, `.svg` or, with the extra `crmkit[png]`, `.png`."""
    from crmkit.output.charts import svg
    from crmkit.output.charts.of_answers import picture_of

    kind = Path(path).suffix.lower()
    if kind not in (".svg", ".png"):
        raise UsageError(f"--plot {safe(path)}: pictures are .svg or .png; name it like picture.svg.")
    drawn = svg.document(picture_of(result, table), dark=kind == ".svg")
    content = drawn.encode() if kind == ".svg" else svg.png(drawn)
    files.write(path, lambda stream: stream.write(content))


def show(
    result: Result,
    *,
    format: str = "table",
    table: str | None = None,
    limit: int | None = None,
    headline: bool = True,
    excel_safe: bool = False,
    color: Color = "auto",
    width: int | None = None,
    height: int | None = None,
    say: Say | None = None,
    settled: Callable[[], None] | None = None,
) -> int:
    """Print the summary tables, or the one named, on standard output.

    The formats csv, tsv, ndjson and parquet hold one table and take the first. `limit` is the
    number of rows of each table in the format `table` (default 50, 0 for all); `width` replaces
    the terminal's, and `height` its lines. `headline=False` leaves out what stands around the tables, as naming a table does.
    `say` takes sentences on columns that did not fit (default: `hint`). `settled` is called when a
    page is about to be written that no reader can hold up: from there it is all or nothing.
    Returns the lines of the page. UsageError for an unknown format or table, ClosedPipeError when the reader has left.
    """
    chosen = _choose(result, table)
    if not headline or (format == "table" and table is not None):
        chosen = replace(chosen, headline="", context="", next=())
    if format == "table":
        if table is None:
            chosen = _with_list(chosen, result)
        from crmkit.output import screen

        with standard_output() as stream:
            win = screen.window(color, width)
            # A table that is asked for by name is listed, whatever the window's height.
            win = replace(win, height=None if table is not None else height or win.height)
            page = screen.page(chosen, win, limit=limit)
            if settled is not None and len(page.text.encode()) < _PIPE:
                settled()
            stream.write_text(page.text)
        for line in page.hints:
            (say or hint)(line)
        return page.text.count("\n")
    if format not in FORMATS:
        raise UsageError(f"There is no format {safe(format)}. The formats are {', '.join(FORMATS)}.")
    _show_data(chosen, FileLayout(format), excel_safe)
    return 0


def _with_list(chosen: Result, result: Result) -> Result:
    """The summary tables with the first rows of the long one, where that is a list of whom to look at."""
    name = result.detail
    picture, _, wanted = result.pictures.get(name or "", "").partition(" ")
    if name is None or picture != "list" or result.is_elsewhere:
        return chosen
    first = next(result.batches(name, TEN)).head(TEN)
    shown = first.select(column for column in wanted.split(",") if column in first.columns)
    return replace(chosen, tables={**chosen.tables, name: shown} if shown.height else chosen.tables)


def _show_data(chosen: Result, how: FileLayout, excel_safe: bool) -> None:
    with standard_output() as stream:
        if how.format == "parquet" and stream.is_terminal:
            raise UsageError("Parquet is not for a terminal. Use --output FILE.parquet, or a pipe.")
        formats.write(chosen, cast(BinaryIO, stream), how, excel_safe=excel_safe)


def hint(line: str) -> None:
    """Say a sentence on standard error, if that is there."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"crmkit: {safe(line)}", file=sys.stderr, flush=True)


def _main(result: Result) -> str:
    """The table that a file holds unless another is named."""
    return result.detail or next(iter(result.tables), "")


def _choose(result: Result, name: str | None) -> Result:
    """`result` with the tables to be shown only."""
    if name is None:
        return replace(result, tables=result.summary or result.tables)
    if name not in result.tables:
        known = ", ".join(map(safe, result.tables)) or "none"
        raise UsageError(f"There is no table {safe(name)}. The tables of {result.command} are: {known}.")
    return result.only(name)
