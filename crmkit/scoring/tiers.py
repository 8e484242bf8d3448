"""Tiers: everybody's place in the order of one value, and the values at which one tier ends and the next begins.

A tier reaches at least its cut: the customer who crosses it belongs to the upper tier, and equal
values never part. Customers below zero have a tier of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise
from string import ascii_uppercase
from typing import NamedTuple

import polars as pl

from crmkit.engine.counts import ratio
from crmkit.engine.money import whole
from crmkit.engine.rows import Counted, Rows
from crmkit.engine.rows import as_rows as as_rows
from crmkit.errors import DataError, UsageError
from crmkit.parse import choice
from crmkit.scoring.distribution import above_zero, cumulated

BELOW_ZERO = "below zero"
INACTIVE = "inactive"
VALUES = ("revenue", "profit", "orders")


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
    scheme = SCHEMES[choice("--scheme", name, SCHEMES)]
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


def lowest_values(distribution: pl.DataFrame, scheme: Scheme) -> list[int]:
    """The lowest value in each tier but the last, found from counts alone."""
    total, above = above_zero(distribution), pl.col("reached") - pl.col("n").cast(pl.Int128) * pl.col("value")
    if scheme.headcount:
        total, above = int(distribution["n"].sum()), pl.col("customers") - pl.col("n")
    found = []
    for cut in scheme.cuts[:-1]:
        inside = distribution.filter(above < math.ceil(cut * total / 100), pl.col("value") >= 0)
        # Without a level there is nobody at or above zero to name.
        found.append(int(inside.row(-1)[0]) if inside.height else 0)
    return found


def label(value: pl.Expr, lowest: Sequence[int], names: Sequence[str]) -> pl.Expr:
    """The tier of each value, row by row, given the lowest value of each tier."""
    tier = pl.lit(names[-1])
    for floor, name in reversed(list(zip(lowest, names, strict=False))):
        tier = pl.when(value >= floor).then(pl.lit(name)).otherwise(tier)
    return pl.when(value < 0).then(pl.lit(BELOW_ZERO)).otherwise(tier)


def unless_inactive(is_active: pl.Expr) -> pl.Expr:
    return pl.when(is_active).then("tier").otherwise(pl.lit(INACTIVE)).alias("tier")


def active(inactive_after: int | None) -> pl.Expr:
    """Whether a customer ordered within so many days; without a limit everybody is active."""
    if inactive_after is None:
        return pl.lit(True)
    return (pl.col("recency") <= inactive_after).fill_null(False)


class Ranking(NamedTuple):
    """What a customer's place follows from, by row: `distribution` are all values, `lowest` ends each tier."""

    value: str
    distribution: pl.DataFrame
    lowest: Sequence[int]
    names: Sequence[str]
    inactive_after: int | None

    def with_tier(self, customers: pl.DataFrame) -> pl.DataFrame:
        """Add `rank`, `share`, `cumulative_share` and `tier`."""
        values = customers.select(value=whole(self.value)).to_series()
        # The values fall, and each of these is among them.
        found = self.distribution["value"].search_sorted(values, descending=True)
        places = self.distribution.select(pl.col("rank", "share", "cumulative_share", "tier").gather(found))
        return customers.hstack(places).with_columns(unless_inactive(active(self.inactive_after)))


def ranking(
    customers: Rows, scheme: Scheme, *, value: str = "revenue", inactive_after: int | None = None
) -> Ranking:
    """Ranks and tiers from counts of the value.

    Equal values get equal ranks, shares and tiers, so the order of the rows changes nothing;
    `cumulative_share` is the part reached when all customers of that value are counted.
    """
    counts = counted(customers, Counted(), value, inactive_after)
    return ranked(counts, scheme, value, inactive_after)


def counted(customers: Rows, wanted: Counted, value: str, inactive_after: int | None) -> pl.DataFrame:
    """How often each value occurs, among those who are active and not, with what else is wanted of them."""
    check(customers, value, inactive_after)
    by = ["value"] if inactive_after is None else ["value", "active"]
    rows = customers.by_row(partial(_with_value, value=value, inactive_after=inactive_after))
    return rows.counts(wanted._replace(by=by))


def _with_value(customers: pl.DataFrame, value: str, inactive_after: int | None) -> pl.DataFrame:
    return customers.with_columns(value=whole(value), active=active(inactive_after))


def ranked(
    counts: pl.DataFrame,
    scheme: Scheme,
    value: str,
    inactive_after: int | None,
    lowest: Sequence[int] | None = None,
) -> Ranking:
    """Ranks and tiers from counts; `lowest` are borders that were found before."""
    if missing := int(counts.filter(pl.col("value").is_null())["n"].sum()):
        raise DataError(f"{missing:,} rows have no {value}. Fill it in, or rank by revenue.")
    everybody = inactive_after is None
    distribution = cumulated(counts.group_by("value").agg(pl.col("n").sum()))
    refuse_nothing(distribution, value)
    if lowest is None:
        lowest = lowest_values(
            distribution if everybody else cumulated(counts.filter("active").select("value", "n")), scheme
        )
    total = above_zero(distribution)
    places = distribution.with_columns(
        rank=pl.col("customers") - pl.col("n") + 1,
        share=ratio(pl.col("value"), total),
        cumulative_share=ratio(pl.col("reached"), total),
        tier=label(pl.col("value"), lowest, scheme.names),
    )
    return Ranking(value, places, lowest, scheme.names, inactive_after)


def refuse_nothing(distribution: pl.DataFrame, value: str) -> None:
    if above_zero(distribution) <= 0:
        raise DataError(
            f"Nobody has {value} above zero, so there is nothing to share out. "
            "Look at the signs and the choice of the amount column with `crmkit check`."
        )


def check(customers: Rows, value: str, inactive_after: int | None) -> None:
    """Refuse what cannot be ranked, in the user's words."""
    if value not in customers.schema:
        raise UsageError(
            f"--value {value} needs a cost column, and none was found. Name it with --cost COLUMN."
        )
    if inactive_after is not None and (inactive_after < 0 or "recency" not in customers.schema):
        raise UsageError(
            "--inactive-after takes 0 or more days, and customers with the date of their last order."
        )


def assign(
    customers: pl.DataFrame,
    scheme: Scheme = SCHEMES["abc"],
    *,
    value: str = "revenue",
    inactive_after: int | None = None,
) -> pl.DataFrame:
    """Add `rank`, `share`, `cumulative_share` and `tier` to each customer (see `ranking`)."""
    found = ranking(as_rows(customers), scheme, value=value, inactive_after=inactive_after)
    return found.with_tier(customers)
