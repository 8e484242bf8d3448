"""Labels of customers by what they are: their tier, segment, RFM cell or cohort, each from counts of all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from crmkit.engine.money import whole
from crmkit.engine.rows import ByRow, Rows
from crmkit.history import periods
from crmkit.scoring import rfm_scores, segments, tiers
from crmkit.scoring.cutpoints import Cuts
from crmkit.scoring.segments import Bins


class Labels(NamedTuple):
    """`add` makes the label of each customer, by row; `order` are the labels, best first, where they have one."""

    add: ByRow
    order: Sequence[str] | None


def by_tier(customers: Rows, scheme: str = "abc", *, name: str = "label") -> Labels:
    """The tier of each customer's revenue among these; DataError where nobody has any."""
    return of_tiers(tiers.ranking(customers, tiers.SCHEMES[scheme]).lowest, scheme, name=name)


def of_tiers(lowest: Sequence[int], scheme: str, *, name: str = "label") -> Labels:
    """The same, given the lowest revenue of each tier but the last."""
    names = tiers.SCHEMES[scheme].names
    return Labels(partial(_tier, lowest=lowest, names=names, name=name), [*names, tiers.BELOW_ZERO])


def by_segment(customers: Rows, *, name: str = "label") -> Labels:
    """The segment of each customer by the cut points of these; DataError where they are too few."""
    cuts = rfm_scores.cuts(customers)
    return of_segments(cuts, name=name)


def of_segments(cuts: Cuts, *, name: str = "label") -> Labels:
    """The same, given the cut points."""
    chosen = segments.load("rf10")
    names = segments.cells(chosen, cuts.bins)
    return Labels(partial(_segment, cuts=cuts, names=names, name=name), chosen.segments)


def of_cells(cuts: Cuts, *, name: str = "label") -> Labels:
    """The RFM cell of each customer, such as 545, given the cut points."""
    return Labels(partial(_cell, cuts=cuts, name=name), cells(cuts.bins))


def cells(bins: Bins) -> list[str]:
    """All RFM cells that there can be."""
    return [str(code) for code in segments.codes(bins)]


def by_cohort(*, name: str = "label") -> Labels:
    """The month of each customer's first order."""
    return Labels(partial(_cohort, name=name), None)


def _tier(customers: pl.DataFrame, lowest: Sequence[int], names: Sequence[str], name: str) -> pl.DataFrame:
    return customers.with_columns(tiers.label(whole("revenue"), lowest, names).alias(name))


def _segment(customers: pl.DataFrame, cuts: Cuts, names: dict[int, str], name: str) -> pl.DataFrame:
    return customers.with_columns(rfm_scores.with_segment(customers, cuts, names)["segment"].alias(name))


def _cell(customers: pl.DataFrame, cuts: Cuts, name: str) -> pl.DataFrame:
    return customers.with_columns(rfm_scores.score(customers, cuts)["rfm"].alias(name))


def _cohort(customers: pl.DataFrame, name: str) -> pl.DataFrame:
    month = periods.label(periods.index(pl.col("first"), "month"), "month")
    return customers.with_columns(month.alias(name))
