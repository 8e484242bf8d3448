"""The way out of the house: a Result to the terminal, to standard output, to a file.

Nothing else prints. `emit` does a whole command's output; `show` and `export` are its two halves
for a command that has further files to write in the same breath:

    with Outputs() as files:
        export(rejects, "rejects.csv", files)
        export(result, "tiers.parquet", files)
        show(result)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from crmkit import formats, output, screen
from crmkit.errors import UsageError
from crmkit.formats import FORMATS, Layout
from crmkit.output import Outputs
from crmkit.result import Result
from crmkit.screen import Color
from crmkit.streams import standard_output
from crmkit.text import safe

__all__ = ["FORMATS", "emit", "export", "hint", "safe", "show"]


def emit(
    result: Result,
    *,
    format: str = "table",
    table: str | None = None,
    output: str | Path | None = None,
    limit: int | None = None,
    excel_safe: bool = False,
    color: Color = "auto",
    width: int | None = None,
) -> None:
    """Print `result` on standard output, and write one of its tables to the file `output`.

    Without `output`, `table` names what is printed (default: the summary tables; for csv, tsv,
    ndjson and parquet the first of them). With it, `table` names what the file holds (default: the
    detail table), and the summary is printed. `output="-"` prints what the file would have held.
    `limit` is the number of rows printed of each table in the format `table` (default 50, 0 for
    all). A failure leaves every file as it was.
    """
    to_file = output is not None and str(output) != "-"
    printed = None if to_file else table
    if output is not None and not to_file:
        printed = table or _main(result)
    with Outputs() as files:
        if to_file:
            export(result, cast(str, output), files, table=table, excel_safe=excel_safe)
            if sys.stdout is None:
                return
        show(
            result,
            format=format,
            table=printed,
            limit=limit,
            excel_safe=excel_safe,
            color=color,
            width=width,
        )


def export(
    result: Result, path: str | Path, files: Outputs, *, table: str | None = None, excel_safe: bool = False
) -> None:
    """Write one table of `result` (default: the detail table, else the first) as `path`'s extension says."""
    chosen = _choose(result, table or _main(result))
    how = output.layout(path)
    files.write(path, lambda stream: formats.write(chosen, stream, how, excel_safe=excel_safe))


def show(
    result: Result,
    *,
    format: str = "table",
    table: str | None = None,
    limit: int | None = None,
    excel_safe: bool = False,
    color: Color = "auto",
    width: int | None = None,
) -> None:
    """Print the summary tables, or the one named, on standard output."""
    chosen = _choose(result, table)
    if format == "table":
        with standard_output() as stream:
            page = screen.page(chosen, screen.window(color, width), limit=limit)
            for line in page.hints:
                hint(line)
            stream.write_text(page.text)
    elif format in FORMATS:
        _show_data(chosen, Layout(format), excel_safe)
    else:
        raise UsageError(f"There is no format {safe(format)}. The formats are {', '.join(FORMATS)}.")


def _show_data(chosen: Result, how: Layout, excel_safe: bool) -> None:
    with standard_output() as stream:
        if how.format == "parquet" and stream.is_terminal:
            raise UsageError("Parquet is not for a terminal. Use --output FILE.parquet, or a pipe.")
        formats.write(chosen, cast(BinaryIO, stream), how, excel_safe=excel_safe)


def hint(line: str) -> None:
    """Say a sentence on standard error, if that is there."""
    if sys.stderr is not None:
        print(f"crmkit: {safe(line)}", file=sys.stderr)


def _main(result: Result) -> str:
    return result.detail or next(iter(result.tables))


def _choose(result: Result, name: str | None) -> Result:
    """`result` with the tables to be shown only."""
    if name is None:
        return replace(result, tables=result.summary or result.tables)
    if name not in result.tables:
        known = ", ".join(map(safe, result.tables))
        raise UsageError(f"There is no table {safe(name)}. The tables of {result.command} are: {known}.")
    return replace(result, tables={name: result.tables[name]})
