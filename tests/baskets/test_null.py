"""What chance would do: both margins hold, an independent package agrees, and edges leave nothing to chance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.baskets.null import Null

COUNTS = [3, 4, 9, 12, 13, 13, 21, 23, 27, 27, 25, 35]
SIZES = [1, 2, 2, 2, 2, 1, 3, 1, 1, 2, 2, 1, 2, 2, 6, 2, 4, 2, 3, 3, 5, 2, 3, 1, 2, 2, 5, 3, 5, 3,
         4, 2, 2, 2, 5, 4, 1, 2, 3, 3, 5, 4, 4, 5, 7, 8, 4, 4, 5, 7, 6, 7, 5, 8, 7, 5, 7, 4, 7]  # fmt: skip
# By the package bicm 3.4.0, which solves for every product and every basket of these counts and sizes.
BICM = {
    (3, 1): 0.006719382029964891,
    (3, 8): 0.21361954622785184,
    (4, 7): 0.19130505163181424,
    (9, 6): 0.29466648633133674,
    (12, 5): 0.29028445359837635,
    (13, 4): 0.22889688926110335,
    (21, 3): 0.2917320106376779,
    (23, 2): 0.21536254259577317,
    (25, 1): 0.12152178458613663,
    (25, 8): 0.8474417172805585,
    (27, 7): 0.8054752675191025,
    (35, 6): 0.8401311876759843,
}


def fitted(counts: list[int], sizes: list[int]) -> Null:
    size, baskets = np.unique(sizes, return_counts=True)
    return Null.fit(np.array(counts), size, baskets)


def test_chances_are_those_of_an_independent_package() -> None:
    null = fitted(COUNTS, SIZES)
    for (count, size), chance in BICM.items():
        found = null.chance[np.searchsorted(null.counts, count), np.searchsorted(null.sizes, size)]
        assert found == pytest.approx(chance, abs=1e-9)


@given(
    st.integers(2, 9).flatmap(
        lambda n: st.lists(st.sets(st.integers(0, n - 1), min_size=1), min_size=2, max_size=20)
    )
)
@settings(max_examples=40)
def test_both_margins_hold(baskets: list[set[int]]) -> None:
    counts = [sum(one in basket for basket in baskets) for one in range(9)]
    null = fitted([count for count in counts if count], [len(basket) for basket in baskets])
    assert ((null.chance >= 0) & (null.chance <= 1)).all()
    # Where one arrangement alone has these margins, chances are 0 and 1, which the fixed point nears slowly.
    assert null.chance @ null.baskets == pytest.approx(null.counts, abs=0.02)
    assert null.products @ null.chance == pytest.approx(null.sizes, abs=0.02)


def test_what_is_in_every_basket_and_a_basket_of_everything_leave_nothing_to_chance() -> None:
    null = fitted([4, 2, 2, 1], [1, 4, 2, 2])
    assert null.chance[list(null.counts).index(4)].tolist() == [1, 1, 1]
    assert null.chance[:, list(null.sizes).index(4)].tolist() == [1, 1, 1]
    assert null.chance[0, list(null.sizes).index(1)] == 0


def test_a_basket_of_two_holds_one_pair_and_a_basket_of_one_none() -> None:
    """Expected pairs add up to the pairs that baskets of these sizes hold."""
    null = fitted(COUNTS, SIZES)
    pairs = np.array(list(itertools.combinations(range(len(COUNTS)), 2)))
    total = null.expected(np.array(COUNTS), pairs[:, 0], pairs[:, 1]).sum()
    assert total == pytest.approx(sum(size * (size - 1) / 2 for size in SIZES))
    assert null.weights()[0] == 0


def test_what_is_in_no_basket_is_expected_in_none() -> None:
    """A product of another month has no pairs in this one."""
    null = fitted(COUNTS, SIZES)
    own, first, other = np.array([*COUNTS[:2], 0]), np.array([0, 0, 2]), np.array([1, 2, 1])
    assert (null.expected(own, first, other) > 0).tolist() == [True, False, False]
