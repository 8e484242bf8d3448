"""Differences of customers: measured values of real files, mutual information against plain sums, and noise that is none."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.accounts import information
from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit, dev_data

rows = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=1, max_size=30)
# By sklearn.metrics.cluster.expected_mutual_information of scikit-learn 1.9.1.
EXPECTED = [
    (([3, 1, 4], [2, 6]), 0.173956811239512),
    (([10, 1, 1, 7, 25], [30, 9, 5]), 0.093525397389869),
    (([1, 1, 1, 1], [2, 2]), 0.6931471805599453),
]


def measured(listed: list[tuple[str, str]]) -> information.Information:
    cells, customers = Counter(Counter(listed).values()), Counter(Counter(who for who, _ in listed).values())
    categories = Counter(what for _, what in listed)
    arrays = (list(cells), list(cells.values()), list(customers), list(customers.values()))
    return information.of_counts(*map(np.array, arrays), np.array(list(categories.values())))


@given(rows)
@settings(max_examples=50)
def test_information_is_that_of_plain_sums(listed: list[tuple[str, str]]) -> None:
    total, both = len(listed), Counter(listed)
    whos, whats = Counter(who for who, _ in listed), Counter(what for _, what in listed)
    mutual = sum(n / total * math.log(n * total / (whos[a] * whats[b])) for (a, b), n in both.items())
    found = measured(listed)
    assert found.mutual == pytest.approx(mutual, abs=1e-9)
    assert found.entropy == pytest.approx(
        -sum(n / total * math.log(n / total) for n in whats.values()), abs=1e-9
    )


@pytest.mark.parametrize(("margins", "value"), EXPECTED)
def test_what_chance_seems_to_tell_is_that_of_an_independent_package(
    margins: tuple[list[int], list[int]], value: float
) -> None:
    a, b = (np.unique(margin, return_counts=True) for margin in margins)
    assert information.expected(*a, *b, sum(margins[0])) == pytest.approx(value, rel=1e-9)


def test_customers_of_one_category_each_differ_entirely_and_a_shared_mix_not_at_all() -> None:
    apart = [(who, what) for who, what in zip("abcd", "wxyz", strict=True) for _ in range(50)]
    assert measured(apart).needs == pytest.approx(1)
    mixed = [(who, what) for who in "abcd" for what in "wxyz" for _ in range(50)]
    assert measured(mixed).needs == pytest.approx(0, abs=0.02)


def matrix(*words: str | Path) -> list[dict[str, Any]]:
    found = json.loads(crmkit("pareto", *words, "--table", "matrix", "--format", "json"))
    return list(found["tables"]["matrix"])


def test_a_superstore_has_no_different_needs() -> None:
    words = ("--level", "子类别", "--encoding", "gb18030")
    (row,) = matrix(dev_data("示例-超市_订单_gbk.csv"), *words)
    assert row["needs"] == pytest.approx(0.002, abs=0.001)
    assert row["information"] == pytest.approx(0.232, abs=0.001)
    assert row["gini"] == pytest.approx(0.372, abs=0.001)
    assert row["strategy"] == "mass marketing"


def test_each_channel_has_a_row_and_all_rows_are_in_one() -> None:
    found = matrix(SALES, "--by", "channel")
    assert [row["channel"] for row in found] == ["app", "phone", "store", "web"]
    assert {row["strategy"] for row in found} <= {
        "mass marketing",
        "niche marketing",
        "key accounts",
        "one to one",
    }


def test_refusals() -> None:
    with pytest.raises(CrmkitError, match="has no matrix"):
        matrix(SALES, "--by", "product")
    with pytest.raises(CrmkitError, match="--level does not go with --table tiers"):
        crmkit("pareto", SALES, "--level", "channel")
    with pytest.raises(CrmkitError, match="--cuts does not go with --table matrix"):
        matrix(SALES, "--cuts", "50,100")
