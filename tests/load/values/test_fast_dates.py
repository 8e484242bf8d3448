"""The quick ways to a day find what the pattern finds, value by value, and nothing else."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmkit.load.values import dates, fast_dates
from crmkit.load.values.dates import ISO, LAYOUTS, ZONED

_PIECES = st.sampled_from(
    ["2024", "0000", "12024", "-2024", "24", "-", "/", "01", "02", "1", "29", "30", "31", " ", "T", "  ", "10", "24", ":", "59",
     "60", "75", ".", ",", "5", "123456", "1234567", "Z", "z", "UTC", "+01", "-0530", "+05:30", "+25:00", "AM", " pm", "Mar", "年",
     "2024-03-31", "1969-12-31", "2024-03-31 10:59", "2024-03-31T23:30:00", "2024-02-30"]
)  # fmt: skip
_WRITTEN = st.datetimes().map(lambda moment: moment.isoformat(sep=" ", timespec="auto"))
_CUT = st.builds(lambda text, end: text[:end], _WRITTEN, st.integers(9, 26))
_ZONES = st.builds(
    str.__add__, _WRITTEN, st.sampled_from(["Z", "+01:00", "-0930", " UTC", "+14", "z", "+24:00"])
)
_ODD = st.lists(_PIECES, max_size=8).map("".join)
_TEXT = st.one_of(_WRITTEN, _CUT, _ZONES, _ODD, st.just(""), st.none())


@pytest.fixture(autouse=True)
def few_values_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_dates, "_FEW", 0)


def _plain(values: pl.Series, layout: dates.DateLayout, tz: str) -> pl.Series:
    return values.to_frame("text").select(dates.read(pl.col("text"), layout, tz)).to_series()


@given(st.lists(_TEXT, max_size=6), st.sampled_from(LAYOUTS), st.sampled_from(["UTC", "Asia/Kathmandu"]))
@example(["2024-01-31 12"], ISO, "UTC")
@example(["2024-01-31 12Z"], ZONED, "UTC")
@example(["2024-01-31 12+01:00", "2024-01-31T12:00:00+01:00"], ZONED, "UTC")
@example(["2024-01-31", None, "2024-01-31 12:30"], ISO, "UTC")
def test_the_same_days_as_by_the_pattern(texts: list[str | None], layout: dates.DateLayout, tz: str) -> None:
    values = pl.Series("date", texts, dtype=pl.String)
    assert fast_dates.days(values, layout, tz).to_list() == _plain(values, layout, tz).to_list()


@given(st.lists(st.one_of(_WRITTEN, _CUT), min_size=1, max_size=1))
def test_one_value_by_itself(texts: list[str]) -> None:
    values = pl.Series("date", texts, dtype=pl.String)
    assert fast_dates.days(values, ISO, "UTC").to_list() == _plain(values, ISO, "UTC").to_list()


@given(st.lists(_ZONES, min_size=1, max_size=1))
def test_one_value_with_its_zone(texts: list[str]) -> None:
    values = pl.Series("date", texts, dtype=pl.String)
    found = fast_dates.days(values, ZONED, "Europe/London")
    assert found.to_list() == _plain(values, ZONED, "Europe/London").to_list()


_DIGITS = st.sampled_from("0123456789")
_SLIP = st.sampled_from("09:-/ T.Z５")


def _mistyped(texts: list[str], at: int, slip: str) -> list[str]:
    """One character of the first one, another."""
    at %= len(texts[0])
    return [texts[0][:at] + slip + texts[0][at + 1 :], *texts[1:]]


@given(
    st.sampled_from(["", " %H:%M", " %H:%M:%S", "T%H:%M:%S"]),
    st.lists(st.datetimes(datetime(1951, 1, 1), datetime(2049, 1, 1)), min_size=2, max_size=6),
    st.integers(0, 18),
    st.one_of(_SLIP, _DIGITS),
)
@example(" %H:%M", [datetime(2024, 1, 31, 20, 30)] * 2, 12, "4")
@example("", [datetime(2024, 2, 28)] * 2, 9, "9")
@example("", [datetime(2023, 2, 28)] * 2, 9, "9")
def test_as_wide_in_every_row(clock: str, moments: list[datetime], at: int, slip: str) -> None:
    texts = [moment.strftime("%Y-%m-%d" + clock) for moment in moments]
    for written in (texts, _mistyped(texts, at, slip)):
        values = pl.Series("date", ["of another width", *written])[1:]
        assert fast_dates.days(values, ISO, "UTC").equals(_plain(values, ISO, "UTC"))


def test_as_wide_in_every_row_needs_no_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_dates, "_cast", None)
    days = pl.date_range(date(2023, 12, 1), date(2024, 3, 31), eager=True).alias("date")
    for clock in ("", " 23:59", "T00:00:59"):
        assert fast_dates.days(days.cast(pl.String) + clock, ISO, "UTC").equals(days)


@pytest.mark.parametrize("text", ["2024-01-31", "2024-01-31 10:30", "2024-01-31T10:30:00.123456"])
def test_iso_does_not_wait_for_the_pattern(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dates, "read", None)
    assert fast_dates.days(pl.Series("date", [text, None]), ISO, "UTC").to_list()[1] is None
