"""Scores of recency, frequency and monetary value: measures, cut points, and each customer's place among them.

A score depends on the value alone: bin = ceil(min_rank * k / n), so equal values share it whatever
the order of the rows. R counts days, where few are good, so R = k + 1 - bin. Customers without a
positive order are `refund only` and have no scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import polars as pl

from crmkit.engine.counts import ratio
from crmkit.engine.money import scale, unit, whole
from crmkit.engine.rows import Counted, Rows, as_rows
from crmkit.errors import DataError, UsageError
from crmkit.parse import choice
from crmkit.scoring.cutpoints import (
    FREQUENCIES,
    MONETARIES,
    MOST_BINS,
    Cuts,
    Number,
    bin_of,
    check_borders,
    from_units,
    last_ids,
    mean_border,
    quantile_borders,
    split_places,
    to_units,
)
from crmkit.scoring.rfm_tables import code
from crmkit.scoring.segments import REFUND_ONLY

COLUMN = {"r": "recency", "f": "frequency", "m": "monetary"}


def measure(customers: pl.DataFrame, frequency: str, monetary: str) -> pl.DataFrame:
    """Add `frequency` (orders, days or rows) and `monetary` (net revenue, that per order, or profit)."""
    choice("--frequency", frequency, FREQUENCIES)
    choice("--monetary", monetary, MONETARIES)
    if monetary == "profit" and "profit" not in customers.columns:
        raise UsageError(
            "--monetary profit needs a cost column, and none was found. Name it with --cost COLUMN."
        )
    per_order = ratio(whole("revenue"), pl.col("orders") * unit(scale(customers, "revenue")))
    amount = {
        "total": pl.col("revenue"),
        "profit": pl.col("profit"),
        "average": per_order,
    }
    return customers.with_columns(frequency=pl.col(frequency), monetary=amount[monetary])


def _units(kind: pl.DataType, column: str) -> pl.Expr:
    return whole(column) if kind.is_decimal() else pl.col(column)


def _narrow(measured: pl.DataFrame, column: str) -> pl.Expr:
    """`_units` in 64 bits where these rows have none that is larger: comparisons take a quarter of the time."""
    units = _units(measured.schema[column], column)
    if not measured.schema[column].is_decimal():
        return units
    least, most = measured.select(least=units.min(), most=units.max()).row(0)
    return units.cast(pl.Int64) if least is None or max(-least, most) < 2**62 else units


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
    choice("--ties", ties, ("same", "first"))
    given = {"r": r_cuts, "f": f_cuts, "m": m_cuts}
    wanted = _bins(bins, given, 2 if rule == "mean" else 5)
    most = max([0, *(wanted[name] for name, listed in given.items() if listed is None)])
    measured = as_rows(customers).by_row(partial(measure, frequency=frequency, monetary=monetary))
    found: dict[str, tuple[tuple[Number, ...], tuple[str, ...]]] = {}
    for name, listed in given.items():
        if listed is not None:
            found[name] = tuple(listed), ()
            continue
        counts = tally(measured, COLUMN[name])
        _refuse_few(int(counts["n"].sum()), most)
        found[name] = _borders(measured, name, counts, wanted[name], ties=ties, rule=rule)
    ids = {name: last for name, (_, last) in found.items() if last}
    r, f, m = (borders for borders, _ in found.values())
    return Cuts(r=r, f=f, m=m, frequency=frequency, monetary=monetary, ids=ids)


def _refuse_few(buyers: int, bins: int) -> None:
    if buyers < bins:
        raise DataError(
            f"Only {buyers} customers have an order, too few for {bins} scores. "
            "Ask for fewer with crmkit rfm --bins, or set the borders yourself with --r-cuts, --f-cuts and --m-cuts there."
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
    kind, ids = measured.schema[COLUMN[name]], tuple[str, ...]()
    if rule == "mean":
        found = [mean_border(counts)]
    elif ties == "first":
        places = split_places(counts, bins)
        found = [value for value, _ in places]
        ids = last_ids(measured.by_row(partial(_tied, column=COLUMN[name], values=found)).frame(), places)
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
    return with_scores(measure(customers, cut.frequency, cut.monetary), cut)


def with_scores(measured: pl.DataFrame, cut: Cuts) -> pl.DataFrame:
    return measured.with_columns(scores_of(measured, cut)).with_columns(rfm=code().cast(pl.String))


def scores_of(measured: pl.DataFrame, cut: Cuts) -> list[pl.Expr]:
    """R, F and M of those who bought."""
    bought = pl.col("recency").is_not_null()
    return [pl.when(bought).then(bins.cast(pl.Int64)).alias(name) for name, bins in _bins_of(measured, cut)]


def cells_of(measured: pl.DataFrame, cut: Cuts) -> pl.Series:
    """The cell of everybody who bought, as `code` has it, without the scores one by one."""
    parts = dict(_bins_of(measured, cut))
    bought = pl.col("recency").is_not_null()
    r, f, m = (parts[name].cast(pl.Int16) for name in "rfm")
    found = measured.select(cell=pl.when(bought).then(r * 100 + f * 10 + m))
    return found.to_series().cast(pl.Int64)


def _bins_of(measured: pl.DataFrame, cut: Cuts) -> Iterator[tuple[str, pl.Expr]]:
    """The name of each score, and what it is for whoever bought."""
    for name, borders in cut.borders.items():
        kind = measured.schema[COLUMN[name]]
        limits = [to_units(border, kind) for border in borders]
        bins = bin_of(_narrow(measured, COLUMN[name]), limits, cut.ids.get(name, ()))
        # Few days are good: the first bin gets the highest score.
        yield name, (len(borders) + 2 - bins if name == "r" else bins)


def segment(scored: pl.DataFrame, names: dict[int, str]) -> pl.DataFrame:
    """Add the `segment` of each scored customer, given the segment of each cell."""
    return scored.with_columns(segment=named(code(), names))


def named(cell: pl.Expr, names: dict[int, str]) -> pl.Expr:
    """The segment of a cell; without a score somebody has only refunds."""
    segment = cell.replace_strict(names, default=None, return_dtype=pl.String)
    return pl.when(cell.is_not_null()).then(segment).otherwise(pl.lit(REFUND_ONLY))


def with_segment(customers: pl.DataFrame, cut: Cuts, names: dict[int, str] | None) -> pl.DataFrame:
    """By row: scores, and the segment where cells have one."""
    scored = score(customers, cut)
    return scored if names is None else segment(scored, names)
