"""What `crmkit lift` says in single values and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crmkit.campaigns.effects import ADJUSTED, PLAIN, Effect
from crmkit.campaigns.groups import MISMATCH
from crmkit.campaigns.seen import Seen
from crmkit.campaigns.segments import Heterogeneity
from crmkit.language.catalogue import phrase, sentences
from crmkit.language.figures import money

# Skewness of the difference of means, beyond which 95 % intervals hold less than 93.5 % of the time: measured.
SKEWED = 0.2


def of(seen: Seen, shown: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """The single values."""
    groups, window = seen.groups, seen.window
    square, p = groups.ratio
    return {
        "from": window.begin,
        "to": window.end,
        "pre_from": window.pre,
        "returns_until": window.returns,
        "control": groups.control,
        "customers": sum(groups.sizes.values()),
        "not_in_file": sum(groups.sizes.values()) - sum(seen.in_file.values()),
        "without_group": groups.without,
        "sample_ratio": {"chi2": square, "p": p, "planned": dict(groups.plan.shares), "stated": groups.plan.is_known},
        "top_ten_share": {arm: seen.tail.top_share(arm) for arm in groups.arms},
        "winsorised_at": seen.tail.cap * seen.units["revenue"],
        "skewness": {arm: seen.tail.skewness(arm) for arm in groups.arms},
        "variance_removed": _removed(shown["effects"]),
    }  # fmt: skip


def _removed(table: pl.DataFrame) -> dict[str, dict[str, float]]:
    """The part of the variance of each difference that the adjustment takes away, by arm and metric."""
    error = pl.col("effect") / pl.col("statistic")
    found: dict[str, dict[str, float]] = {}
    both = table.filter(pl.col("metric") != "bought").with_columns(error=error)
    pairs = both.filter(pl.col("method") == PLAIN).join(
        both.filter(pl.col("method") == ADJUSTED), on=["group", "metric"], maintain_order="left"
    )
    for arm, metric, plain, adjusted in pairs.select("group", "metric", "error", "error_right").iter_rows():
        if plain and adjusted:
            found.setdefault(arm, {})[metric] = 1 - (adjusted / plain) ** 2
    return found


def headline(shown: pl.DataFrame) -> str:
    """The money of the first arm, in a sentence or two."""
    row = shown.row(0, named=True)
    low, high = row["revenue_low"], row["revenue_high"]
    if low is None or high is None:
        return phrase("{arm}: nothing varies, so nothing can be said of an effect.", arm=row["group"])
    top = max(abs(low), abs(high))
    told = [
        phrase(
            "{arm} brought {revenue} of revenue that would not have been there (95%: {low} to {high}).",
            arm=row["group"],
            revenue=money(row["incremental_revenue"], top),
            low=money(low, top),
            high=money(high, top),
        )
    ]
    if row.get("profit") is not None:
        top = max(abs(row["profit_low"]), abs(row["profit_high"]))
        told.append(
            phrase(
                "Profit {profit} ({low} to {high}).",
                profit=money(row["profit"], top),
                low=money(row["profit_low"], top),
                high=money(row["profit_high"], top),
            )
        )
    if row.get("roi") is not None:
        told.append(phrase("ROI {roi}.", roi=f"{row['roi']:.2f}"))
    if low <= 0 <= high:
        told.append(phrase("That may well be chance."))
    return sentences(*told)


def of_buyers(shown: Sequence[Effect]) -> str:
    """The order value of the first arm."""
    one = shown[0]
    if one.found.low is None or one.found.high is None or one.found.value is None:
        return f"{one.group}: too few bought to compare their orders."
    return (
        f"Orders of buyers in {one.group} are worth {one.treated.mean:,.2f}, {one.found.value:+,.2f} against {one.control.mean:,.2f} "
        f"(95%: {one.found.low:+,.2f} to {one.found.high:+,.2f})."
    )


def heterogeneity(spread: Mapping[str, Heterogeneity]) -> dict[str, Any]:
    """Cochran's Q and the common effect, by arm."""
    return {arm: {"q": one.q, "df": one.df, "p": one.p, "common": one.common} for arm, one in spread.items()}


def differ(spread: Mapping[str, Heterogeneity]) -> list[str]:
    """Whether segments differ, in words."""
    return [
        f"{arm}: the effects of the segments differ {'more than' if one.p < 0.05 else 'no more than'} chance makes them "
        f"(Cochran's Q {one.q:.2f}, {one.df} df, p {one.p:.2g})."
        for arm, one in spread.items()
    ]


def notes(seen: Seen, shown: Mapping[str, pl.DataFrame]) -> list[str]:
    """What a careful reader would want to know."""
    groups, said = seen.groups, [*seen.gaps]
    missing = sum(groups.sizes.values()) - sum(seen.in_file.values())
    if missing:
        said.append(
            f"{missing:,} customers of the groups have no transaction in the file; they count with zeros."
        )
    if groups.without:
        said.append(f"{groups.without:,} rows of the groups name no group and are left out.")
    if groups.ratio[1] < MISMATCH:
        said.append(
            f"The sizes of the arms are not what was planned (p {groups.ratio[1]:.1g}); the effects may be due to that."
        )
    unlike = shown["balance"].filter("unlike")
    if unlike.height:
        names = ", ".join(dict.fromkeys(unlike["measure"]))
        said.append(f"The arms differed beforehand in {names}; look at the adjusted estimate.")
    for arm in groups.arms:
        said += _of_tail(seen, arm)
    return said


def _of_tail(seen: Seen, arm: str) -> list[str]:
    said = []
    share = seen.tail.top_share(arm)
    if share is not None and abs(share) > 0.5:
        said.append(f"{arm}: ten customers make {share:.0%} of the effect; see the winsorised row.")
    if abs(seen.tail.skewness(arm)) > SKEWED:
        said.append(
            f"{arm}: the sample is too small: revenue is so uneven, and one arm so much smaller than the other, that the intervals "
            "of revenue hold less often than they say. More customers in the smaller arm mend that; look at bought meanwhile."
        )
    return said
