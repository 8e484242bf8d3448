"""Exports known by their header."""

from __future__ import annotations

import pytest

from crmkit.errors import UsageError
from crmkit.load.layouts import asked, every, recognised
from crmkit.load.layouts.layout import read

SHOPIFY = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Currency",
    "Total",
    "Created at",
    "Lineitem quantity",
    "Lineitem price",
]


def test_every_layout_can_be_read_and_says_how_rows_are_found() -> None:
    for layout in every():
        assert layout.refuse or {"date", "amount"} <= set(layout.columns), layout.key
        assert 2 <= layout.enough <= len(layout.marks), layout.key


@pytest.mark.parametrize(
    "columns", [SHOPIFY, [*SHOPIFY, "Anything"], SHOPIFY[::-1], [name.upper() for name in SHOPIFY]]
)
def test_a_header_is_known_with_columns_more_and_less_and_in_any_order(columns: list[str]) -> None:
    found = recognised(columns)
    assert found is not None and found.key == "shopify-orders"


def test_a_header_of_common_names_is_nobodys() -> None:
    assert (
        recognised(["order_id", "customer_id", "order_date", "amount", "status", "quantity", "price"]) is None
    )


def test_names_and_files_are_asked_for() -> None:
    assert asked("shopify orders").key == "shopify-orders"
    with pytest.raises(UsageError, match="neither a layout"):
        asked("nothing")


def test_a_key_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"columns\.amuont"):
        read('[columns]\namuont = "Total"', "mine.toml")
