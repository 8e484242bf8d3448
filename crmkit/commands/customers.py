"""`crmkit customers`: one row per customer, and the ledger that keeps them from night to night."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from crmkit.errors import UsageError
from crmkit.session import ledgers
from crmkit.session.options import Shared
from crmkit.session.run import Session

_UPDATE = Option(
    help="Add these rows to a ledger, a folder that other commands read like the files.",
    metavar="LEDGER",
    show_default=False,
)
_REPLACE = Option(
    "--replace",
    help="With --update: put these rows in the place of those of the same days.",
    show_default=False,
)
_APPEND = Option("--append", help="With --update: add these rows to others of the same days, such as late ones.", show_default=False)  # fmt: skip


def customers(
    common: Shared,
    update: Annotated[str | None, _UPDATE] = None,
    replace_: Annotated[bool, _REPLACE] = False,
    append: Annotated[bool, _APPEND] = False,
) -> None:
    """Make the customers table, one row per customer, which other commands accept as input.

    Example: crmkit customers sales.parquet -o customers.parquet
    """
    from crmkit import customers as analysis

    if replace_ and append:
        raise UsageError("--replace and --append contradict each other. Give one of them.")
    if update is not None:
        ledgers.update(common, Path(update), replaced=replace_, appended=append)
        return
    if replace_ or append:
        raise UsageError("--replace and --append belong to --update LEDGER. Add that, or leave them out.")
    with Session("customers", common) as session:
        session.finish(analysis.analyse(session.data()))
