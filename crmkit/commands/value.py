"""`crmkit value`: what a customer is worth, on assumptions alone."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def _option(help_: str, metavar: str) -> Any:
    return typer.Option(help=help_, metavar=metavar, show_default=False)


def value(
    common: Shared,
    spend: Annotated[str | None, _option("What the customer spends each time.", "AMOUNT")] = None,
    every: Annotated[str | None, _option("How often: 1w, 2w, 1m, 30d, 1y; a year has 52 weeks.", "DURATION")] = None,
    years: Annotated[int | None, _option("For how many years.", "N")] = None,
    retention: Annotated[str | None, _option("Part of the customers who stay each year.", "RATE")] = None,
    margin: Annotated[str | None, _option("Part of the spend that is profit; default 100%.", "RATE")] = None,
    discount: Annotated[str | None, _option("Discount rate per year; default 0%.", "RATE")] = None,
    growth: Annotated[str | None, _option("Growth of the spend per year; default 0%.", "RATE")] = None,
    acquisition_cost: Annotated[str | None, _option("What it cost to win the customer.", "AMOUNT")] = None,
    schedule: Annotated[str | None, _option("Compare the customers of a CSV file: customer, amount[, date or age].", "FILE")] = None,
) -> None:  # fmt: skip
    """Reckon what a customer is worth over a lifetime, or compare customers by what they will buy.

    Example: crmkit value --spend 40 --every 1w --years 30 --retention 90% --discount 10%
    """
    from crmkit.whatif import value as analysis

    assumed = dict(common.own)
    with Session("value", common) as session:
        session.finish(analysis.analyse(assumed.pop("schedule"), **assumed))
