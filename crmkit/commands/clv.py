"""`crmkit clv`: what each customer is still worth."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def clv(
    common: Shared,
    model: Annotated[str | None, typer.Option(help="auto, nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd; default auto.", metavar="NAME", show_default=False)] = None,
    k: Annotated[int | None, typer.Option("--k", help="Regularity of bgcnbd and mbgcnbd; default: found.", metavar="K", show_default=False)] = None,
    horizon: Annotated[str, typer.Option(help="How far to look: 52w, 90d, 12m, 1y.", metavar="TIME")] = "52w",
    discount: Annotated[str, typer.Option(help="What money loses in worth per year.", metavar="P%")] = "10%",
    margin: Annotated[str, typer.Option(help="What is left of revenue.", metavar="P%")] = "100%",
    unit: Annotated[str | None, typer.Option(help="Unit of the parameters: day, week (default) or month; forecasts do not depend on it.", metavar="UNIT", show_default=False)] = None,
    by: Annotated[str | None, typer.Option(help="Add up by segment, tier, cohort, or a column of the file.", metavar="NAME", show_default=False)] = None,
    cac: Annotated[str | None, typer.Option(help="Cost of winning a customer: when is it paid back?", metavar="AMOUNT", show_default=False)] = None,
    interval: Annotated[str, typer.Option(help="Probability of the intervals.", metavar="P%")] = "80%",
    keep_zero: Annotated[bool, typer.Option("--keep-zero/--drop-zero", help="Whether an order with the amount 0 is a purchase.")] = False,
    calendar: Annotated[str | None, typer.Option(help="Whether days count by a calendar that is learnt: auto (from 455 days of history on), on or off; default auto.", metavar="WHEN", show_default=False)] = None,
    classic: Annotated[bool, typer.Option("--classic", help="The models of the literature as they are: no calendar, all customers new at their first purchase, spend of repeat purchases.")] = False,
    save_model: Annotated[str | None, typer.Option(help="Keep the fitted model in FILE.", metavar="FILE", show_default=False)] = None,
    use_model: Annotated[str | None, typer.Option(help="Use the model of an earlier run instead of fitting.", metavar="FILE", show_default=False)] = None,
) -> None:  # fmt: skip
    """Say how likely each customer still is one, how often they will buy, and what that is worth.

    Example: crmkit clv sales.parquet --horizon 52w --margin 30% --by segment -o value.csv
    """
    from crmkit import clv as analysis

    with Session("clv", common, also=[save_model]) as session:
        with session.stages() as tell:
            result = analysis.analyse(
                session.data(),
                model=model,
                k=k,
                horizon=horizon,
                discount=discount,
                margin=margin,
                unit=unit,
                by=by,
                cac=cac,
                interval=interval,
                keep_zero=keep_zero,
                calendar=calendar,
                classic=classic,
                use_model=use_model,
                tell=tell,
            )
        if save_model:
            session.keep(save_model, result.saved["model"])
        session.finish(result)
