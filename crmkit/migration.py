"""Migration: who moved from which tier, segment or cell to which, between two dates.

Both dates are judged by one yardstick. The caller finds the cut points at the first date and labels
the customers of both dates with them, so that a customer moves by what he does and not because
others did something. A label has a rank, 1 for the best: up is towards 1, across is to another
label of the same rank. `entered` had no label at the first date, `left` has none at the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from crmkit import customers, parse
from crmkit.customers import Data
from crmkit.engine.counts import ratio
from crmkit.engine.money import whole
from crmkit.engine.openings import OPENS
from crmkit.engine.rows import ByRow, Counted, Rows, as_rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import answered, over_time
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.load.orders import order_key
from crmkit.parse import choice
from crmkit.result import Result
from crmkit.scoring import distribution, labels, rfm_scores, tiers

KINDS = ("segment", "tier", "rfm", "pyramid")
_SCORES = 5
ENTERED, LEFT = "entered", "left"
MOVES = ("up", "same", "across", "down", ENTERED, LEFT)
MEASURES = ("customers", "revenue_before", "revenue", "revenue_change")
# With more labels than this a matrix lists the moves that happened, without the zeros in between.
FULL_MATRIX = 20
WHOLE_FILE = (
    "Everything since the file begins counts at both dates, so orders and revenue can hardly fall. "
    "--window 90 would compare the 90 days up to the one date with those up to the other."
)


def check(begin: date, end: date, *, first: date, last: date, window: int | None = None) -> None:
    """Refuse dates in the wrong order (UsageError), and dates and windows outside the transactions (DataError)."""
    if begin >= end:
        raise UsageError(f"--from {begin} is not before --to {end}. Give the earlier date first.")
    for option, day in (("--from", begin), ("--to", end)):
        if not first <= day <= last:
            raise DataError(
                f"{option} {day} is outside the file: its transactions run from {first} to {last}. "
                "Choose two dates in between."
            )
    known = (begin - first).days + 1
    if window is not None and window > known:
        raise DataError(
            f"The {window} days up to --from {begin} begin before the file does, on {first}. "
            f"Say --window {known} or less, or choose a later date."
        )


class Span(NamedTuple):
    """Days that count for a date, both ends included; None is an open end."""

    first: date | None
    last: date | None

    def holds(self, day: pl.Expr) -> pl.Expr:
        """Whether a day is one of them."""
        after = pl.lit(True) if self.first is None else day >= self.first
        return after if self.last is None else after & (day <= self.last)


def both(
    transactions: pl.LazyFrame, before: Span, after: Span, *, orders: bool, has_order: bool
) -> pl.LazyFrame:
    """By key: one row per customer, with what `customers.aggregate` finds for each span as a struct, null for nothing.

    `orders`: they are counted, too; those of a file without ids are days. `opens` is true once for each.
    """
    spans, opened = {"before": before, "after": after}, OPENS in transactions.collect_schema()
    bought, day = pl.col("amount") > 0, pl.col("date")
    columns, measures = list[pl.Expr](), list[pl.Expr]()
    for name, span in spans.items():
        within = span.holds(day)
        columns += [
            pl.when(within & bought).then(day).alias(f"{name} day"),
            pl.when(within).then("amount").alias(f"{name} amount"),
        ]
        last, revenue = pl.col(f"{name} day").max(), pl.col(f"{name} amount")
        measures += [
            last.alias(f"{name} last"),
            revenue.sum().alias(f"{name} revenue"),
            revenue.count().alias(f"{name} rows"),
        ]
        if orders:
            found = within & pl.col(OPENS) if opened else pl.when(within & bought).then(order_key(has_order))
            order = f"{name} order"
            number = pl.col(order).sum().cast(pl.Int64) if opened else customers.distinct(order)
            columns.append(found.alias(order))
            measures.append(number.alias(f"{name} orders"))
    rows = transactions.filter(before.holds(day) | after.holds(day)).select("customer", *columns)
    return (
        rows.group_by("customer")
        .agg(measures)
        .select("customer", *(_side(name, orders=orders) for name in spans))
    )


def _side(name: str, *, orders: bool) -> pl.Expr:
    """What was found for a span, null where no row lies in it."""
    found = ["last", "revenue", *(["orders"] if orders else [])]
    measures = pl.struct(pl.col(f"{name} {one}").alias(one) for one in found)
    return pl.when(pl.col(f"{name} rows") > 0).then(measures).alias(name)


def side(pairs: pl.DataFrame, name: str, *, scale: int, day: date) -> pl.DataFrame:
    """By row: the customers table of one of the spans, as of its day; `name` is before or after."""
    known = pairs.filter(pl.col(name).is_not_null()).select("customer", name)
    return customers.finish_each(known.unnest(name), scale, day)


def pair(
    pairs: pl.DataFrame, label: ByRow, ranks: Mapping[str, int], *, scale: int, days: tuple[date, date]
) -> pl.DataFrame:
    """By row: the move of each customer, where `label` adds a label to a customers table."""
    before, after = (
        label(side(pairs, name, scale=scale, day=day))
        for name, day in zip(("before", "after"), days, strict=True)
    )
    return join(before, after, ranks)


def join(before: pl.DataFrame, after: pl.DataFrame, ranks: Mapping[str, int]) -> pl.DataFrame:
    """One row for each customer with a label at either date: from, to, move and revenue at both.

    A label without a rank is none.
    """
    known = pl.when(pl.col("label").is_in(list(ranks))).then("label")
    sides = [frame.select("customer", known.alias("label"), "revenue") for frame in (before, after)]
    both = sides[0].join(sides[1], on="customer", how="full", coalesce=True, suffix="_after")
    both = both.filter(pl.col("label").is_not_null() | pl.col("label_after").is_not_null())
    was, now = (
        pl.col(name).replace_strict(ranks, default=None, return_dtype=pl.Int64)
        for name in ("label", "label_after")
    )
    move = (
        pl.when(pl.col("label").is_null())
        .then(pl.lit(ENTERED))
        .when(pl.col("label_after").is_null())
        .then(pl.lit(LEFT))
        .when(pl.col("label") == pl.col("label_after"))
        .then(pl.lit("same"))
        .when(now < was)
        .then(pl.lit("up"))
        .when(now > was)
        .then(pl.lit("down"))
        .otherwise(pl.lit("across"))
    )
    revenue = both.with_columns(pl.col("revenue", "revenue_after").fill_null(0))
    return revenue.select(
        "customer",
        pl.col("label").fill_null(ENTERED).alias("from"),
        pl.col("label_after").fill_null(LEFT).alias("to"),
        move.alias("move"),
        pl.col("revenue").alias("revenue_before"),
        pl.col("revenue_after").alias("revenue"),
        (pl.col("revenue_after") - pl.col("revenue")).alias("revenue_change"),
    )


def matrix(counted: pl.DataFrame, ranks: Mapping[str, int]) -> pl.DataFrame:
    """From × to: customers, their part of the row, and their revenue at both dates.

    The best label comes first, `entered` and `left` last.
    """
    labels = sorted(ranks, key=lambda label: (ranks[label], label))
    places = pl.DataFrame({"label": [*labels, ENTERED, LEFT]}).with_row_index("place")
    rows = places.filter(pl.col("label") != LEFT).rename({"label": "from", "place": "row"})
    columns = places.filter(pl.col("label") != ENTERED).rename({"label": "to", "place": "column"})
    counted = counted.select("from", "to", *MEASURES)
    how: Any = "left" if len(labels) <= FULL_MATRIX else "inner"
    cells = rows.join(columns, how="cross").join(counted, on=["from", "to"], how=how).sort("row", "column")
    cells = cells.with_columns(
        pl.col("customers", "revenue_before", "revenue", "revenue_change").fill_null(0)
    )
    of_row = pl.col("customers").sum().over("from")
    return cells.select(
        "from",
        "to",
        "customers",
        ratio(pl.col("customers"), of_row).alias("share"),
        "revenue_before",
        "revenue",
        "revenue_change",
    )


def grid(cells: pl.DataFrame) -> pl.DataFrame:
    """The matrix with a row for each label at the first date and a column for each at the second."""
    return cells.pivot("to", index="from", values="customers", maintain_order=True)


def moves(counted: pl.DataFrame) -> pl.DataFrame:
    """How many went up, stayed, went down, entered and left, and the revenue that moved with them."""
    kinds = [move for move in MOVES if move != "across" or (counted["move"] == move).any()]
    sums = counted.group_by("move").agg(pl.col(MEASURES).sum())
    table = pl.DataFrame({"move": kinds}).join(sums, on="move", how="left", maintain_order="left")
    table = table.with_columns(pl.exclude("move").fill_null(0))
    share = ratio(pl.col("customers"), pl.col("customers").sum())
    return table.select(
        "move", "customers", share.alias("share"), "revenue_before", "revenue", "revenue_change"
    )


@question
@answered(over_time.migration)
def analyse(
    data: Data,
    *,
    from_: str | date,
    to: str | date | None = None,
    of: str = "segment",
    window: int | None = None,
) -> Result:
    """Who moved up, down, in and out between two dates, by the cut points of the first.

    Args:
        from_: the first date; cut points are found here.
        to: the second date; the latest unless told otherwise.
        of: segment or rfm (scores), tier (80/95/100 of revenue) or pyramid (1/4/15/80 of heads).
        window: look at this many days up to each date, not at all.

    Raises DataError where nobody has a label at either date, or dates lie outside the transactions.
    """
    choice("--of", of, KINDS)
    begin, end = parse.day("--from", from_), parse.day("--to", to)
    assert begin is not None
    sales = transactions_of(data)
    end = end or sales.plan.options.as_of
    orders = of in ("segment", "rfm")
    both_of = partial(
        both,
        before=_span(begin, window),
        after=_span(end, window),
        orders=orders,
        has_order=sales.has("order"),
    )
    found = customers.grouped(sales, both_of, orders=orders, one_day=True)
    pairs, scale, end = found.rows, found.scale, end or found.as_of
    check(begin, end, first=found.begin, last=found.as_of, window=window)
    before, after = (
        pairs.by_row(partial(side, name=name, scale=scale, day=day))
        for name, day in (("before", begin), ("after", end))
    )
    label, ranks = _by_value(before, after, of) if of in ("tier", "pyramid") else _by_score(before, of)
    moved = pairs.by_row(partial(pair, label=label, ranks=ranks, scale=scale, days=(begin, end)))
    return tables_of(moved, ranks=ranks, begin=begin, end=end, of=of, window=window)


def _span(last: date | None, window: int | None) -> Span:
    """The days that count for a date."""
    if window is None:
        return Span(None, last)
    if last is None:
        raise UsageError(
            "--window counts back from both dates, so the second must be given, too: add --to DATE."
        )
    return Span(last - timedelta(days=window - 1), last)


Ranked = tuple[ByRow, dict[str, int]]


def _by_value(before: Rows, after: Rows, of: str) -> Ranked:
    """Tiers of both dates by the lowest revenue of each tier at the first."""
    scheme = "abc" if of == "tier" else "pyramid"
    lowest = tiers.lowest_values(
        distribution.cumulated(before.by_row(_revenue).counts(Counted(by=["value"]))), tiers.SCHEMES[scheme]
    )
    found = labels.of_tiers(lowest, scheme)
    least = [one.counts(Counted(least=["revenue"]))["revenue"][0] for one in (before, after)]
    somebody_below = any(value is not None and value < 0 for value in least)
    names = [name for name in found.order or () if somebody_below or name != tiers.BELOW_ZERO]
    return found.add, {name: place for place, name in enumerate(names, start=1)}


def _revenue(side: pl.DataFrame) -> pl.DataFrame:
    return side.select(whole("revenue").alias("value"))


def _by_score(before: Rows, of: str) -> Ranked:
    """Segments or RFM cells of both dates by the cut points of the first."""
    buyers = int(rfm_scores.tally(before, "recency")["n"].sum())
    if buyers < _SCORES:
        raise DataError(
            f"Only {buyers} customers had an order by the first date, too few for {_SCORES} scores. "
            "Choose a later --from, or compare --of tier."
        )
    cuts = rfm_scores.cuts(before)
    if of == "segment":
        found = labels.of_segments(cuts)
        return found.add, {name: place for place, name in enumerate(found.order or (), start=1)}
    found = labels.of_cells(cuts)
    return found.add, {cell: 1 - sum(map(int, cell)) for cell in found.order or ()}


def tables_of(
    moved: pl.DataFrame | Rows,
    *,
    ranks: Mapping[str, int],
    begin: date,
    end: date,
    of: str,
    window: int | None = None,
) -> Result:
    """Moves between two dates.

    Args:
        moved: one row per customer, as `join` makes them.
        ranks: the rank of each label, 1 for the best; labels may share one.
        begin, end: the two dates.
        of: what the labels are, for the titles: tier, segment, rfm or pyramid.
        window: the days up to each date that were looked at, if not all.

    Raises DataError where nobody has a label at either date.
    """
    listed = as_rows(moved)
    counted = listed.counts(Counted(by=("from", "to", "move"), sums=MEASURES[1:])).rename({"n": "customers"})
    people = int(counted["customers"].sum())
    if not people:
        raise DataError(f"Nobody had an order by {end}, so nobody could move. Choose later dates.")
    summary = moves(counted)
    counts = dict(summary.select("move", "customers").iter_rows())
    stayed = people - counts[ENTERED] - counts[LEFT]
    cells = matrix(counted, ranks)
    wide = {"grid": grid(cells)} if len(ranks) <= FULL_MATRIX else {}
    result = Result(
        command="migration",
        tables={"moves": summary, "matrix": cells, **wide},
        facts={
            "from": begin,
            "to": end,
            "of": of,
            "window": window,
            "customers": people,
            "moves": counts,
            "same_share": counts["same"] / stayed if stayed else None,
        },
        notes=() if window else (WHOLE_FILE,),
        titles={
            "moves": f"Moves of customers by {of} from {begin} to {end}, by the cut points of {begin}",
            "matrix": f"Customers by {of} on {begin} and on {end}",
            "grid": f"Customers by {of} on {begin} (rows) and on {end} (columns)",
        },
        pictures={"matrix": "none", "grid": "heat"} if wide else {},
    )
    return result.with_detail("customers", listed.ordered_by(_largest_first))


def _largest_first(moved: pl.DataFrame) -> pl.DataFrame:
    return moved.sort("revenue_before", "customer", descending=[True, False])
