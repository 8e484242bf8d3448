"""`crmkit churn`: who is late."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def churn(
    common: Shared,
    overdue: Annotated[float | None, typer.Option(help="Late after so many of the customer's own median gaps; default 2.", metavar="K", show_default=False)] = None,
    lapse_days: Annotated[int | None, typer.Option(help="Late after so many days, the same for everybody.", metavar="N", show_default=False)] = None,
    evaluate: Annotated[str | None, typer.Option(help="Judge the rule: apply it as of this day and see who came back.", metavar="DATE", show_default=False)] = None,
    model: Annotated[str | None, typer.Option(help="Show P(alive) of this model beside, as clv says it: auto, paretonbd, mbgnbd, bgnbd, mbgcnbd or bgcnbd.", metavar="NAME", show_default=False)] = None,
    classic: Annotated[bool, typer.Option("--classic", help="The model as the literature has it, as in clv.")] = False,
    everyone: Annotated[bool, typer.Option("--everyone", help="List all customers with their status, not only the late ones.")] = False,
) -> None:  # fmt: skip
    """List the customers who are late by their own rhythm, the most revenue at risk first.

    Example: crmkit churn sales.parquet -o call_list.csv
    """
    from crmkit import churn as analysis

    with Session("churn", common) as session:
        session.finish(
            analysis.analyse(
                session.data(),
                overdue=overdue,
                lapse_days=lapse_days,
                evaluate=evaluate,
                model=model,
                classic=classic,
                everyone=everyone,
            )
        )
