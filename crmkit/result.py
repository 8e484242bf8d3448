"""What an analysis returns: frozen tables and facts, with no idea of how they will be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from crmkit.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer of one command.

    `tables` are in the order in which they are printed; their column names are those of
    `columns.py`. `detail` names the per-customer (or per-row) table, which is long: it is not
    printed unless asked for by name, and it is what `--output` writes. `facts` are single values
    (numbers, strings, dates, small dictionaries) under stable names. `notes` are sentences that a
    careful reader would want to know; they go to standard error. `pictures` names the tables that
    a terminal draws in its own way (`report.py` knows the ways). `elsewhere` is the detail where it
    is not in this machine's memory and among the tables.
    """

    command: str
    tables: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any] = field(default_factory=dict)
    detail: str | None = None
    notes: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Rows | None = None

    @property
    def summary(self) -> dict[str, pl.DataFrame]:
        """The tables that are printed when none is asked for by name."""
        return {name: table for name, table in self.tables.items() if name != self.detail}

    def brought_here(self) -> Result:
        """This result with the long table among the tables, even if it has to travel."""
        if self.elsewhere is None or self.detail is None:
            return self
        return replace(self, tables={**self.tables, self.detail: self.elsewhere.frame()}, elsewhere=None)

    def with_detail(self, name: str, rows: Rows) -> Result:
        """This result with its long table, wherever that lies."""
        if not rows.is_here:
            return replace(self, detail=name, elsewhere=rows)
        return replace(self, detail=name, tables={**self.tables, name: rows.frame()})
