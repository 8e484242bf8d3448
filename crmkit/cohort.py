"""Cohorts: customers by the period of their first order, and what they did in the periods after.

Period 0 of a cohort is the one of the first order. A refund dated before a customer's first order
belongs to a sale that the file does not hold; it counts in period 0, so that a cohort's revenue is
its customers' revenue to the last unit. A cell is known when its period has ended; an open one is
left blank.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, Literal, cast, get_args

import polars as pl

from crmkit.customers import Data
from crmkit.engine.money import as_money
from crmkit.errors import DataError
from crmkit.headlines import answered, over_time
from crmkit.history import periods
from crmkit.history.panel import panel
from crmkit.history.periods import Period
from crmkit.load.dataset import NEEDED, transactions_of
from crmkit.load.door import question
from crmkit.parse import choice
from crmkit.result import Result

Value = Literal["customers", "rate", "rolling", "revenue", "cumulative", "profit", "orders"]
VALUES: tuple[Value, ...] = get_args(Value)
MONEY = ("revenue", "cumulative", "profit")
SHARES = ("rate", "rolling")
_COLUMNS = {"rate": "customers"}  # where a value is made of another column
TITLES = {
    "customers": "Customers with an order, by {period} of the first order and {period}s since",
    "rate": "Part of the cohort with an order, by {period} of the first order and {period}s since",
    "rolling": "Part of the cohort with an order then or later, by {period} of the first order and {period}s since",
    "revenue": "Revenue, by {period} of the first order and {period}s since",
    "cumulative": "Revenue so far, by {period} of the first order and {period}s since",
    "profit": "Profit so far, by {period} of the first order and {period}s since",
    "orders": "Orders, by {period} of the first order and {period}s since",
}


def check(value: str) -> Value:
    """The value itself, or UsageError with the names that exist."""
    return cast(Value, choice("--value", value, VALUES))


def count(transactions: pl.LazyFrame, period: Period, *, profit: bool = False) -> pl.LazyFrame:
    """From transactions to the counts that `tables_of` takes."""
    return tally(join_cohort(panel(transactions, period, profit=profit)), profit=profit)


def join_cohort(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Add `cohort` and `final` to a panel: the periods of the customer's first and last order, null where there is none."""
    ordered = pl.col("index").filter(pl.col("orders") > 0)
    return activity.with_columns(
        ordered.min().over("customer").alias("cohort"), ordered.max().over("customer").alias("final")
    )


def tally(activity: pl.LazyFrame, *, profit: bool = False) -> pl.LazyFrame:
    """Customers with an order, those with their last one, orders and money of each cohort in each period since.

    These are counts that add up.
    """
    since = (pl.col("index") - pl.col("cohort")).clip(lower_bound=0)
    return activity.group_by("cohort", since.alias("since")).agg(
        (pl.col("orders") > 0).sum().cast(pl.Int64).alias("customers"),
        (pl.col("index") == pl.col("final")).sum().cast(pl.Int64).alias("ending"),
        pl.col("orders").sum(),
        pl.col("revenue").sum(),
        *([pl.col("profit").sum()] if profit else []),
    )


def triangle(counts: pl.DataFrame, last: int) -> pl.DataFrame:
    """Every cell from each cohort's first period to the period `last`; 0 where nothing happened.

    Columns: cohort and index (periods), since, size, customers, ending, rolling (customers with an order then or later), orders,
    revenue, cumulative, and profit so far where it was counted.
    """
    earned = ["profit"] if "profit" in counts.columns else []
    sizes = counts.filter(pl.col("since") == 0).select("cohort", size="customers")
    cells = sizes.with_columns(index=pl.int_ranges("cohort", last + 1, dtype=pl.Int32)).explode("index")
    return (
        cells.with_columns(since=pl.col("index") - pl.col("cohort"))
        .join(counts, on=["cohort", "since"], how="left")
        .with_columns(pl.col("customers", "ending", "orders", "revenue", *earned).fill_null(0))
        .with_columns(
            pl.col("ending").cum_sum(reverse=True).over("cohort", order_by="since").alias("rolling"),
            pl.col("revenue").cum_sum().over("cohort", order_by="since").alias("cumulative"),
            *(pl.col(name).cum_sum().over("cohort", order_by="since") for name in earned),
        )
        .sort("cohort", "since")
    )


def cell(value: Value, scale: int) -> pl.Expr:
    """The value of a cell."""
    if value in SHARES:
        return pl.col(_COLUMNS.get(value, value)) / pl.col("size")
    return as_money(value, scale) if value in MONEY else pl.col(value)


def together(cells: pl.DataFrame, value: Value) -> pl.DataFrame:
    """The complete cells of each period since, added up: cohorts, their size, total in the value's units."""
    total = pl.col(_COLUMNS.get(value, value)).sum()
    known = cells.filter("complete").group_by("since")
    return known.agg(
        pl.len().cast(pl.Int64).alias("cohorts"), pl.col("size").sum(), total.alias("total")
    ).sort("since")


def mean_row(cells: pl.DataFrame, value: Value, scale: int) -> dict[str, Any]:
    """A cohort of mean size that does in each period what the cohorts known in it did.

    Each cohort counts by its size: Σ value / Σ size × mean size, rounded half to even. A rate is
    the same without the mean size.
    """
    rows = together(cells, value).to_dicts()
    size = Fraction(rows[0]["size"], rows[0]["cohorts"]) if rows else Fraction(0)
    each = {str(row["since"]): Fraction(row["total"], row["size"]) for row in rows}
    means: dict[str, Any] = {"cohort": "mean", "size": round(size)}
    if value in SHARES:
        return means | {since: float(mean) for since, mean in each.items()}
    if value in MONEY:
        return means | {since: Decimal(round(mean * size)).scaleb(-scale) for since, mean in each.items()}
    return means | {since: round(mean * size) for since, mean in each.items()}


