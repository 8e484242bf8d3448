"""Cohorts: customers by the period of their first order, and what they did in the periods after.

Age 0 is the period of the first order. A refund dated before a customer's first order belongs to a
sale that the file does not hold; it counts at age 0, so that a cohort's revenue is its customers'
revenue to the last unit. A cell is known when its period has ended; an open one is left blank.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, get_args

import polars as pl

from crmkit import periods
from crmkit.errors import DataError, UsageError
from crmkit.panel import money, panel
from crmkit.periods import Period
from crmkit.result import Result

Value = Literal["customers", "rate", "revenue", "cumulative", "orders"]
VALUES: tuple[Value, ...] = get_args(Value)
MONEY = ("revenue", "cumulative")
TITLES = {
    "customers": "Customers with an order, by {period} of the first order and {period}s since",
    "rate": "Part of the cohort with an order, by {period} of the first order and {period}s since",
    "revenue": "Revenue, by {period} of the first order and {period}s since",
    "cumulative": "Revenue so far, by {period} of the first order and {period}s since",
    "orders": "Orders, by {period} of the first order and {period}s since",
}


def check(value: str) -> Value:
    """The value itself, or UsageError with the names that exist."""
    for known in VALUES:
        if value == known:
            return known
    raise UsageError(f"A cohort has no value {value!r}. Say one of {', '.join(VALUES)}.")


def join_cohort(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Add `cohort` to a panel: the period of the customer's first order, null where there is none."""
    first = pl.col("index").filter(pl.col("orders") > 0).min()
    return activity.with_columns(first.over("customer").alias("cohort"))


