"""Numbers, shares, money and days as a reader sees them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from crmkit.output import cells

MONEY = pl.Decimal(38, 2)


@pytest.mark.parametrize(
    ("name", "dtype", "values", "texts"),
    [
        ("revenue", MONEY, ["12345.5", "-0.05", "0", None], ["12,345.50", "-0.05", "0.00", ""]),
        ("revenue", pl.Decimal(38, 3), ["1.125", "-0.001"], ["1.12", "0.00"]),
        ("revenue", MONEY, ["99999.99"], ["99,999.99"]),
        ("revenue", MONEY, ["100000.50", "-0.05"], ["100,000", "0"]),
        ("revenue", pl.Float64, [-1234567.8, None], ["-1,234,568", ""]),
        ("revenue", pl.Float64, [1234.5, float("nan")], ["1,234.50", ""]),
        ("share", pl.Float64, [0.1234, 1.0, -0.0001, None], ["12.3%", "100.0%", "0.0%", ""]),
        ("share", pl.Float64, [float("nan"), float("inf")], ["", ""]),
        ("customers", pl.Int64, [1234567, -1, None], ["1,234,567", "-1", ""]),
        ("customers", pl.UInt32, [1234], ["1,234"]),
        ("recency", pl.Int64, [1234], ["1,234"]),
        ("recency", pl.Float64, [12.345, -0.01], ["12.3", "0.0"]),
        ("quantity", pl.Float64, [0.12345, None], ["0.1235", ""]),
        ("quantity", pl.Float64, [1.23456, 0.5], ["1.235", "0.500"]),
        ("quantity", pl.Float64, [1234.5678, 0.5], ["1,234.57", "0.50"]),
        ("quantity", pl.Float64, [0.5, 2.5e-9, 0.0], ["0.5000", "2.50e-09", "0.0000"]),
        ("quantity", pl.Float64, [1e300, float("-inf")], ["1.00e+300", ""]),
        ("first", pl.Date, [date(2024, 2, 29), None], ["2024-02-29", ""]),
        ("somebody's year", pl.Int64, [2024], ["2024"]),
        ("somebody's time", pl.Datetime, [datetime(2024, 1, 2, 3, 4, 5)], ["2024-01-02 03:04:05"]),
        ("somebody's flag", pl.Boolean, [True, False, None], ["yes", "no", ""]),
        ("customer", pl.String, ["\x1b[31m", "", None, "007"], [r"\x1b[31m", "", "", "007"]),
        ("segment", pl.Categorical, ["\u202ex"], [r"\u202ex"]),
    ],
)
def test_each_kind_has_its_form(name: str, dtype: Any, values: list[Any], texts: list[str]) -> None:
    if isinstance(dtype, pl.Decimal):
        values = [None if value is None else Decimal(value) for value in values]
    assert cells.shown(pl.Series(name, values, dtype=dtype)) == texts


def test_a_kind_can_be_given_for_a_name_that_nobody_knows() -> None:
    assert cells.shown(pl.Series("month 1", [0.5]), "share") == ["50.0%"]
