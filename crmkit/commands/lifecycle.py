"""`crmkit lifecycle`: where growth comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import PERIOD, Shared
from crmkit.session.run import Session


def lifecycle(
    common: Shared,
    period: PERIOD = "month",
    stages: Annotated[bool, typer.Option("--stages", help="Add the ladder: first-time, repeat, loyal, dormant.")] = False,
    loyal: Annotated[int | None, typer.Option(help="With --stages: loyal from so many orders on; default 5.", metavar="K", show_default=False)] = None,
    lapse_days: Annotated[int | None, typer.Option(help="With --stages: dormant after so many days; default: longer than 90% of all gaps.", metavar="N", show_default=False)] = None,
) -> None:  # fmt: skip
    """Account for growth: new, retained, reactivated and lapsed customers and their revenue, by period.

    Example: crmkit lifecycle sales.parquet --period quarter
    """
    from crmkit import lifecycle as analysis

    with Session("lifecycle", common, by_customer=stages) as session:
        session.finish(
            analysis.analyse(session.data(), period=period, stages=stages, loyal=loyal, lapse_days=lapse_days)
        )
