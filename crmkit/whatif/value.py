"""What a customer is worth over a lifetime, on assumptions alone.

Margin m a year comes at the end of each year, from those who stayed with retention r until then,
grows by g and is discounted with d:

    value over N years = sum over t = 1..N of  m (1 + g)^(t-1) (r / (1 + d))^t

a geometric series with first term m r / (1 + d) and ratio q = r (1 + g) / (1 + d). With r = 1 it is
the annuity, with d = 0 and g = 0 too it is the simple product; for ever, with q < 1, it is
m r / (1 + d - r (1 + g)) (Gupta and Lehmann, "Customers as Assets", 2003).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from crmkit import parse
from crmkit.engine.money import amount, amounts
from crmkit.errors import UsageError
from crmkit.load.door import pythonic
from crmkit.parse import Duration
from crmkit.result import Result
from crmkit.whatif import inputs, schedule

RETENTIONS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
DISCOUNTS = (0.0, 0.05, 0.10, 0.15, 0.20)
_MOST_YEARS = 1_000


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A yearly margin with what happens to it; `retention`, `discount` and `growth` are per year.

    Raises UsageError for rates outside 0 to 1 (growth: -1 to 1).
    """

    margin: float
    retention: float = 1.0
    discount: float = 0.0
    growth: float = 0.0

    def __post_init__(self) -> None:
        for name, low in (("retention", 0), ("discount", 0), ("growth", -1)):
            rate = getattr(self, name)
            if not low <= rate <= 1:
                raise UsageError(f"The {name} is {rate:g}; it must lie between {low} and 1 (100%).")

    @property
    def first(self) -> float:
        """The first year's margin, from those who stay, in today's money."""
        return self.margin * self.retention / (1 + self.discount)

    @property
    def ratio(self) -> float:
        """How each year's term of the sum relates to that of the year before."""
        return self.retention * (1 + self.growth) / (1 + self.discount)

    def worth(self, years: float = math.inf) -> float:
        """The value over so many years; for ever it may be infinite."""
        if years == math.inf:
            return self.first / (1 - self.ratio) if self.ratio < 1 - 1e-12 else math.inf
        if abs(self.ratio - 1) < 1e-12:
            return self.first * years
        return self.first * (1 - self.ratio**years) / (1 - self.ratio)

    def payback(self, cost: float) -> float | None:
        """Years until the value has reached the cost; None where it never does."""
        if cost <= 0:
            return 0.0
        if cost >= self.worth():
            return None
        if self.ratio == 0 or abs(self.ratio - 1) < 1e-12:
            return cost / self.first
        return math.log(1 - cost * (1 - self.ratio) / self.first) / math.log(self.ratio)


@dataclass(frozen=True, kw_only=True)
class Shopper:
    """A customer who spends `spend` every so often for `years` years, and the margin on that."""

    spend: Decimal
    every: Duration
    years: int
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.spend < 0:
            raise UsageError(f"The spend is {self.spend}; it cannot be negative.")
        if not 1 <= self.years <= _MOST_YEARS:
            raise UsageError(f"The number of years is {self.years}; it must lie between 1 and {_MOST_YEARS}.")
        if not 0 <= self.margin <= 1:
            raise UsageError(f"The margin is {self.margin:g}; it must lie between 0 and 1 (100%).")

    @property
    def yearly_spend(self) -> float:
        """Spend per visit times visits per year, a year being 52 weeks, 12 months or 365 days."""
        return float(self.spend) * float(self.every.per_year)


@pythonic()
def analyse(
    data: Any = None,
    *,
    spend: str | Decimal | float | None = None,
    every: str | int | Duration | None = None,
    years: int | None = None,
    retention: str | float | None = None,
    margin: str | float | None = None,
    discount: str | float | None = None,
    growth: str | float | None = None,
    acquisition_cost: str | Decimal | float | None = None,
) -> Result:
    """What a customer is worth over a lifetime, on assumptions; or customers compared by what they will buy.

    Args:
        data: a schedule of purchases to compare customers by: a CSV file of customer, amount and date or age.
        spend, every, years: what the customer spends each time, how often (`1w`, `30d`), and for how many years.
        retention, margin: the parts of the customers who stay each year, and of the spend that is profit.
        discount, growth: per year.
        acquisition_cost: what it cost to win the customer.

    Raises UsageError for assumptions that are missing or cannot be.
    """
    lifelong = {"spend": spend, "years": years, "retention": retention, "margin": margin}
    lifelong |= {"growth": growth, "acquisition_cost": acquisition_cost}
    rate = parse.percent("0" if discount is None else discount, "--discount")
    length = None if every is None else parse.duration(every, "--every")
    if data is not None:
        _refuse_idle(lifelong)
        return schedule.compare(inputs.schedule(str(data)), discount=rate, every=length)
    _refuse_missing({"spend": spend, "every": every, "years": years})
    assert spend is not None and length is not None and years is not None
    shopper = Shopper(
        spend=parse.money(spend, "--spend"),
        every=length,
        years=years,
        margin=parse.percent("100%" if margin is None else margin, "--margin"),
    )
    return lifetime(
        shopper,
        retention=None if retention is None else parse.percent(retention, "--retention"),
        discount=rate,
        growth=parse.percent("0" if growth is None else growth, "--growth", low=-1),
        acquisition_cost=parse.money(
            "0" if acquisition_cost is None else acquisition_cost, "--acquisition-cost"
        ),
    )


