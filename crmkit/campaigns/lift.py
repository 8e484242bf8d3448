"""Did the campaign pay? What treated customers bought more than those who were left out, and what that is worth.

By intention to treat: whoever was assigned to an arm counts in it, buyers or not, reached or not. Each arm is compared with
the control in what its customers did from the first to the last day of the campaign. See `docs/lift.md`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl

from crmkit import parse
from crmkit.campaigns import before_after as placebo
from crmkit.campaigns import effects as effect_tables
from crmkit.campaigns import facts, tables, uplift
from crmkit.campaigns import money as money_table
from crmkit.campaigns.arms import CONTROL
from crmkit.campaigns.effects import ADJUSTED, PLAIN, Effect
from crmkit.campaigns.groups import LABEL, assigned, buyers, named, planned_shares, read
from crmkit.campaigns.money import Costs
from crmkit.campaigns.seen import Seen, look
from crmkit.campaigns.window import Window
from crmkit.customers import Data
from crmkit.errors import DataError, UsageError
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.parse import Duration
from crmkit.result import Result

Amount = Decimal | float | str


@question
def analyse(
    data: Data,
    *,
    groups: str | pl.DataFrame | None = None,
    from_: date | str,
    to: date | str,
    control_arm: str = CONTROL,
    margin: float | str | None = None,
    cost: Amount = 0,
    fixed_cost: Amount = 0,
    spend: Amount | None = None,
    by: str | None = None,
    score: str | None = None,
    top: float | str | None = None,
    pre: Duration | int | str | None = None,
    returns_until: date | str | None = None,
    planned: Mapping[str, float] | str | None = None,
    accept_srm: bool = False,
    buyers_only: bool = False,
    before_after: bool = False,
) -> Result:
    """Compare the arms of a campaign.

    Args:
        data: the transactions, of before and during the campaign.
        groups: who was assigned to which arm: a file, or a frame, with the columns `customer` and `group`.
        from_, to: the first and the last day of the campaign; `pre` is the time before it that customers are compared by,
            and refunds are deducted up to `returns_until`.
        margin: the part of revenue that is profit; default: revenue less the cost column, if there is one.
        cost, fixed_cost: of writing to one customer, and of the campaign as a whole; or all of it together: `spend`.
        by: a column of the groups, or segment, tier or cohort as of the day before, whose values are looked at one by one.
        score: a column of the groups that was to say whom to treat; `top` is the part with the highest scores.
        planned: the share of each arm; default: what the groups say, else round shares; `accept_srm` goes on without.
        buyers_only, before_after: without groups, the order value alone, or what happened and why that is no effect.

    Raises GateError for a sample ratio mismatch, DataError for days outside the file and groups that cannot be compared.
    """
    window, costs = _window(from_, to, pre, returns_until), _costs(margin, cost, fixed_cost, spend)
    part = _part(top, score)
    if groups is None:
        return _without_groups(data, window, control_arm, buyers_only=buyers_only, before_after=before_after)
    _refuse_both(buyers_only or before_after)
    sales = transactions_of(data, wants=("order", "cost"))
    frame = read(groups, by=by, score=score) if isinstance(groups, str) else named(groups, by, score)
    own = by if LABEL not in frame.columns else None
    exclude = sales.plan.options.exclude
    arms = assigned(frame, control=control_arm, planned=planned_shares(planned), exclude=exclude)
    arms.check_ratio(accept_srm)
    if score is not None:
        arms = replace(arms, frame=uplift.scored(arms.frame, part))
    seen = look(sales, window, arms, costs, own)
    result = _result(seen, _effects(seen), costs, by, scored=score is not None, top=part)
    return replace(result, next=_next(groups, window, control_arm) if isinstance(groups, str) else ())


def _refuse_both(without: bool) -> None:
    if without:
        raise UsageError(
            "--buyers-only and --before-after are for campaigns without --groups. Leave one out."
        )


def _part(top: float | str | None, score: str | None) -> float | None:
    if top is not None and score is None:
        raise UsageError(
            "--top is a part of the customers by their score. Say which column that is: --score COLUMN."
        )
    return None if top is None else parse.percent(top, "--top", low=0.001)


def _without_groups(
    data: Data, window: Window, control: str, *, buyers_only: bool, before_after: bool
) -> Result:
    """What can be said all the same."""
    sales = transactions_of(data, wants=("order", "cost", "group"))
    if before_after:
        return placebo.analyse(sales, window)
    if not buyers_only:
        raise UsageError(
            "--groups is missing: who was written to, buyers or not. "
            + (
                "The group column of the transactions knows of buyers only, and of those who did not buy nothing; "
                "--buyers-only compares their order value alone."
                if sales.has("group")
                else "Make groups beforehand with crmkit split FILE --name NAME -o groups.csv."
            )
            + " --before-after shows what happened without any, which is no effect."
        )
    if not sales.has("group"):
        raise DataError(
            "--buyers-only: there is no group column among the transactions. Give the groups with --groups FILE."
        )
    arms = assigned(buyers(sales, window), control=control, planned=None, exclude=None)
    seen = look(sales, window, arms, Costs())
    shown = [effect_tables.order_value(arm, seen.pair(arm), seen.units["revenue"]) for arm in arms.arms]
    return Result(
        command="lift",
        tables={"effects": effect_tables.table(shown)},
        facts={"from": window.begin, "to": window.end, "control": control, "customers": sum(arms.sizes.values()), "buyers_only": True},
        notes=("Buyers only: whether more of them bought, and what the campaign brought, cannot be told without --groups.",),
        headline=facts.of_buyers(shown),
        titles={"effects": "Revenue per order of those who bought"},
    )  # fmt: skip


def _window(
    from_: date | str, to: date | str, pre: Duration | int | str | None, returns: date | str | None
) -> Window:
    begin, end = parse.day("--from", from_), parse.day("--to", to)
    assert begin is not None and end is not None
    before = None if pre is None else parse.duration(pre, "--pre").days
    return Window.of(begin, end, before, parse.day("--returns-until", returns))


def _costs(margin: float | str | None, cost: Amount, fixed: Amount, spend: Amount | None) -> Costs:
    return Costs(
        margin=None if margin is None else parse.percent(margin, "--margin"),
        contact=parse.money(cost, "--cost"),
        fixed=parse.money(fixed, "--fixed-cost"),
        spend=None if spend is None else parse.money(spend, "--spend"),
    )


def _effects(seen: Seen) -> list[Effect]:
    return [
        one
        for arm in seen.groups.arms
        for one in effect_tables.of_arm(arm, seen.pair(arm), seen.units, seen.tail, seen.metrics)
    ]


def _result(
    seen: Seen, found: Sequence[Effect], costs: Costs, by: str | None, *, scored: bool, top: float | None
) -> Result:
    shown = {
        "money": _money(seen, found, costs),
        "effects": effect_tables.table(found),
        "arms": tables.arms(seen),
        "balance": tables.balance(seen),
    }
    told, notes = facts.of(seen, shown), facts.notes(seen, shown)
    if by is not None:
        parts = tables.by_segment(seen, by)
        shown["segments"] = parts.frame
        told["heterogeneity"] = facts.heterogeneity(parts.spread)
        notes += facts.differ(parts.spread)
    if scored:
        tenths = tables.by_score(seen, top, costs)
        shown |= tenths.frames
        told |= tenths.facts
        notes += tenths.notes
    result = Result(
        command="lift",
        tables={**shown, "days": tables.by_day(seen)},
        facts=told,
        notes=tuple(notes),
        headline=facts.headline(shown["money"]),
        titles=_titles(seen.window, by),
        pictures={
            "days": "none",
            "balance": "none",
            "money": "table first:method,customers,incremental_revenue,revenue_low,revenue_high,profit,roi",
            "effects": "table first:metric,method,control_mean,mean,effect,effect_low,effect_high,p",
        },
    )
    return result.with_detail("customers", tables.listed(seen, by))


def _money(seen: Seen, found: Sequence[Effect], costs: Costs) -> pl.DataFrame:
    """The adjusted estimate first, where there is one."""
    order = {arm: place for place, arm in enumerate(seen.groups.arms)}
    revenue = [one for one in found if one.metric == "revenue" and one.method in (ADJUSTED, PLAIN)]
    revenue.sort(key=lambda one: (order[one.group], one.method))
    profit = {(one.group, one.method): one for one in found if one.metric == "profit"}
    return money_table.table(revenue, profit, costs, dict(seen.groups.sizes))


def _next(groups: str, window: Window, control: str) -> tuple[str, ...]:
    line = f"crmkit lift FILE --groups {shlex.quote(groups)} --from {window.begin} --to {window.end}"
    line += "" if control == CONTROL else f" --control-arm {shlex.quote(control)}"
    return f"{line} --by segment", f"{line} --table days"


def _titles(window: Window, by: str | None) -> dict[str, str]:
    return {
        "money": f"What the campaign brought from {window.begin} to {window.end}",
        "effects": "Per assigned customer, against the control",
        "arms": "Who was assigned, is in the file, and bought",
        "balance": f"How alike the arms were on {window.day_before}",
        "segments": f"Revenue per customer by {by}",
        "targeting": "What treating only those at the top would have brought",
        "tenths": "Revenue per customer by tenth of the score, the highest first",
        "days": "The effect on revenue per customer so far, and an interval that holds on all days at once",
    }
