"""`crmkit lifecycle`: where growth comes from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.commands.options import PERIOD, Shared
from crmkit.commands.run import Session
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    from crmkit.history.customer_days import Past

_LOYAL = 5


def lifecycle(
    common: Shared,
    period: PERIOD = "month",
    stages: Annotated[bool, typer.Option("--stages", help="Add the ladder: first-time, repeat, loyal, dormant.")] = False,
    loyal: Annotated[int | None, typer.Option(help=f"With --stages: loyal from so many orders on; default {_LOYAL}.", metavar="K", show_default=False)] = None,
    lapse_days: Annotated[int | None, typer.Option(help="With --stages: dormant after so many days; default: longer than 90% of all gaps.", metavar="N", show_default=False)] = None,
) -> None:  # fmt: skip
    """Account for growth: new, retained, reactivated and lapsed customers and their revenue, by period.

    Example: crmkit lifecycle sales.parquet --period quarter
    """
    from crmkit import customers
    from crmkit import lifecycle as analysis
    from crmkit.engine import reducers
    from crmkit.history import customer_days, periods

    by = periods.check(period)
    _check(stages, loyal, lapse_days)
    with Session("lifecycle", common, by_customer=stages) as session:
        sales = session.read()
        if not stages:
            counts = sales.counts(partial(analysis.count, period=by), by=["index", "state"])
        else:
            # One pass has to do for the periods and the ladder, so both come from each customer's days.
            shrink = reducers.shrink("customer", frozenset(), by_rows=False)
            past = customer_days.past(
                sales.by_key(customer_days.by_customer, shrink=shrink), sales.first, sales.as_of
            )
            counts = analysis.count_days(past, by)
        result = analysis.analyse(counts, begin=sales.begin, as_of=sales.as_of, scale=sales.scale, period=by)
        if stages:
            finish = partial(customers.finish_each, scale=sales.scale, as_of=sales.as_of)
            people = past.each(customer_days.totals).by_row(finish).kept()
            result = analysis.add_stages(
                result, people, loyal=loyal or _LOYAL, lapse_days=lapse_days or _base_gap(past)
            )
        session.finish(result)


def _check(stages: bool, loyal: int | None, lapse_days: int | None) -> None:
    if not stages and (loyal is not None or lapse_days is not None):
        raise UsageError("--loyal and --lapse-days belong to --stages. Add that, or leave them out.")
    if loyal is not None and loyal < 3:
        raise UsageError(f"--loyal {loyal} leaves no room for repeat customers. Say 3 orders or more.")
    if lapse_days is not None and lapse_days < 1:
        raise UsageError(f"--lapse-days is {lapse_days}. Give a number of days of 1 or more.")


def _base_gap(past: Past) -> int:
    """The days that 90 % of all gaps between two purchases do not exceed."""
    from crmkit import churn

    found = churn.base_gap(churn.gap_counts(past))
    if found is None:
        raise DataError(
            "Nobody has bought on two different days, so nothing tells when a customer is dormant. "
            "Say after how many days: --lapse-days 180."
        )
    return found
