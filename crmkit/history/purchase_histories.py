"""Transactions to purchase histories: what each customer had done by a day, and what they did after it.

One pass over the rows makes a table of customer-days; every cut at a day is made from that. What is
bought on one day is one purchase. A row with a negative amount is never a purchase; one with the
amount zero (a free order) is, if asked for, because it is a sign of life.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import polars as pl

from crmkit import customers
from crmkit.engine.money import scale, whole
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.history import customer_days
from crmkit.history.customer_days import DayHistory
from crmkit.load.found import Found
from crmkit.load.orders import order_key
from crmkit.load.transactions import Transactions
from crmkit.models import Spread

Array = np.ndarray

_SMALLEST = 0.01


class Days(NamedTuple):
    """All customer-days of a file; amounts are in minor units of 10**-scale.

    `ids`: code, customer and where asked for label (the value of a column on the day of the first
    purchase) and orders, sorted by customer. `rows`: code, date, amount (refunds deducted) and
    bought, sorted by code and date.
    """

    ids: pl.DataFrame
    rows: pl.DataFrame
    scale: int

    @property
    def first(self) -> date:
        """The day of the first purchase of all; DataError where there is none."""
        bought = self.rows.filter("bought")
        if not bought.height:
            raise DataError(
                "Nobody has bought anything, so there is no history to learn from. See `crmkit check`."
            )
        return cast(date, bought["date"].min())


def by_day(
    rows: pl.LazyFrame, *, keep_zero: bool, label: str | None = None, orders: bool = False
) -> pl.LazyFrame:
    """By key: each customer's days, with the net amount and whether anything was bought.

    `label` carries a column along (the smallest value of the day's purchases), `orders` the day's
    distinct order ids.
    """
    bought = pl.col("amount") >= 0 if keep_zero else pl.col("amount") > 0
    measures = [pl.col("amount").sum(), bought.any().alias("bought")]
    if label is not None:
        measures.append(pl.col(label).cast(pl.String).filter(bought).min().alias("label"))
    if orders:
        measures.append(order_key(True).filter(bought).unique().alias("orders"))
    return rows.group_by("customer", "date").agg(measures)


def by_customer(
    rows: pl.LazyFrame,
    *,
    keep_zero: bool,
    label: str | None = None,
    orders: bool = False,
    visits: bool = False,
) -> pl.LazyFrame:
    """By key: what `known` finds of all days, one row per customer; money in minor units.

    `visits` adds a list of the days with a purchase, and what `spread_of` adds up.
    """
    bought = pl.col("date").filter("bought")
    on_first = pl.col("date") == bought.min()
    measures = [
        bought.min().alias("first"),
        bought.max().alias("last"),
        pl.col("bought").sum().cast(pl.Int64).alias("days"),
        pl.col("amount").sum().alias("revenue"),
        pl.col("amount").filter(on_first).sum().alias("first_revenue"),
    ]
    if label is not None:
        measures.append(pl.col("label").filter(pl.col("bought") & on_first).first())
    if visits:
        measures += [bought.sort().alias("visits"), *_variation("bought")]
    found = by_day(rows, keep_zero=keep_zero, label=label).group_by("customer").agg(measures)
    return found.join(_distinct_orders(rows, keep_zero), on="customer", how="left") if orders else found


def _distinct_orders(rows: pl.LazyFrame, keep_zero: bool) -> pl.LazyFrame:
    bought = pl.col("amount") >= 0 if keep_zero else pl.col("amount") > 0
    return rows.filter(bought).group_by("customer").agg(orders=order_key(True).n_unique().cast(pl.Int64))


def finished(frame: pl.DataFrame, scale: int, as_of: date) -> pl.DataFrame:
    """By row: the customers frame of what `by_customer` found, with the label if there is one."""
    made = customers.finish_each(frame, scale, as_of)
    return made.with_columns(frame["label"]) if "label" in frame.columns else made


def days_of(
    sales: Transactions, *, keep_zero: bool, label: str | None = None, orders: bool = False
) -> Found[Days]:
    """The customer-days of these transactions, brought here; see `by_day`."""

    def made() -> Found[Days]:
        past = sales.made(customer_days.of)
        if past is not None and isinstance(past.rows, DayHistory) and not (keep_zero or label or orders):
            return cast(Found[Days], past.but(of_history(past.rows, past.scale)))
        build = partial(by_day, keep_zero=keep_zero, label=label, orders=orders)
        found = sales.query(build)
        return found.but(days(found.rows.frame(), found.scale))

    return sales.once((days_of, keep_zero, label, orders), made)


def of_history(past: DayHistory, decimals: int) -> Days:
    """The same from customer-days that are at hand, which hold what was paid and not only whether something was."""
    bought = pl.col("bought") > 0
    return Days(past.customers.drop("orders"), past.days.with_columns(bought=bought), decimals)


def days(found: pl.DataFrame, decimals: int) -> Days:
    """The customer-days that `by_day` collected, in order; `decimals` are those of the money."""
    ids = (
        found.select("customer")
        .unique()
        .with_columns(id=pl.col("customer").cast(pl.String))
        .sort("id")
        .with_row_index("code")
    )
    rows = found.join(ids.select("customer", "code"), on="customer").sort("code", "date")
    named = ids.select("code", pl.col("id").alias("customer"))
    if "label" in rows.columns:
        first = rows.filter("bought").group_by("code").agg(pl.col("label").first())
        named = named.join(first, on="code", how="left", maintain_order="left")
    if "orders" in rows.columns:
        named = named.join(_orders(rows), on="code", how="left", maintain_order="left")
    return Days(named, rows.select("code", "date", "amount", "bought"), decimals)


def _orders(rows: pl.DataFrame) -> pl.DataFrame:
    listed = rows.filter("bought").select("code", "orders").explode("orders")
    return listed.group_by("code").agg(orders=pl.col("orders").n_unique().cast(pl.Int64))


def known(table: Days, as_of: date) -> pl.DataFrame:
    """The customers frame as of a day: only what had happened by then; sorted by customer."""
    bought, date = pl.col("bought"), pl.col("date")
    seen = table.rows.filter(date <= as_of).with_columns(day=pl.when(bought).then("date"))
    frame = seen.group_by("code", maintain_order=True).agg(
        first=pl.col("day").min(),
        last=pl.col("day").max(),
        days=bought.sum().cast(pl.Int64),
        revenue=pl.col("amount").sum(),
    )
    # Rows stand by day, so that the first of those with a purchase is the first purchase.
    firsts = seen.filter("bought").unique("code", keep="first", maintain_order=True)
    frame = frame.join(firsts.select("code", first_revenue="amount"), on="code", how="left")
    frame = frame.with_columns(pl.col("first_revenue").fill_null(0))
    listed = frame.join(table.ids.drop("label", strict=False), on="code")
    return customers.finish(listed.drop("code"), table.scale, as_of)


def after(table: Days, people: pl.DataFrame, origin: date, end: date) -> pl.DataFrame:
    """What these customers did in (origin, end]: `actual_purchases` (purchase days) and `actual` money.

    Rows are those of `people`, in their order; money is a number in units of the currency.
    """
    window = table.rows.filter((pl.col("date") > origin) & (pl.col("date") <= end))
    sums = window.group_by("code").agg(
        actual_purchases=pl.col("bought").sum().cast(pl.Int64), actual=pl.col("amount").sum()
    )
    named = sums.join(table.ids.select("code", "customer"), on="code")
    found = people.select("customer").join(named, on="customer", how="left", maintain_order="left")
    return found.select(
        pl.col("actual_purchases").fill_null(0),
        pl.col("actual").fill_null(0).cast(pl.Float64) / pl.lit(10.0**table.scale),
    )


_MILLIONTH = 1e-6


def _variation(used: str) -> list[pl.Expr]:
    """By customer: how many purchase days there are on which money came in, and how much it varied between them.

    `within` is the squared coefficient of variation, in millionths: whole numbers add up the same in any order, and so do
    the amounts and their squares of which it is made.
    """
    counts = pl.col(used) & (
        pl.col("amount") > 0
    )  # weighed, not filtered, which would be done customer by customer
    paid = pl.col("amount").cast(pl.Int128) * counts
    n = counts.sum().cast(pl.Int64)
    mean = paid.sum().cast(pl.Float64) / n
    ratio = ((paid * paid).sum().cast(pl.Float64) / n / (mean * mean) - 1) / _MILLIONTH
    return [
        n.alias("paid"),
        pl.when(n > 1)
        .then(ratio.clip(lower_bound=0.0).round())
        .otherwise(0.0)
        .cast(pl.Int64)
        .alias("within"),
    ]


_SPREAD = Counted(by=["paid"], sums=["within"])


def _spread(counts: pl.DataFrame) -> Spread:
    """From counts `n` and sums `within` of customers by the number of their purchases."""
    paid, n = (counts[name].to_numpy().astype(float) for name in ("paid", "n"))
    return Spread(paid[paid > 1], n[paid > 1], float(counts["within"].sum()) * _MILLIONTH)


class Repeats(NamedTuple):
    """How many repeat purchases `n` there were `age` days before the as-of date, `gap` days after the one before.

    `spread` is how the amounts of one customer's purchases vary.
    """

    age: Array
    gap: Array
    n: Array
    spread: Spread | None = None

    @classmethod
    def of(cls, counts: pl.DataFrame, as_of: date) -> Repeats:
        """From counts `n` by date and gap."""
        ages = counts.select(age=(pl.lit(as_of) - pl.col("date")).dt.total_days())["age"]
        age, gap, n = (column.to_numpy().astype(np.int64) for column in (ages, counts["gap"], counts["n"]))
        return cls(age, gap, n)

    def by_age(self) -> Array:
        """The repeat purchases of each day, those of the as-of date first."""
        return np.bincount(self.age, self.n)

    @property
    def log_gaps(self) -> float:
        """The sum over all gaps of the logarithm of their length in days."""
        return log_sum(*tally(self.gap, self.n))

    def log_gaps_on(self, since: Callable[[Array], Array]) -> float:
        """The same with time measured by `since`, the time from so many days ago until the as-of date."""
        return log_sum(since(self.age + self.gap) - since(self.age), self.n)


def repeats(table: Days, as_of: date) -> Repeats:
    """All repeat purchases up to a day."""
    code, day = pl.col("code"), pl.col("date").cast(pl.Int32)
    visits = table.rows.filter("bought", pl.col("date") <= as_of)
    gaps = visits.select("date", gap=pl.when(code == code.shift()).then(day - day.shift())).drop_nulls()
    variation = visits.with_columns(used=True).group_by("code").agg(_variation("used"))
    return Repeats.of(REPEATS.of(gaps), as_of)._replace(spread=_spread(_SPREAD.of(variation)))


def repeats_of(customers: Rows, as_of: date) -> Repeats:
    """The same from the lists of `by_customer`."""
    found = Repeats.of(customers.by_row(_each_repeat).counts(REPEATS), as_of)
    return found._replace(spread=_spread(customers.counts(_SPREAD)))


def visited(lists: pl.DataFrame) -> pl.DataFrame:
    """By row: what `by_customer` adds for `visits`, from lists of each customer's dates, amounts and whether it was a purchase."""
    lines = lists.select(code=pl.int_range(pl.len()), date="dates", amount="amounts", bought="purchases")
    by_date = lines.explode("date", "amount", "bought").drop_nulls().group_by("code", "date")
    found = by_date.agg(pl.col("amount").sum(), pl.col("bought").any()).group_by("code")
    return found.agg(pl.col("date").filter("bought").sort().alias("visits"), *_variation("bought"))


REPEATS = Counted(by=["date", "gap"])


def _each_repeat(customers: pl.DataFrame) -> pl.DataFrame:
    visits = pl.col("visits")
    listed = customers.select(date=visits, gap=visits.cast(pl.List(pl.Int32)).list.diff())
    return listed.explode("date", "gap").drop_nulls()


def tally(gaps: Array, n: Array) -> tuple[Array, Array]:
    """Each different gap once."""
    kinds, where = np.unique(gaps, return_inverse=True)
    return kinds, np.bincount(where, n, len(kinds))


def log_sum(gaps: Array, n: Array) -> float:
    return math.fsum((n * np.log(gaps)).tolist())


class Histories(NamedTuple):
    """Parallel arrays, one entry for each customer who bought; times in days.

    `mean` is the net amount of a purchase in units of the currency, and `amounts` the number
    of purchases behind it. `log_gaps` is of all customers together, None where it is not known, as `repeats`.
    """

    x: Array
    t_x: Array
    T: Array
    mean: Array | None
    amounts: Array
    log_gaps: float | None = None
    repeats: Repeats | None = None

    @property
    def spread(self) -> Spread | None:
        """How the amounts of one customer's purchases vary, where single purchases are known."""
        return None if self.repeats is None else self.repeats.spread

    def shown_mean(self, decimals: int) -> Array:
        """Means for the spend model: where refunds have eaten up all purchases, next to nothing.

        Such a customer does not enter the fit, which needs means above zero; to treat the mean as
        unknown would value somebody who returns everything like everybody else. Amounts with more
        decimals may be small themselves: there, nothing is next to a unit of the last one.
        """
        assert self.mean is not None
        smallest = min(_SMALLEST, 10.0**-decimals)
        return np.where((self.amounts > 0) & (self.mean <= 0), smallest, self.mean)


def histories(
    people: pl.DataFrame, *, money: bool = True, repeats: Repeats | None = None, first: bool = False
) -> Histories:
    """The arrays of a customers frame without refund-only customers.

    A customer's mean is that of repeat purchases; with `first`, or where the frame does not tell the revenue of the first
    day, all purchases count.

    """
    x, t_x, T = (people[name].to_numpy().astype(float) for name in ("x", "t_x", "T"))
    gaps = None if repeats is None else repeats.log_gaps
    if not money:
        return Histories(x, t_x, T, None, x, gaps, repeats)
    amount, amounts = whole("revenue"), x + 1
    if not first and "first_revenue" in people.columns:
        if scale(people, "revenue") != scale(people, "first_revenue"):
            raise DataError(
                "revenue and first_revenue of the customers table have different numbers of decimals."
            )
        amount, amounts = amount - whole("first_revenue"), x
    units = people.select(amount.cast(pl.Float64))["revenue"].to_numpy()
    mean = units / np.maximum(amounts, 1) / 10.0 ** scale(people, "revenue")
    return Histories(x, t_x, T, np.where(amounts > 0, mean, 0.0), amounts, gaps, repeats)
