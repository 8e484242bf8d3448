"""Customer-days against plain dictionaries, and against the customers table of the same rows."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import customers
from crmkit.errors import DataError
from crmkit.history import customer_days, purchase_histories
from tests.ledgers import BEGIN, Sale, frame, sales

AS_OF = BEGIN + timedelta(days=300)


ALL = ("customer", "order", "date", "amount")


def history(rows: list[Sale], as_of: Any = AS_OF, *, columns: Any = ALL) -> customer_days.DayHistory:
    return customer_days.history(customer_days.by_customer(frame(rows).select(columns)).collect(), as_of)


def naive_days(rows: list[Sale]) -> dict[tuple[str, Any], list[int]]:
    """Amount and purchases of each customer and day."""
    found: dict[tuple[str, Any], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row.date <= AS_OF:
            found[row.customer, row.date][0] += row.amount
            found[row.customer, row.date][1] += max(row.amount, 0)
    return dict(sorted(found.items()))


@given(sales(days=300))
def test_days_are_sums_by_customer_and_date(rows: list[Sale]) -> None:
    past = history(rows)
    names = past.customers["customer"].to_list()
    found = {(names[code], day): [amount, bought] for code, day, amount, bought in past.days.iter_rows()}
    assert list(found.items()) == list(naive_days(rows).items())
    assert past.first == min(row.date for row in rows)


@given(sales(days=300))
def test_gaps_lie_between_days_with_a_purchase(rows: list[Sale]) -> None:
    past = history(rows)
    visits = customer_days.purchases(past.days)
    names = past.customers["customer"].to_list()
    bought = [key for key, (_, purchases) in naive_days(rows).items() if purchases]
    expected = []
    for place, (who, day) in enumerate(bought):
        before = bought[place - 1] if place else (None, None)
        expected.append((who, day, (day - before[1]).days if before[0] == who else None))
    assert [(names[code], day, gap) for code, day, _, _, gap in visits.iter_rows()] == expected


@given(sales(days=300), st.booleans())
def test_totals_make_the_customers_table(rows: list[Sale], with_orders: bool) -> None:
    columns = ["customer", "date", "amount", *(["order"] if with_orders else [])]
    wants = frozenset({"first", "orders", "days"})
    raw = customers.aggregate(frame(rows).select(columns), wants, has_order=with_orders).collect()
    past = history(rows, columns=columns)
    assert customers.finish(customer_days.totals(past), 2, AS_OF).equals(customers.finish(raw, 2, AS_OF))


@given(sales(days=300), st.integers(0, 299))
def test_an_earlier_day_knows_what_had_happened_by_then(rows: list[Sale], back: int) -> None:
    at = AS_OF - timedelta(days=back)
    known = [row for row in rows if row.date <= at]
    past = history(rows).until(at)
    names = dict(past.customers.select("code", "customer").iter_rows())
    assert sorted(names.values()) == sorted({row.customer for row in known})
    assert sum(past.days["amount"]) == sum(row.amount for row in known)


def test_an_order_without_an_id_is_that_days_order() -> None:
    day = BEGIN
    rows = [
        Sale("ann", None, day, 100),
        Sale("ann", None, day, 100),
        Sale("ann", None, day + timedelta(1), 100),
        Sale("ann", "7", day + timedelta(1), 100),
        Sale("ann", "7", day + timedelta(2), 100),
        Sale("ann", "8", day + timedelta(2), -100),
    ]
    assert history(rows).customers["orders"].to_list() == [3]


def test_whole_numbers_as_ids_become_text() -> None:
    rows = frame([Sale("10", "1", BEGIN, 100), Sale("9", "2", BEGIN, 100)]).cast({"customer": pl.Int64})
    past = customer_days.history(customer_days.by_customer(rows).collect(), AS_OF)
    assert past.customers["customer"].to_list() == ["10", "9"]


def test_nothing_up_to_the_day_is_refused() -> None:
    with pytest.raises(DataError, match="no transactions up to 2023-11-19"):
        history([Sale("ann", "1", BEGIN, 100)], BEGIN - timedelta(days=1))


@given(sales())
def test_forecasts_take_the_days_of_a_call_list_as_their_own(rows: list[Sale]) -> None:
    """What is made of customer-days at hand is what the rows themselves give."""
    past = history(rows, BEGIN + timedelta(days=10_000))
    plain = purchase_histories.by_day(frame(rows).select(ALL), keep_zero=False).collect()
    own, taken = purchase_histories.days(plain, 2), purchase_histories.of_history(past, 2)
    assert taken.ids.equals(own.ids)
    assert taken.rows.equals(own.rows)
    assert taken.rows.schema == own.rows.schema
