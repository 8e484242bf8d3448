"""RFM: how recently, how often and for how much each customer bought, as scores, cells and segments.

A score depends on the value alone: bin = ceil(min_rank * k / n), so equal values share it whatever
the order of the rows. R counts days, where few are good, so R = k + 1 - bin. Customers without a
positive order are listed as `refund only` and not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from crmkit import customers
from crmkit.customers import Data
from crmkit.engine.counts import by_value
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import UsageError
from crmkit.headlines import value as headlines
from crmkit.load.dataset import NEEDED
from crmkit.load.door import question
from crmkit.parse import choice
from crmkit.result import Result
from crmkit.scoring import cutpoints, rfm_scores
from crmkit.scoring.cutpoints import Cuts, Number, cuts_file, from_units
from crmkit.scoring.cutpoints import read as read_cuts
from crmkit.scoring.rfm_scores import COLUMN, cells_of, measure, named, tally, with_scores
from crmkit.scoring.rfm_tables import cells_table, grid, segments_table
from crmkit.scoring.segments import REFUND_ONLY, Bins, SegmentMap, cells, load

__all__ = ["Cuts", "analyse", "cuts_file", "read_cuts"]

FEW = 50
_ASKED = ("customer", "last", "recency", "frequency", "monetary")
_BRIEF = Counted(by=("cell",), sums=("revenue", "orders", "recency"), least=("as_of",))
_SUGGESTED = {"r": (30, 60, 90, 180, 365, 545, 730, 1095), "f": (1, 2, 3, 5, 8, 13, 21, 34)}


@question
def analyse(
    data: Data,
    *,
    bins: int | Sequence[int] | None = None,
    r_cuts: Sequence[Number] | None = None,
    f_cuts: Sequence[Number] | None = None,
    m_cuts: Sequence[Number] | None = None,
    cuts: Cuts | str | Path | None = None,
    frequency: str | None = None,
    monetary: str | None = None,
    ties: str = "same",
    map: str = "rf10",
    segment: Sequence[str] = (),
) -> Result:
    """Segments, cells, the R by F grid and every customer's scores.

    `cuts` are cut points of an earlier run, or the file that keeps them, which leave no choice of
    bins, measures or ties. `map` is rf10, rfm11, cn8 (which cuts at the mean unless told otherwise)
    or a CSV file; `segment` keeps some segments in the customers table.
    """
    borders = {"r": r_cuts, "f": f_cuts, "m": m_cuts}
    choices = {"--bins": bins, **{f"--{name}-cuts": listed for name, listed in borders.items()}}
    frozen = cuts if cuts is None or isinstance(cuts, Cuts) else read_cuts(cuts)
    chosen = load(map)
    if frozen is not None:
        _refuse_thawed(frozen, frequency, monetary, choices | {"--ties": None if ties == "same" else ties})
        frequency, monetary = frozen.frequency, frozen.monetary
    frequency, monetary = frequency or "orders", monetary or "total"
    rows = _people(data, frequency, monetary)
    measured = rows.by_row(partial(measure, frequency=frequency, monetary=monetary))
    largest_first = measured.by_row(_asked).ordered_by(by_value("monetary", "customer")).prefetch_order()
    cut = frozen or rfm_scores.cuts(
        rows,
        bins=bins,
        r_cuts=r_cuts,
        f_cuts=f_cuts,
        m_cuts=m_cuts,
        frequency=frequency,
        monetary=monetary,
        ties=ties,
        rule="mean" if map == "cn8" and bins is None else "quantile",
    )
    found = [name for name, listed in borders.items() if listed is None and frozen is None]
    names = cells(chosen, cut.bins) if chosen.covers(cut.bins) else None
    wanted = _known(segment, chosen, names) if segment else None
    brief = _spread(measured.by_row(partial(_brief, cut=cut)).counts(_BRIEF), names)
    facts = _facts(brief, cut) | ({"map": map} if names is not None else {})
    result = Result(
        command="rfm",
        tables=_tables(brief, chosen, names, cut.bins),
        facts=facts,
        notes=(*_map_notes(chosen, cut.bins), *_notes(measured, facts, found)),
        titles={"grid": "Customers by R (rows) and F (columns)"},
        pictures={"cells": "none", "grid": "heat beside"},
        saved={}
        if cut.ids
        else {"cuts": cuts_file(facts["cuts"], cut.population or _population(brief), cut.frozen)},
    )
    listed = partial(_listed, cut=cut, names=names, only=wanted)
    return headlines.rfm(result).with_detail("customers", largest_first.map_in_order(listed))


def _people(data: Data, frequency: str, monetary: str) -> Rows:
    """The customers with what the measures are made of."""
    choice("--frequency", frequency, cutpoints.FREQUENCIES)
    choice("--monetary", monetary, cutpoints.MONETARIES)
    wants = {"orders", frequency} & {"orders", "days", "rows"}
    if monetary == "profit":
        return customers.people(data, wants | {"profit"}, needs=(*NEEDED, "cost"))
    return customers.people(data, wants)


def _asked(measured: pl.DataFrame) -> pl.DataFrame:
    """What a customer is listed with, but for the scores."""
    return measured.select(_ASKED)


def _listed(
    measured: pl.DataFrame, cut: Cuts, names: dict[int, str] | None, only: Sequence[str] | None
) -> pl.DataFrame:
    """By row: everybody's measures and scores, or those of some segments."""
    scored = with_scores(measured, cut)
    return customers_table(scored if names is None else rfm_scores.segment(scored, names), only)


