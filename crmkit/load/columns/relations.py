"""How columns of numbers hang together: what is per order, what adds up to what, what explains a difference."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import polars as pl

from crmkit.load.columns.look import share

_ORDERS = 2  # of several lines: fewer say nothing
_MOST = 0.98
_AGREE = 0.9
_CENT = 0.011
_ROWS = 2_000


def is_per_order(numbers: pl.Series, orders: pl.Series) -> bool:
    """Whether a number is repeated on all lines of each order."""
    rows = _rows(numbers, orders).drop_nulls()
    if rows["n"].n_unique() < 2:
        return False
    each = rows.group_by("order").agg(pl.len().alias("lines"), pl.col("n").n_unique().alias("values"))
    several = each.filter(pl.col("lines") > 1)
    return several.height >= _ORDERS and share(several["values"] == 1) >= _MOST


def adds_up(
    lines: pl.Series, totals: pl.Series, orders: pl.Series, extras: Sequence[tuple[pl.Series, int]] = ()
) -> bool:
    """Whether the lines of nearly every order add up to its total, with extras of the order added (1) or taken off (-1)."""
    more = pl.Series("more", [0.0] * lines.len())
    for extra, sign in extras:
        more = more + sign * extra.abs().fill_null(0)
    rows = _rows(lines, orders).with_columns(totals.alias("total"), more.alias("more")).drop_nulls()
    each = rows.group_by("order").agg(pl.col("n").sum(), pl.col("total", "more").first())
    return each.height > 0 and share((each["n"] + each["more"] - each["total"]).abs() < _CENT) >= _AGREE


def is_what_was_paid(
    paid: pl.Series, before: pl.Series, added: Sequence[pl.Series], taken: Sequence[pl.Series]
) -> bool:
    """Whether `paid` is `before` with some of these added (tax, freight, fees) and others taken off (discounts)."""
    off = (paid - before).head(_ROWS)
    signed = [(extra.abs().head(_ROWS)).fill_null(0) for extra in added]
    signed += [-(extra.abs().head(_ROWS)).fill_null(0) for extra in taken]
    for size in range(1, len(signed) + 1):
        for some in itertools.combinations(signed, size):
            total = some[0]
            for one in some[1:]:
                total = total + one
            agree = ((off - total).abs() < _CENT).drop_nulls()
            if agree.len() and share(agree) >= _MOST and (total != 0).any():
                return True
    return False


def _rows(numbers: pl.Series, orders: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([numbers.alias("n"), orders.alias("order")])
