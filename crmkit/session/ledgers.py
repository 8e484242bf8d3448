"""A run that adds to a ledger: the options that say how files are read are kept there, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from crmkit.session.options import READING, Shared
from crmkit.session.run import Session


def update(common: Shared, folder: Path, *, replaced: bool, appended: bool) -> None:
    """Add the rows of these files to the ledger in `folder`, all or nothing, and say what has changed."""
    from crmkit.nightly import ledgers, updates

    usual = vars(Shared())
    given = {name: vars(common)[name] for name in READING if vars(common)[name] != usual[name]}
    updates.reading(given)
    with ledgers.held(folder, new=True) as found:
        kept: dict[str, Any] = {name: value for name, value in found.reading.items() if name not in given}
        with Session("customers", replace(common, **kept)) as session:
            sales = session.data().transactions(wants=("order", "cost"))
            change = updates.update(sales, folder, found, given=given, replaced=replaced, appended=appended)
            if change.is_change:
                session.keep(change.path, change.manifest.text())
            session.finish(updates.told(change))