def count(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Customers with an order, orders and revenue of each cohort at each age: counts that add up."""
    age = (pl.col("index") - pl.col("cohort")).clip(lower_bound=0)
    return activity.group_by("cohort", age.alias("age")).agg(
        (pl.col("orders") > 0).sum().cast(pl.Int64).alias("customers"),
        pl.col("orders").sum(),
        pl.col("revenue").sum(),
    )


def triangle(counts: pl.DataFrame, last: int) -> pl.DataFrame:
    """Every cell from each cohort's first period to the period `last`; 0 where nothing happened.

    Columns: cohort and index (periods), age, size, customers, orders, revenue, cumulative.
    """
    sizes = counts.filter(pl.col("age") == 0).select("cohort", size="customers")
    cells = sizes.with_columns(index=pl.int_ranges("cohort", last + 1, dtype=pl.Int32)).explode("index")
    return (
        cells.with_columns(age=pl.col("index") - pl.col("cohort"))
        .join(counts, on=["cohort", "age"], how="left")
        .with_columns(pl.col("customers", "orders", "revenue").fill_null(0))
        .with_columns(cumulative=pl.col("revenue").cum_sum().over("cohort", order_by="age"))
        .sort("cohort", "age")
    )


def cell(value: Value, scale: int) -> pl.Expr:
    """The value of a cell, for those that are shown."""
    if value == "rate":
        return pl.col("customers") / pl.col("size")
    return money(pl.col(value), scale) if value in MONEY else pl.col(value)


def by_age(cells: pl.DataFrame, value: Value) -> pl.DataFrame:
    """The complete cells of each age added up: age, cohorts, size, total (in the value's units)."""
    total = pl.col("customers" if value == "rate" else value).sum()
    ages = cells.filter("complete").group_by("age")
    return ages.agg(
        pl.len().cast(pl.Int64).alias("cohorts"), pl.col("size").sum(), total.alias("total")
    ).sort("age")


def mean_row(ages: pl.DataFrame, value: Value, scale: int) -> dict[str, Any]:
    """A cohort of mean size that does, at each age, what the cohorts known at that age did.

    Each cohort counts by its size: Σ value / Σ size × mean size, rounded half to even. A rate is
    the same without the mean size.
    """
    rows = ages.to_dicts()
    size = Fraction(rows[0]["size"], rows[0]["cohorts"]) if rows else Fraction(0)
    each = {str(row["age"]): Fraction(row["total"], row["size"]) for row in rows}
    means: dict[str, Any] = {"cohort": "mean", "size": round(size)}
    if value == "rate":
        return means | {age: float(mean) for age, mean in each.items()}
    if value in MONEY:
        return means | {age: Decimal(round(mean * size)).scaleb(-scale) for age, mean in each.items()}
    return means | {age: round(mean * size) for age, mean in each.items()}


def grid(cohorts: pl.DataFrame, mean: dict[str, Any]) -> pl.DataFrame:
    """The wide form: a row per cohort, a column per age at which anything is shown, the mean row below."""
    ages = cohorts.filter(pl.col("value").is_not_null())["age"].unique().sort()
    wide = cohorts.pivot(
        "age", on_columns=ages, index=["cohort", "size"], values="value", maintain_order=True
    )
    return pl.concat([wide, pl.DataFrame([mean], schema_overrides=wide.schema)], how="diagonal")


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
            "Say a shorter --period."
        )


def facts(counts: pl.DataFrame, cells: pl.DataFrame, scale: int) -> dict[str, Any]:
    """What the cohorts hold, what lies outside of them, and how many customers come back at age 1."""
    known = by_age(cells, "rate").filter(pl.col("age") == 1).to_dicts()
    outside = counts.filter(pl.col("cohort").is_null()).select(money(pl.col("revenue").sum(), scale)).item()
    return {
        "customers": counts.filter(pl.col("age") == 0)["customers"].sum(),
        "cohorts": cells["cohort"].n_unique(),
        "revenue": cells.select(money(pl.col("revenue").sum(), scale)).item(),
        "revenue_outside": outside,
        "return_rate": known[0]["total"] / known[0]["size"] if known else None,
    }


def notes(cohorts: pl.DataFrame, outside: Decimal, as_of: date) -> tuple[str, ...]:
    """What a careful reader should know about the edges of the triangle."""
    first, last = cohorts["cohort"][0], cohorts["period"][-1]
    said = [f"Cohort {first} is where the file begins: customers from before it are counted as new there."]
    if not cohorts["complete"].all():
        said.append(
            f"{last} is cut short on {as_of}: its cells do not enter the means, nor the table unasked."
        )
    if outside:
        said.append(f"Customers with refunds only are in no cohort: {outside:,} of revenue is theirs.")
    return tuple(said)


def analyse(
    transactions: pl.LazyFrame,
    *,
    as_of: date,
    scale: int,
    period: Period = "month",
    value: Value = "rate",
    include_partial: bool = False,
) -> Result:
    """Cohorts by first order × periods since, in one pass over the transactions.

    Args:
        as_of: the last day that the data cover; a period that ends later is not complete.
        scale: decimals of the amounts' minor units.
        include_partial: show the cells of a period that is not complete instead of blanks.

    Raises DataError where there is no order, or only one period.
    """
    counts = count(join_cohort(panel(transactions, period))).collect(engine="streaming")
    last = periods.index_of(as_of, period)
    check_span(counts, last, period)
    cells = triangle(counts, last).with_columns(complete=periods.end(pl.col("index"), period) <= as_of)
    found = facts(counts, cells, scale)
    shown = pl.col("complete") | include_partial
    cohorts = cells.select(
        periods.label(pl.col("cohort"), period).alias("cohort"),
        "size",
        periods.label(pl.col("index"), period).alias("period"),
        "age",
        pl.when(shown).then(cell(value, scale)).alias("value"),
        "complete",
    )
    return Result(
        command="cohort",
        tables={"cohorts": cohorts, "grid": grid(cohorts, mean_row(by_age(cells, value), value, scale))},
        facts=found | {"as_of": as_of},
        detail="cohorts",
        notes=notes(cohorts, found["revenue_outside"], as_of),
        titles={"grid": TITLES[value].format(period=period)},
        pictures={"grid": "heat"},
    )
