"""`crmkit trend`: what revenue did, why, and where it goes."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from crmkit.commands.options import PERIOD, Shared
from crmkit.commands.run import Session


def trend(
    common: Shared,
    period: PERIOD = "month",
    ahead: Annotated[int, typer.Option(help="Forecast so many periods.", metavar="N")] = 6,
    interval: Annotated[
        str, typer.Option(help="How sure the forecast's interval is to be.", metavar="P%")
    ] = "80%",
) -> None:
    """Show revenue by period, what changed it, and a forecast.

    Example: crmkit trend sales.parquet --period week
    """
    from crmkit import parse
    from crmkit import trend as analysis
    from crmkit.history import periods

    by, sure = periods.check(period), parse.percent(interval, "--interval")
    analysis.check(ahead, sure)
    with Session("trend", common, by_customer=False) as session:
        sales = session.read()
        sums = sales.counts(partial(analysis.count, period=by), by=["index"])
        result = analysis.analyse(
            sums,
            as_of=sales.as_of,
            begin=sales.begin,
            scale=sales.scale,
            period=by,
            ahead=ahead,
            interval=sure,
        )
        session.finish(result)
