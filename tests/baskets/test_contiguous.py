"""Orders are whole however their lines stand: together, apart, in any batches."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmkit
from crmkit.baskets import contiguous, units
from crmkit.load.dataset import transactions_of
from crmkit.load.transactions import Transactions

LINES = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["a", "b", "c'\"", "🍵"]), st.integers(-1, 2)), min_size=1
)
DAY = "2024-{:02d}-03"


def frame(lines: list[tuple[int, str, int]], *, numbers: bool) -> pl.DataFrame:
    """Lines of orders, each in a month of its own; every third order has no id, and is its customer's day."""
    return pl.DataFrame(
        {
            "customer": [f"c{order}" for order, _, _ in lines],
            "order_id": [None if order % 3 == 0 else f"o{order}" for order, _, _ in lines],
            "date": [DAY.format(order) for order, _, _ in lines],
            "product": [ord(one[0]) if numbers else one for _, one, _ in lines],
            "amount": [float(amount) for _, _, amount in lines],
        },
        schema_overrides={"order_id": pl.String},
    )


def wanted(lines: list[tuple[int, str, int]], *, numbers: bool) -> list[tuple[list[str], int, int]]:
    held: dict[int, set[str]] = {}
    for order, one, amount in lines:
        if amount > 0:
            held.setdefault(order, set()).add(str(ord(one[0])) if numbers else one)
    return sorted((sorted(some), len(some), 2024 * 12 + order - 1) for order, some in held.items())


def found(sales: Transactions) -> list[tuple[list[str], int, int]]:
    baskets = units.read(sales, "order", monthly=True).frame()
    listed = baskets.with_columns(pl.col("product").list.eval(pl.element().cast(pl.String)))
    return sorted(
        (sorted(one), size, month) for one, size, month in listed.select("product", "size", "month").rows()
    )


@given(LINES, st.booleans(), st.sampled_from([0, 10_000]), st.sampled_from([0.0, 0.8, 9.0]))
@settings(max_examples=20)
def test_baskets_are_those_of_a_plain_loop(
    lines: list[tuple[int, str, int]], numbers: bool, few: int, worth: float
) -> None:
    """Whether orders are taken as they pass, or all of them are grouped."""
    lines = [*lines, (7, "a", 1), (8, "b", 1), (7, "b", 1)]
    sales = transactions_of(
        crmkit.read(frame(lines, numbers=numbers)), ("product", "date"), ("order", "customer", "amount")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contiguous, "_FEW_ROWS", few)
        patch.setattr(contiguous, "_WORTH", worth)
        assert found(sales) == wanted(lines, numbers=numbers)


@given(LINES, st.integers(1, 4), st.sampled_from([0.0, 0.5, 9.0]))
@settings(max_examples=20)
def test_what_is_met_again_is_left_to_be_grouped(
    lines: list[tuple[int, str, int]], size: int, worth: float
) -> None:
    """Every line comes out once, with its order or as part of what was met once; no order does both."""
    rows = (
        frame(lines, numbers=False).rename({"order_id": "order"}).with_columns(pl.col("date").str.to_date())
    )
    build = partial(units.lines_of, unit="order", has_order=True, monthly=False)
    narrow = pl.Schema({"key": pl.UInt64(), "product": pl.String()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contiguous, "_FEW_ROWS", 0)
        patch.setattr(contiguous, "_WORTH", worth)
        met = contiguous._Met(build, narrow)
        rest = pl.concat(met.stream(iter(rows.iter_slices(size))))
    once = pl.concat(
        [pl.DataFrame(schema=narrow), *(met.named(one).explode("product").cast(narrow) for one in met.once)]
    )
    bought = build(rows.lazy()).collect().select(narrow.names())
    assert (
        pl.concat([once, rest]).unique().sort("key", "product").equals(bought.unique().sort("key", "product"))
    )
    assert not set(once["key"]) & set(rest["key"])
    assert once.is_unique().all()


def test_orders_of_one_line_each_and_an_order_split_between_batches() -> None:
    lines = [(order, one, 1) for one in ("a", "b") for order in range(1, 9)]
    rows = pl.concat([frame(lines, numbers=False)] * 2_000, rechunk=True)
    sales = transactions_of(crmkit.read(rows), ("product", "date"), ("order", "customer", "amount"))
    assert found(sales) == wanted(lines, numbers=False)
