"""Options that could not change anything are refused: whoever gives one believes that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from crmkit.config import settings
from crmkit.errors import UsageError
from crmkit.session.options import READING, Shared

# What is asked of a table of customers; all else that is said of the input is about transactions.
_OF_CUSTOMERS = frozenset(
    {"files", "customer", "date", "amount", "orders", "encoding", "delimiter", "header", "date_format", "decimal", "as_of",
     "exclude", "max_age", "min_rows"}
)  # fmt: skip


# Columns that some commands look at and others do not.
_ROLES = ("amount", "order", "product", "cost", "store")


def refuse_unread(common: Shared, read: frozenset[str]) -> dict[str, None]:
    """UsageError for a column that this command does not look at; those that are set for all commands are let be."""
    let_be: dict[str, None] = {}
    for role in _ROLES:
        if getattr(common, role) is not None and role not in read:
            if role in settings.current.get().general:
                let_be[role] = None
                continue
            raise UsageError(
                f"--{role} changes nothing here: this command does not look at that column. Leave it out."
            )
    return let_be


# What is asked of a ledger, whose rows were read when they were added.
_OF_LEDGERS = frozenset(
    {"files", "as_of", "since", "exclude", "refunds", "strict", "max_rejects", "max_age", "min_rows", "no_customer"}
)  # fmt: skip


def refuse_on_ledger(common: Shared) -> None:
    """UsageError for an option about how files are read, where the input is a ledger."""
    _refuse(
        common,
        _OF_LEDGERS,
        "is about how files are read, and those of a ledger were read when they were added. Leave it out",
    )


def refuse_on_customers(common: Shared) -> None:
    """UsageError for an option about transactions, where the input is a table of customers."""
    what = "is about transactions, and this input is a table of customers, which it cannot change"
    _refuse(common, _OF_CUSTOMERS, f"{what}. Leave it out, or give the transactions")


def _refuse(common: Shared, useful: frozenset[str], why: str) -> None:
    let_be = useful | settings.current.get().general
    for spec in fields(Shared):
        if spec.name in READING - let_be and getattr(common, spec.name) != spec.default:
            raise UsageError(f"--{spec.name.replace('_', '-')} {why}.")


# Options that one table alone shows, which the screen has not.
_OF_TABLE = {"trend": ("interval", "80%", "forecast"), "clv": ("unit", None, "parameters")}


def refuse_beside(what: str, options: Mapping[str, object]) -> None:
    """UsageError for an option of the command that would change nothing beside `what`."""
    for name, given in options.items():
        if given not in (None, False):
            raise UsageError(f"{name} does not go with {what}. Leave it out.")


def notes(common: Shared, command: str, listing: str | None) -> Iterator[str]:
    """What was asked of a table, or of a format, that is neither shown nor written; `listing` is the table of customers."""
    to_file = common.output is not None
    further = any(table in (None, listing) for _, table in common.further)
    listed = common.table == listing or (to_file and common.table is None) or further
    asked = [name for name, given in (("keep", common.keep), ("segment", common.own.get("segment"))) if given]
    for name in asked if listing and not listed else ():
        yield (
            f"--{name} changes nothing here: it is about the table of {listing}, which is not shown. Add -o FILE or --table {listing}."
        )
    if command in _OF_TABLE:
        name, usual, table = _OF_TABLE[command]
        if common.own.get(name, usual) != usual and common.table != table and common.format == "table":
            yield f"--{name} changes nothing here: it is about the table {table}. Add --table {table}."
    paths = [common.output or "", *(path for path, _ in common.further)]
    ends = [path.removesuffix(".gz").removesuffix(".zst").rsplit(".", 1)[-1] for path in paths]
    written = [common.format, *ends]
    if common.excel_safe and not {"csv", "tsv"} & set(written):
        yield "--excel-safe changes nothing here: it is about CSV and TSV. Add --format csv or -o FILE.csv."


def refuse(options: Mapping[str, object], switch: str, on: bool) -> None:
    """UsageError for an option that does not go with a switch, or belongs to it."""
    for option, given in options.items():
        if given is not None:
            how = "does not go with" if on else "belongs to"
            raise UsageError(f"{option} {how} {switch}. Leave it out{'' if on else f', or add {switch}'}.")
