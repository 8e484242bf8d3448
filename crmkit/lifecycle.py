"""Growth accounting: who is new, stays, comes back and falls silent, period by period; and the ladder.

In each period a customer with an order is one of

    new          the first order ever
    retained     an order in the period before, too
    reactivated  orders before, but none in the period before

and one with an order in the period before but none in this has lapsed. So, for customers,

    active(t)   = new(t) + retained(t) + reactivated(t)
    active(t-1) = retained(t) + lapsed(t)

and for money, where `lapsed_revenue` is what the lapsed brought in the period before, and
`expansion` and `contraction` are what the retained brought more and less than in the period before,

    A(t) = new_revenue + retained_revenue + reactivated_revenue
    A(t) - A(t-1) = new_revenue + reactivated_revenue + expansion - contraction - lapsed_revenue
    revenue(t) = A(t) + inactive_revenue        (refunds to customers without an order in the period)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

import polars as pl

from crmkit.customers import Data, finish_each
from crmkit.engine.counts import by_value, ratio
from crmkit.engine.money import as_money, whole
from crmkit.engine.rows import Counted, Rows, as_rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import answered, over_time
from crmkit.history import customer_days, periods
from crmkit.history.customer_days import AnyDayHistory, DayHistory, base_gap, gap_counts
from crmkit.history.panel import of_days, panel
from crmkit.history.periods import Period
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.load.found import Found
from crmkit.result import Result

STATES = ("new", "retained", "reactivated", "inactive")
NO_ORDERS = (
    "No customer has an order with a positive amount. Look at what the amounts are with `crmkit check`."
)
LOYAL = 5
LADDER = ("first-time", "repeat", "loyal", "dormant")
_REACHED = ("bought", "bought_again", "became_loyal")
MONEY = [
    "revenue",
    *(f"{state}_revenue" for state in STATES),
    "lapsed_revenue",
    "expansion",
    "contraction",
]


def count(transactions: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """From transactions to the counts that `tables_of` takes."""
    return tally(join_state(panel(transactions, period)))


def count_days(past: AnyDayHistory, period: Period) -> pl.DataFrame:
    """The same counts from customer-days."""
    sums = ["customers", "revenue", "before", "expansion", "contraction"]
    return past.each(partial(_of_days, period=period)).counts(Counted(by=["index", "state"], sums=sums))


def _of_days(past: DayHistory, period: Period) -> pl.DataFrame:
    return tally(join_state(of_days(past.days, period))).collect()


def join_state(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Add to a panel the customer's state in the period, and the revenue of the period before if retained."""
    active = pl.col("orders") > 0
    previous = pl.col("index", "revenue").shift(1).over("customer", active, order_by="index")
    retained = pl.col("index") - pl.col("previous_index") == 1
    state = (
        pl.when(~active)
        .then(pl.lit("inactive"))
        .when(pl.col("previous_index").is_null())
        .then(pl.lit("new"))
        .when(retained)
        .then(pl.lit("retained"))
        .otherwise(pl.lit("reactivated"))
    )
    return activity.with_columns(previous.name.prefix("previous_")).with_columns(
        state.alias("state"), pl.when(active & retained).then("previous_revenue").alias("before")
    )


