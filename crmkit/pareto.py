"""The 80/20 curve: who makes the money, in tiers that reconcile to the penny.

Everybody is ranked by one value, the largest first. `P` is the sum of the values above zero, and
every share is a part of P, so that a customer who costs money has a negative share, and the curve
climbs to 100 % and then falls. A tier reaches at least its cut: the customer who crosses it belongs
to the upper tier, and equal values never part. Customers below zero have a tier of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from crmkit import customers, parse
from crmkit.customers import Data
from crmkit.engine.counts import by_value, ratio
from crmkit.engine.money import as_money, exact, scale, scale_of, unit, whole
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import UsageError
from crmkit.headlines import value as headlines
from crmkit.load.dataset import NEEDED
from crmkit.load.door import question
from crmkit.parse import choice
from crmkit.result import Result
from crmkit.scoring import tier_cuts
from crmkit.scoring.distribution import above_zero, curve, gini, needed_for, reached_by
from crmkit.scoring.tier_cuts import TierCuts, values_of
from crmkit.scoring.tiers import (
    BELOW_ZERO,
    INACTIVE,
    VALUES,
    Ranking,
    Scheme,
    check,
    counted,
    label,
    ranked,
    scheme_of,
    unless_inactive,
)

KEYS = ("customer", "product", "channel", "group", "store")
_TOP = {"1%": 1, "5%": 5, "10%": 10, "20%": 20}


def _counted_with(added: Counted, customers: Rows, value: str, inactive_after: int | None) -> pl.DataFrame:
    """The counts with these measures, which need not be added up where they follow from the value."""
    if value != "revenue":
        return counted(customers.by_row(_brief), added, value, inactive_after)
    counts = counted(customers, Counted(sums=["orders"]), value, inactive_after)
    kind = customers.schema["revenue"]
    revenue = as_money("value", scale(customers.schema.to_frame(), "revenue")).cast(kind)
    each = _brief(counts.with_columns(revenue=revenue))
    return each.with_columns(pl.col("revenue", "above_zero") * pl.col("n"))


@question
def analyse(
    data: Data,
    *,
    scheme: str = "abc",
    cuts: str | Path | Sequence[float | Decimal] | TierCuts | None = None,
    value: str = "revenue",
    by: str = "customer",
    inactive_after: int | None = None,
) -> Result:
    """Tiers, the concentration curve and everybody's place.

    `by` is what is ranked; anything but a customer is counted as `items`. `cuts` are cumulative percentages, or the
    borders of an earlier run (`Result.saved["cuts"]`), or the file that keeps these.
    """
    asked = _asked_for(scheme, cuts, value, by)
    chosen, value, key = asked.scheme, asked.value, asked.key
    if inactive_after is not None and not chosen.headcount:
        raise UsageError("--inactive-after belongs to --scheme pyramid. Add that, or leave the days out.")
    rows = _people(data, key, value)
    check(rows, value, inactive_after)
    largest_first = (
        rows.by_row(partial(_listed_with, key=key, value=value))
        .ordered_by(by_value(value, key))
        .prefetch_order()
    )
    added = Counted(sums=[*_measures(value), "above_zero"], least=["lowest_revenue"])
    counts = _counted_with(added, rows, value, inactive_after)
    kind = rows.schema[value]
    found = ranked(counts, chosen, value, inactive_after, asked.units(kind))
    sums = _by_tier(counts, found, added)
    noun = "customers" if key == "customer" else "items"
    names = [*chosen.names, *([INACTIVE] if inactive_after is not None else [])]
    facts = _facts(found.distribution, sums, value=value, noun=noun)
    facts |= {
        "scheme": asked.name,
        "cuts": [float(cut) for cut in chosen.cuts],
        "inactive_after": inactive_after,
    }
    result = Result(
        command="pareto",
        tables={
            "tiers": tiers(sums, names, found.distribution, value=value, noun=noun),
            "curve": curve(found.distribution, value=value, noun=noun),
        },
        facts={name: fact for name, fact in facts.items() if fact is not None},
        notes=_notes(rows, found.distribution, value, noun),
        titles={
            "tiers": f"{noun.capitalize()} by {value}",
            "curve": f"Part of all {value} reached, largest first",
        },
        pictures={"tiers": "bars revenue_share", "curve": "curve asked"},
        saved={"cuts": asked.kept(found, sums, kind).text()},
    )
    return headlines.pareto(result).with_detail(
        noun, largest_first.map_in_order(partial(_listed, found=found, key=key))
    )


class _Asked(NamedTuple):
    """What is asked for, by the name of the scheme; `frozen` are the borders of an earlier run."""

    name: str
    scheme: Scheme
    value: str
    key: str
    frozen: TierCuts | None

    def units(self, kind: pl.DataType) -> list[int] | None:
        """The frozen borders in units of the value."""
        return None if self.frozen is None else self.frozen.units(kind)

    def kept(self, found: Ranking, sums: pl.DataFrame, kind: pl.DataType) -> TierCuts:
        """The borders for a next run."""
        return self.frozen or TierCuts(
            scheme=self.name,
            names=self.scheme.names,
            cuts=tuple(map(float, self.scheme.cuts)),
            value=self.value,
            by=self.key,
            lowest=values_of(found.lowest, kind),
            population={"tier": dict(sums.select("tier", "n").sort("tier").iter_rows())},
        )


def _asked_for(scheme: str, cuts: Any, value: str, by: str) -> _Asked:
    frozen = _frozen(cuts)
    if frozen is not None:
        given = {"scheme": (scheme, "abc"), "value": (value, "revenue"), "by": (by, "customer")}
        frozen.refuse_others(
            **{name: None if word == usual else word for name, (word, usual) in given.items()}
        )
        scheme, value, by = frozen.scheme, frozen.value, frozen.by
        cuts = [Decimal(str(cut)) for cut in frozen.cuts]
    borders = parse.percentages(cuts, "--cuts") if isinstance(cuts, str) else cuts
    chosen, key = scheme_of(scheme, borders), choice("--by", by, KEYS)
    return _Asked(scheme, chosen, choice("--value", value, VALUES), key, frozen)


def _frozen(cuts: Any) -> TierCuts | None:
    """The borders of an earlier run, where those were given, or the file that keeps them."""
    if isinstance(cuts, TierCuts):
        return cuts
    is_file = isinstance(cuts, Path) or (isinstance(cuts, str) and tier_cuts.is_file(cuts))
    return tier_cuts.read(cuts) if is_file else None


def _people(data: Data, key: str, value: str) -> Rows:
    """The customers, or the rows of another key, with what they are ranked by."""
    needs = {*NEEDED, key, *(["cost"] if value == "profit" else [])}
    return customers.people(data, {"orders", value} & {"orders", "profit"}, key=key, needs=needs)


def _listed_with(customers: pl.DataFrame, key: str, value: str) -> pl.DataFrame:
    """What a customer is listed with, and what that is made of."""
    wanted = {key, "revenue", value, "recency"}
    return customers.select(name for name in customers.columns if name in wanted)


def _brief(customers: pl.DataFrame) -> pl.DataFrame:
    """What the tiers need of each customer."""
    revenue = pl.col("revenue")
    return customers.with_columns(above_zero=revenue.clip(lower_bound=0), lowest_revenue=revenue)


def _by_tier(counts: pl.DataFrame, found: Ranking, added: Counted) -> pl.DataFrame:
    tier = label(pl.col("value"), found.lowest, found.names)
    is_active = pl.lit(True) if found.inactive_after is None else pl.col("active")
    return added._replace(by=["tier"]).added(
        counts.with_columns(tier=tier).with_columns(unless_inactive(is_active))
    )


def _measures(value: str) -> list[str]:
    return list(dict.fromkeys(["revenue", "orders", value]))


def tiers(
    sums: pl.DataFrame, names: Iterable[str], distribution: pl.DataFrame, *, value: str, noun: str
) -> pl.DataFrame:
    """One row for each tier, the empty ones too; money adds up to the exact total.

    `sums` holds the counts of each tier with somebody in it.
    """
    listed = [*names, *([BELOW_ZERO] if (sums["tier"] == BELOW_ZERO).any() else [])]
    rows = pl.DataFrame({"tier": listed}).join(sums, on="tier", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("n", *_measures(value)).fill_null(0))
    return _with_shares(rows, sums, distribution, value=value, noun=noun)


def _with_shares(
    rows: pl.DataFrame, sums: pl.DataFrame, distribution: pl.DataFrame, *, value: str, noun: str
) -> pl.DataFrame:
    """Parts and means, each from one division of exact whole numbers."""
    total = above_zero(distribution)
    own = [] if value == "revenue" else [pl.col(value), ratio(whole(value), total).alias(f"{value}_share")]
    positive = int(sums.select(whole("above_zero").sum()).item())
    per_head = pl.col("n") * unit(scale(rows, "revenue"))
    return rows.select(
        "tier",
        pl.col("n").alias(noun),
        ratio(pl.col("n"), int(sums["n"].sum())).alias(f"{noun}_share"),
        "revenue",
        ratio(whole("revenue"), positive).alias("revenue_share"),
        *own,
        ratio(whole(value).cum_sum(), total).alias("cumulative_share"),
        *(["orders"] if value != "orders" else []),
        ratio(whole("revenue"), per_head).alias("mean_revenue"),
        "lowest_revenue",
    )


def _listed(customers: pl.DataFrame, found: Ranking, key: str) -> pl.DataFrame:
    """By row: everybody with rank and tier."""
    own = [] if found.value == "revenue" else [found.value]
    columns = [key, "revenue", *own, "share", "cumulative_share", "rank", "tier"]
    return found.with_tier(customers).select(columns)


def _facts(distribution: pl.DataFrame, sums: pl.DataFrame, *, value: str, noun: str) -> dict[str, Any]:
    """Headline numbers; "the top 20 %" are as many customers as fit into 20 %, and at least one."""
    n, total, enough = int(sums["n"].sum()), above_zero(distribution), needed_for(distribution, 80)
    top = {
        name: reached_by(distribution, max(1, n * percent // 100)) / total for name, percent in _TOP.items()
    }
    return {
        noun: n,
        "revenue": sums["revenue"].sum(),
        "value": value,
        "gini": gini(distribution),
        f"{noun}_for_80": enough,
        f"{noun}_for_80_share": enough / n,
        "top_share": top,
    }


def _notes(customers: Rows, distribution: pl.DataFrame, value: str, noun: str) -> tuple[str, ...]:
    """What stands behind the shares, wherever a column has something below zero."""
    counts = {value: distribution}
    if value != "revenue":
        counts["revenue"] = counted(customers, Counted(), "revenue", None)
    return tuple(
        _below_zero(found, scale_of(customers.schema[column]), column, noun)
        for column, found in counts.items()
        if (found["value"] < 0).any()
    )


def _below_zero(counts: pl.DataFrame, decimals: int, column: str, noun: str) -> str:
    below = counts.filter(pl.col("value") < 0)
    lost, total = (int(part.select(pl.col("value").dot(pl.col("n"))).item()) for part in (below, counts))
    return (
        f"{below['n'].sum():,} of {counts['n'].sum():,} {noun} have {column} below zero, "
        f"{exact(lost, decimals):,} together. Shares of {column} are parts of {exact(total - lost, decimals):,}, "
        f"which the others add up to."
    )
