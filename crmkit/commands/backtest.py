"""`crmkit backtest`: whether to believe `crmkit clv`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from crmkit.commands.options import Shared, day
from crmkit.commands.run import Session, load_options
from crmkit.errors import UsageError
from crmkit.output.progress import Stages


def backtest(
    common: Shared,
    split: Annotated[str | None, typer.Option(help="Learn up to this day, forecast what follows; default: half the history.", metavar="DATE", show_default=False)] = None,
    origins: Annotated[int, typer.Option(help="Go back to so many days, one test after the other.", metavar="N")] = 1,
    horizon: Annotated[str | None, typer.Option(help="Length of a test: 13w, 90d; default: what the history allows.", metavar="TIME", show_default=False)] = None,
    model: Annotated[str, typer.Option(help="auto (all that clv chooses from), nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd.", metavar="NAME")] = "auto",
    k: Annotated[int | None, typer.Option("--k", help="Regularity of bgcnbd and mbgcnbd; default: found.", metavar="K", show_default=False)] = None,
    interval: Annotated[str, typer.Option(help="Probability of the intervals.", metavar="P%")] = "80%",
    keep_zero: Annotated[bool, typer.Option("--keep-zero/--drop-zero", help="Whether an order with the amount 0 is a purchase.")] = True,
) -> None:  # fmt: skip
    """Forecast the past: fit on the first part of the history and compare with the second.

    Example: crmkit backtest sales.parquet --origins 3
    """
    from crmkit import backtest as analysis
    from crmkit import parse
    from crmkit.forecast.selection import check_model
    from crmkit.history import customers_table, purchase_histories

    check_model(model, k)
    at, length = day("--split", split), None if horizon is None else parse.duration(horizon, "--horizon").days
    level = parse.percent(interval, "--interval", low=0.01, high=0.99)
    with Session("backtest", common) as session:
        if customers_table.read(session.sources(), load_options(common)) is not None:
            raise UsageError(
                "A backtest needs to know what was bought when, and this is a customers table. Give the transactions."
            )
        sales = session.read(needs=("customer", "date"), wants=("amount",))
        table = purchase_histories.days(
            sales.collect(partial(purchase_histories.by_day, keep_zero=keep_zero)), sales.scale
        )
        plan = analysis.Plan.of(table.first, sales.as_of, split=at, count=origins, days=length)
        with Stages(common.quiet) as tell:
            result = analysis.analyse(
                table, plan, model=model, k=k, level=level, money=sales.has_amount, tell=tell
            )
        session.finish(result)
