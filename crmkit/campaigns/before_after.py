"""Without a control group: what a comparison of before and after shows, and why that is no effect.

The same comparison is made where there was no campaign: each period of the campaign's length against the one before it, and
the same days a year earlier (season). Customers who have just bought spend less next time, and those who have not spend more,
whatever is done (regression to the mean): that is shown, too, because campaigns are often sent to the former.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl

from crmkit.campaigns.window import Window
from crmkit.engine.money import amount
from crmkit.engine.rows import Counted
from crmkit.errors import DataError
from crmkit.load.transactions import Transactions
from crmkit.parse import WHOLE_WEEKS
from crmkit.result import Result

_SCHEMA: dict[str, Any] = {
    "period": pl.String, "revenue": pl.Decimal(38, 2), "change_share": pl.Float64, "buyers_before": pl.Int64,
    "their_revenue_before": pl.Decimal(38, 2), "their_revenue": pl.Decimal(38, 2), "their_change": pl.Float64,
}  # fmt: skip


def analyse(sales: Transactions, window: Window) -> Result:
    """Periods as long as the campaign, the latest first; DataError where there is none before it."""
    read = sales.query(partial(_pairs, window=window))
    counted = read.rows.by_row(_each_pair).counts(
        Counted(by=["index"], sums=["buyers", "before", "after", "revenue"])
    )
    window.check(read.first, read.as_of)
    found = {row["index"]: row for row in counted.iter_rows(named=True)}
    earliest = -((window.begin - read.first).days // window.length)
    if earliest > -1:
        raise DataError(
            f"The {window.length} days before {window.begin} are not in the file, which begins on {read.first}; there is "
            "nothing to compare with. Choose a later --from, or a shorter campaign."
        )
    unit = 10.0**-read.scale
    rows = [
        _row(index, found, window, unit, is_first=index == earliest) for index in range(0, earliest - 1, -1)
    ]
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    a_year_ago = _season(sales, window, read.first)
    return Result(
        command="lift",
        tables={"periods": table},
        facts={"from": window.begin, "to": window.end, "change": table["change_share"][0], "year_before": a_year_ago,
               "is_effect": False},
        notes=tuple(_notes(table, a_year_ago, window)),
        headline=_headline(table, a_year_ago, window),
        next=("crmkit split FILE --name NAME --control 10% -o groups.csv",),
        titles={"periods": f"Periods of {window.length} days, each against the one before it; the first is the campaign"},
    )  # fmt: skip


def _pairs(rows: pl.LazyFrame, window: Window) -> pl.LazyFrame:
    """By key: each customer's revenue in periods of the campaign's length, 0 for the campaign, -1 for the one before."""
    index = (pl.col("date") - pl.lit(window.begin)).dt.total_days().floordiv(window.length).cast(pl.Int64)
    each = (
        rows.filter(pl.col("date") <= window.end)
        .group_by("customer", index.alias("index"))
        .agg(pl.col("amount").sum())
    )
    return each.group_by("customer").agg("index", "amount")


def _each_pair(customers: pl.DataFrame) -> pl.DataFrame:
    """By row: each period that a customer took part in, and what those who had bought before it spent then and now."""
    each = customers.select("customer", "index", "amount").explode("index", "amount")
    now = each.select("customer", "index", pl.col("amount").alias("after"))
    then = each.select("customer", (pl.col("index") + 1).alias("index"), pl.col("amount").alias("before"))
    both = now.join(then, on=["customer", "index"], how="full", coalesce=True).filter(pl.col("index") <= 0)
    whole = pl.col("before", "after").fill_null(0).cast(pl.Int128)
    bought = pl.col("before") > 0
    return both.with_columns(whole).select(
        "index",
        bought.cast(pl.Int64).alias("buyers"),
        pl.when(bought).then("before").otherwise(0).alias("before"),
        pl.when(bought).then("after").otherwise(0).alias("after"),
        pl.col("after").alias("revenue"),
    )


def _row(
    index: int, found: dict[int, Any], window: Window, unit: float, *, is_first: bool
) -> tuple[Any, ...]:
    begin = window.begin + timedelta(days=index * window.length)
    label = f"{begin} to {begin + timedelta(days=window.length - 1)}"
    here, revenue = found.get(index), {at: row["revenue"] * unit for at, row in found.items()}
    now, then = revenue.get(index, 0.0), revenue.get(index - 1, 0.0)
    if is_first or here is None:  # the period before it is not in the file as a whole
        return (label, amount(now), None, None, None, None, None)
    before, after = here["before"] * unit, here["after"] * unit
    return (
        label,
        amount(now),
        _change(now, then),
        here["buyers"],
        amount(before),
        amount(after),
        _change(after, before),
    )


def _change(now: float, then: float) -> float | None:
    return now / then - 1 if then > 0 else None


def _season(sales: Transactions, window: Window, opening: date) -> float | None:
    """The change over the same days a year earlier, where the file holds them."""
    begin, end = window.begin - timedelta(days=WHOLE_WEEKS), window.end - timedelta(days=WHOLE_WEEKS)
    if begin - timedelta(days=window.length) < opening:
        return None
    daily = sales.counts(lambda rows: rows.group_by("date").agg(pl.col("amount").sum()), by=["date"])

    def total(first: date, last: date) -> int:
        return int(daily.filter(pl.col("date").is_between(first, last))["amount"].sum())

    return _change(total(begin, end), total(begin - timedelta(days=window.length), begin - timedelta(days=1)))


def _headline(table: pl.DataFrame, year: float | None, window: Window) -> str:
    change, *others = table["change_share"].to_list()
    others = [one for one in others if one is not None]
    if change is None:
        return "Nothing was sold in the time before, so there is nothing to compare with, and no effect to speak of."
    said = f"Revenue changed by {change:+.0%} against the {window.length} days before; that is not the effect of a campaign. "
    if others:
        said += f"In the {len(others)} periods before, it changed by {min(others):+.0%} to {max(others):+.0%} without one"
        said += f", and on these days a year ago by {year:+.0%}." if year is not None else "."
    return said if others else said + "Nor is there an earlier period to compare that with."


def _notes(table: pl.DataFrame, year: float | None, window: Window) -> list[str]:
    said = [
        "Without a control group nobody can tell what would have happened anyway. Leave some out next time: "
        "crmkit split FILE --name NAME --control 10% -o groups.csv."
    ]
    theirs = table["their_change"][0]
    if theirs is not None:
        said.append(
            f"Regression to the mean: those who had bought in the {window.length} days before spent {theirs:+.0%} in the next; "
            "so a campaign to recent buyers looks bad, and one to the others good, whatever it does."
        )
    if year is not None and table["change_share"][0] is not None:
        said.append(
            f"Season: on the same days a year ago revenue changed by {year:+.0%} in the same way of counting."
        )
    return said