def _brief(measured: pl.DataFrame, cut: Cuts) -> pl.DataFrame:
    """What the summary tables need of each customer."""
    as_of = pl.col("last") + pl.duration(days="recency")
    return measured.select("revenue", "orders", "recency", cell=cells_of(measured, cut), as_of=as_of)


def _spread(counts: pl.DataFrame, names: dict[int, str] | None) -> pl.DataFrame:
    """The counts of each cell, with its scores and its segment."""
    cell = pl.col("cell")
    segment = pl.lit(None, dtype=pl.String) if names is None else named(cell, names)
    return counts.with_columns(r=cell // 100, f=cell // 10 % 10, m=cell % 10, segment=segment)


def _refuse_thawed(
    frozen: Cuts, frequency: str | None, monetary: str | None, choices: dict[str, Any]
) -> None:
    """Refuse what was asked for beside the cut points of an earlier run and differs from them."""
    for option, given, kept in (
        ("--frequency", frequency, frozen.frequency),
        ("--monetary", monetary, frozen.monetary),
        *((option, given, None) for option, given in choices.items()),
    ):
        if given is not None and given != kept:
            why = f"they were made with {option} {kept}" if kept else "they settle that"
            raise UsageError(
                f"{option} does not go with saved cut points, because {why}. Leave {option} or --cuts out."
            )


def _tables(
    brief: pl.DataFrame, chosen: SegmentMap, names: dict[int, str] | None, bins: Bins
) -> dict[str, pl.DataFrame]:
    tables = {"cells": cells_table(brief), "grid": grid(brief, bins)}
    return (
        tables
        if names is None
        else {"segments": segments_table(brief, chosen.segments, chosen.actions), **tables}
    )


def _known(only: Sequence[str], chosen: SegmentMap, names: dict[int, str] | None) -> list[str]:
    """The segments asked for, spelled as the map spells them."""
    listed = [*chosen.segments, REFUND_ONLY] if names is not None else []
    spelled = {name.casefold(): name for name in listed}
    for name in only:
        if name.casefold() not in spelled:
            raise UsageError(f"There is no segment {name!r}. The segments are {', '.join(listed) or 'none'}.")
    return [spelled[name.casefold()] for name in only]


def customers_table(scored: pl.DataFrame, only: Sequence[str] | None = None) -> pl.DataFrame:
    """Everybody's measures and scores, or those of some segments."""
    columns = [*_ASKED, "r", "f", "m", "rfm", "segment"]
    kept = scored.select(column for column in columns if column in scored.columns)
    return kept if only is None else kept.filter(pl.col("segment").is_in(list(only)))


def _facts(brief: pl.DataFrame, cut: Cuts) -> dict[str, Any]:
    in_use = {name: brief[name].drop_nulls().unique().sort().to_list() for name in "rfm"}
    return {
        "as_of": brief["as_of"].min(),
        "customers": int(brief["n"].sum()),
        "refund_only": int(brief.filter(pl.col("r").is_null())["n"].sum()),
        "revenue": brief["revenue"].sum(),
        "bins": list(cut.bins),
        "cuts": cut.to_dict(),
        "scores_in_use": in_use,
    }


def _population(brief: pl.DataFrame) -> dict[str, dict[str, int]]:
    """How many customers have each score."""
    found = {}
    for name in "rfm":
        sizes = (
            brief.filter(pl.col(name).is_not_null())
            .group_by(pl.col(name).cast(pl.String))
            .agg(pl.col("n").sum())
        )
        found[name] = {score: int(size) for score, size in sizes.sort(name).iter_rows()}
    return found


def _map_notes(chosen: SegmentMap, bins: Bins) -> tuple[str, ...]:
    if chosen.covers(bins):
        return ()
    needs = ",".join(str(need or "any") for need in chosen.needs or ())
    return (
        f"The map {chosen.name} is made for {needs} scores of R, F and M, and there are "
        f"{','.join(map(str, bins))}: cells only, no segments. Give a map of your own with --map FILE.",
    )


def _notes(measured: Rows, facts: dict[str, Any], found: Sequence[str]) -> tuple[str, ...]:
    notes = []
    buyers = facts["customers"] - facts["refund_only"]
    if found and buyers < FEW:
        notes.append(
            f"Only {buyers} customers were scored. Borders found from so few move with every customer."
        )
    for place, name in enumerate("rfm"):
        used, k = facts["scores_in_use"][name], facts["bins"][place]
        if name in found and len(used) < k:
            notes.append(_unused(measured, name, len(used), k))
    return tuple(notes)


def _unused(measured: Rows, name: str, used: int, k: int) -> str:
    """Why some scores went to nobody, and how to set the borders by hand."""
    column = COLUMN[name]
    units, shared = tally(measured, column).sort("n", "value", descending=[True, False]).row(0)
    example = ",".join(map(str, _SUGGESTED[name][: k - 1])) if name in _SUGGESTED else "LIST"
    return (
        f"{name.upper()} uses {used} of {k} scores: {shared:,} customers have a {column} of "
        f"{from_units(units, measured.schema[column])}, and equal values share a score. "
        f"To set the borders yourself: --{name}-cuts {example}"
    )
