"""Counts by places are those that a group-by finds."""

from __future__ import annotations

from datetime import date
from unittest import mock

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


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-5, 5),
        st.none() | st.integers(-(2**30), 2**30),
        st.decimals(-9999, 9999, places=2, allow_nan=False),
        st.sampled_from([None, date(2024, 1, 1)]),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.sampled_from([pl.Decimal(38, 2), pl.Decimal(12, 2)]), st.booleans())
def test_sums_by_places_are_those_of_a_group_by(
    rows: list[tuple[object, ...]], kind: pl.DataType, two_days: bool
) -> None:
    schema = {"cell": pl.Int64, "n1": pl.Int64, "money": kind, "day": pl.Date}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if two_days:
        frame = frame.vstack(frame.head(1).with_columns(day=pl.lit(date(2024, 1, 2))))
    wanted = Counted(by=["cell"], sums=["n1", "money"], least=["day"])
    plain = wanted.of(frame)
    with mock.patch.object(tallies, "_FEW", 0):
        found = tallies.sums(frame, "cell", wanted.sums, wanted.least)
        assert wanted.of(frame).equals(plain)
    assert found is None or found.schema == plain.schema
    assert (
        found is not None
        or two_days
        or frame.height in (frame["cell"].null_count(), frame["n1"].null_count())
    )


@pytest.mark.parametrize(
    "values", [[0, 2**63 - 1], [0, 2**30], [1, None], [], [1.0, 2.0]], ids=lambda one: str(one)
)
def test_others_are_left_to_the_group_by(values: list[int]) -> None:
    assert tallies.tally(pl.Series("value", values)) is None


def test_sums_without_a_value_that_all_rows_share() -> None:
    rows = pl.DataFrame({"paid": [1, 2, 1], "within": [3, 4, 5]})
    with mock.patch.object(tallies, "_FEW", 1):
        found = Counted(by=["paid"], sums=["within"]).of(rows)
    assert found.rows() == [(1, 2, 8), (2, 1, 4)]
