"""The customers whose value is asked for, and what is known of the transactions behind them."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import NamedTuple

import polars as pl

from crmkit.customers import Data, with_as_of
from crmkit.engine.rows import Counted, Rows
from crmkit.engine.rows import as_rows as as_rows
from crmkit.errors import DataError, UsageError, typed_as
from crmkit.forecast.selection import refuse_untested
from crmkit.forecast.terms import By
from crmkit.history import purchase_histories
from crmkit.history.purchase_histories import Days, Repeats
from crmkit.load.dataset import Dataset
from crmkit.load.transactions import Transactions
from crmkit.scoring import labels

GROUPS = ("segment", "tier", "cohort")


class People(NamedTuple):
    """All customers with their `label` where there are groups; `days` or `repeats` where transactions tell them."""

    rows: Rows
    days: Days | None = None
    repeats: Repeats | None = None
    sales: Transactions | None = None
    by: By | None = None
    dated: bool = True

    @property
    def has_money(self) -> bool:
        """Whether it is known what purchases were worth."""
        return self.sales is None or self.sales.has_amount

    @property
    def zero_rows(self) -> int:
        """Rows with the amount 0."""
        return self.sales.audit.zero_rows if self.sales is not None and self.sales.has_amount else 0


def as_of_all(customers: Rows) -> date:
    """The day from which customers are looked at; DataError where nobody has bought anything."""
    found = customers.by_row(with_as_of).counts(Counted(least=["as_of"]))
    return found_day(found["as_of"][0])


def found_day(day: date | None) -> date:
    """DataError where there is none."""
    if day is None:
        raise DataError("No customer has an order, so there is nothing to project. See `crmkit check`.")
    return day


def _refuse_worthless(sales: Transactions, by: str | None) -> None:
    """Where rows have no amount, each is worth the same, and a tier or a segment would rank by their number."""
    if by in ("tier", "segment") and not sales.has_amount:
        raise UsageError(f"--by {by} needs amounts, and the file has none. Name their column with --amount.")


def people_of(data: Data, by: str | None, model: str, *, keep_zero: bool, dated: bool = True) -> People:
    """The customers of what `clv` was asked of; `by` is one of `GROUPS`, or a column of the transactions.

    `dated`: whether it matters on which days purchases were.
    """
    found = _people(data, by, model, keep_zero=keep_zero, dated=dated)._replace(dated=dated)
    if found.sales is not None:
        _refuse_worthless(found.sales, by)
    return found if by is None else _labelled(found, by)


def _people(data: Data, by: str | None, model: str, *, keep_zero: bool, dated: bool) -> People:
    column = None if by is None or by in GROUPS else by
    if isinstance(data, Dataset) and data.is_spread:
        return _spread(data, column, model, keep_zero=keep_zero, orders=by == "segment", dated=dated)
    ready = data.customers() if isinstance(data, Dataset) else data
    if ready is not None and not isinstance(ready, Transactions):
        if keep_zero:
            raise UsageError(
                "--keep-zero is about transactions, and this is a table of customers. Leave it out."
            )
        return People(_ready(ready, column))
    sales, label = _read(data, column), "store" if column else None
    found = purchase_histories.days_of(
        sales, keep_zero=keep_zero, label=label, orders=by == "segment" and sales.has("order")
    )
    days = found.rows
    people = purchase_histories.known(days, found.as_of)
    if sales.gate is not None:
        sales.gate.check_customers(as_rows(people))
    if label is not None:
        people = people.join(days.ids.select("customer", "label"), on="customer", maintain_order="left")
    return People(as_rows(people), days, None, sales)


def _ready(customers: pl.DataFrame | Rows, column: str | None) -> Rows:
    if column:
        raise UsageError(
            f"--by {column!r} is a column of transactions, and this is a customers table. "
            f"Choose {', '.join(GROUPS)}."
        )
    return as_rows(customers)


def _spread(
    data: Dataset, column: str | None, model: str, *, keep_zero: bool, orders: bool, dated: bool
) -> People:
    """Where rows are spread, the days stay there."""
    if model == "auto":
        refuse_untested(", or use a fitted one: --use-model FILE")
    sales = _read(data, column)
    build = partial(
        purchase_histories.by_customer,
        keep_zero=keep_zero,
        label="store" if column else None,
        orders=orders and sales.has("order"),
        visits=dated,
    )
    found = sales.query(build)
    finish = partial(purchase_histories.finished, scale=found.scale, as_of=found.as_of)
    people = found.rows.by_row(finish)
    repeats = purchase_histories.repeats_of(found.rows, found.as_of) if dated else None
    return People(people, None, repeats, sales)


def _read(data: Data, column: str | None) -> Transactions:
    """The transactions; the loader finds columns by role, so one to group by travels as the store."""
    if isinstance(data, Transactions):
        return data
    assert isinstance(data, Dataset)
    needs, wants = ("customer", "date"), ("amount", "order")
    if column is None:
        return data.transactions(needs, wants)
    with typed_as("by", "store"):
        return data.transactions(needs, (*wants, "store"), {"store": column})


def _labelled(found: People, by: str) -> People:
    """Each customer's group in the column `label`, and the order of the groups."""
    if by == "tier":
        made = labels.by_tier(found.rows)
    elif by == "segment":
        made = labels.by_segment(found.rows)
    elif by == "cohort":
        made = labels.by_cohort()
    else:
        made = labels.Labels(partial(_column, name=by), None)
    return found._replace(rows=found.rows.by_row(made.add), by=By(by, made.order))


def _column(customers: pl.DataFrame, name: str) -> pl.DataFrame:
    return customers.with_columns(pl.col("label").fill_null(f"(no {name})"))
