"""The 80/20 curve: who makes the money, in tiers that reconcile to the penny.

Everybody is ranked by one value, the largest first. `P` is the sum of the values above zero, and
every share is a part of P, so that a customer who costs money has a negative share, and the curve
climbs to 100 % and then falls. A tier reaches at least its cut: the customer who crosses it belongs
to the upper tier, and equal values never part. Customers below zero have a tier of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise
from string import ascii_uppercase
from typing import Any, NamedTuple

import polars as pl

from crmkit.customers import money as minor_as_money
from crmkit.engine import rows as where
from crmkit.engine.counts import by_value, money, ratio, scale, whole
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import value as headlines
from crmkit.result import Result
from crmkit.scoring.distribution import above_zero, curve, gini, ladder, needed_for, reached_by

BELOW_ZERO = "below zero"
INACTIVE = "inactive"
VALUES = ("revenue", "profit", "orders")
_TOP = {"1%": 1, "5%": 5, "10%": 10, "20%": 20}


class Scheme(NamedTuple):
    """Tier names, the cumulative percentage at which each ends, and what is counted up to it."""

    names: tuple[str, ...]
    cuts: tuple[Fraction, ...]
    headcount: bool = False


def _percentages(*cuts: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(cut) for cut in cuts)


SCHEMES = {
    "abc": Scheme(("A", "B", "C"), _percentages(80, 95, 100)),
    "contribution": Scheme(("top", "middle", "bottom"), _percentages(80, 99, 100)),
    "pyramid": Scheme(("top", "large", "medium", "small"), _percentages(1, 5, 20, 100), headcount=True),
}


def scheme_of(name: str, cuts: Sequence[float | Decimal] | None = None) -> Scheme:
    """A named scheme, or that scheme with other cuts: rising percentages; a last 100 may be left out."""
    if name not in SCHEMES:
        raise UsageError(f"There is no scheme {name!r}. The schemes are {', '.join(SCHEMES)}.")
    scheme = SCHEMES[name]
    if cuts is None:
        return scheme
    found = _rising(cuts)
    names = scheme.names if len(found) == len(scheme.names) else tuple(ascii_uppercase[: len(found)])
    return Scheme(names, found, scheme.headcount)


def _rising(cuts: Sequence[float | Decimal]) -> tuple[Fraction, ...]:
    try:
        found = [Fraction(str(cut)) for cut in cuts]
    except ValueError:  # not a number, or infinite
        found = []
    if found and found[-1] < 100:
        found.append(Fraction(100))
    rising = all(low < high for low, high in pairwise([Fraction(0), *found]))
    if not 2 <= len(found) <= len(ascii_uppercase) or found[-1] != 100 or not rising:
        given = ",".join(str(cut) for cut in cuts)
        raise UsageError(f"The cuts are {given!r}. Write percentages that rise to 100, such as 70,90,100.")
    return tuple(found)


def floors(rungs: pl.DataFrame, scheme: Scheme) -> list[int]:
    """The lowest value in each tier but the last, found from counts alone."""
    total, above = above_zero(rungs), pl.col("reached") - pl.col("n").cast(pl.Int128) * pl.col("value")
    if scheme.headcount:
        total, above = int(rungs["n"].sum()), pl.col("customers") - pl.col("n")
    found = []
    for cut in scheme.cuts[:-1]:
        inside = rungs.filter(above < math.ceil(cut * total / 100), pl.col("value") >= 0)
        # Without a rung there is nobody at or above zero to name.
        found.append(int(inside.row(-1)[0]) if inside.height else 0)
    return found


def label(value: pl.Expr, lowest: Sequence[int], names: Sequence[str]) -> pl.Expr:
    """The tier of each value, row by row, given the lowest value of each tier."""
    tier = pl.lit(names[-1])
    for floor, name in reversed(list(zip(lowest, names, strict=False))):
        tier = pl.when(value >= floor).then(pl.lit(name)).otherwise(tier)
    return pl.when(value < 0).then(pl.lit(BELOW_ZERO)).otherwise(tier)


def _unless_inactive(is_active: pl.Expr) -> pl.Expr:
    return pl.when(is_active).then("tier").otherwise(pl.lit(INACTIVE)).alias("tier")


def active(inactive_after: int | None) -> pl.Expr:
    """Whether a customer ordered within so many days; without a limit everybody is active."""
    if inactive_after is None:
        return pl.lit(True)
    return (pl.col("recency") <= inactive_after).fill_null(False)


class Ranking(NamedTuple):
    """What a customer's place follows from, by row: `rungs` are all values, `lowest` ends each tier."""

    value: str
    rungs: pl.DataFrame
    lowest: Sequence[int]
    names: Sequence[str]
    inactive_after: int | None

    def place(self, customers: pl.DataFrame) -> pl.DataFrame:
        """Add `rank`, `share`, `cumulative_share` and `tier`."""
        values = customers.select(value=whole(self.value)).to_series()
        # The rungs fall, and each of these values has one.
        found = self.rungs["value"].search_sorted(values, descending=True)
        places = self.rungs.select(pl.col("rank", "share", "cumulative_share", "tier").gather(found))
        return customers.hstack(places).with_columns(_unless_inactive(active(self.inactive_after)))


