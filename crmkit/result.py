"""What an analysis returns: frozen tables and facts, with no idea of how they will be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl

    from crmkit.engine.rows import Rows


class Account(Protocol):
    """What became of every row: read = used + set aside (by reason) + skipped."""

    rows_read: int
    rows_used: int
    notes: list[str]

    def line(self) -> str:
        """The account in one line: it adds up."""

    def facts(self, *, has_amount: bool = True) -> dict[str, Any]:
        """The account as single values, in the file's own currency units."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer of one command.

    `tables` are in the order in which they are printed; their column names are those of
    `columns.py`. `detail` names the per-customer (or per-row) table, which is long: it is not
    printed unless asked for by name, and it is what `--output` writes; it is made, or brought here
    from a cluster, when somebody asks for it. `facts` are single values
    (numbers, strings, dates, small dictionaries) under stable names. `notes` are sentences that a
    careful reader would want to know; they go to standard error. `pictures` names the tables that
    a terminal draws in its own way (`report.py` knows the ways). `saved` is text to keep in a file
    for a later run: the model, or the cut points. `account` tells of the rows that were read for it.

    `headline` answers the question in a sentence or two with this file's facts, `context` says what
    that is about (days, borders, what counts), and `next` are lines to type, in which FILE stands
    for the input. All three are optional, and in the language that is spoken (`language.catalogue`).
    """

    command: str
    tables: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any] = field(default_factory=dict)
    detail: str | None = None
    notes: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    headline: str = ""
    context: str = ""
    next: tuple[str, ...] = ()
    saved: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None

    @property
    def summary(self) -> dict[str, pl.DataFrame]:
        """The tables that are printed when none is asked for by name."""
        return {name: self.tables[name] for name in self.tables if name != self.detail}

    def _repr_html_(self) -> str:
        """For notebooks: the headline, the picture where there is one, the summary tables and the notes."""
        from crmkit.language.html import page, table

        made = [table(frame, self.titles.get(name, name)) for name, frame in self.summary.items()]
        account = [] if self.account is None else [self.account.line(), *self.account.notes]
        return page(
            self.command, [self.headline, self.context, *account, *self.notes], [*self._picture(), *made]
        )

    def _picture(self) -> list[str]:
        from importlib import import_module

        drawn = import_module("crmkit.output.charts.of_answers").inline(self)
        return [drawn] if drawn else []

    @property
    def is_elsewhere(self) -> bool:
        """Whether the long table is not in this machine's memory, to which asking for it would bring it."""
        rows = self._waiting(self.detail or "")
        return rows is not None and not rows.is_here

    def only(self, name: str) -> Result:
        """This result with one of its tables."""
        rows = self._waiting(name)
        return replace(self, tables={name: self.tables[name]} if rows is None else LongTable({}, name, rows))

    def batches(self, name: str, size: int) -> Iterator[pl.DataFrame]:
        """The rows of a table, so many at a time, the long one made as it goes; one piece at least."""
        rows = self._waiting(name)
        if rows is not None and rows.is_here:
            yield from rows.batches(size)
            return
        table = self.tables[name]
        for start in range(0, max(table.height, 1), size):
            yield table.slice(start, size)

    def write_detail(self, path: str) -> None:
        """Have the long table written from where it lies, if that is not here."""
        rows = self._waiting(self.detail or "")
        assert rows is not None
        rows.write(path)

    def with_detail(self, name: str, rows: Rows) -> Result:
        """This result with its long table, wherever that lies."""
        return replace(self, detail=name, tables=LongTable(self.tables, name, rows))

    def with_summary(self, tables: Mapping[str, pl.DataFrame]) -> Result:
        """This result with these tables in place of those of their names, its long one where it lies."""
        rows = self._waiting(self.detail or "")
        if rows is None:
            return replace(self, tables={**self.tables, **tables})
        return replace(self, tables=LongTable({**self.summary, **tables}, self.detail or "", rows))

    def _waiting(self, name: str) -> Rows | None:
        """The rows of the long table while nobody has asked for them."""
        return self.tables.waiting(name) if isinstance(self.tables, LongTable) else None


class LongTable(Mapping[str, "pl.DataFrame"]):
    """Tables of which the long one, the last, becomes a frame here when somebody asks for it."""

    def __init__(self, others: Mapping[str, pl.DataFrame], name: str, rows: Rows) -> None:
        self._made = {other: others[other] for other in others if other != name}
        self._name, self._rows = name, rows

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name == self._name and name not in self._made:
            self._made[name] = self._rows.frame()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name == self._name or name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter([*(name for name in self._made if name != self._name), self._name])

    def __len__(self) -> int:
        return len({*self._made, self._name})

    def waiting(self, name: str) -> Rows | None:
        """The rows of a table that nobody has asked for."""
        return self._rows if name == self._name and name not in self._made else None
