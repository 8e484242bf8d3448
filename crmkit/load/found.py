"""What a pass over transactions found: its answer, and what only a pass can tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Generic, TypeVar

from crmkit.errors import DataError
from crmkit.load.account.audit import Audit
from crmkit.load.plan import ReadingPlan

Answer = TypeVar("Answer")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Found(Generic[Answer]):
    """The `rows` that a query made, the plan by which the columns were read, and the account of every row."""

    rows: Answer
    plan: ReadingPlan
    account: Audit

    @property
    def scale(self) -> int:
        """Decimals of the money: amounts are whole numbers of 10**-scale."""
        return self.plan.scale

    @property
    def as_of(self) -> date:
        """The user's as-of date, else the latest date among the rows used; DataError where there is none."""
        day = self.plan.options.as_of or self.account.last_date
        if day is None:
            raise DataError("No row could be used, so there is no date to look from.")
        return day

    @property
    def first(self) -> date:
        """The earliest date among the rows used."""
        return self.account.first_date or self.as_of

    @property
    def begin(self) -> date:
        """The first day that the rows used cover: the user's since date, else the earliest."""
        return self.plan.options.since or self.first

    def but(self, rows: Other) -> Found[Other]:
        """The same pass with what was made of its answer."""
        return replace(self, rows=rows)  # type: ignore[arg-type, return-value]
