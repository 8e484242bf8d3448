"""Revenue over time: what it did, why, and where it goes.

Revenue = customers x orders per customer x order value. The change from one period to the next is
split into what each factor did, so that the parts add up to the change exactly, and the next
periods are forecast with an interval, a naive method and the errors of all on held-out periods.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise
from math import floor
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.engine.money import as_money, exact, unit
from crmkit.errors import DataError, UsageError
from crmkit.headlines import answered, over_time, together
from crmkit.history import level_trends, periods
from crmkit.history.customer_days import BOUGHT
from crmkit.history.outlooks import CALENDAR, Outlook, Series, holdout, outlooks, preferred
from crmkit.history.periods import Period
from crmkit.history.series import THETA_FROM
from crmkit.load.dataset import NEEDED, transactions_of
from crmkit.load.door import question
from crmkit.load.orders import has_orders, order_key
from crmkit.result import Result

MOST_AHEAD = 520
MOST_DAYS = 73_050
SEASONS: dict[Period, int] = {"month": 12, "quarter": 4, "week": 52, "sunday-week": 52, "year": 1}
NO_PARTS = {"from_customers": None, "from_frequency": None, "from_order_value": None}
# What stays on a narrow screen: what changed, and what the change is made of.
_PERIODS = (
    "line last first:revenue,customers,change,from_customers,from_frequency,from_order_value,year_on_year"
)
HOLDOUT = {
    "method": pl.String,
    "held_out": pl.Int64,
    "mase": pl.Float64,
    "mape": pl.Float64,
    "coverage": pl.Float64,
}


def by_customer(rows: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """By key: each customer's amount and distinct orders in each period.

    An order is an order id with a positive row in the period; where there is no id, a day with one.
    """
    key, index = order_key(has_orders(rows)), periods.index(pl.col("date"), period)
    orders = rows.group_by("customer", key=key, index=index).agg(pl.col("amount").sum(), bought=BOUGHT.any())
    return orders.group_by("customer", "index").agg(pl.col("amount", "bought").sum())


def count(rows: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """Mergeable counts by period: revenue in minor units, orders, and customers with one."""
    return (
        by_customer(rows, period)
        .group_by("index")
        .agg(
            revenue=pl.col("amount").cast(pl.Int128).sum(),
            orders=pl.col("bought").sum().cast(pl.Int64),
            customers=(pl.col("bought") > 0).sum().cast(pl.Int64),
        )
    )


def split(before: Sequence[int], after: Sequence[int]) -> tuple[int, int, int]:
    """Parts of the change in revenue due to customers, orders per customer and order value.

    Both arguments are (customers, orders, revenue). Shapley's value of the three factors: each
    part is the factor's change times the other factors, averaged over all orders in which the
    factors could have changed one after the other. The parts are exact fractions, rounded to
    whole units by largest remainder, and add up to the change. Without orders before or after
    there are no ratios, and the whole change is due to customers.

        >>> split((100, 200, 6000), (110, 200, 6000))
        (573, -573, 0)
    """
    change = after[2] - before[2]
    if not (before[1] and after[1]):
        return change, 0, 0
    old, new = _factors(before), _factors(after)
    exact = [_shapley(old, new, factor) for factor in range(3)]
    parts = [floor(part) for part in exact]
    by_remainder = sorted(range(3), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: change - sum(parts)]:
        parts[i] += 1
    return parts[0], parts[1], parts[2]


def _factors(counts: Sequence[int]) -> tuple[Fraction, Fraction, Fraction]:
    customers, orders, revenue = counts
    return Fraction(customers), Fraction(orders, customers), Fraction(revenue, orders)


def _shapley(old: Sequence[Fraction], new: Sequence[Fraction], factor: int) -> Fraction:
    b, c = (i for i in range(3) if i != factor)
    both = 2 * (old[b] * old[c] + new[b] * new[c]) + old[b] * new[c] + new[b] * old[c]
    return (new[factor] - old[factor]) * both / 6


def parts(rows: pl.DataFrame, scale: int) -> pl.DataFrame:
    """Change against the period before and its three parts, as exact money; none for the first period."""
    counts = rows.select("customers", "orders", "revenue").rows()
    found: list[dict[str, Any]] = [{"change": None, **NO_PARTS}]
    for before, after in pairwise(counts):
        change = (after[2] - before[2], *split(before, after))
        found.append(dict(zip(("change", *NO_PARTS), (exact(units, scale) for units in change), strict=True)))
    kind = pl.Decimal(38, scale)
    return pl.DataFrame(found, schema=dict.fromkeys(("change", *NO_PARTS), kind))


def every_period(sums: pl.DataFrame, period: Period, begin: date, as_of: date) -> pl.DataFrame:
    """The sums with a row for every period up to the as-of date, empty ones too; are they complete?"""
    rows = periods.calendar(begin, as_of, period).join(sums, on="index", how="left", maintain_order="left")
    return rows.with_columns(pl.col("revenue", "orders", "customers").fill_null(0))


def table(rows: pl.DataFrame, period: Period, scale: int) -> pl.DataFrame:
    """One row for each period: the figures, the change, its parts and the year before."""
    orders, customers, revenue = pl.col("orders"), pl.col("customers"), pl.col("revenue")
    lag = SEASONS[period]
    year_ago = revenue.shift(lag)
    both_known = pl.col("complete") & pl.col("complete").shift(lag)
    ratios = rows.select(
        orders_per_customer=pl.when(customers > 0).then(orders / customers),
        order_value=pl.when(orders > 0).then(revenue / (orders * unit(scale))),
        year_on_year=pl.when(both_known, year_ago > 0).then((revenue - year_ago) / year_ago),
    )
    figures = rows.select("period", as_money(revenue, scale), "orders", "customers", "complete")
    wide = pl.concat([figures, ratios, parts(rows, scale)], how="horizontal")
    columns = ["period", "revenue", "orders", "customers", "orders_per_customer", "order_value"]
    return wide.select(*columns, "change", *NO_PARTS, "year_on_year", "complete")


def series_of(rows: pl.DataFrame, period: Period, ahead: int) -> Series:
    """The complete periods, with the days of these and of so many to come."""
    complete = rows.filter("complete")
    lengths = complete.select((pl.col("end") - pl.col("start")).dt.total_days() + 1).to_series().to_list()
    last = (complete if complete.height else rows)["index"][-1]
    future = (last + step for step in range(1, ahead + 1))
    to_come = [(periods.end_of(i, period) - periods.start_of(i, period)).days + 1 for i in future]
    revenue, orders = (complete[name].cast(pl.Float64).to_numpy() for name in ("revenue", "orders"))
    return Series(revenue, orders, np.array([*lengths, *to_come], float), SEASONS[period])


def forecast(said: Sequence[Outlook], series: Series, last: int, period: Period, scale: int) -> pl.DataFrame:
    """The periods after the last complete one, by each method, with an interval.

    Revenue that never was below zero is not forecast below zero.
    """
    kind = pl.Decimal(38, scale)
    names = {"period": pl.String(), "method": pl.String()}
    schema = {**names, "forecast": kind, "low": kind, "high": kind}
    found = []
    for one in said:
        band = np.stack([one.mean, one.low, one.high], axis=1)
        if series.revenue.min() >= 0:
            band = band.clip(min=0)
        for step, units in enumerate(band.tolist(), start=1):
            label = periods.label_of(last + step, period)
            found.append((label, one.method, *(exact(round(unit), scale) for unit in units)))
    return pl.DataFrame(found, schema=schema, orient="row")


def headline(result: Result) -> Result:
    """The words that the answer gets, of the business or of its parts."""
    return together.levels(result) if "levels" in result.tables else over_time.trend(result)


@question
@answered(headline)
def analyse(
    data: Data,
    *,
    period: str = "month",
    ahead: int = 6,
    interval: str | float = "80%",
    by: str | None = None,
    below: str | float | None = None,
    target: str | Decimal | None = None,
) -> Result:
    """Revenue by period, what changed it, and a forecast of the periods `ahead`.

    `period` is month, quarter, week or year; `interval` how sure the forecast's interval is to be.
    With `by` (product, channel, group or store) each of them has a row instead: its last three periods against
    what is usual, weak where they are all under `below` (80 %) of that, or under `target`, an amount.
    Raises DataError where all falls into one period.
    """
    unit, sure = periods.check(period), parse.percent(interval, "--interval")
    check(ahead, sure)
    if by is not None:
        parse.choice("--by", by, level_trends.KEYS)
        amount = None if target is None else parse.money(target, "--target")
        sales = transactions_of(data, (*NEEDED, by))
        part = parse.percent("80%" if below is None else below, "--below")
        return level_trends.result(sales, by, unit, below=part, target=amount)
    if below is not None or target is not None:
        raise UsageError("--below and --target belong to --by. Add that, or leave them out.")
    sales = transactions_of(data)
    found = sales.count(partial(count, period=unit), by=["index"])
    return tables_of(
        found.rows,
        as_of=found.as_of,
        begin=found.begin,
        scale=found.scale,
        period=unit,
        ahead=ahead,
        interval=sure,
    )


def tables_of(
    sums: pl.DataFrame,
    *,
    begin: date,
    as_of: date,
    scale: int = 2,
    period: Period = "month",
    ahead: int = 6,
    interval: float = 0.8,
) -> Result:
    """Periods with the change and its parts, a forecast of the next `ahead` periods, and its errors.

    `sums` is what `count` collected. The data cover the days from `begin` to `as_of`, which decides
    what periods are complete.
    """
    check(ahead, interval)
    quantile = NormalDist().inv_cdf((1 + interval) / 2)
    _refuse(begin, as_of, period)
    rows = every_period(sums, period, begin, as_of)
    series, complete = series_of(rows, period, ahead), rows.filter("complete")
    errors = holdout(series, ahead, quantile)
    said = preferred(outlooks(series, ahead, quantile), errors) if len(series) > 1 else []
    last = (complete if complete.height else rows)["index"][-1]
    tables = {
        "periods": table(rows, period, scale),
        "forecast": forecast(said, series, last, period, scale),
        "holdout": pl.DataFrame(errors, schema=HOLDOUT),
    }
    return Result(
        command="trend",
        tables=tables,
        facts=_facts(rows, said, errors, period, interval),
        notes=(*_incomplete(rows, begin, as_of), *_notes(len(series), said, errors, period)),
        titles={
            "periods": f"Revenue by {period}",
            "forecast": f"Forecast with an interval of {interval:.0%}",
            "holdout": "Errors on periods held out",
        },
        pictures={"periods": _PERIODS, "forecast": "table asked", "holdout": "table asked"},
    )


def check(ahead: int, interval: float) -> None:
    """Raise UsageError for what cannot be forecast."""
    if not 1 <= ahead <= MOST_AHEAD:
        raise UsageError(f"--ahead is {ahead}. Give a number of periods from 1 to {MOST_AHEAD}.")
    if not 0 < interval < 1:
        raise UsageError(f"--interval is {interval:.4g}. Give a part between 0 and 1, such as 80%.")


def _refuse(begin: date, as_of: date, period: Period) -> None:
    """DataError where there is nothing to compare, or the days span more than a business lives."""
    if periods.index_of(as_of, period) == periods.index_of(begin, period):
        shorter = "" if period in periods.WEEKS else " Choose a shorter one, such as --period week."
        raise DataError(
            f"The days from {begin} to {as_of} fall into one {period}, so nothing can be compared.{shorter}"
        )
    if (as_of - begin).days > MOST_DAYS:
        raise DataError(
            f"The days from {begin} to {as_of} are more than two hundred years. "
            "Leave out what is far away with --since and --as-of."
        )


def _facts(
    rows: pl.DataFrame,
    said: Sequence[Outlook],
    errors: list[dict[str, Any]],
    period: Period,
    interval: float,
) -> dict[str, Any]:
    return {
        "period": period,
        "periods": rows.height,
        "complete_periods": int(rows["complete"].sum()),
        "first_period": rows["period"][0],
        "last_period": rows["period"][-1],
        "interval": interval,
        "method": said[0].method if said else None,
        "holdout": {row["method"]: {"mase": row["mase"], "mape": row["mape"]} for row in errors},
    }


def _incomplete(rows: pl.DataFrame, begin: date, as_of: date) -> Iterator[str]:
    """Sentences on a first or last period that the data cover in part, which the forecast leaves out."""
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    if begin > first["start"]:
        yield (
            f"{first['period']} is incomplete, since the data begin on {begin}. "
            f"If nothing was sold before that, say --since {first['start']}."
        )
    if as_of < last["end"]:
        yield (
            f"{last['period']} is incomplete, since the data end on {as_of}. "
            f"If nothing was sold after that, say --as-of {last['end']}."
        )


def _notes(
    usable: int, said: Sequence[Outlook], errors: list[dict[str, Any]], period: Period
) -> Iterator[str]:
    methods = [one.method for one in said]
    if usable < 2:
        yield f"There is no forecast: it needs two complete {period}s, and there are {usable}."
    elif usable < THETA_FROM:
        yield f"{usable} complete {period}s allow the naive forecast only; theta needs {THETA_FROM}."
    elif CALENDAR not in methods and SEASONS[period] > 1 and usable <= 2 * SEASONS[period]:
        yield f"{usable} complete {period}s are too few to tell a season, so the forecast has none."
    scored = {row["method"]: row["mase"] for row in errors if row["mase"] is not None}
    best = min(scored, key=lambda name: scored[name], default=None)
    if best and methods[0] in scored and scored[best] < scored[methods[0]]:
        held = errors[0]["held_out"]
        yield f"On the {held} {period}s held out, the {best} forecast was closer than {methods[0]}."
