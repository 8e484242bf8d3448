"""Switching rates from transactions: who bought where in one period, and where in the next.

A customer's store in a period is the one with most of her spending there (ties: the latest
purchase, then the name). Who buys nothing in a period is elsewhere. The last period counts only
when the data reach its last day, since an open period would look like a loss of customers. Rows
without a store make a store of their own, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmkit.errors import DataError, UsageError
from crmkit.history import periods
from crmkit.result import Result
from crmkit.whatif.switching import ELSEWHERE, Switching

ONE_STORE = "here"
NO_STORE = "(no store)"
_MOST_STORES = 100
# The normal quantile of a two-sided interval of 95 %.
_Z = 1.959963984540054

# What tells one kind of move from another; the counts of each add up.
MOVE = ("period", "source", "target", "new")


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
            titles={
                "matrix": f"Moves from {self.facts['first_period']} to {self.facts['last_period']}",
                "history": f"Each {self.facts['period']}",
                **result.titles,
            },
            # One store's history is the answer; that of many is long.
            detail=result.detail or ("history" if len(self.market.stores) > 1 else None),
            notes=(*self.notes, *result.notes),
        )


def counted(transactions: pl.LazyFrame, period: str) -> pl.LazyFrame:
    """How many customers made each move, from transactions with or without a `store` column."""
    return counts(moves(homes(transactions, periods.check(period))))


def homes(transactions: pl.LazyFrame, period: periods.Period) -> pl.LazyFrame:
    """By key: one row per customer and period with a purchase, and the store that counts for it."""
    if "store" not in transactions.collect_schema().names():
        transactions = transactions.with_columns(store=pl.lit(ONE_STORE))
    store = pl.col("store").cast(pl.String).fill_null(NO_STORE).replace(ELSEWHERE, f"store {ELSEWHERE}")
    spent = (
        transactions.filter((pl.col("amount") > 0) & pl.col("customer").is_not_null())
        .select("customer", "date", "amount", store=store, period=periods.index(pl.col("date"), period))
        .group_by("customer", "period", "store")
        .agg(pl.col("amount").sum(), pl.col("date").max())
    )
    best_first = spent.sort(
        "customer", "period", "amount", "date", "store", descending=[False, False, True, True, False]
    )
    return best_first.unique(["customer", "period"], keep="first", maintain_order=True)


def moves(homes: pl.LazyFrame) -> pl.LazyFrame:
    """By key: the moves of each customer into `period`, out of the period before it.

    Needs `homes` sorted by customer and period with all rows of a customer together. `new` marks
    the move that brings a customer for the first time.
    """
    customer, period, store = pl.col("customer"), pl.col("period"), pl.col("store")
    follows = (customer == customer.shift(1)).fill_null(False)
    without_gap = (follows & (period == period.shift(1) + 1)).fill_null(False)
    known = homes.with_columns(
        without_gap=without_gap,
        new=~follows,
        # What comes next tells where a customer went; after a gap she was elsewhere first.
        target=pl.when(without_gap.shift(-1, fill_value=False))
        .then(store.shift(-1))
        .otherwise(pl.lit(ELSEWHERE)),
    )
    onward = pl.struct(period=period + 1, source=store, target="target", new=pl.lit(False))
    arrival = pl.struct(period=period, source=pl.lit(ELSEWHERE), target=store, new="new")
    both = pl.concat_list(onward, pl.when(~pl.col("without_gap")).then(arrival))
    return known.select(move=both).explode("move").drop_nulls().unnest("move")


def counts(moves: pl.LazyFrame) -> pl.LazyFrame:
    """Mergeable counts: how many customers made each move into each period."""
    return moves.group_by(MOVE).agg(n=pl.len().cast(pl.Int64))


def estimate(moved: pl.DataFrame, period: str, *, as_of: date) -> Estimate:
    """The market behind the counts of moves, where the data are complete up to and with `as_of`.

    Raises DataError when fewer than two whole periods are there.
    """
    kind = periods.check(period)
    if moved.is_empty():
        raise DataError("No row has a customer and a positive amount, so nobody can be seen to move.")
    whole = _whole_periods(moved["period"].sort()[0], as_of, kind)
    notes = []
    if moved.filter((pl.col("period") > whole[-1]) & (pl.col("target") != ELSEWHERE)).height:
        cut = whole[-1] + 1
        notes.append(
            f"{periods.label_of(cut, kind)} was left out, because the data reach {as_of} only. "
            f"If nothing is missing, say --as-of {periods.end_of(cut, kind)}."
        )
    return _estimate(moved.filter(pl.col("period") <= whole[-1]), whole, kind, notes=notes)


def _whole_periods(first: int, as_of: date, period: periods.Period) -> list[int]:
    """The periods from that of the first purchase to the last one that the data cover."""
    whole = [
        i for i in range(first, periods.index_of(as_of, period) + 1) if periods.end_of(i, period) <= as_of
    ]
    if len(whole) < 2:
        raise DataError(
            f"From {periods.label_of(first, period)} to {as_of} there are {len(whole)} whole {period}s, "
            "and moves need two. Give more data, a shorter --period, or --as-of where the data are "
            "complete to a later day."
        )
    return whole


def _estimate(moved: pl.DataFrame, whole: list[int], period: periods.Period, *, notes: list[str]) -> Estimate:
    stores = tuple(sorted((set(moved["source"]) | set(moved["target"])) - {ELSEWHERE}))
    if len(stores) > _MOST_STORES:
        raise UsageError(
            f"The store column holds {len(stores)} different values ({', '.join(stores[:3])}, ...); "
            f"at most {_MOST_STORES} stores can be followed. Choose a column with fewer."
        )
    # Nobody was seen to arrive in the first period: its customers are the start.
    number = _square(moved.filter(pl.col("period") > whole[0]), (*stores, ELSEWHERE))
    notes += _thin(stores, number, period)
    notes += _uneven(moved.filter(pl.col("period") > whole[0]), period)
    last = moved.filter(pl.col("period") == whole[-1]).group_by("target").agg(pl.col("n").sum())
    there = dict(last.iter_rows())
    return Estimate(
        market=_market(stores, number, len(whole) - 1),
        start=tuple(there.get(store, 0) for store in stores),
        tables={
            "matrix": _matrix_table(number, (*stores, ELSEWHERE), len(whole) - 1),
            "history": _history_table(moved, stores, whole, period),
        },
        facts={
            "period": period,
            "first_period": periods.label_of(whole[0], period),
            "last_period": periods.label_of(whole[-1], period),
        },
        notes=tuple(notes),
    )


def _thin(stores: Sequence[str], number: NDArray[np.int64], period: str) -> list[str]:
    """Warnings about stores whose losses are not known, or not believable."""
    seen, kept = number[:-1].sum(axis=1), np.diagonal(number)[:-1]
    unseen = [store for store, n in zip(stores, seen, strict=True) if not n]
    lossless = [f"{s} ({n})" for s, n, k in zip(stores, seen, kept, strict=True) if n and n == k]
    notes = []
    if unseen:
        notes.append(
            f"Without customers before the last {period}: {', '.join(unseen)}. They are taken to stay or "
            "go elsewhere as the customers of all stores do."
        )
    if lossless:
        notes.append(
            f"Seen to keep all customers (so many): {', '.join(lossless)}. Nobody ever leaves there in the "
            "simulation, and the steady state rests on that."
        )
    return notes


def _uneven(moved: pl.DataFrame, period: str) -> list[str]:
    """A warning where the number of customers who join is far from its mean in some period."""
    joined = (
        moved.filter(pl.col("source") == ELSEWHERE).group_by("period").agg(pl.col("n").sum())["n"].to_list()
    )
    if not joined or max(joined) * len(joined) <= 2 * sum(joined):
        return []
    return [
        f"From {min(joined)} to {max(joined)} customers joined per {period}; the simulation uses the mean. "
        "Use --since to estimate from periods that are like those to come."
    ]


def _square(moved: pl.DataFrame, places: Sequence[str]) -> NDArray[np.int64]:
    """Moves from each place to each, all periods together."""
    number = np.zeros((len(places), len(places)), dtype=np.int64)
    place = {name: i for i, name in enumerate(places)}
    for source, target, n in moved.select("source", "target", "n").iter_rows():
        number[place[source], place[target]] += n
    return number


def _market(stores: tuple[str, ...], number: NDArray[np.int64], steps: int) -> Switching:
    out = number[:-1]
    total = out.sum(axis=1, keepdims=True)
    # A store that nobody could leave yet would swallow the whole market if it lost nobody.
    stay = np.trace(out) / out.sum()
    like_all = np.column_stack([stay * np.eye(len(stores)), np.full(len(stores), 1 - stay)])
    rates = np.divide(out, total, out=like_all, where=total > 0)
    return Switching(stores=stores, rates=rates, join=number[-1, :-1] / steps)


def _matrix_table(number: NDArray[np.int64], places: Sequence[str], steps: int) -> pl.DataFrame:
    """Each possible move: how many customers made it, and which part of those who could have."""
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


def _history_table(
    moved: pl.DataFrame, stores: Sequence[str], whole: list[int], period: periods.Period
) -> pl.DataFrame:
    """Per period and store: who was there, who stayed, who came and who went."""
    grid = pl.DataFrame({"period": whole}, schema={"period": pl.Int32}).join(
        pl.DataFrame({"store": stores}), how="cross"
    )
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
    gone = pl.col("lost") + pl.col("left")
    before = pl.col("retained") + gone
    retention, churn = (pl.when(before > 0).then(part / before) for part in (pl.col("retained"), gone))
    return (
        table.with_columns(pl.col("customers", *flows).fill_null(0))
        .with_columns(seen.then(pl.col(flows)).name.keep())
        .with_columns(retention=retention, churn=churn)
        .sort("period", "store")
        .select(
            periods.label(pl.col("period"), period).alias("period"),
            *["store", "customers", "retained", "retention", "lost", "left", "churn", "won", "joined", "new"],
        )
    )
