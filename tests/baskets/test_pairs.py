"""Pairs: counted as a plain loop counts them, wherever the baskets lie; found where they are planted, and nowhere else."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.baskets import affinity, pairs
from crmkit.engine.rows import as_rows
from crmkit.errors import CrmkitError
from tests.baskets.markets import frame, made_up, market, shuffled
from tests.batched_rows import BatchedRows
from tests.tool import dev_data

baskets_of = st.lists(st.sets(st.sampled_from("abcdef'\"🍵"), min_size=1), min_size=1, max_size=25)


@given(baskets_of, st.integers(1, 7), st.integers(2, 5))
@settings(max_examples=50)
def test_pairs_are_those_of_a_plain_loop(baskets: list[set[str]], size: int, most: int) -> None:
    products = sorted(set().union(*baskets) - {"a"})
    wanted = Counter(
        pair
        for basket in baskets
        if len(basket) <= most
        for pair in itertools.combinations(sorted(basket - {"a"}), 2)
    )
    found = pairs.count(BatchedRows.of(frame(baskets), size), products, most)
    assert {(products[a], products[b]): n for a, b, n in found.rows()} == wanted


@pytest.mark.parametrize(("cells", "sparse"), [(0, 16), (1 << 25, 1 << 40)])
def test_a_cell_for_each_pair_or_for_those_that_were_met(
    cells: int, sparse: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    baskets = frame(made_up(400, 40, 2))
    products = sorted(set(baskets["product"].explode()))
    wanted = pairs.count(as_rows(baskets), products, 500).sort("a", "b")
    monkeypatch.setattr(pairs, "_MOST_CELLS", cells)
    monkeypatch.setattr(pairs, "_SPARSE", sparse)
    monkeypatch.setattr(pairs, "_WAITING", 100)
    monkeypatch.setattr(pairs, "_PAIRS_AT_ONCE", 7)
    monkeypatch.setattr(pairs, "_BASKETS_AT_ONCE", 33)
    assert pairs.count(as_rows(baskets), products, 500).sort("a", "b").equals(wanted)


@given(baskets_of, st.integers(1, 7))
@settings(max_examples=25)
def test_the_same_answer_in_any_batches_and_order(baskets: list[set[str]], size: int) -> None:
    def answer(one: object) -> object:
        try:
            return affinity.table(market(one), 1.0).write_csv()  # type: ignore[arg-type]
        except CrmkitError as error:
            return str(error)

    assert answer(BatchedRows.of(frame(baskets[::-1]), size)) == answer(baskets)


def test_measures_by_hand() -> None:
    """Omiecinski's five baskets (2003, IEEE TKDE 15:57): support, confidence and lift as they are in textbooks."""
    baskets = [set("abc"), set("ab"), set("abd"), set("bc"), set("cd")]
    table = affinity.table(market(baskets), 1.0)
    row = {(one["product"], one["other"]): one for one in table.rows(named=True)}["a", "b"]
    assert row["orders"] == 3
    assert (row["support"], row["confidence"], row["confidence_back"]) == (3 / 5, 1.0, 3 / 4)
    assert row["lift"] == pytest.approx(3 * 5 / (3 * 4))
    poisson = 1 - sum(math.exp(-row["expected"]) * row["expected"] ** k / math.factorial(k) for k in range(3))
    assert row["p"] == pytest.approx(poisson)


def test_nothing_is_found_where_sizes_and_popularity_are_all_there_is() -> None:
    baskets = made_up(1_500, 60, 5)
    found = []
    for seed in range(2):
        mixed = shuffled(baskets, seed, 6_000)
        found.append(affinity.table(market(mixed, "5"), 0.05).height)
    assert found == [0, 0]


def test_planted_pairs_are_found() -> None:
    """A fifth of the baskets with the one get the other, too."""
    baskets = made_up(1_500, 60, 5)
    planted = {("p020", "p040"), ("p011", "p055")}
    draw = np.random.default_rng(3)
    for one, other in sorted(planted):
        for basket in baskets:
            if one in basket and draw.random() < 0.4:
                basket.add(other)
    table = affinity.table(market(baskets, "5"), 0.05)
    assert planted <= set(table.select("product", "other").rows())
    assert table.height <= 4


@pytest.mark.slow
def test_twenty_shuffles_find_nothing_and_planted_pairs_are_found() -> None:
    """The median over twenty shuffles is no discovery; of 40 planted pairs of all popularities most are found."""
    baskets = made_up(1_500, 60, 8)
    found = [affinity.table(market(shuffled(baskets, seed, 15_000), "5"), 0.05).height for seed in range(20)]
    assert np.median(found) == 0
    assert sum(found) <= 2
    large = made_up(6_000, 200, 9)
    draw = np.random.default_rng(4)
    names = [f"p{place:03d}" for place in draw.permutation(200)[:80]]
    planted = {(min(pair), max(pair)) for pair in zip(names[:40], names[40:], strict=True)}
    for one, other in sorted(planted):
        for basket in large:
            if one in basket and draw.random() < 0.3:
                basket.add(other)
    found_pairs = set(affinity.table(market(large, "5"), 0.05).select("product", "other").rows())
    assert len(planted & found_pairs) >= 36
    assert len(found_pairs - planted) <= 0.1 * len(found_pairs)


@pytest.mark.slow
def test_a_shuffled_real_file_has_no_pairs() -> None:
    rows = pl.read_csv(dev_data("groceries.csv"))
    baskets = [set(one) for one in rows.group_by("order", maintain_order=True).agg("product")["product"]]
    found = [
        affinity.table(market(shuffled(baskets, seed, 10 * len(baskets)), "10"), 0.05).height
        for seed in range(3)
    ]
    assert np.median(found) == 0


def test_substitutes_are_never_together() -> None:
    baskets = [{"tea", f"p{at % 7}", f"q{at % 5}"} for at in range(300)]
    baskets += [{"coffee", f"p{at % 7}", f"q{at % 5}"} for at in range(300)]
    table = affinity.table(market(baskets), 0.05, substitutes=True)
    assert table.row(0)[:3] == ("coffee", "tea", 0)
    assert table["affinity"].max() < 1
