"""Cohorts against a naive twin, against SQL on a real shop, and against their own totals."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmkit import cohort
from crmkit.errors import DataError, UsageError
from crmkit.history import periods
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail, sales
from tests.load.running import run

AS_OF = BEGIN + timedelta(days=430)


def cost_of(row: Sale) -> int:
    return row.amount // 3


def naive(rows: list[Sale], period: str, as_of: date) -> dict[tuple[int, int], dict[str, Any]]:
    """Cells (cohort, age) counted row by row with sets and dictionaries."""
    first: dict[str, int] = {}
    for row in rows:
        if row.amount > 0:
            index = periods.index_of(row.date, period)
            first[row.customer] = min(index, first.get(row.customer, index))
    size = defaultdict(int)
    for start in first.values():
        size[start] += 1
    last = periods.index_of(as_of, period)
    cells = {
        (start, age): {"size": size[start], "who": set(), "orders": set(), "revenue": 0, "cost": 0}
        for start in size
        for age in range(last - start + 1)
    }
    for row in rows:
        if row.customer in first:
            start = first[row.customer]
            cell = cells[start, max(periods.index_of(row.date, period) - start, 0)]
            cell["revenue"] += row.amount
            cell["cost"] += cost_of(row)
            if row.amount > 0:
                cell["who"].add(row.customer)
                cell["orders"].add((row.customer, row.order or row.date))
    return cells


def value_of(cells: dict[tuple[int, int], dict[str, Any]], key: tuple[int, int], value: str) -> Any:
    cell = cells[key]
    start, age = key
    return {
        "customers": len(cell["who"]),
        "rate": len(cell["who"]) / cell["size"],
        "rolling": len(
            {who for a in range(age, 9999) if (start, a) in cells for who in cells[start, a]["who"]}
        )
        / cell["size"],
        "orders": len(cell["orders"]),
        "revenue": Decimal(cell["revenue"]).scaleb(-2),
        "profit": Decimal(
            sum(cells[start, a]["revenue"] - cells[start, a]["cost"] for a in range(age + 1))
        ).scaleb(-2),
        "cumulative": Decimal(sum(cells[start, a]["revenue"] for a in range(age + 1))).scaleb(-2),
    }[value]


def analyse(rows: list[Sale], period: str = "month", **options: Any) -> Any:
    costed = frame(rows).with_columns(cost=pl.Series([cost_of(row) for row in rows], dtype=pl.Int64))
    counts = cohort.count(costed, period, profit=True).collect()
    return cohort.tables_of(counts, **({"as_of": AS_OF, "scale": 2, "period": period} | options))


def has_two_periods(rows: list[Sale], period: str) -> bool:
    bought = [periods.index_of(row.date, period) for row in rows if row.amount > 0]
    return bool(bought) and min(bought) < periods.index_of(AS_OF, period)


some_period = st.sampled_from(periods.PERIODS)
some_value = st.sampled_from(cohort.VALUES)


@given(sales(), some_period, some_value, st.booleans())
def test_every_cell_equals_the_naive_twin(rows: list[Sale], period: str, value: str, partial: bool) -> None:
    assume(has_two_periods(rows, period))
    cells = naive(rows, period, AS_OF)
    expected = [
        (
            periods.label_of(start, period),
            cells[start, age]["size"],
            age,
            value_of(cells, (start, age), value) if partial or over else None,
            over,
        )
        for start, age in sorted(cells)
        for over in [periods.end_of(start + age, period) <= AS_OF]
    ]
    result = analyse(rows, period=period, value=value, include_partial=partial)
    assert result.tables["cohorts"].rows() == expected


@given(sales(), some_period)
def test_cohorts_and_what_lies_outside_add_up_to_all_revenue(rows: list[Sale], period: str) -> None:
    assume(has_two_periods(rows, period))
    result = analyse(rows, period=period, value="revenue", include_partial=True)
    total = Decimal(sum(row.amount for row in rows)).scaleb(-2)
    assert result.tables["cohorts"]["value"].sum() == result.facts["cohort_revenue"]
    assert result.facts["cohort_revenue"] + result.facts["revenue_outside"] == total
    assert result.facts["customers"] == len({row.customer for row in rows if row.amount > 0})


@given(sales(), some_period, st.randoms())
def test_the_order_of_the_rows_changes_nothing(rows: list[Sale], period: str, random: Any) -> None:
    assume(has_two_periods(rows, period))
    shuffled = random.sample(rows, len(rows))
    for name, table in analyse(rows, period=period, value="revenue").tables.items():
        assert table.write_csv() == analyse(shuffled, period=period, value="revenue").tables[name].write_csv()


def test_profit_needs_a_cost_and_weeks_may_begin_on_sunday(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    rows = "a,2024-01-06,10,4\na,2024-01-07,5,1\nb,2024-01-06,8,9\n"
    path.write_text("customer,date,amount,cost\n" + rows)
    asked = (
        "cohort",
        path,
        "--period",
        "sunday-week",
        "--include-partial",
        "--table",
        "cohorts",
        "--format",
        "csv",
    )
    assert run(*asked, "--value", "profit").out.splitlines()[1:] == [
        "2023-12-31,2,0,5.00,true",
        "2023-12-31,2,1,9.00,false",
    ]
    path.write_text("customer,date,amount\na,2024-01-06,10\na,2024-01-07,5\n")
    assert "no cost column" in run(*asked, "--value", "profit").err


SHOP = [
    Sale("ann", "1", date(2024, 1, 5), 1000),
    Sale("ann", "2", date(2024, 2, 6), 500),
    Sale("ann", "2", date(2024, 2, 6), -100),
    Sale("bob", "3", date(2024, 1, 7), 2000),
    Sale("eve", "4", date(2024, 2, 1), 900),
    Sale("eve", "5", date(2024, 3, 2), 300),
    Sale("sad", "6", date(2024, 1, 9), -700),
]
MARCH = date(2024, 3, 10)


def test_the_wide_form_has_blanks_for_what_is_open_and_a_weighted_mean() -> None:
    wide = analyse(SHOP, as_of=MARCH).tables["grid"]
    assert wide.columns == ["cohort", "size", "1"]
    assert wide.rows() == [("2024-01", 2, 0.5), ("2024-02", 1, None), ("mean", 2, 0.5)]


def test_the_mean_row_is_a_cohort_of_mean_size_that_does_as_all_did() -> None:
    rows = [
        *(Sale(f"a{i}", f"a{i}", date(2024, 1, 1), 100) for i in range(3)),
        Sale("a0", "x", date(2024, 2, 1), 700),
        Sale("b", "b", date(2024, 2, 1), 500),
        Sale("b", "c", date(2024, 3, 1), 301),
    ]
    means = analyse(rows, as_of=date(2024, 3, 31), value="revenue").tables["grid"].row(-1, named=True)
    # (3 + 1 + 0) customers in 2 cohorts: mean size 2; age 1: (700 + 301) / 4 of them, times 2.
    assert means == {
        "cohort": "mean",
        "size": 2,
        "0": Decimal("4.00"),
        "1": Decimal("5.00"),
        "2": Decimal("0.00"),
    }


def test_partial_cells_are_shown_when_asked_and_never_enter_the_mean() -> None:
    wide = analyse(SHOP, as_of=MARCH, include_partial=True).tables["grid"]
    assert wide.rows() == [("2024-01", 2, 0.5, 0.0), ("2024-02", 1, 1.0, None), ("mean", 2, 0.5, None)]


def test_an_early_refund_counts_in_period_0() -> None:
    rows = [*SHOP, Sale("eve", "0", date(2024, 1, 2), -250)]
    long = analyse(rows, as_of=MARCH, value="revenue").tables["cohorts"]
    eve = long.filter(pl.col("cohort") == "2024-02", pl.col("period") == 0)
    assert eve["value"].to_list() == [Decimal("6.50")]


def test_notes_name_the_open_period_and_the_refunds_outside() -> None:
    result = analyse(SHOP, as_of=MARCH)
    assert any("2024-03 is cut short on 2024-03-10" in note for note in result.notes)
    assert any("-7.00" in note for note in result.notes)
    assert result.facts["return_rate"] == 0.5


def test_without_order_ids_a_day_is_an_order() -> None:
    rows = [*SHOP, Sale("bob", "8", date(2024, 1, 7), 100), Sale("bob", "9", date(2024, 1, 8), 100)]
    unnumbered = [row._replace(order=None) for row in rows]
    for sold in (frame(rows).drop("order"), frame(unnumbered)):
        result = cohort.tables_of(cohort.count(sold, "month").collect(), as_of=MARCH, scale=2, value="orders")
        assert result.tables["grid"].row(0) == ("2024-01", 2, 3, 1)


@pytest.mark.parametrize(
    ("rows", "as_of", "message"),
    [
        ([Sale("sad", "1", date(2024, 1, 1), -5)], MARCH, "There is no cohort"),
        (SHOP[:1], date(2024, 1, 31), "fall in one month, 2024-01"),
    ],
)
def test_what_has_no_triangle_is_refused(rows: list[Sale], as_of: date, message: str) -> None:
    with pytest.raises(DataError, match=message):
        analyse(rows, as_of=as_of)


def test_an_unknown_value_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="customers, rate, rolling, revenue, cumulative, profit, orders"):
        cohort.check("loss")


@needs_retail
@pytest.mark.parametrize("period", ["month", "quarter", "week", "year"])  # SQL knows no weeks from Sunday on
def test_a_real_shop_agrees_with_sql(period: str) -> None:
    query = f"""{RETAIL_SQL}, starts as (
            select customer, date_trunc('{period}', min("date")) as start
            from sales where amount > 0 group by 1
        ), sizes as (select start, count(*) as size from starts group by 1)
        select start, greatest(date_trunc('{period}', s."date"), start) as "at", any_value(size),
               count(distinct customer) filter (amount > 0),
               count(distinct (customer, "order")) filter (amount > 0), sum(amount)
        from sales s join starts using (customer) join sizes using (start) group by 1, 2 order by 1, 2
    """
    expected = {}
    for start, at, *cell in duckdb.sql(query).fetchall():
        first, now = (periods.index_of(day, period) for day in (start, at))
        expected[periods.label_of(first, period), now - first] = cell
    found: dict[tuple[str, int], list[Any]] = {}
    counts = cohort.count(retail(), period).collect()
    for value in ("customers", "orders", "revenue"):
        options = {"period": period, "value": value, "include_partial": True}
        table = cohort.tables_of(counts, as_of=date(2010, 12, 9), scale=3, **options).tables["cohorts"]
        for start, size, since, amount, _ in table.rows():
            cell = found.setdefault((start, since), [size])
            cell.append(int(amount.scaleb(3)) if value == "revenue" else amount)
    # SQL lists no cell in which nothing happened.
    silent = {key for key in found if key not in expected}
    assert all(found.pop(key)[1:] == [0, 0, 0] for key in silent)
    assert found == expected


def test_the_remedy_for_a_single_period_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("customer,date,amount\na,2024-01-02,5\nb,2024-01-03,6\n")
    for command in ("cohort", "lifecycle"):
        assert "Say a shorter --period, such as week." in run(command, path).err
        done = run(command, path, "--period", "week")
        assert (done.status, "Give a longer history." in done.err, "--period" in done.err) == (1, True, False)
