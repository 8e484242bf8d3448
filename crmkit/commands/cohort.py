"""`crmkit cohort`: who comes back, by when they came first."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from crmkit.commands.options import PERIOD, Shared
from crmkit.commands.run import Session


def cohort(
    common: Shared,
    period: PERIOD = "month",
    value: Annotated[
        str,
        typer.Option(
            help="What the cells hold: rate, customers, revenue, cumulative (revenue so far) or orders.",
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
    from crmkit.history import periods

    by, shown = periods.check(period), analysis.check(value)
    with Session("cohort", common, by_customer=False) as session:
        sales = session.read()
        counts = sales.counts(partial(analysis.count, period=by), by=["cohort", "since"])
        result = analysis.analyse(
            counts,
            as_of=sales.as_of,
            scale=sales.scale,
            period=by,
            value=shown,
            include_partial=include_partial,
        )
        session.finish(result)
