"""Counts by places are those that a group-by finds."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.engine import tallies
from crmkit.engine.rows import Counted

VALUES = st.lists(st.integers(-50, 50) | st.integers(-(2**40), 2**40), max_size=30)


@given(VALUES, st.sampled_from([pl.Int64, pl.Int128]))
def test_counts_by_places_are_those_of_a_group_by(numbers: list[int], kind: type[pl.DataType]) -> None:
    rows = pl.DataFrame({"value": pl.Series(numbers, dtype=kind)})
    plain = rows.group_by("value").agg(n=pl.len().cast(pl.Int64)).sort("value")
    assert Counted(by=["value"]).of(rows).equals(plain)
    assert Counted(by=["value"]).of(rows).schema == plain.schema


@pytest.mark.parametrize(
    "values", [[0, 2**63 - 1], [0, 2**30], [1, None], [], [1.0, 2.0]], ids=lambda one: str(one)
)
def test_others_are_left_to_the_group_by(values: list[int]) -> None:
    assert tallies.tally(pl.Series("value", values)) is None
