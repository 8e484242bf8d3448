"""The line that counts rows while they go by, for whoever sits in front of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmkit.language.safe_text import safe
from crmkit.output.messages import say
from crmkit.output.progress import Counter, clear
from crmkit.sources.addresses import shown

if TYPE_CHECKING:
    import polars as pl

    from crmkit.load.transactions import Transactions


def show_progress(transactions: Transactions) -> None:
    """Count rows on standard error, where a person sees them, after a second of work."""
    if sys.stderr is not None and sys.stderr.isatty():
        from crmkit.load.expected_rows import bytes_read, expected_rows
        from crmkit.load.files import Files

        inputs = transactions.inputs if isinstance(transactions, Files) else []
        counter = Counter(transactions.name, expected_rows(inputs), bytes_read(inputs))
        transactions.on_progress, transactions.on_part = counter.reach, counter.part


def receipt(path: str, rows: int | None = None) -> dict[str, Any]:
    """What is said of a file that was written, in words and for logs."""
    name = safe(shown(path))
    if rows is None:
        return {"text": f"wrote {name}", "kind": "written", "file": name}
    counted = f"{rows:,} row{'' if rows == 1 else 's'}"
    return {"text": f"wrote {name}: {counted}", "kind": "written", "file": name, "rows": rows}


def say_written(path: str, rows: int | None = None, *, log_format: str = "text") -> None:
    """The receipt of a file, where there is no session to give it; none for standard output."""
    if path != "-":
        say(**receipt(path, rows), log_format=log_format)


def counted(frames: Iterator[pl.DataFrame], total: int) -> Iterator[pl.DataFrame]:
    """The frames, their rows counted on a terminal as they are made."""
    is_seen = sys.stderr is not None and sys.stderr.isatty() and not sys.stdout.isatty()
    counter, rows = Counter("sample", total), 0
    for frame in frames:
        yield frame
        rows += frame.height
        if is_seen:
            counter.reach(rows)
    if is_seen:
        clear()
