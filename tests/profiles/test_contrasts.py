"""Groups against the others: AUC, tails and tests against scipy, ties and all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmkit.profiles import contrasts
from crmkit.scoring import discoveries

values = st.lists(st.integers(0, 4), min_size=1, max_size=30)


@given(values, values)
@settings(max_examples=50)
def test_ranks_are_those_of_mann_and_whitney(own: list[int], rest: list[int]) -> None:
    frame = pl.DataFrame({"value": own + rest, "label": ["own"] * len(own) + ["rest"] * len(rest)})
    counts = frame.group_by("value", "label").agg(n=pl.len().cast(pl.Int64))
    row = next(one for one in contrasts.numbers("size", counts) if one["label"] == "own")
    test = stats.mannwhitneyu(own, rest, method="asymptotic")
    assert row["auc"] == pytest.approx(test.statistic / (len(own) * len(rest)))
    assert row["p"] == pytest.approx(1.0 if np.isnan(test.pvalue) else test.pvalue)
    assert (row["median"], row["median_elsewhere"]) == (np.median(own), np.median(rest))


def test_a_label_is_a_number_that_is_nought_or_one() -> None:
    levels = pl.DataFrame(
        {"trait": ["channel"] * 2, "level": ["web"] * 2, "label": ["a", "b"], "having": [7, 12]}
    )
    sizes = pl.DataFrame({"label": ["a", "b"], "n": [20, 80]})
    row = contrasts.labels(levels, sizes).row(0, named=True)
    counts = pl.DataFrame({"value": [1, 0, 1, 0], "label": ["a", "a", "b", "b"], "n": [7, 13, 12, 68]})
    assert row["auc"] == pytest.approx(contrasts.numbers("web", counts)[0]["auc"])
    assert row["index"] == pytest.approx(100 * (7 / 20) / (19 / 100))
    assert row["p"] == pytest.approx(2 * stats.hypergeom.sf(6, 100, 19, 20))


def test_the_interval_is_wilsons() -> None:
    low, high = discoveries.wilson(np.array([7, 0]), np.array([20, 10]))
    for place, (k, n) in enumerate([(7, 20), (0, 10)]):
        interval = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert (low[place], high[place]) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_the_v_test_by_hand() -> None:
    """(3 - 2) / sqrt(2/3 / 1 * (3 - 1) / (3 - 1)), as of one customer drawn from 1, 2, 3."""
    counts = pl.DataFrame({"value": [1, 2, 3], "label": ["rest", "rest", "own"], "n": [1, 1, 1]})
    assert contrasts.numbers("size", counts)[0]["v_test"] == pytest.approx((3 - 2) / np.sqrt(2 / 3))
