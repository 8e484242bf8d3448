"""Where the tables of a run go: `-o FILE` as often as wanted, `--table T=FILE`, and days in the names of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.errors import DataError, UsageError
from crmkit.language.safe_text import safe
from crmkit.session.options import Shared
from crmkit.sources.addresses import shown
from crmkit.system import clock

if TYPE_CHECKING:
    from crmkit.load.account.gates import Sheet

DATE, AS_OF = "{date}", "{as_of}"
# Questions whose long table lists every customer, unless one of the options leaves some out.
_EVERYONE, _FEWER = ("customers", "rfm", "pareto", "clv", "score"), ("segment", "by")
_FILES = ("output", "rejects", "plot", "summary")


def of(common: Shared) -> list[tuple[str, str | None]]:
    """The files that tables go to, each with the table; None for the long one."""
    main = [] if common.output in (None, "-") else [(str(common.output), common.table)]
    return [*main, *((path, common.table if table is None else table) for path, table in common.further)]


def may_list(common: Shared) -> bool:
    """Whether a table of every customer may leave, rather than summaries alone."""
    return bool(of(common) or common.output or common.table or common.format not in ("table", "json"))


def sheet(command: str, common: Shared) -> Sheet | None:
    """The workbook that will list every customer, if there is one."""
    if command not in _EVERYONE or any(map(common.own.get, _FEWER)):
        return None
    written = (path for path, table in of(named(common)) if table in (None, "customers"))
    book = next((path for path in written if path.lower().endswith(".xlsx")), None)
    if book is None:
        return None
    from crmkit.load.account.gates import Sheet
    from crmkit.output import workbook

    return Sheet(shown(book), workbook.ROWS)


def named(common: Shared, as_of: Callable[[], date | None] | None = None) -> Shared:
    """The options with days in the names of files: {date} is the day on which the run began (UTC), {as_of} that of the answer.

    Before the answer is there, `as_of` is None and its place holds a day of the same length.
    """

    def fill(path: str) -> str:
        path = path.replace(DATE, f"{clock.run().started:%Y-%m-%d}")
        if AS_OF not in path:
            return path
        day = date(2000, 1, 1) if as_of is None else as_of()
        if day is None:
            raise DataError(
                f"{path}: this answer has no as-of day to be named after. Use {DATE} in its place."
            )
        return path.replace(AS_OF, str(day))

    found: dict[str, Any] = {name: fill(path) for name in _FILES if (path := getattr(common, name))}
    return replace(common, **found, further=tuple((fill(path), table) for path, table in common.further))


def check_for_spark(common: Shared, staying: Sequence[str]) -> None:
    """Refuse what cannot be done where the rows are spread, or the output stays there."""
    from crmkit.load.ledger import is_ledger

    if any(is_ledger(Path(name)) for name in common.files):
        raise UsageError("Ledgers are read on this machine. Leave --engine spark out.")
    if common.rejects:
        raise UsageError("--rejects does not go with --engine spark, where rows have no line number.")
    for path in staying:
        if Path(path).exists():
            raise UsageError(
                f"The output {safe(path)} is there already. With --engine spark, name a new one."
            )
