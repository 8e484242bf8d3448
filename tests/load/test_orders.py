"""One order: whoever counts them counts the same."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmkit import customers
from crmkit.history import customer_days, panel, purchase_histories
from crmkit.history.level_trends import by_level
from crmkit.load.orders import customer_day, order_key
from crmkit.trend import by_customer
from tests.ledgers import Sale, frame, sales


def naive(ledger: list[Sale]) -> int:
    """An id with a positive row, or a customer's day with a positive row without an id."""
    return len({(row.customer, row.order or row.date) for row in ledger if row.amount > 0})


@given(sales(), st.booleans())
def test_everybody_counts_the_same_orders(ledger: list[Sale], ids: bool) -> None:
    rows = frame(ledger) if ids else frame(ledger).drop("order")
    kept = ledger if ids else [row._replace(order=None) for row in ledger]
    expected = naive(kept)
    made = customers.aggregate(rows, frozenset({"orders", "days"}), has_order=ids).collect()
    assert made["orders" if ids else "days"].sum() == expected
    assert customer_days.by_customer(rows).collect()["orders"].sum() == expected
    if ids:
        days = purchase_histories.by_day(rows, keep_zero=False, orders=True).collect()
        assert purchase_histories.days(days, 2).ids["orders"].sum() == expected
        found = purchase_histories.by_customer(rows, keep_zero=False, orders=True).collect()
        assert found["orders"].sum() == expected
    one = rows.with_columns(date=pl.lit(ledger[0].date))  # in one period no order is counted twice
    counts = {
        by_customer(one, "month").collect()["bought"].sum(),
        panel.panel(one, "month").collect()["orders"].sum(),
    }
    assert counts == {naive([row._replace(date=ledger[0].date) for row in kept])}


def test_rows_without_an_id_are_as_many_orders_as_days() -> None:
    ledger = [
        Sale("a", None, day, 5) for day in pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 3), eager=True)
    ]
    rows = frame(ledger).with_columns(store=pl.lit("x"))
    assert by_level(rows, "store", "month").collect()["orders"].to_list() == [3]
    assert rows.select(order_key(True).n_unique(), a=customer_day().n_unique()).collect().row(0) == (3, 3)
