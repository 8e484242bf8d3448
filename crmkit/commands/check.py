"""`crmkit check`: what is in the file, and what would be made of it."""

from __future__ import annotations

from crmkit.commands.options import Shared
from crmkit.commands.run import Session


def check(common: Shared) -> None:
    """Show which column plays which role, and account for every row.

    Rows read, used, set aside and why; dates, refunds, revenue without customer, exact duplicates.

    Example: crmkit check sales.csv
    """
    from crmkit import check as analysis

    with Session("check", common, by_customer=False) as session:
        session.finish(analysis.analyse(session.data()))
