"""What customers did before a campaign, during it, and how late their returns came: one pass by customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import polars as pl

from crmkit import customers
from crmkit.engine.rows import Rows
from crmkit.errors import DataError, UsageError
from crmkit.history.purchase_histories import visited
from crmkit.load.found import Found
from crmkit.load.orders import order_key
from crmkit.load.transactions import Transactions

_BEFORE = ("first", "last", "days", "orders", "revenue", "first_revenue")


@dataclass(frozen=True)
class Window:
    """The days of a campaign, both ends included; `pre` is the first day of the time compared before it.

    Refunds between `end` and `returns` are counted, too.
    """

    begin: date
    end: date
    pre: date
    returns: date

    @classmethod
    def of(cls, begin: date, end: date, pre: int | None = None, returns: date | None = None) -> Window:
        """`pre` is a number of days; default: as many as the window has."""
        if begin > end:
            raise UsageError(
                f"--from {begin} is after --to {end}. Give the first and the last day of the campaign."
            )
        if returns is not None and returns < end:
            raise UsageError(
                f"--returns-until {returns} is before --to {end}. Give a later day, or leave it out."
            )
        length = (end - begin).days + 1
        return cls(begin, end, begin - timedelta(days=length if pre is None else pre), returns or end)

    @property
    def length(self) -> int:
        """In days."""
        return (self.end - self.begin).days + 1

    @property
    def day_before(self) -> date:
        """The day as of which forecasts and segments are made."""
        return self.begin - timedelta(days=1)

    def check(self, first: date, last: date) -> None:
        """DataError where no day of it is among the file's."""
        if self.end < first or self.begin > last:
            raise DataError(
                f"The campaign from {self.begin} to {self.end} is not within the file, whose transactions run from {first} to "
                f"{last}. Choose days in between."
            )

    def gaps(self, first: date, last: date) -> list[str]:
        """What of it the file may not cover, in words."""
        said = []
        if self.begin < first:
            said.append(
                f"The file begins on {first}, after the campaign did; what was bought before is missing."
            )
        if last < self.end:
            said.append(
                f"The file ends on {last}, before --to {self.end}: these are the days so far. While a campaign runs, trust the "
                "intervals of --table days, which may be looked at every day."
            )
        return said


def observed(sales: Transactions, window: Window) -> Found[Rows]:
    """One row for each customer of the file: see `measures`; money in minor units."""
    query = partial(measures, window=window, has_order=sales.has("order"), has_cost=sales.has("cost"))
    found = sales.query(query)
    return found.but(found.rows.cached())


def measures(rows: pl.LazyFrame, window: Window, *, has_order: bool, has_cost: bool) -> pl.LazyFrame:
    """By key. Before the window: `first last days orders revenue first_revenue`, lists `dates amounts_before purchases` of its lines,
    and `pre_revenue` of the time just before it.

    In it: `window_revenue` (refunds up to `returns` deducted), `window_orders`, `window_profit` where costs are known, the lists
    `on` and `amounts` of its days, and `late_refunds`, those after `returns`.
    """
    day, amount, bought = pl.col("date"), pl.col("amount"), pl.col("bought")
    lines = _lines(rows, has_order=has_order, has_cost=has_cost)
    earlier, inside = day < window.begin, day.is_between(window.begin, window.end)
    back = day.is_between(window.end, window.returns, closed="right")
    late = pl.col("refunds").filter(day > window.returns).sum()
    first = day.filter(bought, earlier).min()
    profit = pl.col("profit").filter(inside).sum() + pl.col("back").filter(back).sum()
    return lines.group_by("customer").agg(
        first=first,
        last=day.filter(bought, earlier).max(),
        days=day.filter(bought, earlier).n_unique().cast(pl.Int64),
        orders=pl.col("order").filter(bought, earlier).n_unique().cast(pl.Int64),
        dates=day.filter(earlier),
        amounts_before=amount.filter(earlier),
        purchases=bought.filter(earlier),
        revenue=amount.filter(earlier).sum(),
        first_revenue=amount.filter(day == first).sum(),
        pre_revenue=amount.filter(earlier, day >= window.pre).sum(),
        window_revenue=amount.filter(inside).sum() - pl.col("refunds").filter(back).sum(),
        window_orders=pl.col("order").filter(bought, inside).n_unique().cast(pl.Int64),
        **({"window_profit": profit} if has_cost else {}),
        late_refunds=late,
        on=day.filter(inside),
        amounts=amount.filter(inside),
    )


def _lines(rows: pl.LazyFrame, *, has_order: bool, has_cost: bool) -> pl.LazyFrame:
    """Rows of one customer, day and order added up; an order is known by 64 bits of its id, or by its day."""
    amount = pl.col("amount")
    order = order_key(has_order)
    profit = amount - pl.col("cost") if has_cost else None
    return (
        rows.with_columns(order=order)
        .group_by("customer", "date", "order")
        .agg(
            amount.sum(),
            bought=(amount > 0).any(),
            refunds=(0 - amount.clip(upper_bound=0)).sum(),
            **({} if profit is None else {"profit": profit.sum(), "back": profit.filter(amount < 0).sum()}),
        )
    )


def visits(rows: pl.DataFrame) -> pl.DataFrame:
    """By row: the days with a purchase before the campaign, and how amounts varied between them."""
    return visited(rows.select("dates", "purchases", amounts="amounts_before"))


def before(rows: pl.DataFrame, scale: int, day: date) -> pl.DataFrame:
    """By row: the customers table as of the day before the campaign."""
    return customers.finish_each(rows.select("customer", *_BEFORE), scale, day)
