"""Periods and the parts of a change against a naive twin, against SQL on a real shop, and by hand."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import trend
from crmkit.columns import COLUMNS
from crmkit.errors import DataError, UsageError
from crmkit.history import periods
from crmkit.history.outlooks import Series, holdout
from crmkit.result import Result
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail, sales

AS_OF = BEGIN + timedelta(days=430)
some_period = st.sampled_from(periods.PERIODS)
PARTS = ("from_customers", "from_frequency", "from_order_value")
counts = st.tuples(st.integers(1, 40), st.integers(0, 60), st.integers(-(10**7), 10**7)).map(
    lambda some: (some[0], some[0] + some[1], some[2])
)


def analyse(rows: list[Sale], period: Any = "month", **options: Any) -> Result:
    sums = trend.count(frame(rows), period).collect()
    return trend.tables_of(sums, **({"begin": BEGIN, "as_of": AS_OF, "period": period} | options))


def money(units: int) -> Decimal:
    return Decimal(units).scaleb(-2)


def naive(rows: list[Sale], period: Any) -> list[dict[str, Any]]:
    """The figures period by period from sets."""
    table = []
    for t in range(periods.index_of(BEGIN, period), periods.index_of(AS_OF, period) + 1):
        here = [row for row in rows if periods.index_of(row.date, period) == t]
        orders = {(row.customer, row.order or row.date) for row in here if row.amount > 0}
        customers = {who for who, _ in orders}
        revenue = sum(row.amount for row in here)
        table.append(
            {
                "period": periods.label_of(t, period),
                "revenue": money(revenue),
                "orders": len(orders),
                "customers": len(customers),
                "orders_per_customer": len(orders) / len(customers) if customers else None,
                "order_value": revenue / (100 * len(orders)) if orders else None,
                "complete": periods.complete_of(t, period, BEGIN, AS_OF),
            }
        )
    return table


@given(sales(), some_period)
def test_every_period_equals_the_naive_twin(rows: list[Sale], period: str) -> None:
    table = analyse(rows, period).tables["periods"]
    assert table.drop("change", *PARTS, "year_on_year").to_dicts() == naive(rows, period)


@given(sales(), some_period)
def test_the_parts_add_up_to_the_change_and_the_changes_to_the_whole(rows: list[Sale], period: str) -> None:
    table = analyse(rows, period).tables["periods"].to_dicts()
    for row in table[1:]:
        assert sum(row[part] for part in PARTS) == row["change"]
    changes = sum(row["change"] for row in table[1:])
    assert table[0]["revenue"] + changes == table[-1]["revenue"]
    assert sum(row["revenue"] for row in table) == money(sum(row.amount for row in rows))


def shapley(before: tuple[int, int, int], after: tuple[int, int, int]) -> list[Fraction]:
    """Every order in which the factors may change one after the other, averaged."""

    def factors(n: tuple[int, int, int]) -> list[Fraction]:
        return [Fraction(n[0]), Fraction(n[1], n[0]), Fraction(n[2], n[1])]

    def product(of: list[Fraction]) -> Fraction:
        return of[0] * of[1] * of[2]

    old, new = factors(before), factors(after)
    effects = [Fraction(0)] * 3
    for order in permutations(range(3)):
        now = list(old)
        for factor in order:
            earlier = product(now)
            now[factor] = new[factor]
            effects[factor] += (product(now) - earlier) / 6
    return effects


@given(counts, counts)
def test_a_change_is_split_as_shapley_says_to_the_cent(
    before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    parts = trend.split(before, after)
    assert sum(parts) == after[2] - before[2]
    for part, exact in zip(parts, shapley(before, after), strict=True):
        assert abs(part - exact) < 1


@given(counts, counts)
def test_the_way_back_undoes_the_way_there(before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    there, back = trend.split(before, after), trend.split(after, before)
    assert all(abs(a + b) <= 1 for a, b in zip(there, back, strict=True))


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ((100, 200, 60_00), (110, 220, 66_00), (6_00, 0, 0)),  # a tenth more customers, nothing else
        ((100, 200, 60_00), (100, 220, 66_00), (0, 6_00, 0)),
        ((100, 200, 60_00), (100, 200, 66_00), (0, 0, 6_00)),
        (
            (100, 200, 60_00),
            (50, 50, 20_00),
            (-25_83, -25_83, 11_66),
        ),  # -2583.3, -2583.3 and 1166.7, to whole cents
        ((100, 200, 6000), (110, 200, 6000), (573, -573, 0)),
        ((1, 1, 1), (2, 2, 1), (1, 0, -1)),
        ((0, 0, -5), (3, 4, 70), (75, 0, 0)),  # there was no order value before
        ((3, 4, 70), (0, 0, 0), (-70, 0, 0)),
    ],
)
def test_changes_by_hand(before: Any, after: Any, parts: Any) -> None:
    assert trend.split(before, after) == parts


@given(sales(), some_period, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[Sale], period: str, random: Any) -> None:
    results = [analyse(some, period) for some in (rows, random.sample(rows, len(rows)))]
    texts = [[table.write_csv() for table in result.tables.values()] for result in results]
    assert texts[0] == texts[1]


@given(sales(customers=3), some_period, st.integers(1, 9))
def test_the_forecast_follows_the_last_complete_period(rows: list[Sale], period: str, ahead: int) -> None:
    result = analyse(rows, period, ahead=ahead)
    periods_table, forecast = result.tables["periods"], result.tables["forecast"]
    complete = periods_table.filter("complete")
    if complete.height < 2:
        assert forecast.height == 0
        assert any("no forecast" in note for note in result.notes)
        return
    last = periods.index_of(AS_OF, period) - (0 if periods_table["complete"][-1] else 1)
    for (method,), part in forecast.group_by("method", maintain_order=True):
        expected = [periods.label_of(last + step, period) for step in range(1, ahead + 1)]
        assert part["period"].to_list() == expected, method
        assert (part["low"] <= part["forecast"]).all()
        assert (part["forecast"] <= part["high"]).all()
    assert forecast["method"].n_unique() == (2 if complete.height >= 6 else 1)


def year_of(amounts: list[int], begin: date = date(2022, 1, 1)) -> list[Sale]:
    """One sale in the middle of each month."""
    first = periods.index_of(begin, "month")
    days = [periods.start_of(first + i, "month") + timedelta(days=14) for i in range(len(amounts))]
    return [
        Sale("ann", str(i), day, amount) for i, (day, amount) in enumerate(zip(days, amounts, strict=True))
    ]


def test_year_on_year_compares_complete_periods() -> None:
    rows = year_of([100 + i for i in range(26)])
    options = {"begin": date(2022, 1, 10), "as_of": date(2024, 2, 20)}
    table = analyse(rows, **options).tables["periods"]
    growth = table["year_on_year"].to_list()
    # January 2022 began before the data, and February 2024 is not over.
    assert growth[:13] == [None] * 13
    assert growth[13:25] == [12 / (101 + i) for i in range(12)]
    assert growth[25] is None


def test_the_season_is_forecast_once_two_years_show_it() -> None:
    season = [50, 80, 100, 120, 150, 100, 70, 90, 110, 130, 140, 60]
    options: dict[str, Any] = {"begin": date(2022, 1, 1), "as_of": date(2025, 12, 31), "ahead": 12}
    result = analyse(year_of([1000 * value for value in season * 4]), **options)
    forecast = result.tables["forecast"].filter(method="theta")["forecast"].to_list()
    assert [float(value) for value in forecast] == pytest.approx([10 * value for value in season], rel=0.01)
    assert result.tables["holdout"]["mape"].to_list()[1:] == pytest.approx([0, 0], abs=0.01)
    # One order a month says little to the calendar, and theta was clearly closer.
    assert result.facts["method"] == result.tables["forecast"]["method"][0] == "theta"
    assert not any("season" in note for note in result.notes)


def test_held_out_errors_by_hand() -> None:
    # Two of ten values are kept back; the naive forecast of both is the eighth.
    revenue = np.array([10, 12, 10, 12, 10, 12, 10, 12, 10, 24.0])
    theta, naive_ = holdout(Series(revenue, revenue, np.full(12, 30.0), 1), 2, 1.2816)
    assert naive_ == {"method": "naive", "held_out": 2, "mase": 3.5, "mape": 0.35, "coverage": 0.5}
    assert theta["held_out"] == 2


def test_revenue_is_not_forecast_below_zero_unless_it_was() -> None:
    falling = analyse(
        year_of([900, 700, 500, 300, 100, 50, 10]), begin=date(2022, 1, 1), as_of=date(2022, 7, 31)
    )
    assert falling.tables["forecast"]["low"].min() == 0
    refunds = analyse(
        year_of([900, 700, -500, 300, 100, 50, 10]), begin=date(2022, 1, 1), as_of=date(2022, 7, 31)
    )
    low = refunds.tables["forecast"]["low"].min()
    assert isinstance(low, Decimal) and low < 0


def test_notes_say_what_is_incomplete_and_too_short() -> None:
    result = analyse(year_of([100] * 4), begin=date(2022, 1, 5), as_of=date(2022, 4, 20))
    assert result.notes == (
        "2022-01 is incomplete, since the data begin on 2022-01-05. If nothing was sold before that, say --since 2022-01-01.",
        "2022-04 is incomplete, since the data end on 2022-04-20. If nothing was sold after that, say --as-of 2022-04-30.",
        "2 complete months allow the naive forecast only; theta needs 6.",
    )


def test_a_better_naive_forecast_is_said() -> None:
    rows = year_of([1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 8000, 8000])
    result = analyse(rows, begin=date(2022, 1, 1), as_of=date(2022, 10, 31))
    assert "On the 2 months held out, the naive forecast was closer than theta." in result.notes


def test_an_order_without_an_id_is_that_days_order() -> None:
    day = timedelta(days=1)
    rows = [Sale("ann", None, BEGIN, 100), Sale("ann", None, BEGIN, 100), Sale("ann", None, BEGIN + day, 100)]
    without = frame(rows).drop("order")
    for some in (frame(rows), without):
        assert trend.count(some, "year").collect()["orders"].to_list() == [2]


def test_every_column_is_explained() -> None:
    tables = analyse(year_of([100] * 12), begin=date(2022, 1, 1), as_of=date(2022, 12, 31)).tables
    assert {name for table in tables.values() for name in table.columns} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"as_of": BEGIN + timedelta(days=3)}, DataError, "fall into one month.*--period week"),
        ({"as_of": date(9999, 12, 31)}, DataError, "more than two hundred years"),
        ({"ahead": 0}, UsageError, "--ahead is 0"),
        ({"ahead": 10**9}, UsageError, "from 1 to 520"),
        ({"interval": 1.0}, UsageError, "--interval"),
    ],
)
def test_what_makes_no_trend_is_refused(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        analyse([Sale("ann", "1", BEGIN, 100)], **options)


@needs_retail
@pytest.mark.parametrize("period", ["month", "quarter", "week", "year"])  # SQL knows no weeks from Sunday on
def test_a_real_shop_agrees_with_sql(period: str) -> None:
    query = f"""{RETAIL_SQL}
        select date_trunc('{period}', "date") as t, sum(amount),
               count(distinct (customer, "order")) filter (amount > 0),
               count(distinct customer) filter (amount > 0)
        from sales group by 1
    """
    expected: dict[str, tuple[int, ...]] = defaultdict(lambda: (0, 0, 0))
    for day, *figures in duckdb.sql(query).fetchall():
        expected[periods.label_of(periods.index_of(day, period), period)] = tuple(map(int, figures))
    sums = trend.count(retail(), period).collect()
    options: dict[str, Any] = {"begin": date(2009, 12, 1), "as_of": date(2010, 12, 9), "period": period}
    table = trend.tables_of(sums, scale=3, **options).tables["periods"]
    units = table.select("period", pl.col("revenue").to_physical().cast(pl.Int64), "orders", "customers")
    assert {row[0]: row[1:] for row in units.rows()} == {name: expected[name] for name in table["period"]}
    assert sum(row[0] for row in expected.values()) == units["revenue"].sum()
    for row in table.to_dicts()[1:]:
        assert sum(row[part] for part in PARTS) == row["change"]
