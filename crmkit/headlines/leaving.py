"""Who is leaving, and who behaves otherwise than usual."""

from __future__ import annotations

from dataclasses import replace

from crmkit.language.catalogue import counted, phrase, sentences
from crmkit.language.figures import money, percent
from crmkit.result import Result


def churn(result: Result) -> Result:
    """How many are late, what they brought, and what of it will hardly come again."""
    facts = result.facts
    told = [
        phrase(
            "{late} of {customers} are late by their own rhythm.",
            late=f"{facts['late']:,}",
            customers=counted(int(facts["customers"]), "customers"),
        )
    ]
    if facts["revenue_at_risk"]:
        told.append(
            phrase(
                "Those who were here within a year brought {risk} in it; {loss} of that will hardly come again.",
                risk=money(facts["revenue_at_risk"]),
                loss=money(facts["expected_loss"]),
            )
        )
    if facts["silent_churn"]:
        told.append(
            phrase(
                "{part} of the late left without a refund, which is to say in silence.",
                part=percent(facts["silent_churn"]),
            )
        )
    return replace(
        result,
        headline=sentences(*told),
        next=("crmkit churn FILE -o calls.csv", "crmkit churn FILE --model mbgnbd"),
    )


def deviation(result: Result) -> Result:
    """How many do something unusual, and how many would do so by chance."""
    facts = result.facts
    told = [
        phrase(
            "{flagged} of the {tested} customers with enough history did something unusual in the last {window} days.",
            flagged=f"{facts['flagged_customers']:,}",
            tested=f"{facts['tested_customers']:,}",
            window=facts["window"],
        )
    ]
    if facts["expected_past"] is not None:
        told.append(
            phrase(
                "That makes {alarms} alarms, where a usual window gives {usual}.",
                alarms=f"{facts['alarms']:,}",
                usual=f"{facts['expected_past']:,.1f}",
            )
        )
    return replace(
        result, headline=sentences(*told), next=("crmkit deviation FILE -o alarms.csv", "crmkit churn FILE")
    )
