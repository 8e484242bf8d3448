"""What goes together, and who is who."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crmkit.language.catalogue import counted, label, phrase, sentences
from crmkit.language.figures import money, percent
from crmkit.result import Result

if TYPE_CHECKING:
    import polars as pl


def pairs(result: Result) -> Result:
    """The pair that stands out most, and how many do."""
    facts, table = result.facts, result.tables["pairs"]
    counts = {
        "found": f"{facts['pairs_found']:,}",
        "tested": f"{facts['pairs_tested']:,}",
        "fdr": percent(facts["fdr"]),
    }
    if not facts["pairs_found"]:
        text = "No pair of products stands out from chance ({tested} tested, {fdr} false ones allowed)."
        return replace(result, headline=phrase(text, **counts), next=("crmkit basket FILE --min-orders 1%",))
    told = []
    if table.height:
        best = table.row(0, named=True)
        text = "{product} and {other} are bought together {times} times as often as chance has it."
        told.append(
            phrase(
                text,
                product=best["product"],
                other=best["other"],
                times=f"{best['affinity']:,.1f}",
            )
        )
    told.append(
        phrase("{found} of {tested} pairs stand out ({fdr} false ones among them at most).", **counts)
    )
    following = () if facts["substitutes"] else ("crmkit basket FILE --substitutes",)
    return replace(result, headline=sentences(*told), next=following)


def profile(result: Result) -> Result:
    """What marks the most valuable group."""
    groups = [row for row in result.tables["groups"].rows(named=True) if row["more"]]
    if not groups:
        return replace(result, headline=phrase("No group differs from the others beyond chance."))
    best = max(groups, key=lambda row: (row["revenue"], row["segment"]))
    told = phrase(
        "{segment} ({part} of customers, {money} of revenue) stand out by {more}.",
        segment=label(best["segment"]),
        part=percent(best["customers_share"]),
        money=percent(best["revenue_share"] or 0.0),
        more=best["more"],
    )
    by = "segment" if result.facts["by"] == "tier" else "tier"
    return replace(
        result, headline=told, next=(f"crmkit profile FILE --by {by}", "crmkit profile FILE --table labels")
    )


def matrix(result: Result) -> Result:
    """The strategy that the differences of customers call for."""
    rows = result.tables["matrix"].rows(named=True)
    best = max(rows, key=lambda row: (row["customers"], row["strategy"]))
    told = phrase(
        "Customers differ by {gini} in value (Gini) and by {needs} in needs: {strategy}.",
        gini=f"{best['gini']:.2f}",
        needs=percent(best["needs"]),
        strategy=label(best["strategy"]),
    )
    return replace(result, headline=told, next=("crmkit pareto FILE --scheme mvc", "crmkit profile FILE"))


def accounts(result: Result) -> Result:
    """Who brings most, and how much their peers say could be gained."""
    rows = {row["account"]: row for row in result.tables["accounts"].rows(named=True)}
    told = phrase(
        "{best} bring {value}; {some} could bring {gap} more if they did as the best of their peers.",
        best=counted(rows["most valuable"]["customers"], "customers"),
        value=money(rows["most valuable"]["year_value"]),
        some=counted(rows["most growable"]["customers"], "customers"),
        gap=money(rows["most growable"]["shortfall"]),
    )
    return replace(result, headline=told, next=("crmkit pareto FILE --scheme mvc -o accounts.csv",))


def score(result: Result, scored: pl.DataFrame) -> Result:
    """Who comes first, and what weighs most."""
    first = scored.row(0, named=True)
    aspects = result.tables["aspects"].sort("weight", "aspect", descending=[True, False]).row(0, named=True)
    told = phrase(
        "{customer} comes first with {score} of 100; {aspect} weighs most ({weight}).",
        customer=first["customer"],
        score=f"{first['score']:.1f}",
        aspect=label(aspects["aspect"]),
        weight=percent(aspects["weight"]),
    )
    return replace(
        result, headline=told, next=("crmkit score FILE -o ranked.csv", "crmkit score FILE --weights entropy")
    )


def returns(result: Result) -> Result:
    """How much comes back, and who returns unlike others."""
    told = _coming_back(
        result,
        "{rate} of what is sold comes back ({money}, {share} of the money); {some} return unlike the others.",
        counted(result.facts["serial_returners"], "customers"),
    )
    return replace(result, headline=told, next=("crmkit returns FILE -o returners.csv",))


def returned(result: Result) -> Result:
    """How much comes back, and how many products do more often than the others."""
    told = _coming_back(
        result,
        "{rate} of what is sold comes back ({money}, {share} of the money); {some} come back unlike the others.",
        counted(result.facts["unusual_products"], "products"),
    )
    return replace(result, headline=told)


def _coming_back(result: Result, sentence: str, some: str) -> str:
    total = result.tables["total"].row(0, named=True)
    return phrase(
        sentence,
        rate=percent(total["return_rate"] or 0.0),
        money=money(total["refunds"]),
        share=percent(total["refund_share"] or 0.0),
        some=some,
    )


def levels(result: Result) -> Result:
    """How many have been weak for three periods, and the largest of them."""
    facts, table = result.facts, result.tables["levels"]
    following = (f"crmkit trend FILE --by {facts['by']} -o periods.csv",)
    weak, all_ = f"{facts['weak']:,}", f"{facts['levels']:,}"
    if not facts["weak"]:
        text = "None of {all_} ({by}) was weak three times running."
        return replace(result, headline=phrase(text, all_=all_, by=label(facts["by"])), next=following)
    first = table.row(0, named=True)
    told = phrase(
        "{weak} of {all_} ({by}) were weak three times running; {first} most: {recent} instead of {usual}.",
        weak=weak,
        all_=all_,
        by=label(facts["by"]),
        first=first[facts["by"]],
        recent=money(first["recent_mean"]),
        usual=money(first["usual"] or 0.0),
    )
    return replace(result, headline=told, next=following)


def holdings(result: Result) -> Result:
    """How many hold one product only."""
    rows = result.tables["holdings"].rows(named=True)
    one = rows[0]
    told = phrase(
        "{part} of customers hold one product only, {money} of revenue; chance would have it with {expected} of them.",
        part=percent(one["customers_share"]),
        money=percent(one["revenue_share"] or 0.0),
        expected=percent(one["customers_by_chance"] / result.facts["customers"]),
    )
    return replace(result, headline=told, next=("crmkit basket FILE --table next",))


def brands(result: Result) -> Result:
    """The largest brand beside the norm, and how much brands share their buyers."""
    first = result.tables["brands"].row(0, named=True)
    told = phrase(
        "{product} reaches {part} of customers (the norm: {part_norm}); {sole} of them buy nothing else ({sole_norm}).",
        product=first["product"],
        part=percent(first["penetration"]),
        part_norm=percent(first["penetration_norm"]),
        sole=percent(first["sole_buyers"]),
        sole_norm=percent(first["sole_buyers_norm"]),
    )
    shared = phrase(
        "Buyers of one product are {times} times as likely as all to buy another (the norm: {norm}).",
        times=f"{result.facts['duplication_coefficient']:.2f}",
        norm=f"{result.facts['duplication_coefficient_norm']:.2f}",
    )
    following = ("crmkit basket FILE --unit customer", "crmkit basket FILE --table holdings")
    return replace(result, headline=sentences(told, shared), next=following)


def bought_next(result: Result) -> Result:
    """The surest order of two products."""
    table = result.tables["next"]
    if not table.height:
        return replace(
            result, headline=phrase("No product comes before another more often than a coin would have it.")
        )
    best = table.row(0, named=True)
    told = phrase(
        "{other} follows {product} after {days} days in {part} of the cases.",
        other=best["other"],
        product=best["product"],
        days=best["days_between"],
        part=percent(best["direction"]),
    )
    return replace(result, headline=told, next=("crmkit basket FILE -o next_best.csv",))


def next_best(result: Result) -> Result:
    """What is offered most, or how well offers would have done."""
    if "evaluation" in result.tables:
        best = result.tables["evaluation"].row(0, named=True)
        told = phrase(
            "Of the new products that could have been among ten offers, {recall} were ({customers}).",
            recall=percent(best["recall"]),
            customers=counted(best["customers"], "customers"),
        )
        return replace(result, headline=told, next=("crmkit basket FILE -o next_best.csv",))
    table = result.tables["suggested"]
    if not table.height:
        return replace(result, headline=phrase("Nobody can be offered anything."))
    first = table.row(0, named=True)
    told = phrase(
        "{product} is offered most often, to {customers}.",
        product=first["product"],
        customers=counted(first["customers"], "customers"),
    )
    return replace(result, headline=told, next=("crmkit basket FILE --table customers --evaluate DATE",))
