"""How many rows may be set aside before a run must not go on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, GateError
from crmkit.language.safe_text import safe
from crmkit.load.account.audit import Audit
from crmkit.load.account.freshness import Age

_MOST_BROKEN = 0.5


class Sheet(NamedTuple):
    """A workbook that will list every customer, and how many rows fit into it."""

    path: str
    rows: int

    def check(self, customers: int) -> None:
        """DataError where there are more customers than rows."""
        if customers > self.rows:
            other = shlex.quote(re.sub(r"\.xlsx$", "", self.path, flags=re.IGNORECASE) + ".parquet")
            raise DataError(
                f"{safe(self.path)}: a sheet holds {self.rows:,} rows below its header, and there are {customers:,} customers. "
                f"Write a file that holds them all: -o {safe(other)}"
            )


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The user's limits; `rows` or `share` (of the rows read), or neither, in which case half is too much."""

    strict: bool = False
    rows: float | None = None
    share: float | None = None
    named: bool = False  # every row must have a customer id
    age: Age | None = None
    least: int | None = None  # rows that can be used
    sheet: Sheet | None = None

    def check(self, audit: Audit, name: str, example: Callable[[], str]) -> None:
        """GateError where a limit of the user's is passed, DataError where the file must be misread.

        `example` tells of one of the rows, which takes a look into the file.
        """
        rejected, nobody = audit.rows_rejected, audit.rejected.get("no customer id", 0)
        limit = self.rows if self.share is None else audit.rows_read * self.share
        if self.strict and rejected:
            raise GateError(f"--strict: {rejected:,} rows were set aside: {audit.line()}.{example()}")
        if self.named and (unnamed := nobody + audit.anonymous_rows):
            raise GateError(f"--no-customer fail: {unnamed:,} rows have no customer id: {audit.line()}.")
        if limit is not None and rejected > limit:
            raise GateError(
                f"--max-rejects {self._words()}: {rejected:,} rows were set aside: {audit.line()}.{example()}"
            )
        if self.age is not None:
            self.age.check(audit.last_date, name)
        self.check_rows(audit.rows_used, name)
        if limit is None and rejected - nobody > _MOST_BROKEN * audit.rows_read:
            raise DataError(
                f"{name}: more than half of the rows are broken, so the file is probably misread: {audit.line()}."
                f"{example()} Run crmkit check, or allow it with --max-rejects 100%."
            )

    def check_rows(self, rows: int, name: str) -> None:
        """GateError where there are too few rows."""
        if self.least is not None and rows < self.least:
            raise GateError(f"--min-rows {self.least:,}: only {rows:,} rows of {name} can be used.")

    def check_customers(self, rows: Rows) -> None:
        """DataError, before more is done with them, where there are too many for what they will be written to."""
        if self.sheet is not None and rows.is_here:
            self.sheet.check(int(rows.counts(Counted())["n"].item()))

    def _words(self) -> str:
        return f"{self.rows:,.0f}" if self.share is None else f"{self.share * 100:.6g}%"