def ranking(
    customers: Rows, scheme: Scheme, *, value: str = "revenue", inactive_after: int | None = None
) -> Ranking:
    """Ranks and tiers from counts of the value.

    Equal values get equal ranks, shares and tiers, so the order of the rows changes nothing;
    `cumulative_share` is the part reached when all customers of that value are counted.
    """
    counts = _counted(customers, Counted(), value, inactive_after)
    return _ranked(counts, scheme, value, inactive_after)


def _counted(customers: Rows, wanted: Counted, value: str, inactive_after: int | None) -> pl.DataFrame:
    """How often each value occurs, among those who are active and not, with what else is wanted of them."""
    _check(customers, value, inactive_after)
    by = ["value"] if inactive_after is None else ["value", "active"]
    rows = customers.by_row(partial(_with_value, value=value, inactive_after=inactive_after))
    return rows.counts(wanted._replace(by=by))


def _counted_with(added: Counted, customers: Rows, value: str, inactive_after: int | None) -> pl.DataFrame:
    """The counts with these measures, which need not be added up where they follow from the value."""
    if value != "revenue":
        return _counted(customers.by_row(_brief), added, value, inactive_after)
    counts = _counted(customers, Counted(sums=["orders"]), value, inactive_after)
    kind = customers.schema["revenue"]
    revenue = minor_as_money("value", scale(customers.schema.to_frame(), "revenue")).cast(kind)
    each = _brief(counts.with_columns(revenue=revenue))
    return each.with_columns(pl.col("revenue", "above_zero") * pl.col("n"))


def _with_value(customers: pl.DataFrame, value: str, inactive_after: int | None) -> pl.DataFrame:
    return customers.with_columns(value=whole(value), active=active(inactive_after))


def _ranked(counts: pl.DataFrame, scheme: Scheme, value: str, inactive_after: int | None) -> Ranking:
    if missing := int(counts.filter(pl.col("value").is_null())["n"].sum()):
        raise DataError(f"{missing:,} rows have no {value}. Fill it in, or rank by revenue.")
    everybody = inactive_after is None
    rungs = ladder(counts.group_by("value").agg(pl.col("n").sum()))
    _refuse_nothing(rungs, value)
    lowest = floors(rungs if everybody else ladder(counts.filter("active").select("value", "n")), scheme)
    total = above_zero(rungs)
    places = rungs.with_columns(
        rank=pl.col("customers") - pl.col("n") + 1,
        share=ratio(pl.col("value"), total),
        cumulative_share=ratio(pl.col("reached"), total),
        tier=label(pl.col("value"), lowest, scheme.names),
    )
    return Ranking(value, places, lowest, scheme.names, inactive_after)


def assign(
    customers: pl.DataFrame,
    scheme: Scheme = SCHEMES["abc"],
    *,
    value: str = "revenue",
    inactive_after: int | None = None,
) -> pl.DataFrame:
    """Add `rank`, `share`, `cumulative_share` and `tier` to each customer (see `ranking`)."""
    found = ranking(where.of(customers), scheme, value=value, inactive_after=inactive_after)
    return found.place(customers)


def analyse(
    customers: pl.DataFrame | Rows,
    *,
    scheme: str = "abc",
    cuts: Sequence[float | Decimal] | None = None,
    value: str = "revenue",
    inactive_after: int | None = None,
    key: str = "customer",
) -> Result:
    """Tiers, the concentration curve and every customer's place.

    `key` is the column that names what is ranked; anything but a customer is counted as `items`.
    """
    chosen = scheme_of(scheme, cuts)
    if inactive_after is not None and not chosen.headcount:
        raise UsageError("--inactive-after belongs to --scheme pyramid. Add that, or leave the days out.")
    rows = where.of(customers)
    _check(rows, value, inactive_after)
    largest_first = rows.by_row(partial(_asked, key=key, value=value)).arranged(by_value(value, key)).begun()
    added = Counted(sums=[*_measures(value), "above_zero"], least=["lowest_revenue"])
    counts = _counted_with(added, rows, value, inactive_after)
    found = _ranked(counts, chosen, value, inactive_after)
    sums = _by_tier(counts, found, added)
    noun = "customers" if key == "customer" else "items"
    names = [*chosen.names, *([INACTIVE] if inactive_after is not None else [])]
    facts = _facts(found.rungs, sums, value=value, noun=noun)
    facts |= {"scheme": scheme, "cuts": [float(cut) for cut in chosen.cuts], "inactive_after": inactive_after}
    result = Result(
        command="pareto",
        tables={
            "tiers": tiers(sums, names, found.rungs, value=value, noun=noun),
            "curve": curve(found.rungs, value=value, noun=noun),
        },
        facts={name: fact for name, fact in facts.items() if fact is not None},
        notes=_notes(rows, found.rungs, value, noun),
        titles={
            "tiers": f"{noun.capitalize()} by {value}",
            "curve": f"Part of all {value} reached, largest first",
        },
        pictures={"tiers": "bars revenue_share", "curve": "curve asked"},
    )
    return headlines.pareto(result).with_detail(
        noun, largest_first.shown(partial(_listed, found=found, key=key))
    )


