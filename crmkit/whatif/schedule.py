"""Customers compared by the purchases ahead of them instead of by today's basket.

Time runs from the first date in the schedule, or, where ages are given, from each customer's own
first age: today they are all customers. The purchase of that day is not discounted.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmkit.engine.money import amounts
from crmkit.errors import UsageError
from crmkit.parse import MEAN_YEAR, Duration
from crmkit.result import Result

# Yearly discount factors that are searched for a change of rank: no discount down to 9,900 %.
_FACTORS = np.linspace(1, 0.01, 1_000)
_MOST_RIVALS = 200


def compare(purchases: pl.DataFrame, *, discount: float = 0.0, every: Duration | None = None) -> Result:
    """Totals per customer, when the largest overtakes each other one, and the discount rate that undoes it.

    `purchases` has the columns customer, amount (Decimal), and date or age if known; without either,
    `every` tells the time between purchases, and without that nothing can be discounted.
    """
    if not 0 <= discount <= 1:
        raise UsageError(f"The discount is {discount:g}; it must lie between 0 and 1 (100%).")
    if every is not None and {"date", "age"} & set(purchases.columns):
        raise UsageError(f"--every {every} is for a schedule without dates and ages; this one has them.")
    timed = _timed(purchases, every)
    if discount and timed["years"].null_count():
        raise UsageError(
            "The schedule has neither dates nor ages, so nothing can be discounted. "
            "Add a column date or age, or say how far apart the purchases are with --every 1y."
        )
    ahead = _with_cumulative(timed, discount)
    customers = _customers_table(ahead)
    notes: tuple[str, ...] = ()
    if len(customers) > _MOST_RIVALS + 1:
        notes = (f"Overtaking is shown for the {_MOST_RIVALS} largest rivals of {len(customers) - 1}.",)
    return Result(
        command="value",
        tables={
            "customers": customers,
            "overtaking": _overtaking_table(ahead, customers),
            "purchases": ahead,
        },
        facts={"discount": discount},
        notes=notes,
    )


def _timed(purchases: pl.DataFrame, every: Duration | None) -> pl.DataFrame:
    """With the number of each purchase and the years that have passed by then, in the order of time."""
    if "date" in purchases.columns:
        years = (pl.col("date") - pl.col("date").min()).dt.total_days() / MEAN_YEAR
        ordered = purchases.sort("customer", "date", "amount").with_columns(years=years)
    elif "age" in purchases.columns:
        ordered = purchases.sort("customer", "age", "amount")
        ordered = ordered.with_columns(
            years=(pl.col("age") - pl.col("age").min().over("customer")).cast(pl.Float64)
        )
    else:
        gap = None if every is None else float(every.years)
        nth = pl.int_range(pl.len()).over("customer")
        ordered = purchases.sort("customer", maintain_order=True).with_columns(
            years=nth * pl.lit(gap, dtype=pl.Float64)
        )
    return ordered.with_columns(purchase=pl.int_range(1, pl.len() + 1).over("customer").cast(pl.Int64))


def _with_cumulative(timed: pl.DataFrame, discount: float) -> pl.DataFrame:
    worth = timed["amount"].cast(pl.Float64) * (1 + discount) ** -timed["years"].fill_null(0)
    return timed.with_columns(
        pl.col("amount").cum_sum().over("customer").alias("cumulative"), amounts("present", worth.to_list())
    ).select("customer", "purchase", pl.col("^date|age$"), "years", "amount", "cumulative", "present")


def _customers_table(ahead: pl.DataFrame) -> pl.DataFrame:
    totals = ahead.group_by("customer").agg(
        purchases=pl.len().cast(pl.Int64),
        basket=pl.col("amount").sort_by("purchase").first(),
        total=pl.col("amount").sum(),
        discounted_total=pl.col("present").sum(),
    )
    ranked = totals.with_columns(
        rank=pl.col("total").rank("min", descending=True).cast(pl.Int64),
        discounted_rank=pl.col("discounted_total").rank("min", descending=True).cast(pl.Int64),
    )
    return ranked.sort(["total", "customer"], descending=[True, False])


def _overtaking_table(ahead: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """The customer with the largest total against each other one."""
    streams = {str(name[0]): rows for name, rows in ahead.partition_by("customer", as_dict=True).items()}
    winner, *rivals = customers["customer"].head(_MOST_RIVALS + 1).to_list()
    rows = [(winner, rival, *_duel(streams[winner], streams[rival])) for rival in rivals]
    money = ahead.schema["cumulative"]
    return pl.DataFrame(
        rows,
        schema={
            "customer": pl.String,
            "rival": pl.String,
            "purchase": pl.Int64,
            "cumulative": money,
            "rival_cumulative": money,
            "flip_discount": pl.Float64,
        },
        orient="row",
    )


def _duel(winner: pl.DataFrame, rival: pl.DataFrame) -> tuple[object, ...]:
    """The winner's purchase from which on it is ahead, both sums then, and the rate that undoes the lead."""
    dated = not winner["years"].null_count()
    clock = "years" if dated else "purchase"
    changes = pl.concat([winner.select(clock, "amount"), rival.select(clock, -pl.col("amount"))])
    lead = (
        changes.group_by(clock)
        .agg(pl.col("amount").sum())
        .sort(clock)
        .with_columns(pl.col("amount").cum_sum())
    )
    behind = lead.filter(pl.col("amount") <= 0)[clock].max()
    after = winner if behind is None else winner.filter(pl.col(clock) > behind)
    flip = flip_discount(winner, rival) if dated else None
    if after.is_empty():
        return None, None, None, flip
    passing = after.row(0, named=True)
    theirs = rival.filter(pl.col(clock) <= passing[clock])["amount"].sum()
    return passing["purchase"], passing["cumulative"], theirs, flip


def flip_discount(winner: pl.DataFrame, rival: pl.DataFrame) -> float | None:
    """The lowest yearly discount rate at which the winner is worth no more; None if beyond 9,900 %.

    Both need `years` and `amount`. Found as the first zero of sum(a v^t) over v = 1 / (1 + d), by
    bisection between the two factors where the sign changes.
    """
    changes = pl.concat([winner.select("years", "amount"), rival.select("years", -pl.col("amount"))])
    years, amount = changes["years"].to_numpy(), changes["amount"].cast(pl.Float64).to_numpy()
    lead = (amount * _FACTORS[:, None] ** years).sum(axis=1)
    turned = np.flatnonzero(lead <= 0)
    if lead[0] <= 0 or not len(turned):
        return None
    low, high = _FACTORS[turned[0]], _FACTORS[turned[0] - 1]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if (amount * middle**years).sum() > 0 else (middle, high)
    return float(1 / high - 1)


def sample_purchases() -> pl.DataFrame:
    """The lectures' two customers: one of 25 who will buy ten times, one of 65 who will buy three times.

    They give no dates; a purchase every fourth year brings the younger one to retirement.
    """
    young = [10_000, 12_000, 15_000, 17_000, 20_000, 22_000, 25_000, 23_000, 21_000, 20_000]
    old = [15_000, 15_000, 15_000]
    rows = [
        (f"{age}-year-old", age + 4 * nth, amount)
        for age, amounts in ((25, young), (65, old))
        for nth, amount in enumerate(amounts)
    ]
    return pl.DataFrame(
        rows, schema={"customer": pl.String, "age": pl.Int64, "amount": pl.Int64}, orient="row"
    )