def _refuse_missing(needed: Mapping[str, Any]) -> None:
    missing = [f"--{name}" for name, given in needed.items() if given is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed, as in "
            "--spend 40 --every 1w --years 30; or compare customers with --schedule FILE."
        )


def _refuse_idle(lifelong: Mapping[str, Any]) -> None:
    idle = [f"--{name.replace('_', '-')}" for name, given in lifelong.items() if given is not None]
    if idle:
        raise UsageError(f"{' and '.join(idle)} cannot be used with --schedule, which holds the purchases.")


def lifetime(
    shopper: Shopper,
    *,
    retention: float | None = None,
    discount: float = 0.0,
    growth: float = 0.0,
    acquisition_cost: Decimal = Decimal(0),
) -> Result:
    """The simple product beside the annuity and the value with retention, for these rates and others."""
    if acquisition_cost < 0:
        raise UsageError(f"The acquisition cost is {acquisition_cost}; it cannot be negative.")
    stream = Stream(
        margin=shopper.yearly_spend * shopper.margin,
        retention=1.0 if retention is None else retention,
        discount=discount,
        growth=growth,
    )
    kept = retention is not None
    return Result(
        command="value",
        tables={
            "values": _values_table(_ways(stream, shopper.years, kept=kept), acquisition_cost),
            "sensitivity": _sensitivity_table(stream, kept=kept),
        },
        facts={
            "spend_per_year": amount(shopper.yearly_spend),
            "spend_in_all": amount(shopper.yearly_spend * shopper.years),
            "visits_per_year": float(shopper.every.per_year),
            "margin": shopper.margin,
            "acquisition_cost": amount(acquisition_cost),
            "payback_years": stream.payback(float(acquisition_cost)),
        },
        notes=tuple(_notes(stream, retention, acquisition_cost)),
        titles={
            "values": f"{shopper.spend} every {shopper.every} for {shopper.years} years",
            "sensitivity": "Value for ever by retention (down) and discount (across)",
        },
        pictures={"sensitivity": "heat money"},
    )


class Way(NamedTuple):
    """One way to reckon, over so many years (None: for ever)."""

    method: str
    stream: Stream
    years: int | None

    @property
    def worth(self) -> float:
        """What it comes to."""
        return self.stream.worth(math.inf if self.years is None else self.years)


def _ways(stream: Stream, years: int, *, kept: bool) -> list[Way]:
    """From the crudest on, as far as the rates are known."""
    simple, annuity = replace(stream, retention=1.0, discount=0.0), replace(stream, retention=1.0)
    ways = [Way("one year", simple, 1), Way("simple", simple, years)]
    if stream.discount:
        ways.append(Way("annuity", annuity, years))
    if kept:
        ways += [Way("retention", stream, years), Way("retention for ever", stream, None)]
    return ways


def _values_table(ways: list[Way], cost: Decimal) -> pl.DataFrame:
    """A row for each way, and how many times as large the simple product is."""
    simple = ways[1].worth
    columns = [
        pl.Series("method", [way.method for way in ways]),
        pl.Series("years", [way.years for way in ways], dtype=pl.Int64),
        pl.Series("retention", [way.stream.retention for way in ways]),
        pl.Series("discount", [way.stream.discount for way in ways]),
        pl.Series("growth", [way.stream.growth for way in ways]),
        amounts("value", [way.worth for way in ways]),
        pl.Series("overstated", [None, *(_times(simple, way.worth) for way in ways[1:])], dtype=pl.Float64),
    ]
    if cost:
        columns += [
            amounts("net_value", [way.worth - float(cost) for way in ways]),
            pl.Series("payback_years", [way.stream.payback(float(cost)) for way in ways], dtype=pl.Float64),
        ]
    return pl.DataFrame(columns)


def _times(larger: float, smaller: float) -> float | None:
    return larger / smaller if smaller and math.isfinite(smaller) else None


def _sensitivity_table(stream: Stream, *, kept: bool) -> pl.DataFrame:
    """The value for ever: a row per retention, a column per discount; `current` marks the case asked for."""
    retentions = sorted({*RETENTIONS, stream.retention} if kept else RETENTIONS)
    discounts = sorted({*DISCOUNTS, stream.discount})
    values = [
        amounts(f"{d * 100:g}%", [replace(stream, retention=r, discount=d).worth() for r in retentions])
        for d in discounts
    ]
    table = pl.DataFrame([pl.Series("retention", retentions), *values])
    if not kept:
        return table
    mark = [stream.discount if r == stream.retention else None for r in retentions]
    return table.with_columns(pl.Series("current", mark, dtype=pl.Float64))


def _notes(stream: Stream, retention: float | None, cost: Decimal) -> list[str]:
    notes = []
    missing = [] if retention is not None else ["--retention 90%"]
    missing += [] if stream.discount else ["--discount 10%"]
    if missing:
        assumed = "nobody leaves" if retention is None else "money keeps its worth"
        assumed += " and money keeps its worth" if len(missing) == 2 else ""
        notes.append(f"This assumes that {assumed}. Add {' '.join(missing)} to see how much hangs on that.")
    if retention is not None and not math.isfinite(stream.worth()):
        notes.append("For ever has no bound here: with these rates the yearly margin never shrinks.")
    if stream.payback(float(cost)) is None:
        notes.append(
            f"The acquisition cost of {cost} never comes back: "
            f"all future margin is worth {stream.worth():,.2f}."
        )
    return notes
