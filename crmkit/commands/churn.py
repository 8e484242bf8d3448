"""`crmkit churn`: who is late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.errors import CrmkitError, UsageError
from crmkit.options import Shared, day
from crmkit.session import Session

if TYPE_CHECKING:
    import polars as pl

    from crmkit.days import History


def churn(
    common: Shared,
    overdue: Annotated[float | None, typer.Option(help="Late after so many of the customer's own median gaps; default 2.", metavar="K", show_default=False)] = None,
    lapse_days: Annotated[int | None, typer.Option(help="Late after so many days, the same for everybody.", metavar="N", show_default=False)] = None,
    evaluate: Annotated[str | None, typer.Option(help="Judge the rule: apply it as of this day and see who came back.", metavar="DATE", show_default=False)] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="List all customers with their status, not only the late ones.")] = False,
) -> None:  # fmt: skip
    """List the customers who are late by their own rhythm, the most revenue at risk first.

    Example: crmkit churn sales.parquet -o call_list.csv
    """
    from crmkit import churn as analysis
    from crmkit import days

    if overdue is not None and lapse_days is not None:
        raise UsageError("--overdue and --lapse-days are two rules. Give one of them.")
    rule = analysis.Rule(2.0 if overdue is None else overdue, lapse_days)
    rule.check()
    at = day("--evaluate", evaluate)
    with Session("churn", common) as session:
        sales = session.read()
        past = days.history(sales.collect(days.by_customer), sales.as_of)
        result = analysis.analyse(
            past,
            rule,
            scale=sales.scale,
            evaluate_at=at,
            labels=_labels(past, sales.scale),
            everyone=everyone,
        )
        session.finish(result)


def _labels(past: History, scale: int) -> pl.DataFrame:
    """Tier and segment of every customer, each where the file allows it."""
    from crmkit import customers, days, pareto, rfm, segments

    frame = customers.finish(days.totals(past), scale, past.as_of)
    labels = frame.select("customer")
    try:
        labels = labels.with_columns(pareto.assign(frame)["tier"])
        cuts = rfm.cuts(frame)
        names = segments.cells(segments.load("rf10"), cuts.bins)
        labels = labels.with_columns(rfm.segment(rfm.score(frame, cuts), names)["segment"])
    except CrmkitError:
        pass  # too few customers to score: the call list does without
    return labels
