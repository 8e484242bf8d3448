"""RFM: how recently, how often and for how much each customer bought, as scores, cells and segments.

A score depends on the value alone: bin = ceil(min_rank * k / n), so equal values share it whatever
the order of the rows. R counts days, where few are good, so R = k + 1 - bin. Customers without a
positive order are listed as `refund only` and not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import polars as pl

from crmkit.engine import rows as where
from crmkit.engine.counts import by_value, ratio, scale, whole
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import value as headlines
from crmkit.result import Result
from crmkit.scoring.cutpoints import (
    FREQUENCIES,
    MONETARIES,
    MOST_BINS,
    Cuts,
    Number,
    bin_of,
    check_borders,
    check_choice,
    cuts_file,
    from_units,
    last_ids,
    mean_border,
    quantile_borders,
    split_places,
    to_units,
)
from crmkit.scoring.rfm_tables import cells_table, code, grid, segments_table
from crmkit.scoring.segments import REFUND_ONLY, Bins, SegmentMap, cells, load

__all__ = ["Cuts", "analyse", "cuts", "cuts_file", "measure", "score", "segment"]

FEW = 50
_COLUMN = {"r": "recency", "f": "frequency", "m": "monetary"}
_ASKED = ("customer", "last", "recency", "frequency", "monetary")
_BRIEF = Counted(by=("cell",), sums=("revenue", "orders", "recency"), least=("as_of",))
_SUGGESTED = {"r": (30, 60, 90, 180, 365, 545, 730, 1095), "f": (1, 2, 3, 5, 8, 13, 21, 34)}


def measure(customers: pl.DataFrame, frequency: str, monetary: str) -> pl.DataFrame:
    """Add `frequency` (orders, days or rows) and `monetary` (net revenue, that per order, or profit)."""
    check_choice("--frequency", frequency, FREQUENCIES)
    check_choice("--monetary", monetary, MONETARIES)
    if monetary == "profit" and "profit" not in customers.columns:
        raise UsageError(
            "--monetary profit needs a cost column, and none was found. Name it with --cost COLUMN."
        )
    per_order = ratio(whole("revenue"), pl.col("orders") * 10 ** scale(customers, "revenue"))
    amount = {
        "total": pl.col("revenue"),
        "profit": pl.col("profit"),
        "average": per_order,
    }
    return customers.with_columns(frequency=pl.col(frequency), monetary=amount[monetary])


def _units(kind: pl.DataType, column: str) -> pl.Expr:
    return pl.col(column) if kind.is_float() else whole(column)


def cuts(
    customers: pl.DataFrame | Rows,
    *,
    bins: int | Sequence[int] | None = None,
    r_cuts: Sequence[Number] | None = None,
    f_cuts: Sequence[Number] | None = None,
    m_cuts: Sequence[Number] | None = None,
    frequency: str = "orders",
    monetary: str = "total",
    ties: str = "same",
    rule: str = "quantile",
) -> Cuts:
    """Cut points: those given stay as they are, the others are found from these customers.

    `rule` is quantile, or mean for one border at the mean. `ties="first"` fills the bins evenly and
    parts equal values by customer id, the smaller id lower.
    DataError when fewer customers than bins have an order.
    """
    check_choice("--ties", ties, ("same", "first"))
    given = {"r": r_cuts, "f": f_cuts, "m": m_cuts}
    wanted = _bins(bins, given, 2 if rule == "mean" else 5)
    most = max([0, *(wanted[name] for name, listed in given.items() if listed is None)])
    measured = where.of(customers).by_row(partial(measure, frequency=frequency, monetary=monetary))
    found: dict[str, tuple[tuple[Number, ...], tuple[str, ...]]] = {}
    for name, listed in given.items():
        if listed is not None:
            found[name] = tuple(listed), ()
            continue
        counts = tally(measured, _COLUMN[name])
        _refuse_few(int(counts["n"].sum()), most)
        found[name] = _borders(measured, name, counts, wanted[name], ties=ties, rule=rule)
    ids = {name: last for name, (_, last) in found.items() if last}
    r, f, m = (borders for borders, _ in found.values())
    return Cuts(r=r, f=f, m=m, frequency=frequency, monetary=monetary, ids=ids)


def _refuse_few(buyers: int, bins: int) -> None:
    if buyers < bins:
        raise DataError(
            f"Only {buyers} customers have an order, too few for {bins} scores. "
            "Ask for fewer with --bins, or set the borders yourself with --r-cuts, --f-cuts and --m-cuts."
        )


def tally(measured: Rows, column: str) -> pl.DataFrame:
    """The values of those who bought, in whole units where they are exact, each with their number `n`."""
    return measured.by_row(partial(_values, column=column)).counts(Counted(by=["value"]))


def _values(measured: pl.DataFrame, column: str) -> pl.DataFrame:
    bought = measured.filter(pl.col("recency").is_not_null())
    return bought.select(value=_units(measured.schema[column], column)).drop_nulls()


def _borders(
    measured: Rows, name: str, counts: pl.DataFrame, bins: int, *, ties: str, rule: str
) -> tuple[tuple[Number, ...], tuple[str, ...]]:
    """Borders of one measure, and the last ids below them where equal values are parted."""
    kind, ids = measured.schema[_COLUMN[name]], tuple[str, ...]()
    if rule == "mean":
        found = [mean_border(counts)]
    elif ties == "first":
        places = split_places(counts, bins)
        found = [value for value, _ in places]
        ids = last_ids(measured.by_row(partial(_tied, column=_COLUMN[name], values=found)).frame(), places)
    else:
        found = quantile_borders(counts, bins)
    return tuple(from_units(border, kind) for border in found), ids


def _tied(measured: pl.DataFrame, column: str, values: Sequence[Any]) -> pl.DataFrame:
    """By row: those of the buyers who have one of these values."""
    bought = measured.filter(pl.col("recency").is_not_null())
    found = bought.select("customer", value=_units(measured.schema[column], column))
    return found.filter(pl.any_horizontal(pl.lit(False), *(pl.col("value") == value for value in values)))


def _bins(
    bins: int | Sequence[int] | None, given: dict[str, Sequence[Number] | None], usual: int
) -> dict[str, int]:
    """How many bins each score gets, from the option, the given borders or the usual number."""
    asked = [bins] * 3 if isinstance(bins, int) or bins is None else list(bins)
    if len(asked) != 3 or not all(k is None or 1 <= k <= MOST_BINS for k in asked):
        raise UsageError(f"--bins is {bins}. Write one number from 1 to {MOST_BINS}, or three such as 5,4,3.")
    wanted = {}
    for (name, listed), k in zip(given.items(), asked, strict=True):
        wanted[name] = len(listed) + 1 if listed is not None else (k or usual)
        if listed is not None:
            check_borders(name, listed)
            if k not in (None, wanted[name]):
                raise UsageError(
                    f"--{name}-cuts has {len(listed)} borders, which make {wanted[name]} bins, "
                    f"but --bins asks for {k}. Leave one of them out."
                )
    return wanted


def score(customers: pl.DataFrame, cut: Cuts) -> pl.DataFrame:
    """Add `frequency`, `monetary`, `r`, `f`, `m` and `rfm`; the scores of refund-only customers are null."""
    return _with_scores(measure(customers, cut.frequency, cut.monetary), cut)


def _with_scores(measured: pl.DataFrame, cut: Cuts) -> pl.DataFrame:
    return measured.with_columns(_scores(measured, cut)).with_columns(rfm=code().cast(pl.String))


def _scores(measured: pl.DataFrame, cut: Cuts) -> list[pl.Expr]:
    """R, F and M of those who bought."""
    bought = pl.col("recency").is_not_null()
    scores = []
    for name, borders in cut.borders.items():
        kind = measured.schema[_COLUMN[name]]
        limits = [to_units(border, kind) for border in borders]
        bins = bin_of(_units(kind, _COLUMN[name]), limits, cut.ids.get(name, ()))
        if name == "r":
            # Few days are good: the first bin gets the highest score.
            bins = len(borders) + 2 - bins
        scores.append(pl.when(bought).then(bins).alias(name))
    return scores


def segment(scored: pl.DataFrame, names: dict[int, str]) -> pl.DataFrame:
    """Add the `segment` of each scored customer, given the segment of each cell."""
    return scored.with_columns(segment=_named(code(), names))


def _named(cell: pl.Expr, names: dict[int, str]) -> pl.Expr:
    """The segment of a cell; without a score somebody has only refunds."""
    segment = cell.replace_strict(names, default=None, return_dtype=pl.String)
    return pl.when(cell.is_not_null()).then(segment).otherwise(pl.lit(REFUND_ONLY))


def analyse(
    customers: pl.DataFrame | Rows,
    *,
    frozen: Cuts | None = None,
    bins: int | Sequence[int] | None = None,
    r_cuts: Sequence[Number] | None = None,
    f_cuts: Sequence[Number] | None = None,
    m_cuts: Sequence[Number] | None = None,
    frequency: str | None = None,
    monetary: str | None = None,
    ties: str = "same",
    segment_map: str = "rf10",
    only: Sequence[str] = (),
) -> Result:
    """Segments, cells, the R by F grid and every customer's scores.

    `frozen` are cut points of an earlier run, which leave no choice of bins, measures or ties.
    `segment_map` is rf10, rfm11, cn8 (which cuts at the mean unless told otherwise) or a CSV file;
    `only` keeps some segments in the customers table.
    """
    borders = {"r": r_cuts, "f": f_cuts, "m": m_cuts}
    choices = {"--bins": bins, **{f"--{name}-cuts": listed for name, listed in borders.items()}}
    chosen = load(segment_map)
    if frozen is not None:
        _refuse_thawed(frozen, frequency, monetary, choices | {"--ties": None if ties == "same" else ties})
        frequency, monetary = frozen.frequency, frozen.monetary
    frequency, monetary = frequency or "orders", monetary or "total"
    rows = where.of(customers)
    measured = rows.by_row(partial(measure, frequency=frequency, monetary=monetary))
    largest_first = measured.by_row(_asked).arranged(by_value("monetary", "customer")).begun()
    cut, found = frozen, list[str]()
    if cut is None:
        cut = cuts(
            rows,
            bins=bins,
            r_cuts=r_cuts,
            f_cuts=f_cuts,
            m_cuts=m_cuts,
            frequency=frequency,
            monetary=monetary,
            ties=ties,
            rule="mean" if segment_map == "cn8" and bins is None else "quantile",
        )
        found = [name for name, listed in borders.items() if listed is None]
    names = cells(chosen, cut.bins) if chosen.covers(cut.bins) else None
    wanted = _known(only, chosen, names) if only else None
    brief = _spread(measured.by_row(partial(_brief, cut=cut)).counts(_BRIEF), names)
    facts = _facts(brief, cut) | ({"map": segment_map} if names is not None else {})
    result = Result(
        command="rfm",
        tables=_tables(brief, chosen, names, cut.bins),
        facts=facts,
        notes=(*_map_notes(chosen, cut.bins), *_notes(measured, facts, found)),
        titles={"grid": "Customers by R (rows) and F (columns)"},
        pictures={"cells": "none", "grid": "heat beside"},
    )
    listed = partial(_listed, cut=cut, names=names, only=wanted)
    return headlines.rfm(result).with_detail("customers", largest_first.shown(listed))


def _asked(measured: pl.DataFrame) -> pl.DataFrame:
    """What a customer is listed with, but for the scores."""
    return measured.select(_ASKED)


def place(customers: pl.DataFrame, cut: Cuts, names: dict[int, str] | None) -> pl.DataFrame:
    """By row: scores, and the segment where cells have one."""
    scored = score(customers, cut)
    return scored if names is None else segment(scored, names)


def _listed(
    measured: pl.DataFrame, cut: Cuts, names: dict[int, str] | None, only: Sequence[str] | None
) -> pl.DataFrame:
    """By row: everybody's measures and scores, or those of some segments."""
    scored = _with_scores(measured, cut)
    return customers_table(scored if names is None else segment(scored, names), only)


def _brief(measured: pl.DataFrame, cut: Cuts) -> pl.DataFrame:
    """What the summary tables need of each customer."""
    as_of = pl.col("last") + pl.duration(days="recency")
    scores = measured.select(_scores(measured, cut)).select(cell=code()).to_series()
    return measured.select("revenue", "orders", "recency", cell=scores, as_of=as_of)


def _spread(counts: pl.DataFrame, names: dict[int, str] | None) -> pl.DataFrame:
    """The counts of each cell, with its scores and its segment."""
    cell = pl.col("cell")
    segment = pl.lit(None, dtype=pl.String) if names is None else _named(cell, names)
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
    return tables if names is None else {"segments": segments_table(brief, chosen.segments), **tables}


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
    column = _COLUMN[name]
    units, shared = tally(measured, column).sort("n", "value", descending=[True, False]).row(0)
    example = ",".join(map(str, _SUGGESTED[name][: k - 1])) if name in _SUGGESTED else "LIST"
    return (
        f"{name.upper()} uses {used} of {k} scores: {shared:,} customers have a {column} of "
        f"{from_units(units, measured.schema[column])}, and equal values share a score. "
        f"To set the borders yourself: --{name}-cuts {example}"
    )
