"""`crmkit trend`: what revenue did, why, and where it goes."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import PERIOD, Shared
from crmkit.session.run import Session


def trend(
    common: Shared,
    period: PERIOD = "month",
    ahead: Annotated[int, typer.Option(help="Forecast so many periods.", metavar="N")] = 6,
    interval: Annotated[
        str, typer.Option(help="How sure the forecast's interval is to be.", metavar="P%")
    ] = "80%",
    by: Annotated[
        str | None,
        typer.Option(help="Each product, channel, group or store, and which are weak.", metavar="ROLE"),
    ] = None,
    below: Annotated[
        str | None,
        typer.Option(
            help="With --by: weak is a period under so much of what is usual; default 80%.", metavar="P%"
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="With --by: weak is a period under this amount instead.", metavar="AMOUNT"),
    ] = None,
) -> None:
    """Show revenue by period, what changed it, and a forecast.

    Example: crmkit trend sales.parquet --period week
    """
    from crmkit import trend as analysis

    with Session("trend", common, by_customer=False) as session:
        result = analysis.analyse(
            session.data(), period=period, ahead=ahead, interval=interval, by=by, below=below, target=target
        )
        session.finish(result)
