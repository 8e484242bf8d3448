"""What changed: cohorts, the life cycle, moves and revenue by period."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crmkit.language.catalogue import counted, label, listed, phrase, sentences
from crmkit.language.figures import money, percent
from crmkit.result import Result

_PERIODS = 12


def cohort(result: Result) -> Result:
    """What part of new customers is there again after one period, and after several."""
    grid, facts = result.tables["grid"], result.facts
    told = []
    if (rate := facts.get("return_rate")) is not None:
        told.append(
            phrase(
                "{part} of new customers order again in the first {period} after their first.",
                part=percent(rate),
                period=label(facts["by"]),
            )
        )
    mean = grid.row(-1, named=True)
    later = [(since, mean[since]) for since in ("3", "6", "12") if mean.get(since) is not None]
    if facts["value"] == "rate" and later:
        shares = listed(
            phrase("{part} in {period} {since}", part=percent(part), period=label(facts["by"]), since=since)
            for since, part in later
        )
        told.append(phrase("Later: {shares}.", shares=shares))
    following = ("crmkit cohort FILE --value cumulative", "crmkit lifecycle FILE")
    return replace(result, headline=sentences(*told), next=following)


def lifecycle(result: Result) -> Result:
    """Who came, came back and stayed away in the last complete period, or the largest stage."""
    following = ("crmkit churn FILE", "crmkit lifecycle FILE --stages")
    if "stages" in result.tables:
        return _stages(result)
    rows = [row for row in result.tables["periods"].iter_rows(named=True) if row["complete"]]
    if not rows:
        return replace(result, next=following)
    last = rows[-1]
    told = [
        phrase(
            "In {period}, {new} customers were new, {back} came back and {lapsed} stayed away.",
            period=last["period"],
            new=f"{last['new']:,}",
            back=f"{last['reactivated']:,}",
            lapsed=f"{last['lapsed']:,}",
        )
    ]
    if last["retention_rate"] is not None:
        told.append(
            phrase(
                "{part} of the customers of the period before bought again.",
                part=percent(last["retention_rate"]),
            )
        )
    return replace(result, headline=sentences(*told), next=following)


def _stages(result: Result) -> Result:
    rows = {row["stage"]: row for row in result.tables["stages"].iter_rows(named=True)}
    told = phrase(
        "{loyal} are loyal and bring {money} of revenue; {dormant} are dormant.",
        loyal=counted(rows["loyal"]["customers"], "customers"),
        money=percent(rows["loyal"]["revenue_share"] or 0.0),
        dormant=counted(rows["dormant"]["customers"], "customers"),
    )
    return replace(result, headline=told, next=("crmkit churn FILE", "crmkit rfm FILE"))


def migration(result: Result) -> Result:
    """How many moved, and in which direction."""
    facts, moves = result.facts, result.facts["moves"]
    told = []
    if facts["same_share"] is not None:
        told.append(
            phrase(
                "Of the customers of {begin}, {same} are where they were on {end}; {up} moved up and {down} down.",
                begin=facts["from"],
                same=percent(facts["same_share"]),
                end=facts["to"],
                up=f"{moves.get('up', 0):,}",
                down=f"{moves.get('down', 0):,}",
            )
        )
    told.append(
        phrase(
            "{entered} came and {left} left.",
            entered=f"{moves.get('entered', 0):,}",
            left=f"{moves.get('left', 0):,}",
        )
    )
    following = (f"crmkit migration FILE --from {facts['from']} -o moves.csv",)
    return replace(result, headline=sentences(*told), next=following)


def diff(result: Result) -> Result:
    """How many came, left and moved since the run before."""
    facts = result.facts
    told = phrase(
        "{now} customers, {before} before.",
        now=f"{facts['customers'] or 0:,}",
        before=f"{facts['customers_before'] or 0:,}",
    )
    if "moves" not in facts:
        return replace(result, headline=told)
    moves = facts["moves"]
    came = phrase(
        "{entered} came and {left} left.",
        entered=f"{moves.get('entered', 0):,}",
        left=f"{moves.get('left', 0):,}",
    )
    moved = phrase("{moved} are in another group.", moved=f"{moves.get('moved', 0):,}")
    return replace(result, headline=sentences(told, came, moved))


def trend(result: Result) -> Result:
    """The last complete period against the one before, and what the change is made of."""
    rows = [row for row in result.tables["periods"].iter_rows(named=True) if row["complete"]]
    following = ("crmkit lifecycle FILE", "crmkit trend FILE --period week")
    if len(rows) < 2:
        return replace(result, next=following)
    before, last = rows[-2], rows[-1]
    told = [_change(last, before)]
    if last["year_on_year"] is not None:
        told.append(phrase("Against a year ago: {change}.", change=_signed(last["year_on_year"])))
    if last["change"] is not None and last["from_customers"] is not None:
        told.append(
            phrase(
                "The change is {customers} from the number of customers, {frequency} from how often they ordered, "
                "{value} from the order value.",
                customers=_plus(last["from_customers"], last["revenue"]),
                frequency=_plus(last["from_frequency"], last["revenue"]),
                value=_plus(last["from_order_value"], last["revenue"]),
            )
        )
    return replace(result, headline=sentences(*told), next=following)


def _change(last: dict[str, Any], before: dict[str, Any]) -> str:
    told = {"period": last["period"], "revenue": money(last["revenue"]), "before": before["period"]}
    if not before["revenue"] or before["revenue"] < 0:
        return phrase("Revenue of {period} is {revenue}.", **told)
    change = float(last["revenue"] / before["revenue"]) - 1
    return phrase(
        "Revenue of {period} is {revenue}, {change} against {before}.", **told, change=_signed(change)
    )


def _signed(part: float) -> str:
    return ("+" if part > 0 else "") + percent(part)


def _plus(amount: Any, top: Any) -> str:
    return ("+" if amount > 0 else "") + money(amount, top)
