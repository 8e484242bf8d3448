"""What a question is asked of: transactions or customers, read as the question needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import polars as pl

from crmkit.engine.rows import Rows
from crmkit.errors import UsageError
from crmkit.load import customers_table, load, spill
from crmkit.load.account.audit import Audit
from crmkit.load.find import frames, sources
from crmkit.load.find.sources import Source, Where
from crmkit.load.reading import Reading
from crmkit.load.transactions import Transactions

NEEDED = ("customer", "date", "amount")
WANTED = ("order",)
# A notebook shows the account of so many rows without being asked for it.
_SHOWN_AT_ONCE = 5_000_000


class Open(Protocol):
    """Finds the columns of these roles in the input: those that it needs, and those that it uses if they are there."""

    def __call__(
        self, needs: frozenset[str], wants: frozenset[str], columns: Mapping[str, str]
    ) -> Transactions: ...


class Dataset:
    """Transactions, or customers, of which each question reads the columns that it needs.

    `is_spread` tells that the rows are on a cluster.
    """

    def __init__(
        self,
        open_: Open,
        customers: Callable[[], pl.DataFrame | None] = lambda: None,
        *,
        name: str = "",
        is_spread: bool = False,
    ) -> None:
        self._open = open_
        self._customers = customers
        self.name = name
        self.is_spread = is_spread
        self._latest: Transactions | None = None
        self._account: Audit | None = None

    def transactions(
        self,
        needs: Iterable[str] = NEEDED,
        wants: Iterable[str] = WANTED,
        columns: Mapping[str, str] | None = None,
    ) -> Transactions:
        """The rows with the columns of these roles; `columns` names some that the user did not.

        DataError where a role that is needed has no column.
        """
        self._latest = self._open(frozenset(needs), frozenset(wants), columns or {})
        return self._latest

    def customers(self) -> pl.DataFrame | None:
        """The customers, where the input holds such a table and no transactions."""
        return self._customers()

    @property
    def account(self) -> Audit | None:
        """What became of every row, from a pass over them; None for a table of customers."""
        if self._account is None and self.customers() is None:
            sales = self.transactions()
            sales.scan()
            self._account = sales.audit
        return self._account

    @property
    def account_of_answer(self) -> Audit | None:
        """What became of every row when it was last asked for."""
        return None if self._latest is None else self._latest.audit

    @property
    def counts_only(self) -> bool:
        """Whether purchases are counted and not valued."""
        return self._latest is not None and self._latest.counts_only

    def __repr__(self) -> str:
        account = "" if self._account is None else f": {self._account.line()}"
        return f"<crmkit data of {self.name}{account}>"

    def _repr_html_(self) -> str:
        """For notebooks: the roles of the columns, and the account of rows where that is soon found."""
        from crmkit.language.html import page, table

        people = self.customers()
        if people is not None:
            return page(self.name, [f"{people.height:,} customers"], [table(people.head(10))])
        sales = self.transactions()
        roles = pl.DataFrame(
            [(role.name, role.formula.text, role.why) for role in sales.plan.roles.values()],
            schema=["role", "column", "why"],
            orient="row",
        )
        inputs = getattr(sales, "inputs", [])
        soon = self._account or (inputs and spill.estimated_rows(inputs) <= _SHOWN_AT_ONCE)
        lines = [self.account.line()] if soon and self.account else []
        return page(self.name, lines, [table(roles)])


Data: TypeAlias = Dataset | Transactions | pl.DataFrame | Rows


def read(data: Any, reading: Reading | None = None) -> Dataset:
    """The data of files, frames or open files; columns that were named are looked for at once."""
    reading = reading or Reading()
    options, gate, found = reading.options(), reading.gate(), _sources(data, reading.where())

    def opened(needs: frozenset[str], wants: frozenset[str], columns: Mapping[str, str]) -> Transactions:
        chosen = replace(options, columns={**options.columns, **columns})
        sales = load(found, chosen, needs=needs, wants=wants)
        sales.gate = gate
        return sales

    if reading.named and found[0].kind == sources.LEDGER:
        raise UsageError(
            f"{found[0].name} is a ledger, whose columns were named when its files were added. Leave --{min(reading.named)} out."
        )
    names = [source.name for source in found]
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    made = Dataset(opened, lambda: customers_table.read(found, options), name=name)
    if reading.named and made.customers() is None:
        made.transactions(reading.named, ())
    return made


def _sources(data: Any, where: Where) -> list[Source]:
    """Files by name, frames and open files; UsageError for what is none of them."""
    listed = list(data) if isinstance(data, list | tuple) else [data]
    if not listed:
        raise UsageError("There is nothing to read: the list is empty. Name a file, such as sales.csv.")
    given = [_source(one) for one in listed]
    if len(given) > 1 and any(isinstance(one, Source) and one.table is not None for one in given):
        raise UsageError("Several frames were given. Join them into one first, as with polars.concat.")
    return sources.find(given, where)


def _source(one: Any) -> str | Source:
    if isinstance(one, str | Path):
        return str(one)
    found = frames.source_of(one)
    if found is None:
        raise UsageError(
            f"A {type(one).__name__} cannot be read. Give a path, a list of paths, an open file, or a frame of "
            "Polars, pandas or PyArrow."
        )
    return found


def data_of(given: Any) -> Data:
    """What a question can be asked of: customers as `crmkit.customers.build` makes them, or what `read` makes."""
    if isinstance(given, Dataset | Transactions) or hasattr(given, "is_here"):
        rows: Data = given
        return rows
    return given if isinstance(given, pl.DataFrame) and _is_built(given.schema) else read(given)


def _is_built(schema: pl.Schema) -> bool:
    """Whether a frame is one of `crmkit.customers.build`, with money as exact numbers and dates as dates."""
    dated = schema.get("last") == pl.Date() or "recency" in schema
    return dated and schema.get("revenue", pl.Null()).is_decimal()


def transactions_of(data: Data, needs: Iterable[str] = NEEDED, wants: Iterable[str] = WANTED) -> Transactions:
    """The transactions of what a question was asked of; UsageError where these are customers."""
    if isinstance(data, Transactions):
        return data
    if isinstance(data, Dataset):
        return data.transactions(needs, wants)
    raise UsageError(
        "This question needs to know what was bought when, and this is a table of customers. Give the transactions."
    )