def _asked(customers: pl.DataFrame, key: str, value: str) -> pl.DataFrame:
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
        counts.with_columns(tier=tier).with_columns(_unless_inactive(is_active))
    )


def _measures(value: str) -> list[str]:
    return list(dict.fromkeys(["revenue", "orders", value]))


def tiers(
    sums: pl.DataFrame, names: Iterable[str], rungs: pl.DataFrame, *, value: str, noun: str
) -> pl.DataFrame:
    """One row for each tier, the empty ones too; money adds up to the exact total.

    `sums` holds the counts of each tier with somebody in it.
    """
    listed = [*names, *([BELOW_ZERO] if (sums["tier"] == BELOW_ZERO).any() else [])]
    rows = pl.DataFrame({"tier": listed}).join(sums, on="tier", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("n", *_measures(value)).fill_null(0))
    return _with_shares(rows, sums, rungs, value=value, noun=noun)


def _with_shares(
    rows: pl.DataFrame, sums: pl.DataFrame, rungs: pl.DataFrame, *, value: str, noun: str
) -> pl.DataFrame:
    """Parts and means, each from one division of exact whole numbers."""
    total = above_zero(rungs)
    own = [] if value == "revenue" else [pl.col(value), ratio(whole(value), total).alias(f"{value}_share")]
    positive = int(sums.select(whole("above_zero").sum()).item())
    per_head = pl.col("n") * 10 ** scale(rows, "revenue")
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
    return found.place(customers).select(columns)


def _facts(rungs: pl.DataFrame, sums: pl.DataFrame, *, value: str, noun: str) -> dict[str, Any]:
    """Headline numbers; "the top 20 %" are as many customers as fit into 20 %, and at least one."""
    n, total, enough = int(sums["n"].sum()), above_zero(rungs), needed_for(rungs, 80)
    top = {name: reached_by(rungs, max(1, n * percent // 100)) / total for name, percent in _TOP.items()}
    return {
        noun: n,
        "revenue": sums["revenue"].sum(),
        "value": value,
        "gini": gini(rungs),
        f"{noun}_for_80": enough,
        f"{noun}_for_80_share": enough / n,
        "top_share": top,
    }


def _notes(customers: Rows, rungs: pl.DataFrame, value: str, noun: str) -> tuple[str, ...]:
    """What stands behind the shares, wherever a column has something below zero."""
    counts = {value: rungs}
    if value != "revenue":
        counts["revenue"] = _counted(customers, Counted(), "revenue", None)
    return tuple(
        _below_zero(found, _decimals(customers, column), column, noun)
        for column, found in counts.items()
        if (found["value"] < 0).any()
    )


def _decimals(customers: Rows, column: str) -> int:
    kind = customers.schema[column]
    return kind.scale if isinstance(kind, pl.Decimal) else 0


def _below_zero(counts: pl.DataFrame, places: int, column: str, noun: str) -> str:
    below = counts.filter(pl.col("value") < 0)
    lost, total = (int(part.select(pl.col("value").dot(pl.col("n"))).item()) for part in (below, counts))
    return (
        f"{below['n'].sum():,} of {counts['n'].sum():,} {noun} have {column} below zero, "
        f"{money(lost, places):,} together. Shares of {column} are parts of {money(total - lost, places):,}, "
        f"which the others add up to."
    )


def _refuse_nothing(rungs: pl.DataFrame, value: str) -> None:
    if above_zero(rungs) <= 0:
        raise DataError(
            f"Nobody has {value} above zero, so there is nothing to share out. "
            "Look at the signs and the choice of the amount column with `crmkit check`."
        )


def _check(customers: Rows, value: str, inactive_after: int | None) -> None:
    """Refuse what cannot be ranked, in the user's words."""
    if value not in VALUES:
        raise UsageError(f"There is no value {value!r} to rank by. Choose one of {', '.join(VALUES)}.")
    if value not in customers.schema:
        raise UsageError(
            f"--value {value} needs a cost column, and none was found. Name it with --cost COLUMN."
        )
    if inactive_after is not None and (inactive_after < 0 or "recency" not in customers.schema):
        raise UsageError(
            "--inactive-after takes 0 or more days, and customers with the date of their last order."
        )
