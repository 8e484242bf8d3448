"""`crmkit cohort`: who comes back, by when they came first."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import PERIOD, Shared
from crmkit.session.run import Session


def cohort(
    common: Shared,
    period: PERIOD = "month",
    value: Annotated[
        str,
        typer.Option(
            help="What the cells hold: rate, rolling (an order then or later), customers, revenue, cumulative (revenue so far), profit (so far) or orders.",
            metavar="NAME",
        ),
    ] = "rate",
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Show the cells of a period that is not over, too.")
    ] = False,
) -> None:
    """Follow customers from the period of their first order: who comes back, and what they bring.

    Example: crmkit cohort sales.parquet --period quarter --value cumulative
    """
    from crmkit import cohort as analysis

    with Session("cohort", common, by_customer=False) as session:
        session.finish(
            analysis.analyse(session.data(), period=period, value=value, include_partial=include_partial)
        )
