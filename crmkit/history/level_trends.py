"""Each product's, channel's or group's revenue by period, and who has been weak for three periods running."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import polars as pl

from crmkit.engine.money import as_money
from crmkit.engine.rows import Rows, as_rows
from crmkit.errors import DataError
from crmkit.history import periods
from crmkit.history.periods import Period
from crmkit.load.orders import customer_day, has_orders, order_key
from crmkit.load.transactions import Transactions
from crmkit.result import Result

RUNNING = 3  # periods
USUAL = 12
WEAK, NEW, GONE = "three weak periods", "new", "gone"


KEYS = ("product", "channel", "group", "store")


def result(sales: Transactions, by: str, period: Period, *, below: float, target: Decimal | None) -> Result:
    """The levels with the rule of three weak periods, and all of their periods as the long table."""
    found = sales.query(partial(by_level, by=by, period=period), key=by)
    table = long_table(found.rows, by, period, found.scale)
    if not table.height:
        raise DataError(f"{sales.name}: no row has a {by}, so there is nothing to compare.")
    listed = levels(
        table, by, begin=found.begin, as_of=found.as_of, period=period, below=below, target=target
    )
    rule = f"below {below:.0%} of what is usual" if target is None else f"below {target:,}"
    made = Result(
        command="trend",
        tables={"levels": listed},
        facts={
            "by": by,
            "period": period,
            "below": below,
            "target": target,
            "weak": int(listed["verdict"].is_in([WEAK, GONE]).sum()),
            "levels": listed.height,
        },
        titles={"levels": f"Revenue by {by}; weak is a {period} {rule}"},
    )
    return made.with_detail("periods", as_rows(table.drop("index")))


def by_level(rows: pl.LazyFrame, by: str, period: Period) -> pl.LazyFrame:
    """By key: revenue, orders and customers of each level in each period."""
    bought = pl.col("amount") > 0
    order = order_key(has_orders(rows), customer_day())
    return rows.group_by(by, index=periods.index(pl.col("date"), period)).agg(
        revenue=pl.col("amount").cast(pl.Int128).sum(),
        orders=order.filter(bought).n_unique().cast(pl.Int64),
        customers=pl.col("customer").filter(bought).n_unique().cast(pl.Int64),
    )


def long_table(found: Rows, by: str, period: Period, scale: int) -> pl.DataFrame:
    """One row for each level and period with a transaction."""
    rows = found.frame().filter(pl.col(by).is_not_null()).sort(pl.col(by).cast(pl.String), "index")
    label = periods.label(pl.col("index"), period).alias("period")
    return rows.select(
        pl.col(by).cast(pl.String), label, "index", as_money(pl.col("revenue"), scale), "orders", "customers"
    )


def levels(
    table: pl.DataFrame,
    by: str,
    *,
    begin: date,
    as_of: date,
    period: Period,
    below: float,
    target: Decimal | None,
) -> pl.DataFrame:
    """One row for each level: its last three complete periods against what is usual, or against a target.

    Usual is the mean of the up to twelve complete periods before those three, from the level's first
    one on. A period is weak below `below` times that, or below `target`. Without a target a level that began
    within the last three periods is `new`; one without revenue in them is `gone`.
    """
    calendar = periods.calendar(begin, as_of, period).filter("complete").sort("index")
    last = calendar["index"].tail(RUNNING).to_list()
    before = calendar["index"].head(max(calendar.height - RUNNING, 0)).tail(USUAL).to_list()
    opening = pl.col("index").min()
    revenue = pl.col("revenue").cast(pl.Float64)
    months = [
        revenue.filter(pl.col("index") == index).sum().alias(f"__{place}") for place, index in enumerate(last)
    ]
    each = table.group_by(by).agg(
        pl.col("revenue").sum(),
        opening.alias("opening"),
        revenue.filter(pl.col("index").is_in(before)).sum().alias("__before"),
        *months,
    )
    known = pl.sum_horizontal((pl.lit(index) >= pl.col("opening")).cast(pl.Int64) for index in before)
    usual = pl.when(known > 0).then(pl.col("__before") / known) if before else pl.lit(None, dtype=pl.Float64)
    border = pl.lit(float(target)) if target is not None else pl.col("usual") * below
    recent = [pl.col(f"__{place}") for place in range(len(last))]
    judged = each.with_columns(usual=usual).with_columns(
        weak_periods=pl.sum_horizontal((one < border).fill_null(False).cast(pl.Int64) for one in recent),
        recent_mean=pl.sum_horizontal(recent) / max(len(recent), 1),
    )
    return _listed(judged, by, len(last), has_target=target is not None)


def _listed(judged: pl.DataFrame, by: str, seen: int, *, has_target: bool) -> pl.DataFrame:
    unknown = pl.col("usual").is_null() & pl.lit(not has_target)
    weak = (pl.col("weak_periods") == RUNNING) & pl.lit(seen == RUNNING)
    verdict = (
        pl.when(unknown).then(pl.lit(NEW))
        .when(weak & (pl.col("recent_mean") <= 0)).then(pl.lit(GONE))
        .when(weak).then(pl.lit(WEAK))
        .otherwise(pl.lit(""))
    )  # fmt: skip
    total = judged["revenue"].sum()
    missing = pl.col("usual") - pl.col("recent_mean")
    rows = judged.with_columns(verdict=verdict, missing=missing)
    alarm = pl.col("verdict").is_in([WEAK, GONE])
    share = pl.col("revenue").cast(pl.Float64) / float(total) if total else pl.lit(None, dtype=pl.Float64)
    return rows.sort(~alarm, -missing.fill_null(0.0), by).select(
        by, "revenue", share.alias("revenue_share"), "usual", "recent_mean", "weak_periods", "verdict"
    )
