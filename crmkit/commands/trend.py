"""`crmkit trend`: what revenue did, why, and where it goes."""

from __future__ import annotations

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
    from crmkit import trend as analysis

    with Session("trend", common, by_customer=False) as session:
        session.finish(analysis.analyse(session.data(), period=period, ahead=ahead, interval=interval))
