"""What goes together, and who is who."""

from __future__ import annotations

from dataclasses import replace

from crmkit.language.catalogue import phrase, sentences
from crmkit.language.figures import percent
from crmkit.result import Result


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
