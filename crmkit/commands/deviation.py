"""`crmkit deviation`: fraud or change?"""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session


def deviation(
    common: Shared,
    window: Annotated[str, typer.Option(help="The span that is compared with the past.", metavar="SPAN")] = "30d",
    threshold: Annotated[float, typer.Option(help="An alarm is this many robust deviations from the median.", metavar="Z")] = 3.5,
    history: Annotated[int, typer.Option(help="Windows, gaps or purchase days that a test needs before the window.", metavar="N")] = 6,
) -> None:  # fmt: skip
    """List customers whose last window departs from their own history, with the evidence.

    Example: crmkit deviation sales.parquet --window 4w --threshold 6
    """
    from crmkit import deviation as analysis
    from crmkit import parse
    from crmkit.engine import reducers
    from crmkit.history import customer_days

    span = parse.duration(window, "--window").days
    analysis.check(span, threshold, history)
    with Session("deviation", common) as session:
        sales = session.read(wants=())
        shrink = reducers.shrink("customer", frozenset(), by_rows=False)
        past = customer_days.history(
            sales.by_key(customer_days.by_customer, shrink=shrink).frame(), sales.as_of
        )
        session.finish(
            analysis.analyse(past, scale=sales.scale, window=span, threshold=threshold, at_least=history)
        )