def grid(cohorts: pl.DataFrame, mean: dict[str, Any], value: Value) -> pl.DataFrame:
    """The wide form: a row per cohort and the mean below, a column per period in which anything is known.

    Period 0 of customers and shares says no more than the size does, and is left out.
    """
    known = cohorts.filter(pl.col("value").is_not_null())["period"].unique().sort()
    shown = known.filter(known > 0) if value in ("customers", *SHARES) else known
    wide = cohorts.pivot(
        "period", on_columns=shown, index=["cohort", "size"], values="value", maintain_order=True
    )
    below = {name: [mean.get(name)] for name in wide.columns}
    return pl.concat([wide, pl.DataFrame(below, schema=wide.schema)])


def check_span(counts: pl.DataFrame, last: int, period: Period) -> None:
    """Refuse what has no cohort, or a single period and so no later one to look at."""
    first = counts["cohort"].min()
    if first is None:
        raise DataError(
            "There is no cohort: no customer has an order with a positive amount. "
            "Look at what the amounts are with `crmkit check`."
        )
    if first == last:
        raise DataError(
            f"All orders fall in one {period}, {periods.label_of(last, period)}; cohorts need at least two. "
            + (
                "Give a longer history."
                if period in periods.WEEKS
                else "Say a shorter --period, such as week."
            )
        )


def facts(counts: pl.DataFrame, cells: pl.DataFrame, scale: int) -> dict[str, Any]:
    """What the cohorts hold, what lies outside of them, and how many customers come back a period later."""
    next_one = together(cells, "rate").filter(pl.col("since") == 1).to_dicts()
    outside = counts.filter(pl.col("cohort").is_null())
    return {
        "customers": counts.filter(pl.col("since") == 0)["customers"].sum(),
        "cohorts": cells["cohort"].n_unique(),
        "cohort_revenue": cells.select(as_money("revenue", scale).sum()).item(),
        "revenue_outside": outside.select(as_money("revenue", scale).sum()).item(),
        "return_rate": next_one[0]["total"] / next_one[0]["size"] if next_one else None,
    }


def notes(cohorts: pl.DataFrame, last: str, outside: Decimal, as_of: date) -> tuple[str, ...]:
    """What a careful reader should know about the edges of the triangle."""
    first = cohorts["cohort"][0]
    said = [f"Cohort {first} is where the file begins: customers from before it are counted as new there."]
    if not cohorts["complete"].all():
        said.append(
            f"{last} is cut short on {as_of}: its cells do not enter the means, nor the table unasked."
        )
    if outside:
        said.append(f"Customers with refunds only are in no cohort: {outside:,} of revenue is theirs.")
    return tuple(said)


@question
@answered(over_time.cohort)
def analyse(
    data: Data, *, period: str = "month", value: str = "rate", include_partial: bool = False
) -> Result:
    """Customers by the period of their first order × periods since.

    `period` is month, quarter, week (from Monday), sunday-week or year; `value` what the cells hold: rate,
    rolling (the rate of those with an order then or later), customers, revenue, cumulative (revenue so far),
    profit (so far; needs a cost) or orders; `include_partial` shows the cells of a period that is not over, too.
    Raises DataError where there is no order, or only one period.
    """
    by, shown = periods.check(period), check(value)
    profit = shown == "profit"
    sales = transactions_of(data, {*NEEDED, "cost"} if profit else NEEDED)
    found = sales.count(partial(count, period=by, profit=profit), by=["cohort", "since"])
    return tables_of(
        found.rows,
        as_of=found.as_of,
        scale=found.scale,
        period=by,
        value=shown,
        include_partial=include_partial,
    )


def tables_of(
    counts: pl.DataFrame,
    *,
    as_of: date,
    scale: int,
    period: Period = "month",
    value: Value = "rate",
    include_partial: bool = False,
) -> Result:
    """Cohorts by first order × periods since, from the counts of `count`.

    Args:
        as_of: the last day that the data cover; a period that ends later is not complete.
        scale: decimals of the amounts' minor units.
        include_partial: show the cells of a period that is not complete instead of blanks.

    Raises DataError where there is no order, or only one period.
    """
    last = periods.index_of(as_of, period)
    check_span(counts, last, period)
    cells = triangle(counts, last).with_columns(complete=periods.end(pl.col("index"), period) <= as_of)
    found = facts(counts, cells, scale)
    shown = pl.col("complete") | include_partial
    cohorts = cells.select(
        periods.label(pl.col("cohort"), period).alias("cohort"),
        "size",
        pl.col("since").cast(pl.Int64).alias("period"),
        pl.when(shown).then(cell(value, scale)).alias("value"),
        "complete",
    )
    # A size is a count too: the kind of whole numbers in the map must differ, or it is coloured with them.
    kind = "share" if value in SHARES else "money" if value in MONEY else "ratio"
    return Result(
        command="cohort",
        tables={"cohorts": cohorts, "grid": grid(cohorts, mean_row(cells, value, scale), value)},
        facts=found | {"as_of": as_of, "by": period, "value": value},
        notes=notes(cohorts, periods.label_of(last, period), found["revenue_outside"], as_of),
        titles={"grid": TITLES[value].format(period=period)},
        pictures={"cohorts": "none", "grid": f"heat {kind} last"},
    )
