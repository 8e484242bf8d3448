"""What is expected without a campaign is what clv says of the same file as of the day before."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

import crmkit
from crmkit import clv
from crmkit.campaigns import seen
from crmkit.campaigns.expectations import EXPECTED
from crmkit.campaigns.window import Window, observed
from crmkit.load.dataset import transactions_of
from tests.tool import SALES

BEGIN, END = date(2024, 7, 1), date(2024, 9, 28)  # 90 days, after a year and a half


@pytest.mark.parametrize("column", EXPECTED)
def test_it_is_what_clv_says_of_the_day_before(column: str) -> None:
    window = Window.of(BEGIN, END)
    sales = transactions_of(crmkit.read(str(SALES)))
    found = observed(sales, window)
    rows = found.rows.frame()
    whole = seen.counted(
        found.rows,
        found.rows.by_row(lambda frame: seen.before(frame, found.scale, window.day_before)),
        window,
        found.scale,
    )
    expected = whole.frame().select("customer", column)
    assert expected.height == rows.height

    said = clv.analyse(
        crmkit.read(str(SALES), as_of=window.day_before), model="paretonbd", horizon="90d", discount=0
    )
    assert said.facts["calendar"]["used"]
    name = {"expected_revenue": "clv"}.get(column, column)
    own = said.tables["customers"].select("customer", pl.col(name).cast(pl.Float64).alias("said"))
    both = own.join(expected, on="customer").drop_nulls()
    assert both.height > 100
    unit, least = (100, 1.0) if column == "expected_revenue" else (10**6, 2.0)
    if column == "p_purchase":  # clv mixes the doubt about the calendar into it
        least = 0.01 * unit
    assert np.abs(both["said"].to_numpy() * unit - both[column].to_numpy()).max() <= least
