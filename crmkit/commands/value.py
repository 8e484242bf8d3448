"""`crmkit value`: what a customer is worth, on assumptions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmkit import parse
from crmkit.commands.options import Shared
from crmkit.commands.run import Session
from crmkit.errors import UsageError
from crmkit.whatif import inputs

if TYPE_CHECKING:
    from crmkit.result import Result

_LIFETIME = ("spend", "years", "retention", "margin", "growth", "acquisition_cost")


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
    typed = {"spend": spend, "every": every, "years": years, "retention": retention, "margin": margin}
    typed |= {"discount": discount, "growth": growth, "acquisition_cost": acquisition_cost}
    with Session("value", common) as session:
        session.finish(_lifetime(typed) if schedule is None else _compared(schedule, typed))


def _lifetime(typed: dict[str, Any]) -> Result:
    from crmkit.whatif import value as analysis

    missing = [f"--{name}" for name in ("spend", "every", "years") if typed[name] is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed, as in "
            "--spend 40 --every 1w --years 30; or compare customers with --schedule FILE."
        )
    shopper = analysis.Shopper(
        spend=parse.money(typed["spend"], "--spend"),
        every=parse.duration(typed["every"], "--every"),
        years=typed["years"],
        margin=parse.percent(typed["margin"] or "100%", "--margin"),
    )
    return analysis.lifetime(
        shopper,
        retention=None if typed["retention"] is None else parse.percent(typed["retention"], "--retention"),
        discount=parse.percent(typed["discount"] or "0", "--discount"),
        growth=parse.percent(typed["growth"] or "0", "--growth", low=-1),
        acquisition_cost=parse.money(typed["acquisition_cost"] or "0", "--acquisition-cost"),
    )


def _compared(path: str, typed: dict[str, Any]) -> Result:
    from crmkit.whatif import schedule as analysis

    idle = [f"--{name.replace('_', '-')}" for name in _LIFETIME if typed[name] is not None]
    if idle:
        raise UsageError(f"{' and '.join(idle)} cannot be used with --schedule, which holds the purchases.")
    return analysis.compare(
        inputs.schedule(path),
        discount=parse.percent(typed["discount"] or "0", "--discount"),
        every=None if typed["every"] is None else parse.duration(typed["every"], "--every"),
    )
