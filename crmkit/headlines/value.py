"""Who makes the money, who to talk to, what customers are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crmkit.language.catalogue import counted, label, lasting, listed, phrase, sentences
from crmkit.language.figures import money, percent
from crmkit.result import Result

_HUNDRED = 100  # below that the best 1% are nobody
# Segments of people who used to spend, in the maps that come with crmkit.
_USED_TO_SPEND = ("At Risk", "Can't Lose", "重要保持客户", "重要挽留客户")


def pareto(result: Result) -> Result:
    """How many bring 80 %, and what the best bring."""
    facts, noun = result.facts, "customers" if "customers" in result.facts else "items"
    top = {name: percent(part) for name, part in facts["top_share"].items()}
    told = [
        phrase(
            "{part} of {noun} bring {goal} of {value}.",
            part=percent(facts[f"{noun}_for_80_share"]),
            noun=label(noun),
            goal="80%",
            value=label(facts["value"]),
        )
    ]
    if facts[noun] >= _HUNDRED:
        best = {"some": "20%", "their": top["20%"], "few": "1%", "theirs": top["1%"]}
        told.append(phrase("The best {some} bring {their}, the best {few} {theirs}.", **best))
    else:
        told.append(phrase("The best {some} bring {their}.", some="20%", their=top["20%"]))
    told.append(phrase("Gini {gini}.", gini=f"{facts['gini']:.2f}"))
    following = (
        ("crmkit pareto FILE -o tiers.csv", "crmkit rfm FILE")
        if noun == "customers"
        else ("crmkit pareto FILE",)
    )
    return replace(result, headline=sentences(*told), next=following)


def rfm(result: Result) -> Result:
    """The segment with the most money, and those who used to spend."""
    following: tuple[str, ...] = ("crmkit rfm FILE -o scores.csv", "crmkit rfm FILE --table cells")
    context = phrase("scores by fixed borders") if result.facts.get("frozen") else ""
    if "segments" not in result.tables:
        return replace(result, next=following[:1], context=context)
    rows = result.tables["segments"].rows(named=True)
    best = max(rows, key=lambda row: row["revenue"])
    told = [
        phrase(
            "{segment} are {part} of customers and {money} of revenue.",
            segment=label(best["segment"]),
            part=percent(best["share"] or 0.0),
            money=percent(best["revenue_share"] or 0.0),
        )
    ]
    away = [row for row in rows if row["segment"] in _USED_TO_SPEND and row["customers"]]
    if away:
        told.append(
            phrase(
                "{customers} who used to spend ({segments}) hold {money}.",
                customers=counted(sum(row["customers"] for row in away), "customers"),
                segments=listed(label(row["segment"]) for row in away),
                money=percent(sum(row["revenue_share"] or 0.0 for row in away)),
            )
        )
        largest = max(away, key=lambda row: row["revenue"])["segment"]
        following = (f'crmkit rfm FILE --segment "{largest}" -o {_file_name(largest)}.csv', *following[1:])
    return replace(result, headline=sentences(*told), next=following, context=context)


def _file_name(segment: str) -> str:
    return "".join(c for c in segment.lower().replace(" ", "-") if c.isalnum() or c == "-")


def clv(result: Result) -> Result:
    """What all customers are worth in the horizon, with its interval."""
    facts, table = result.facts, result.tables.get("total", result.tables["summary"])
    row = table.row(0, named=True)
    told = {
        "customers": counted(facts["customers"], "customers"),
        "horizon": lasting(facts["horizon"]),
        "level": percent(facts["interval"]),
    }
    if "clv" in row:
        told |= _range(row, "clv", "clv", money)
        text = (
            "{customers} are worth {expected} in the next {horizon} ({level}: {low} to {high})."
            if facts["margin"] == 1
            else "{customers} are worth {expected} of profit in the next {horizon} ({level}: {low} to {high})."
        )
    else:
        told |= _range(row, "expected_purchases", "purchases", lambda value: f"{value:,.0f}")
        text = "{customers} will buy {expected} times in the next {horizon} ({level}: {low} to {high})."
    return replace(
        result,
        headline=phrase(text, **told),
        next=("crmkit clv FILE --by segment", "crmkit clv FILE -o value.csv", "crmkit backtest FILE"),
    )


def _range(row: dict[str, Any], name: str, short: str, form: Any) -> dict[str, str]:
    ends = {"expected": name, "low": f"{short}_low", "high": f"{short}_high"}
    return {end: form(row[column]) for end, column in ends.items()}
