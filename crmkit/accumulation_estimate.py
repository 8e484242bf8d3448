"""Switching rates from transactions: who bought where in one period, and where in the next.

A customer's store in a period is the one with most of her spending there (ties: the latest
purchase, then the name). Who buys nothing in a period is elsewhere. The last period counts only
when the data reach its last day, since an open period would look like a loss of customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmkit.errors import DataError, UsageError
from crmkit.models.switching import ELSEWHERE, Switching
from crmkit.result import Result

ONE_STORE = "here"
PERIODS = {"week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
_MOST_STORES = 100
# The normal quantile of a two-sided interval of 95 %.
_Z = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A market as the data show it, its customers in the last whole period, and the tables behind it."""

    market: Switching
    start: tuple[int, ...]
    tables: dict[str, pl.DataFrame]
    facts: dict[str, object]
    notes: tuple[str, ...]

    def beside(self, result: Result) -> Result:
        """The result of an analysis of this market with the estimate's own tables in front."""
        return replace(
            result,
            tables={**self.tables, **result.tables},
            facts={**self.facts, **result.facts},
            notes=(*self.notes, *result.notes),
        )


def estimate(transactions: pl.LazyFrame, period: str = "month", *, as_of: date | None = None) -> Estimate:
    """The market behind transactions with a `store` column, or of one store against elsewhere without it.

    `as_of` is the day up to which the data are complete (default: the latest day in them).
    Raises DataError when fewer than two whole periods are there.
    """
    if period not in PERIODS:
        raise UsageError(f"The period is {period!r}; choose one of {', '.join(PERIODS)}.")
    if "store" not in transactions.collect_schema().names():
        transactions = transactions.with_columns(store=pl.lit(ONE_STORE))
    sold = transactions.filter((pl.col("amount") > 0) & pl.col("customer").is_not_null())
    facts = sold.select(last=pl.col("date").max(), nameless=pl.col("store").is_null().sum())
    moved, (last, nameless) = _together(counts(moves(homes(sold, period), period)), facts)
    if moved.is_empty():
        raise DataError(
            "No row has a customer, a store and a positive amount, so nobody can be seen to move."
        )
    end = as_of or last
    whole = _whole_periods(moved["period"].min(), end, period)
    notes = [f"{nameless} rows without a store were left out."] if nameless else []
    after = whole[-1:].dt.offset_by(PERIODS[period]).item()
    if last >= after:
        notes.append(f"The {period} from {after} was left out: the data end on {end}, before it is over.")
    return _estimate(moved.filter(pl.col("period") < after), whole, period, notes=notes)


def _together(moved: pl.LazyFrame, facts: pl.LazyFrame) -> tuple[pl.DataFrame, tuple[date, int]]:
    """Both in one pass over the data."""
    table, row = pl.collect_all([moved, facts])
    return table, row.row(0)


def homes(sold: pl.LazyFrame, period: str) -> pl.LazyFrame:
    """By key: one row per customer and period with a purchase, and the store that counts for it."""
    spent = (
        sold.filter(pl.col("store").is_not_null())
        .with_columns(pl.col("store").cast(pl.String), period=pl.col("date").dt.truncate(PERIODS[period]))
        .group_by("customer", "period", "store")
        .agg(pl.col("amount").sum(), pl.col("date").max())
    )
    best_first = spent.sort(
        "customer", "period", "amount", "date", "store", descending=[False, False, True, True, False]
    )
    return best_first.unique(["customer", "period"], keep="first", maintain_order=True)


def moves(homes: pl.LazyFrame, period: str) -> pl.LazyFrame:
    """By key: the moves of each customer into `period`, out of the period before it.

    Needs `homes` sorted by customer and period with all rows of a customer together. `new` marks a
    customer's first period in the data.
    """
    same_before = pl.col("customer") == pl.col("customer").shift(1)
    same_after = pl.col("customer") == pl.col("customer").shift(-1)
    following = pl.col("period").dt.offset_by(PERIODS[period])
    known = homes.with_columns(
        next=following,
        adjoins_next=(same_after & (pl.col("period").shift(-1) == following)).fill_null(False),
        adjoins_last=(same_before & (pl.col("period") == following.shift(1))).fill_null(False),
        new=~same_before.fill_null(False),
        to=pl.col("store").shift(-1),
    )
    onward = known.select(
        period="next",
        source="store",
        target=pl.when("adjoins_next").then("to").otherwise(pl.lit(ELSEWHERE)),
        new=pl.lit(False),
    )
    arrivals = known.filter(~pl.col("adjoins_last")).select(
        "period", source=pl.lit(ELSEWHERE), target="store", new="new"
    )
    return pl.concat([onward, arrivals])


def counts(moves: pl.LazyFrame) -> pl.LazyFrame:
    """Mergeable counts: how many customers made each move into each period."""
    return moves.group_by("period", "source", "target", "new").agg(n=pl.len().cast(pl.Int64))


def _whole_periods(first: date, end: date, period: str) -> pl.Series:
    """First days of the periods from the first purchase to the last one that the data cover."""
    every = PERIODS[period]
    starts = pl.date_range(first, max(first, end), every, eager=True)
    whole = starts.filter(starts.dt.offset_by(every) <= end + timedelta(days=1))
    if len(whole) < 2:
        raise DataError(
            f"From {first} to {end} there are {len(whole)} whole {period}s, and moves need two. Give more data, "
            "a shorter --period, or --as-of where the data are complete to a later day."
        )
    return whole


