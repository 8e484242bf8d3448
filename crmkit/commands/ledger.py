"""`crmkit ledger`: what a ledger holds, whether it is whole, and how it is kept small."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument

from crmkit.errors import UsageError
from crmkit.parse import choice
from crmkit.session.options import Shared
from crmkit.session.run import Session

_ACTIONS = ("list", "verify", "drop", "compact")
_ACTION = Argument(
    help="list its batches, verify its files, drop a batch, compact all files into one.",
    metavar="list|verify|drop|compact",
    show_default=False,
)
_LEDGER = Argument(help="The folder of the ledger.", metavar="LEDGER", show_default=False)
_BATCH = Argument(help="drop: the id of the batch, or its beginning.", metavar="BATCH", show_default=False)


def ledger(
    common: Shared,
    action: Annotated[str, _ACTION],
    folder: Annotated[str, _LEDGER],
    batch: Annotated[str | None, _BATCH] = None,
) -> None:
    """Look after a ledger: the batches that customers --update has added.

    Example: crmkit ledger list shop.ledger
    """
    from crmkit.load.ledger import manifest
    from crmkit.nightly import ledgers, updates

    choice("ledger", action, _ACTIONS)
    if (batch is None) == (action == "drop"):
        raise UsageError("A batch belongs to drop and to nothing else: crmkit ledger drop LEDGER BATCH.")
    path = Path(folder)
    with Session("ledger", common) as session:
        if action in ("list", "verify"):
            found = manifest.read(path)
            session.finish(updates.listing(path, found) if action == "list" else updates.verify(path, found))
            return
        with ledgers.held(path) as found:
            change = ledgers.compact(path, found) if batch is None else ledgers.drop(path, found, batch)
            if change.is_change:
                session.keep(change.path, change.manifest.text())
            session.finish(updates.told(change))
