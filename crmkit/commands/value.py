"""`crmkit value`: what a customer is worth, on assumptions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session

if TYPE_CHECKING:
    pass


def _option(help_: str, metavar: str) -> Any:
    return typer.Option(help=help_, metavar=metavar, show_default=False)


Text = str | None
Spend = Annotated[Text, _option("What the customer spends each time.", "AMOUNT")]
Every = Annotated[Text, _option("How often: 1w, 2w, 1m, 30d, 1y; a year has 52 weeks.", "DURATION")]
Years = Annotated[int | None, _option("For how many years.", "N")]
Retention = Annotated[Text, _option("Part of the customers who stay each year.", "RATE")]
Margin = Annotated[Text, _option("Part of the spend that is profit; default 100%.", "RATE")]
Discount = Annotated[Text, _option("Discount rate per year; default 0%.", "RATE")]
Growth = Annotated[Text, _option("Growth of the spend per year; default 0%.", "RATE")]
AcquisitionCost = Annotated[Text, _option("What it cost to win the customer.", "AMOUNT")]
Schedule = Annotated[
    Text, _option("Compare the customers of a CSV file: customer, amount[, date or age].", "FILE")
]


def value(
    common: Shared,
    spend: Spend = None,
    every: Every = None,
    years: Years = None,
    retention: Retention = None,
    margin: Margin = None,
    discount: Discount = None,
    growth: Growth = None,
    acquisition_cost: AcquisitionCost = None,
    schedule: Schedule = None,
) -> None:
    """Reckon what a customer is worth over a lifetime, or compare customers by what they will buy.

    Example: crmkit value --spend 40 --every 1w --years 30 --retention 90% --discount 10%
    """
    from crmkit.whatif import value as analysis

    with Session("value", common) as session:
        session.finish(
            analysis.analyse(
                schedule,
                spend=spend,
                every=every,
                years=years,
                retention=retention,
                margin=margin,
                discount=discount,
                growth=growth,
                acquisition_cost=acquisition_cost,
            )
        )
