"""`crmkit customers`: one row per customer."""

from __future__ import annotations

from crmkit.commands.options import Shared
from crmkit.commands.run import Session


def customers(common: Shared) -> None:
    """Make the customers table, one row per customer, which other commands accept as input.

    Example: crmkit customers sales.parquet -o customers.parquet
    """
    from crmkit import customers as analysis

    with Session("customers", common) as session:
        session.finish(analysis.analyse(session.data()))
