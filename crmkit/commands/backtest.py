"""`crmkit backtest`: whether to believe `crmkit clv`."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def backtest(
    common: Shared,
    split: Annotated[str | None, typer.Option(help="Learn up to this day, forecast what follows; default: half the history.", metavar="DATE", show_default=False)] = None,
    origins: Annotated[int, typer.Option(help="Go back to so many days, one test after the other.", metavar="N")] = 1,
    horizon: Annotated[str | None, typer.Option(help="Length of a test: 13w, 90d; default: what the history allows.", metavar="TIME", show_default=False)] = None,
    model: Annotated[str, typer.Option(help="auto (all that clv chooses from), nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd.", metavar="NAME")] = "auto",
    k: Annotated[int | None, typer.Option("--k", help="Regularity of bgcnbd and mbgcnbd; default: found.", metavar="K", show_default=False)] = None,
    interval: Annotated[str, typer.Option(help="Probability of the intervals.", metavar="P%")] = "80%",
    keep_zero: Annotated[bool, typer.Option("--keep-zero/--drop-zero", help="Whether an order with the amount 0 is a purchase.")] = False,
    calendar: Annotated[str, typer.Option(help="As in clv, for the row auto: auto, on or off.", metavar="WHEN")] = "auto",
    classic: Annotated[bool, typer.Option("--classic", help="As in clv, for the row auto: the models of the literature as they are.")] = False,
) -> None:  # fmt: skip
    """Forecast the past: fit on the first part of the history and compare with the second.

    Example: crmkit backtest sales.parquet --origins 3
    """
    from crmkit import backtest as analysis

    with Session("backtest", common) as session:
        with session.stages() as tell:
            result = analysis.analyse(
                session.data(),
                split=split,
                origins=origins,
                horizon=horizon,
                model=model,
                k=k,
                interval=interval,
                keep_zero=keep_zero,
                calendar=calendar,
                classic=classic,
                tell=tell,
            )
        session.finish(result)
