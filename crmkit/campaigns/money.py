"""What a campaign brought and cost: the effect per customer times the customers, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from crmkit.campaigns.effects import Effect
from crmkit.engine.money import amounts
from crmkit.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What revenue is worth and what the campaign cost: of each customer written to, once, or in all.

    `margin` is the profit in a unit of revenue; None where nobody said, and then there is no profit. Fixed costs and
    `spend` are shared by the arms by their customers.
    """

    margin: float | None = None
    contact: Decimal = Decimal(0)
    fixed: Decimal = Decimal(0)
    spend: Decimal | None = None

    def __post_init__(self) -> None:
        if self.spend is not None and (self.contact or self.fixed):
            raise UsageError(
                "--spend is all that the campaign cost; leave out --cost and --fixed-cost, or --spend."
            )
        if self.margin is not None and not 0 < self.margin <= 1:
            raise UsageError(f"--margin is {self.margin:g}; it must lie above 0 and up to 100%.")

    @property
    def known(self) -> bool:
        """Whether anybody said what the campaign cost."""
        return bool(self.contact or self.fixed or self.spend)

    def of(self, customers: int, treated: int) -> float:
        """The costs of an arm, when so many are treated in all."""
        once = self.fixed if self.spend is None else self.spend
        return float(self.contact) * customers + float(once) * customers / treated


def table(
    revenue: Sequence[Effect], profit: dict[tuple[str, str], Effect], costs: Costs, sizes: dict[str, int]
) -> pl.DataFrame:
    """A row for each estimate of each arm's effect on revenue; `profit` are those on profit, by arm and estimate."""
    treated = sum(sizes[arm] for arm in dict.fromkeys(one.group for one in revenue))
    rows = [
        _row(one, profit.get((one.group, one.method)), costs, sizes[one.group], treated) for one in revenue
    ]
    frame = pl.DataFrame(
        {name: [row[name] for row in rows] for name in _PLAIN}, schema_overrides={"customers": pl.Int64}
    )
    money = [amounts(name, [row[name] for row in rows]) for name in _MONEY]
    ratios = [pl.Series(name, [row[name] for row in rows], dtype=pl.Float64) for name in _RATIOS]
    made = frame.with_columns([*money, *ratios])
    unknown = ["profit", "profit_low", "profit_high", "break_even_cost"] if not profit else []
    if not profit or not costs.known:
        unknown += ["roi", "roi_low", "roi_high", "needed_effect", "needed_relative"]
    return made.drop(unknown + (["costs"] if not costs.known else []))


_PLAIN = ("group", "method", "customers")
_MONEY = (
    "incremental_revenue",
    "revenue_low",
    "revenue_high",
    "costs",
    "profit",
    "profit_low",
    "profit_high",
)
_RATIOS = ("roi", "roi_low", "roi_high", "break_even_cost", "needed_effect", "needed_relative")


def _row(one: Effect, profit: Effect | None, costs: Costs, n: int, treated: int) -> dict[str, Any]:
    whole = one.found.times(n)
    spent = costs.of(n, treated)
    row: dict[str, Any] = dict.fromkeys((*_MONEY, *_RATIOS))
    row |= {"group": one.group, "method": one.method, "customers": n, "costs": spent}
    row |= dict(zip(("incremental_revenue", "revenue_low", "revenue_high"), whole[:3], strict=True))
    if profit is None:
        return row
    gains = [None if gain is None else gain - spent for gain in profit.found.times(n)[:3]]
    row |= dict(zip(("profit", "profit_low", "profit_high"), gains, strict=True))
    row["break_even_cost"] = profit.found.value
    if spent > 0:
        row |= {
            name: None if gain is None else gain / spent
            for name, gain in zip(("roi", "roi_low", "roi_high"), gains, strict=True)
        }
        needed = _needed(one, profit, spent / n, costs.margin)
        row["needed_effect"] = needed
        if needed is not None and one.control.mean > 0:
            row["needed_relative"] = needed / one.control.mean
    return row


def _needed(one: Effect, profit: Effect, cost: float, margin: float | None) -> float | None:
    """The revenue per customer that would have paid for the campaign; without a margin, at that of the control."""
    if margin is None:
        margin = profit.control.mean / one.control.mean if one.control.mean > 0 else 0.0
    return cost / margin if margin > 0 else None
