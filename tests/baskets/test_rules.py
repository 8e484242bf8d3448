"""Rules: published counts of a real file, sets as a plain loop finds them, and only what adds to simpler rules."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmkit
from crmkit.baskets import market, rules, units
from crmkit.load.dataset import transactions_of
from tests.baskets.markets import market as market_of
from tests.tool import dev_data

# The rules of the published file of 9,835 orders, by least support and confidence; Lantz, Machine Learning with R, prints 463.
PUBLISHED = {(0.001, 0.5): 5668, (0.001, 0.8): 410, (0.001, 0.9): 129, (0.01, 0.5): 15, (0.006, 0.25): 463}


@pytest.mark.slow
def test_published_rules() -> None:
    sales = transactions_of(crmkit.read(str(dev_data("groceries.csv"))), ("product",), ("order",))
    known = market.survey(units.read(sales, "order"), unit="order", min_orders="0.1%", most=500)
    sets = rules.frequent_sets(rules.bitsets(known), known.least, 10)
    assert len(sets) == 13_492
    counts, lifts = Counter[tuple[float, float]](), list[float]()
    for items, whole in sets.items():
        for then in items if len(items) > 1 else ():
            given_ = sets[tuple(item for item in items if item != then)]
            lifts.append(whole * known.total / (given_ * sets[(then,)]) if whole / given_ >= 0.5 else 0)
            for support, confidence in PUBLISHED:
                counts[support, confidence] += whole >= support * known.total and whole / given_ >= confidence
    assert counts == PUBLISHED
    assert max(lifts) == pytest.approx(18.995654, abs=1e-6)


@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=2, max_size=15), st.integers(1, 3))
@settings(max_examples=40)
def test_sets_are_those_of_a_plain_loop(baskets: list[set[str]], least: int) -> None:
    products = sorted(set().union(*baskets))
    bits = [sum(1 << at for at, basket in enumerate(baskets) if one in basket) for one in products]
    wanted = Counter(
        items
        for basket in baskets
        for size in range(1, 5)
        for items in itertools.combinations(sorted(products.index(one) for one in basket), size)
    )
    found = rules.frequent_sets(bits, least, 4)
    assert found == {items: n for items, n in wanted.items() if n >= least}


def test_a_rule_that_adds_nothing_is_left_out() -> None:
    """Cheese follows where bread and wine are both there, and neither alone says so; salt adds nothing to anything."""
    baskets = [{"bread", "wine", "cheese"}] * 20 + [{"bread"}, {"wine"}] * 20 + [{"cheese", "x"}] * 3
    baskets = [basket | ({"salt"} if (at // 2) % 2 else set()) for at, basket in enumerate(baskets)]
    found = rules.table(market_of(baskets), 0.05, 3)
    best = found.row(0, named=True)
    assert (best["given"], best["then"], best["orders"], best["confidence"]) == (
        "bread + wine",
        "cheese",
        20,
        1,
    )
    assert best["improvement"] == pytest.approx(0.5)
    assert not any("salt" in row["given"] for row in found.rows(named=True) if row["then"] == "cheese")


def test_nothing_to_say() -> None:
    assert rules.table(market_of([set("ab"), set("ab"), set("c")]), 0.05, 3).height == 0
