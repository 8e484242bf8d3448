"""Days as exports write them beyond the common layouts."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmkit.errors import DataError
from crmkit.load.values import dates


def tally(*values: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"value": values, "count": [1] * len(values)}, schema={"value": pl.String, "count": pl.Int64}
    )


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("Jan-05-24", "Mon d, yy"),
        ("2024-01-05 星期五", "y-m-d"),
        ("Fri, Jan 5, 2024", "Mon d, y"),
        ("2024/01/05(金)", "y/m/d"),
        ("20240105T235000Z", "ISO without hyphens, with UTC offset"),
        ("1704499000", "epoch"),
        ("1704499000000", "epoch_ms"),
        ("1704499000000000", "epoch_us"),
        ("1704499000000000000", "epoch_ns"),
    ],
)  # fmt: skip
def test_a_day_is_read(text: str, layout: str) -> None:
    found = dates.survey(tally(text), "day", "file")
    assert found is not None and found.name == layout
    assert pl.select(dates.read(pl.lit(text), found, "UTC")).item() == date(2024, 1, 5)


def test_six_digits_are_read_where_one_order_fits_them_all() -> None:
    found = dates.survey(tally("930101", "971231", "980215"), "day", "file")
    assert found is not None and found.name == "yymmdd"


def test_days_of_spreadsheets_are_read_if_asked() -> None:
    with pytest.raises(DataError, match="--date-format excel") as raised:
        dates.survey(tally("45296", "45316"), "day", "file")
    assert raised.value.options == {"date_format": "excel"}
    read = dates.read(pl.col("value"), dates.given("excel"), "UTC")
    assert tally("45296", "45296.75").select(read).to_series().to_list() == [date(2024, 1, 5)] * 2


def test_half_converted_days_are_a_mixture() -> None:
    with pytest.raises(DataError, match="mixes"):
        dates.survey(tally("12/11/24", "9/2/24", "1/9/24", "27-09-2024", "13-01-2024"), "day", "file")
