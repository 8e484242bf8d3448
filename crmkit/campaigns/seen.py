"""What is known of the customers of a test: one pass over the transactions, then sums by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import polars as pl

from crmkit.campaigns import expectations, moments
from crmkit.campaigns.effects import COVARIATES, Tail
from crmkit.campaigns.expectations import Expectations
from crmkit.campaigns.groups import LABEL, Groups, joined, sizes_by
from crmkit.campaigns.moments import Moments
from crmkit.campaigns.money import Costs
from crmkit.campaigns.window import Window, before, observed, visits
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.history.purchase_histories import repeats_of
from crmkit.load.transactions import Transactions
from crmkit.scoring import labels


@dataclass(frozen=True)
class Seen:
    """The customers of the test who are in the file, as whole numbers, and what is known of all of them."""

    rows: Rows
    groups: Groups
    window: Window
    variables: tuple[str, ...]
    units: Mapping[str, float]
    arms: Mapping[str, Moments]
    tail: Tail
    in_file: Mapping[str, int]
    scale: int
    gaps: Sequence[str]
    last: date  # of the file

    @property
    def metrics(self) -> list[str]:
        """What arms are compared in."""
        return [name for name in COVARIATES if name in self.variables]

    def pair(self, arm: str) -> tuple[Moments, Moments]:
        """An arm and the control."""
        return self.arms[arm], self.arms[self.groups.control]

    def by(
        self, columns: Sequence[str], variables: Sequence[str] | None = None
    ) -> dict[tuple[Any, ...], Moments]:
        """The sums for each value of columns of the groups, everybody included; `group` is the first column."""
        names, wanted = ["group", *columns], variables or self.variables
        found = moments.of(self.rows, wanted, names)
        sizes = sizes_by(self.groups.frame, names)
        nobody = moments.nobody(wanted)
        return {
            key: found.get(key, nobody).and_zeros(size - found.get(key, nobody).n)
            for key, size in sizes.items()
        }


def look(data: Transactions, window: Window, groups: Groups, costs: Costs, label: str | None = None) -> Seen:
    """Read, and add up by arm; `label` is segment, tier or cohort as of the day before, where groups have none.

    DataError where no customer of the groups is in the file.
    """
    read = observed(data, window)
    found, scale = read.rows, read.scale
    window.check(read.first, read.as_of)
    has_cost = data.has("cost") and costs.margin is None
    profit = "window_profit" if has_cost else None if costs.margin is None else "window_revenue"
    history = found.by_row(partial(before, scale=scale, day=window.day_before))
    if label is not None:
        groups = _labelled(groups, history, label)
    numbers = counted(found, history, window, scale, profit)
    rows = numbers.by_row(partial(joined, groups=groups.frame)).cached()
    unit = 10.0**-scale
    units = {"bought": 1.0, "orders": 1.0, "revenue": unit, "profit": unit * (costs.margin or 1.0),
             "pre_revenue": unit, "orders_before": 1.0, **expectations.UNITS}  # fmt: skip
    variables = tuple(name for name in units if name in rows.schema)
    by_arm = {arm: one for (arm,), one in moments.of(rows, variables, ["group"]).items()}
    in_file = {arm: by_arm[arm].n if arm in by_arm else 0 for arm in groups.sizes}
    if not sum(in_file.values()):
        raise DataError(_strangers(found, groups))
    arms = {
        arm: by_arm.get(arm, moments.nobody(variables)).and_zeros(size - in_file[arm])
        for arm, size in groups.sizes.items()
    }
    counts = rows.by_row(_values).counts(Counted(by=["group", "value"]))
    tail = Tail(counts.filter(pl.col("value") != 0), groups.sizes, groups.control, unit)
    gaps = window.gaps(read.first, read.as_of)
    return Seen(rows, groups, window, variables, units, arms, tail, in_file, scale, gaps, read.as_of)


def counted(found: Rows, history: Rows, window: Window, scale: int, profit: str | None = None) -> Rows:
    """Metrics and covariates of each customer as whole numbers; `profit` is the column that it is made of."""
    ahead = _learnt(history, found, window)
    return found.by_row(partial(_numbers, ahead=ahead, profit=profit, scale=scale, day=window.day_before))


def _labelled(groups: Groups, history: Rows, label: str) -> Groups:
    """The groups with what their customers were called on the day before; those without an order then have no label."""
    known = history.by_row(_bought_before)
    made = (
        {"tier": labels.by_tier, "segment": labels.by_segment}[label](known)
        if label != "cohort"
        else labels.by_cohort()
    )
    named = known.by_row(made.add).by_row(lambda frame: frame.select("customer", LABEL))
    here = named.by_row(partial(joined, groups=groups.frame.select("customer"))).frame()
    return replace(groups, frame=groups.frame.join(here, on="customer", how="left", maintain_order="left"))


def _bought_before(history: pl.DataFrame) -> pl.DataFrame:
    return history.filter(pl.col("last").is_not_null())


def _learnt(history: Rows, found: Rows, window: Window) -> Expectations | None:
    """The forecast as of the day before, where there is enough history for one."""
    try:
        dates = repeats_of(found.by_row(visits), window.day_before)
        return expectations.learn(history, window.day_before, window.length, dates)
    except DataError:
        return None


def _values(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("group", pl.col("revenue").cast(pl.Int128).alias("value"))


def _numbers(
    frame: pl.DataFrame, ahead: Expectations | None, profit: str | None, scale: int, day: date
) -> pl.DataFrame:
    """By row: metrics and covariates as whole numbers."""
    people = before(frame, scale, day)
    foreseen = [] if ahead is None else ahead.add(people).select(expectations.EXPECTED).get_columns()
    return frame.select(
        pl.col("customer").cast(pl.String),
        (pl.col("window_orders") > 0).cast(pl.Int64).alias("bought"),
        pl.col("window_orders").alias("orders"),
        pl.col("window_revenue").alias("revenue"),
        *([] if profit is None else [pl.col(profit).alias("profit")]),
        "pre_revenue",
        pl.col("orders").alias("orders_before"),
        "late_refunds",
        "on",
        "amounts",
    ).hstack(foreseen)


def _strangers(found: Rows, groups: Groups) -> str:
    some = found.by_row(lambda frame: frame.select(pl.col("customer").cast(pl.String))).counts(
        Counted(least=["customer"])
    )
    return (
        f"None of the {groups.frame.height:,} customers of the groups is in the file: there, ids look like "
        f"{some['customer'][0]!r}, and in the groups like {groups.frame['customer'][0]!r}. Give the groups with the same ids."
    )
