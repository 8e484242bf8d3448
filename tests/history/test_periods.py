"""Calendar periods: the Polars expressions say what the plain functions say, and both are right."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import UsageError
from crmkit.history import periods

days = st.dates(min_value=date(1600, 1, 1), max_value=date(2400, 12, 31))
names = st.sampled_from(periods.PERIODS)


@pytest.mark.parametrize(
    ("period", "label", "first", "last"),
    [
        ("month", "2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("quarter", "2024Q1", date(2024, 1, 1), date(2024, 3, 31)),
        ("week", "2024-W05", date(2024, 1, 29), date(2024, 2, 4)),
        ("sunday-week", "2024-01-28", date(2024, 1, 28), date(2024, 2, 3)),
        ("year", "2024", date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
def test_first_of_february_2024(period: str, label: str, first: date, last: date) -> None:
    index = periods.index_of(date(2024, 2, 1), period)
    assert periods.label_of(index, period) == label
    assert (periods.start_of(index, period), periods.end_of(index, period)) == (first, last)


@pytest.mark.parametrize(
    ("day", "label"),
    [(date(2021, 1, 3), "2020-W53"), (date(2021, 1, 4), "2021-W01"), (date(2024, 12, 30), "2025-W01")],
)
def test_weeks_belong_to_the_iso_year(day: date, label: str) -> None:
    assert periods.label_of(periods.index_of(day, "week"), "week") == label


@given(days, names)
def test_a_day_lies_in_its_period_and_periods_touch(day: date, period: str) -> None:
    i = periods.index_of(day, period)
    assert periods.start_of(i, period) <= day <= periods.end_of(i, period)
    assert periods.index_of(periods.end_of(i, period) + timedelta(days=1), period) == i + 1


@given(st.lists(days, min_size=1, max_size=30), names)
def test_expressions_equal_their_plain_twins(sample: list[date], period: str) -> None:
    index = periods.index(pl.col("day"), period)
    begin, as_of = min(sample), max(sample)
    frame = pl.DataFrame({"day": sample}).select(
        index.alias("index"),
        periods.start(index, period).alias("start"),
        periods.end(index, period).alias("end"),
        periods.label(index, period).alias("label"),
        periods.complete(index, period, begin, as_of).alias("complete"),
    )
    assert frame.schema["index"] == pl.Int32
    assert frame.rows() == [
        (
            i := periods.index_of(day, period),
            periods.start_of(i, period),
            periods.end_of(i, period),
            periods.label_of(i, period),
            periods.complete_of(i, period, begin, as_of),
        )
        for day in sample
    ]


def test_the_calendar_has_no_gaps_and_knows_which_ends_are_open() -> None:
    table = periods.calendar(date(2023, 12, 1), date(2024, 3, 30), "month")
    assert table["period"].to_list() == ["2023-12", "2024-01", "2024-02", "2024-03"]
    assert table["complete"].to_list() == [True, True, True, False]
    assert periods.calendar(date(2023, 12, 2), date(2024, 3, 31), "quarter")["complete"].to_list() == [
        False,
        True,
    ]


def test_an_unknown_period_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="month, quarter, week, sunday-week, year"):
        periods.check("fortnight")