def _estimate(moved: pl.DataFrame, whole: pl.Series, period: str, *, notes: list[str]) -> Estimate:
    stores = tuple(sorted((set(moved["source"]) | set(moved["target"])) - {ELSEWHERE}))
    if len(stores) > _MOST_STORES:
        raise UsageError(
            f"The store column holds {len(stores)} different values ({', '.join(stores[:3])}, ...); "
            f"at most {_MOST_STORES} stores can be followed. Choose a column with fewer."
        )
    # Nobody was seen to arrive in the first period: its customers are the start.
    number = _square(moved.filter(pl.col("period") > whole[0]), (*stores, ELSEWHERE))
    unseen = [store for store, row in zip(stores, number, strict=False) if not row.sum()]
    notes += [
        f"{store} has no customers before the last {period}; they are taken to stay." for store in unseen
    ]
    notes += _uneven(moved.filter(pl.col("period") > whole[0]), period)
    last = moved.filter(pl.col("period") == whole[-1]).group_by("target").agg(pl.col("n").sum())
    there = dict(last.iter_rows())
    return Estimate(
        market=_market(stores, number, len(whole) - 1),
        start=tuple(there.get(store, 0) for store in stores),
        tables={
            "history": _history_table(moved, stores, whole, period),
            "matrix": _matrix_table(number, (*stores, ELSEWHERE), len(whole) - 1),
        },
        facts={
            "period": period,
            "first_period": _label(whole[0], period),
            "last_period": _label(whole[-1], period),
        },
        notes=tuple(notes),
    )


def _uneven(moved: pl.DataFrame, period: str) -> list[str]:
    """A warning where the number of customers who join is far from its mean in some period."""
    joined = moved.filter(pl.col("source") == ELSEWHERE).group_by("period").agg(pl.col("n").sum())["n"]
    if joined.is_empty() or joined.max() <= 2 * joined.mean():
        return []
    return [
        f"From {joined.min()} to {joined.max()} customers joined per {period}, and the simulation uses the mean for "
        "all. Use --since to estimate from periods that are like those to come."
    ]


def _square(moved: pl.DataFrame, places: Sequence[str]) -> NDArray[np.int64]:
    """Moves from each place to each, all periods together."""
    number = np.zeros((len(places), len(places)), dtype=np.int64)
    place = {name: i for i, name in enumerate(places)}
    for source, target, n in moved.select("source", "target", "n").iter_rows():
        number[place[source], place[target]] += n
    return number


def _market(stores: tuple[str, ...], number: NDArray[np.int64], steps: int) -> Switching:
    out, still = number[:-1], np.eye(len(stores), len(stores) + 1)
    total = out.sum(axis=1, keepdims=True)
    rates = np.divide(out, total, out=still, where=total > 0)
    return Switching(stores=stores, rates=rates, join=number[-1, :-1] / steps)


def _matrix_table(number: NDArray[np.int64], places: Sequence[str], steps: int) -> pl.DataFrame:
    """Each possible move: how many customers made it, and which part of those who could have (Wilson's 95 %)."""
    rows = []
    for source, row in zip(places, number.tolist(), strict=True):
        for target, n in zip(places, row, strict=True):
            if source != ELSEWHERE or target != ELSEWHERE:
                # How many were elsewhere and stayed there is not known.
                could = None if source == ELSEWHERE else sum(row)
                rows.append((source, target, n, n / steps, *_interval(n, could)))
    numbers = ["per_period", "share", "share_low", "share_high"]
    schema = {"source": pl.String, "target": pl.String, "moves": pl.Int64} | dict.fromkeys(
        numbers, pl.Float64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def _interval(n: int, total: int | None) -> tuple[float | None, float | None, float | None]:
    """A share with its 95 % interval after Wilson (1927)."""
    if not total:
        return None, None, None
    share, z = n / total, _Z**2 / total
    middle, half = share + z / 2, _Z * sqrt(share * (1 - share) / total + z / total / 4)
    return share, max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z))


def _history_table(moved: pl.DataFrame, stores: Sequence[str], whole: pl.Series, period: str) -> pl.DataFrame:
    """Per period and store: who was there, who stayed, who came and who went."""
    grid = pl.DataFrame({"period": whole}).join(pl.DataFrame({"store": stores}), how="cross")
    here, away = pl.col("source") == pl.col("target"), ELSEWHERE
    into = moved.group_by("period", store="target").agg(
        customers=pl.col("n").sum(),
        retained=pl.col("n").filter(here).sum(),
        won=pl.col("n").filter(~here & (pl.col("source") != away)).sum(),
        joined=pl.col("n").filter(pl.col("source") == away).sum(),
        new=pl.col("n").filter("new").sum(),
    )
    out = moved.group_by("period", store="source").agg(
        lost=pl.col("n").filter(~here & (pl.col("target") != away)).sum(),
        left=pl.col("n").filter(pl.col("target") == away).sum(),
    )
    table = grid.join(into, on=["period", "store"], how="left").join(out, on=["period", "store"], how="left")
    flows = ["retained", "lost", "left", "won", "joined", "new"]
    seen = pl.when(pl.col("period") > whole[0])
    before = pl.col("retained") + pl.col("lost") + pl.col("left")
    retention = pl.when(before > 0).then(pl.col("retained") / before)
    return (
        table.with_columns(pl.col("customers", *flows).fill_null(0))
        .with_columns(seen.then(pl.col(flows)).name.keep())
        .with_columns(retention=retention, churn=1 - retention)
        .sort("period", "store")
        .select(
            pl.col("period").map_elements(lambda day: _label(day, period), return_dtype=pl.String),
            *["store", "customers", "retained", "retention", "lost", "left", "churn", "won", "joined", "new"],
        )
    )


def _label(day: date, period: str) -> str:
    if period == "quarter":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return day.strftime({"week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}[period])
