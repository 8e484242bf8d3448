"""Growth accounting against a naive twin, against SQL on a real shop, and against its identities."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmkit import lifecycle
from crmkit.errors import DataError
from crmkit.history import customer_days, panel, periods
from crmkit.result import Result
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail, sales

AS_OF = BEGIN + timedelta(days=430)
some_period = st.sampled_from(periods.PERIODS)


def money(units: int) -> Decimal:
    return Decimal(units).scaleb(-2)


def naive(rows: list[Sale], period: str) -> list[dict[str, Any]]:
    """The table period by period from sets of customers and dictionaries of their revenue."""
    bought: dict[int, set[str]] = defaultdict(set)
    spent: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        index = periods.index_of(row.date, period)
        spent[index][row.customer] += row.amount
        if row.amount > 0:
            bought[index].add(row.customer)
    first, last = periods.index_of(BEGIN, period), periods.index_of(AS_OF, period)
    known: set[str] = set()
    table = []
    for t in range(first, last + 1):
        new, retained = bought[t] - known, bought[t] & bought[t - 1]
        back, lapsed = bought[t] - new - retained, bought[t - 1] - bought[t]
        known |= bought[t]
        change = [spent[t][who] - spent[t - 1][who] for who in retained]
        late = set(spent[t]) - bought[t]
        table.append(
            {
                "period": periods.label_of(t, period),
                "new": len(new),
                "retained": len(retained),
                "reactivated": len(back),
                "lapsed": len(lapsed) if t > first else None,
                "active": len(bought[t]),
                "revenue": money(sum(spent[t].values())),
                "new_revenue": money(sum(spent[t][who] for who in new)),
                "retained_revenue": money(sum(spent[t][who] for who in retained)),
                "reactivated_revenue": money(sum(spent[t][who] for who in back)),
                "inactive_revenue": money(sum(spent[t][who] for who in late)),
                "lapsed_revenue": money(sum(spent[t - 1][who] for who in lapsed)) if t > first else None,
                "expansion": money(sum(max(c, 0) for c in change)) if t > first else None,
                "contraction": money(sum(max(-c, 0) for c in change)) if t > first else None,
                "complete": periods.complete_of(t, period, BEGIN, AS_OF),
            }
        )
    return table


def analyse(rows: list[Sale], period: str = "month", **options: Any) -> Any:
    counts = lifecycle.count(frame(rows), period).collect()
    return lifecycle.tables_of(
        counts, **({"begin": BEGIN, "as_of": AS_OF, "scale": 2, "period": period} | options)
    )


def has_orders(rows: list[Sale]) -> bool:
    return any(row.amount > 0 for row in rows)


@given(sales(), some_period)
def test_every_period_equals_the_naive_twin(rows: list[Sale], period: str) -> None:
    assume(has_orders(rows))
    table = analyse(rows, period=period).tables["periods"]
    assert table.drop("retention_rate", "quick_ratio").to_dicts() == naive(rows, period)


@given(sales(), some_period)
def test_customers_and_money_flow_without_a_leak(rows: list[Sale], period: str) -> None:
    assume(has_orders(rows))
    table = analyse(rows, period=period).tables["periods"].to_dicts()
    for now in table:
        assert now["active"] == now["new"] + now["retained"] + now["reactivated"]
        parts = ("new_revenue", "retained_revenue", "reactivated_revenue", "inactive_revenue")
        assert now["revenue"] == sum(now[part] for part in parts)
    for before, now in pairwise(table):
        assert before["active"] == now["retained"] + now["lapsed"]
        gain = now["new_revenue"] + now["reactivated_revenue"] + now["expansion"]
        growth = gain - now["contraction"] - now["lapsed_revenue"]
        active_revenue = [at["revenue"] - at["inactive_revenue"] for at in (before, now)]
        assert growth == active_revenue[1] - active_revenue[0]
    assert sum(now["revenue"] for now in table) == money(sum(row.amount for row in rows))
    assert sum(now["new"] for now in table) == len({row.customer for row in rows if row.amount > 0})


@given(sales(), some_period, st.randoms())
def test_the_order_of_the_rows_changes_nothing(rows: list[Sale], period: str, random: Any) -> None:
    assume(has_orders(rows))
    shuffled = random.sample(rows, len(rows))
    tables = [analyse(some, period=period).tables["periods"].write_csv() for some in (rows, shuffled)]
    assert tables[0] == tables[1]


@given(sales(), some_period)
def test_customer_days_lead_to_the_same_periods(rows: list[Sale], period: str) -> None:
    assume(has_orders(rows))
    past = customer_days.history(customer_days.by_customer(frame(rows)).collect(), AS_OF)
    counts = lifecycle.tally(lifecycle.join_state(panel.of_days(past.days, period))).collect()
    found = lifecycle.tables_of(counts, begin=BEGIN, as_of=AS_OF, scale=2, period=period)
    assert found.tables["periods"].equals(analyse(rows, period=period).tables["periods"])


SHOP = [
    Sale("ann", "1", date(2024, 1, 5), 1000),
    Sale("bob", "2", date(2024, 1, 7), 2000),
    Sale("ann", "3", date(2024, 2, 6), 1500),
    Sale("eve", "4", date(2024, 2, 1), 900),
    Sale("bob", "5", date(2024, 3, 1), 700),
    Sale("ann", "6", date(2024, 3, 2), 1200),
    Sale("eve", "7", date(2024, 3, 3), -400),
    Sale("ann", "8", date(2024, 4, 2), 100),
]
YEAR = {"begin": date(2024, 1, 1), "as_of": date(2024, 4, 10)}


def test_rates_by_hand_and_blank_where_the_period_is_open() -> None:
    table = analyse(SHOP, **YEAR).tables["periods"]
    assert table["retention_rate"].to_list() == [None, 1 / 2, 1 / 2, None]
    # February: 9 new + 5 more from ann, against 20 lapsed with bob; March: 7 back, 9 lapsed + 3 less.
    assert table["quick_ratio"].to_list() == [None, 14 / 20, 7 / 12, None]
    assert table["complete"].to_list() == [True, True, True, False]


def test_the_quick_ratio_needs_a_complete_period_before() -> None:
    table = analyse(SHOP, **(YEAR | {"begin": date(2024, 1, 5)})).tables["periods"]
    assert table["quick_ratio"].to_list() == [None, None, 7 / 12, None]


def test_a_period_without_a_sale_is_a_row_of_zeros() -> None:
    table = analyse([SHOP[0], SHOP[7]], **YEAR).tables["periods"]
    assert table["active"].to_list() == [1, 0, 0, 1]
    assert table["lapsed"].to_list() == [None, 1, 0, 0]
    assert table["reactivated"].to_list() == [0, 0, 0, 1]
    assert table["retention_rate"].to_list() == [None, 0.0, None, None]


def test_notes_and_facts() -> None:
    result = analyse(SHOP, **YEAR)
    assert any("2024-04 is cut short on 2024-04-10" in note for note in result.notes)
    assert result.facts["customers"] == 3
    assert result.facts["retention_rate"] == 1 / 2


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (SHOP[:2], {"as_of": date(2024, 1, 31)}, "covers one month, 2024-01"),
        ([SHOP[6]], {}, "No customer has an order"),
    ],
)
def test_what_has_no_life_cycle_is_refused(rows: list[Sale], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        analyse(rows, **(YEAR | options))


CUSTOMERS = pl.DataFrame(
    [
        ("a", 1, date(2024, 3, 1), 9, Decimal("10.00")),
        ("b", 1, date(2023, 3, 1), 374, Decimal("20.00")),
        ("c", 2, date(2024, 3, 1), 9, Decimal("30.00")),
        ("d", 4, date(2024, 3, 1), 9, Decimal("40.00")),
        ("e", 5, date(2024, 3, 1), 9, Decimal("100.00")),
        ("f", 9, date(2023, 3, 1), 374, Decimal("200.00")),
        ("g", 0, None, None, Decimal("-8.00")),
    ],
    schema={
        "customer": pl.String,
        "orders": pl.Int64,
        "last": pl.Date,
        "recency": pl.Int64,
        "revenue": pl.Decimal(38, 2),
    },
    orient="row",
)


def stages(customers: pl.DataFrame, *, loyal: int, lapse_days: int) -> Result:
    return lifecycle.add_stages(analyse(SHOP, **YEAR), customers, loyal=loyal, lapse_days=lapse_days)


def test_the_ladder_counts_who_stands_where_and_who_ever_got_there() -> None:
    tables = stages(CUSTOMERS, loyal=5, lapse_days=90).tables
    ladder = tables["stages"]
    assert ladder.drop("share", "revenue_share", "conversion").rows() == [
        ("first-time", 1, Decimal("10.00"), 6),
        ("repeat", 2, Decimal("70.00"), 4),
        ("loyal", 1, Decimal("100.00"), 2),
        ("dormant", 2, Decimal("220.00"), None),
    ]
    assert ladder["share"].to_list() == pytest.approx([1 / 6, 2 / 6, 1 / 6, 2 / 6])
    assert ladder["revenue_share"].to_list() == pytest.approx([10 / 400, 70 / 400, 100 / 400, 220 / 400])
    assert ladder["conversion"].to_list() == [None, 4 / 6, 2 / 4, None]
    stage = dict(tables["customers"].select("customer", "stage").iter_rows())
    assert stage == {
        "a": "first-time",
        "b": "dormant",
        "c": "repeat",
        "d": "repeat",
        "e": "loyal",
        "f": "dormant",
        "g": None,
    }
    assert tables["customers"]["customer"].to_list() == ["f", "e", "d", "c", "b", "a", "g"]


def test_dormant_begins_after_the_last_day_of_grace() -> None:
    sizes = [stages(CUSTOMERS, loyal=5, lapse_days=days).tables["stages"]["customers"][-1] for days in (9, 8)]
    assert sizes == [2, 6]


@given(st.integers(3, 12), st.integers(0, 400))
def test_the_stages_hold_every_buyer_once(loyal: int, lapse_days: int) -> None:
    table = stages(CUSTOMERS, loyal=loyal, lapse_days=lapse_days).tables["stages"]
    assert table["customers"].sum() == 6
    assert table["revenue"].sum() == Decimal("400.00")


@needs_retail
@pytest.mark.parametrize("period", ["month", "quarter", "week", "year"])  # SQL knows no weeks from Sunday on
def test_a_real_shop_agrees_with_sql(period: str) -> None:
    query = f"""{RETAIL_SQL}, spent as (
            select customer, date_trunc('{period}', "date") as t, sum(amount) as revenue,
                   bool_or(amount > 0) as active
            from sales group by 1, 2
        ), starts as (
            select customer, min(t) as start from spent where active group by 1
        ), pairs as (
            select now.*, start, before.active is true and now.active as stayed,
                   now.revenue - before.revenue as change
            from spent now left join starts using (customer)
            left join spent before on before.customer = now.customer and before.active
                 and before.t = now.t - interval 1 {period}
        )
        select t, count(*) filter (active and t = start), count(*) filter (stayed),
               count(*) filter (active and t > start and not stayed),
               sum(revenue), coalesce(sum(revenue) filter (active and t = start), 0),
               coalesce(sum(revenue) filter (stayed), 0),
               coalesce(sum(greatest(change, 0)) filter (stayed), 0),
               coalesce(sum(greatest(-change, 0)) filter (stayed), 0)
        from pairs group by 1
    """
    options = {"begin": date(2009, 12, 1), "as_of": date(2010, 12, 9), "scale": 3, "period": period}
    counts = lifecycle.count(retail(), period).collect()
    table = lifecycle.tables_of(counts, **options).tables["periods"]
    expected = {
        periods.label_of(periods.index_of(row[0], period), period): row[1:]
        for row in duckdb.sql(query).fetchall()
    }
    names = ("revenue", "new_revenue", "retained_revenue", "expansion", "contraction")
    for row in table.to_dicts():
        mills = [int((row[name] or Decimal(0)).scaleb(3)) for name in names]
        found = (row["new"], row["retained"], row["reactivated"], *mills)
        # The shop was closed in the last week of 2009, which SQL does not list.
        assert found == expected.pop(row["period"], (0,) * 8)
    assert not expected
