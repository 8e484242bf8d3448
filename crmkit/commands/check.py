"""`crmkit check`: what is in the file, and what would be made of it."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from crmkit.session.options import Shared
from crmkit.session.run import Session

_SAVE = Option(
    "--save-layout",
    help="Keep what was found or typed, for --layout FILE next time.",
    metavar="FILE",
    show_default=False,
)


def check(common: Shared, save_layout: Annotated[str | None, _SAVE] = None) -> None:
    """Show which column plays which role, and account for every row.

    Rows read, used, set aside and why; dates, refunds, revenue without customer, exact duplicates.

    Example: crmkit check sales.csv
    """
    from crmkit import check as analysis

    with Session("check", common, by_customer=False, also=[save_layout]) as session:
        result = analysis.analyse(session.data())
        if save_layout is not None and session.transactions is not None:
            session.keep(save_layout, analysis.layout(session.transactions, save_layout))
        session.finish(result)