def tally(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Customers and money in each state in each period: counts that add up."""
    change = pl.col("revenue") - pl.col("before")
    return activity.group_by("index", "state").agg(
        pl.len().cast(pl.Int64).alias("customers"),
        pl.col("revenue").sum(),
        pl.col("before").sum(),
        change.clip(lower_bound=0).sum().alias("expansion"),
        (0 - change.clip(upper_bound=0)).sum().alias("contraction"),
    )


def by_period(counts: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    """One row for each period of the calendar, the silent ones too; money in minor units.

    What needs a period before (lapsed, expansion, contraction) is null in the first row.
    """
    each = [
        pl.col(measure).filter(pl.col("state") == state).sum().alias(name)
        for state in STATES
        for measure, name in (("customers", state), ("revenue", f"{state}_revenue"))
    ]
    changes = [pl.col(measure).sum() for measure in ("revenue", "before", "expansion", "contraction")]
    table = calendar.join(counts.group_by("index").agg(*each, *changes), on="index", how="left").sort("index")
    table = table.with_columns(pl.exclude(calendar.columns).fill_null(0)).with_columns(
        active=pl.sum_horizontal("new", "retained", "reactivated"),
        active_revenue=pl.col("revenue") - pl.col("inactive_revenue"),
    )
    later = pl.int_range(pl.len()) > 0
    return table.with_columns(
        pl.when(later).then(pl.col("expansion", "contraction")),
        lapsed=pl.col("active").shift(1) - pl.col("retained"),
        lapsed_revenue=pl.col("active_revenue").shift(1) - pl.col("before"),
    )


def ratios(table: pl.DataFrame) -> pl.DataFrame:
    """Add what only a complete period can tell: the retention rate and the quick ratio.

    The quick ratio compares the money of two periods, so both have to be complete.
    """
    gained = pl.sum_horizontal("new_revenue", "reactivated_revenue", "expansion")
    lost = pl.col("lapsed_revenue") + pl.col("contraction")
    before = pl.col("active").shift(1)
    return table.with_columns(
        retention_rate=pl.when("complete", before > 0).then(pl.col("retained") / before),
        quick_ratio=pl.when("complete", pl.col("complete").shift(1), lost > 0).then(gained / lost),
    )


def table(rows: pl.DataFrame, scale: int) -> pl.DataFrame:
    """The periods as they are shown."""
    return rows.select(
        "period",
        *STATES[:3],
        "lapsed",
        "active",
        "retention_rate",
        *(as_money(name, scale) for name in MONEY),
        "quick_ratio",
        "complete",
    )


def notes(rows: pl.DataFrame, begin: date, as_of: date) -> tuple[str, ...]:
    """What a careful reader should know about the first and the last period."""
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    said = [f"Everybody in {first['period']} counts as new, because the file begins there, on {begin}."]
    if not last["complete"]:
        said.append(
            f"{last['period']} is cut short on {as_of}: whoever has no order in it yet counts as lapsed, "
            "so its retention rate and quick ratio are left blank."
        )
    return tuple(said)


@question
@answered(over_time.lifecycle)
def analyse(
    data: Data,
    *,
    period: str = "month",
    stages: bool = False,
    loyal: int | None = None,
    lapse_days: int | None = None,
) -> Result:
    """Where growth comes from, period by period, and with `stages` the ladder.

    Args:
        period: month, quarter, week or year.
        loyal: with `stages`, the orders from which a customer is loyal; 5 unless told otherwise.
        lapse_days: with `stages`, dormant after so many days; unless told otherwise, longer than 90 % of all gaps.

    Raises DataError where there is no order, or only one period.
    """
    by = periods.check(period)
    _check_stages(stages, loyal, lapse_days)
    sales = transactions_of(data)
    if not stages:
        return _of_found(sales.count(partial(count, period=by), by=["index", "state"]), by)
    # One pass has to do for the periods and the ladder, so both come from each customer's days.
    found = customer_days.of(sales)
    past = found.rows
    result = _of_found(found.but(count_days(past, by)), by)
    finish = partial(finish_each, scale=found.scale, as_of=found.as_of)
    people = past.each(customer_days.totals).by_row(finish).cached()
    return add_stages(result, people, loyal=loyal or LOYAL, lapse_days=lapse_days or _base_gap(past))


def _of_found(found: Found[pl.DataFrame], period: Period) -> Result:
    return tables_of(found.rows, begin=found.begin, as_of=found.as_of, scale=found.scale, period=period)


def _check_stages(stages: bool, loyal: int | None, lapse_days: int | None) -> None:
    if not stages and (loyal is not None or lapse_days is not None):
        raise UsageError("--loyal and --lapse-days belong to --stages. Add that, or leave them out.")
    if loyal is not None and loyal < 3:
        raise UsageError(f"--loyal {loyal} leaves no room for repeat customers. Say 3 orders or more.")
    if lapse_days is not None and lapse_days < 1:
        raise UsageError(f"--lapse-days is {lapse_days}. Give a number of days of 1 or more.")


def _base_gap(past: AnyDayHistory) -> int:
    """The days that 90 % of all gaps between two purchases do not exceed."""
    found = base_gap(gap_counts(past))
    if found is None:
        raise DataError(
            "Nobody has bought on two different days, so nothing tells when a customer is dormant. "
            "Say after how many days: --lapse-days 180."
        )
    return found


def tables_of(
    counts: pl.DataFrame,
    *,
    begin: date,
    as_of: date,
    scale: int,
    period: Period = "month",
) -> Result:
    """Growth accounting by period, from the counts of `count`.

    Args:
        begin, as_of: the first and the last day that the data cover.
        scale: decimals of the amounts' minor units.

    Raises DataError where there is no order, or only one period.
    """
    calendar = periods.calendar(begin, as_of, period)
    if calendar.height < 2:
        raise DataError(
            f"The file covers one {period}, {calendar['period'][0]}; a life cycle needs at least two. "
            + (
                "Give a longer history."
                if period in periods.WEEKS
                else "Say a shorter --period, such as week."
            )
        )
    rows = ratios(by_period(counts, calendar))
    if not rows["active"].sum():
        raise DataError(NO_ORDERS)
    shown = table(rows, scale)
    return Result(
        command="lifecycle",
        tables={"periods": shown},
        facts={
            "as_of": as_of,
            "customers": shown["new"].sum(),
            "revenue": shown["revenue"].sum(),
            "retention_rate": shown["retention_rate"].drop_nulls().last(),
            "quick_ratio": shown["quick_ratio"].drop_nulls().last(),
        },
        notes=notes(rows, begin, as_of),
        titles={"periods": f"Customers and revenue by {period}"},
        pictures={"periods": "table last"},
    )


def stage(loyal: int, lapse_days: int) -> pl.Expr:
    """The customer's step on the ladder, row by row, from `orders` and `recency`; null without an order."""
    return (
        pl.when(pl.col("orders") < 1)
        .then(None)
        .when(pl.col("recency") > lapse_days)
        .then(pl.lit("dormant"))
        .when(pl.col("orders") >= loyal)
        .then(pl.lit("loyal"))
        .when(pl.col("orders") > 1)
        .then(pl.lit("repeat"))
        .otherwise(pl.lit("first-time"))
    )


def _staged(customers: pl.DataFrame, loyal: int, lapse_days: int) -> pl.DataFrame:
    """By row: everybody's stage."""
    staged = customers.with_columns(stage=stage(loyal, lapse_days))
    return staged.select("customer", "stage", "orders", "last", "recency", "revenue")


def _reached(staged: pl.DataFrame, loyal: int) -> pl.DataFrame:
    """By row: what the ladder needs of each buyer."""
    steps = zip(_REACHED, (1, 2, loyal), strict=True)
    got_to = [(pl.col("orders") >= orders).cast(pl.Int64).alias(name) for name, orders in steps]
    return staged.filter(pl.col("stage").is_not_null()).select("stage", "revenue", *got_to)


def ladder(counts: pl.DataFrame) -> pl.DataFrame:
    """Sizes of the stages, how many customers ever got that far, and the part of those one step below."""
    reached = [int(counts[name].sum()) for name in _REACHED]
    table = pl.DataFrame(
        {"stage": LADDER, "reached": [*reached, None]}, schema_overrides={"reached": pl.Int64}
    )
    return (
        table.join(counts, on="stage", how="left", maintain_order="left")
        .with_columns(pl.col("n").fill_null(0).alias("customers"), pl.col("revenue").fill_null(0))
        .select(
            "stage",
            "customers",
            ratio(pl.col("customers"), int(counts["n"].sum())).alias("share"),
            "revenue",
            ratio(whole("revenue"), whole("revenue").sum()).alias("revenue_share"),
            "reached",
            (pl.col("reached") / pl.col("reached").shift(1)).alias("conversion"),
        )
    )


def add_stages(result: Result, customers: pl.DataFrame | Rows, *, loyal: int, lapse_days: int) -> Result:
    """The same result with the ladder as of its date: tables `stages` and `customers`.

    Args:
        customers: the customers table as of that date.
        loyal: orders from which a customer is loyal, 3 or more.
        lapse_days: days without an order after which a customer is dormant.
    """
    staged = as_rows(customers).by_row(partial(_staged, loyal=loyal, lapse_days=lapse_days))
    reached = staged.by_row(partial(_reached, loyal=loyal))
    counts = reached.counts(Counted(by=["stage"], sums=["revenue", *_REACHED]))
    day = result.facts["as_of"]
    title = f"Stages on {day}: loyal from {loyal} orders on, dormant after {lapse_days} days without one"
    with_ladder = replace(
        result,
        tables={**result.tables, "stages": ladder(counts)},
        facts={**result.facts, "loyal": loyal, "lapse_days": lapse_days},
        titles={**result.titles, "stages": title},
    )
    return with_ladder.with_detail("customers", staged.ordered_by(by_value("revenue", "customer")))
