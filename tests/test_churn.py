"""Late customers against a naive twin in exact fractions, against SQL on a real shop, and by hand."""

import math
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmkit import churn
from crmkit.churn import Rule, expected_loss
from crmkit.columns import COLUMNS
from crmkit.engine.rows import Rows
from crmkit.errors import DataError, UsageError
from crmkit.history import customer_days
from crmkit.result import Result
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail, sales

AS_OF = BEGIN + timedelta(days=420)
rules = st.one_of(
    st.sampled_from([1, 1.5, 2, 3.25]).map(lambda k: Rule(overdue=k)),
    st.integers(1, 400).map(lambda n: Rule(lapse_days=n)),
)


def history(rows: list[Sale], as_of: date = AS_OF) -> customer_days.DayHistory:
    return customer_days.history(customer_days.by_customer(frame(rows)).collect(), as_of)


def analyse(rows: list[Sale], rule: Rule = churn.DEFAULT, *, as_of: date = AS_OF, **options: Any) -> Result:
    return churn.tables_of(history(rows, as_of), rule, **options)


def purchase_days(rows: list[Sale]) -> dict[str, list[date]]:
    found: dict[str, set[date]] = defaultdict(set)
    for row in rows:
        if row.amount > 0:
            found[row.customer].add(row.date)
    return {who: sorted(visits) for who, visits in found.items()}


def gaps(visits: list[date]) -> list[int]:
    return [(later - earlier).days for earlier, later in pairwise(visits)]


def naive_base(rows: list[Sale]) -> int | None:
    """The 90th percentile by counting up."""
    every = sorted(gap for visits in purchase_days(rows).values() for gap in gaps(visits))
    return every[math.ceil(Fraction(9, 10) * len(every)) - 1] if every else None


def naive(rows: list[Sale], rule: Rule, as_of: date = AS_OF) -> dict[str, dict[str, Any]]:
    """Every customer's row of the list, one at a time."""
    base, bought = naive_base(rows), purchase_days(rows)
    found = {}
    for who in sorted({row.customer for row in rows}):
        visits = bought.get(who, [])
        own = Fraction(median(gaps(visits))) if len(visits) >= 3 else None
        limit: Any = base if own is None else own * Fraction(rule.overdue)
        limit = limit if rule.lapse_days is None else rule.lapse_days
        limit = limit if visits else None
        since = (as_of - visits[-1]).days if visits else None
        if since is None:
            status = "refund only"
        elif since <= limit:
            status = "active"
        else:
            status = "overdue" if since < 365 else "lapsed"
        recent = [row for row in rows if row.customer == who and row.date > as_of - timedelta(days=365)]
        found[who] = {
            "customer": who,
            "status": status,
            "last": visits[-1] if visits else None,
            "orders": len({row.order or row.date for row in rows if row.customer == who and row.amount > 0}),
            "median_gap": own,
            "days_since": since,
            "threshold": limit,
            "overdue_ratio": None if own is None else float(since / own),
            "revenue_at_risk": Decimal(sum(row.amount for row in recent)).scaleb(-2),
        }
    return found


def can_judge(rows: list[Sale], rule: Rule) -> bool:
    return bool(purchase_days(rows)) and (naive_base(rows) is not None or rule.lapse_days is not None)


@given(sales(), rules)
def test_everybody_stands_where_the_naive_twin_says(rows: list[Sale], rule: Rule) -> None:
    assume(can_judge(rows, rule))
    table = analyse(rows, rule, everyone=True).tables["customers"]
    expected = sorted(naive(rows, rule).values(), key=lambda row: (-row["revenue_at_risk"], row["customer"]))
    assert table.to_dicts() == expected


@given(sales(), rules)
def test_the_tables_add_up(rows: list[Sale], rule: Rule) -> None:
    assume(can_judge(rows, rule))
    result = analyse(rows, rule)
    statuses, stakes, late = (result.tables[name] for name in ("statuses", "stakes", "customers"))
    assert statuses["status"].to_list() == list(churn.STATUSES)
    assert statuses["customers"].sum() == len({row.customer for row in rows})
    year = [row.amount for row in rows if row.date > AS_OF - timedelta(days=365)]
    assert statuses["year_revenue"].sum() == Decimal(sum(year)).scaleb(-2)
    assert (statuses["revenue_at_risk"].sum() or 0) == stakes["revenue_at_risk"][0]
    assert late.height == statuses["customers"][1] + statuses["customers"][2] == stakes["late"][0]
    assert (late["revenue_at_risk"].sum() or 0) == stakes["revenue_at_risk"][0]
    assert set(late["status"]) <= {"overdue", "lapsed"}


@given(sales(), rules, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[Sale], rule: Rule, random: Any) -> None:
    assume(can_judge(rows, rule))
    at = BEGIN + timedelta(days=200)
    options = {"evaluate_at": at} if can_judge([row for row in rows if row.date <= at], rule) else {}
    results = [analyse(some, rule, **options) for some in (rows, random.sample(rows, len(rows)))]
    texts = [[table.write_csv() for table in result.tables.values()] for result in results]
    assert texts[0] == texts[1]
    assert results[0].facts == results[1].facts


@given(sales(), rules, st.integers(1, 399))
def test_the_record_is_that_of_a_rule_applied_by_hand(rows: list[Sale], rule: Rule, day: int) -> None:
    at = BEGIN + timedelta(days=day)
    known = [row for row in rows if row.date <= at]
    assume(can_judge(rows, rule) and can_judge(known, rule) and known)
    record = analyse(rows, rule, evaluate_at=at).tables["evaluation"].to_dicts()
    judged = {who: row for who, row in naive(known, rule, at).items() if row["last"]}
    gone = {who for who in judged if purchase_days(rows)[who][-1] <= at}
    base = naive_base(known)
    other = base and base != rule.lapse_days  # where both are the same rule it has one row
    flags = {
        "the rule": {who for who, row in judged.items() if row["status"] in ("overdue", "lapsed")},
        **({"the base": {who for who, row in judged.items() if row["days_since"] > base}} if other else {}),
        "all": set(judged),
    }
    for row, flagged in zip(record, flags.values(), strict=True):
        assert (row["customers"], row["flagged"], row["gone"]) == (len(judged), len(flagged), len(gone))
        assert row["hits"] == len(flagged & gone)
        assert row["precision"] == (len(flagged & gone) / len(flagged) if flagged else None)
        assert row["recall"] == (len(flagged & gone) / len(gone) if gone else None)
        assert row["base_rate"] == len(gone) / len(judged)


def naive_survival(rows: list[Sale], length: int) -> Fraction:
    """Part of the silences that last longer than `length` days, after Kaplan and Meier."""
    ended = [gap for visits in purchase_days(rows).values() for gap in gaps(visits)]
    still_open = [(AS_OF - visits[-1]).days for visits in purchase_days(rows).values()]
    alive = Fraction(1)
    for t in range(1, length + 1):
        reached = sum(gap >= t for gap in ended) + sum(gap >= t for gap in still_open)
        if reached:
            alive *= 1 - Fraction(ended.count(t), reached)
    return alive


def stay_away(rows: list[Sale]) -> Any:
    silences = [(AS_OF - visits[-1]).days for visits in purchase_days(rows).values()]
    still = pl.DataFrame({"days_since": silences, "n": [1] * len(silences)})
    return churn.staying_away(churn.gap_counts(history(rows)), still)


@given(sales(days=420, customers=4))
def test_the_chance_to_stay_away_is_kaplan_and_meiers(rows: list[Sale]) -> None:
    assume(purchase_days(rows))
    chances = stay_away(rows)
    for length in {(AS_OF - bought[-1]).days for bought in purchase_days(rows).values()}:
        expected = naive_survival(rows, length + 365) / naive_survival(rows, length)
        assert chances[length] == pytest.approx(float(expected), rel=1e-12)


def visits(who: str, *on: int, amount: int = 1000) -> list[Sale]:
    return [Sale(who, f"{who}-{day}", BEGIN + timedelta(days=day), amount) for day in on]


SHOP = [
    *visits("weekly", *range(0, 380, 7)),  # last on day 378, 42 days before the as-of date
    *visits("monthly", *range(10, 400, 30)),  # last on day 400, 20 days before
    *visits("twice", 100, 190),
    *visits("once", 300),
    *visits("old", 1, 8, 15, 20),
    *visits("returner", 310, 317, 324),
    Sale("returner", "r1", BEGIN + timedelta(days=330), -500),
    Sale("complainer", "r2", BEGIN + timedelta(days=5), -300),
]


def test_a_shop_by_hand() -> None:
    result = analyse(SHOP, everyone=True)
    rows = {row["customer"]: row for row in result.tables["customers"].to_dicts()}
    # Of 76 gaps in all, 69 are of up to 30 days: 55 weeks, 13 months, and 5.
    assert result.facts["base_gap"] == 30
    assert {who: row["status"] for who, row in rows.items()} == {
        "weekly": "overdue",
        "monthly": "active",
        "twice": "overdue",
        "once": "overdue",
        "old": "lapsed",
        "returner": "overdue",
        "complainer": "refund only",
    }
    assert rows["weekly"]["overdue_ratio"] == 6
    assert rows["old"]["median_gap"] == 7
    assert rows["twice"]["median_gap"] is None
    assert rows["returner"]["revenue_at_risk"] == Decimal("25.00")
    # The refund came within two rhythms of the last order.
    assert (result.facts["late"], result.facts["silent"]) == (5, 4)
    assert result.facts["silent_churn"] == 4 / 5


def test_a_refund_after_the_customer_was_late_is_no_complaint_before() -> None:
    late_refund = Sale("returner", "r3", BEGIN + timedelta(days=400), -500)
    rows = [row for row in SHOP if row.order != "r1"]
    assert analyse([*rows, late_refund]).facts["silent"] == 5


def test_the_call_list_is_the_late_customers_with_most_at_risk_first() -> None:
    table = analyse(SHOP).tables["customers"]
    assert table["customer"].to_list() == ["weekly", "returner", "twice", "once", "old"]
    assert table["revenue_at_risk"].to_list() == sorted(table["revenue_at_risk"], reverse=True)


def test_one_number_of_days_for_everybody() -> None:
    result = analyse(SHOP, Rule(lapse_days=100))
    assert result.tables["customers"]["customer"].sort().to_list() == ["old", "once", "twice"]
    assert result.facts["rule"] == "silent for more than 100 days"


def beside(labels: pl.DataFrame) -> Rows:
    return churn.people(history(SHOP)).by_row(
        lambda people: people.join(labels, on="customer", how="left", maintain_order="left")
    )


def test_the_expected_loss_takes_the_models_chance_where_there_is_one() -> None:
    labels = pl.DataFrame({"customer": ["weekly", "once"], "alive": [0.25, 1.0], "tier": ["A", "C"]})
    result = analyse(SHOP, customers=beside(labels))
    own = {row["customer"]: row for row in result.tables["customers"].to_dicts()}
    chances = stay_away(SHOP)
    others = sum(
        float(own[who]["revenue_at_risk"]) * chances[own[who]["days_since"]]
        for who in ("twice", "returner", "old")
    )
    expected = 0.75 * float(own["weekly"]["revenue_at_risk"]) + others
    assert float(result.facts["expected_loss"]) == pytest.approx(expected, abs=0.005)
    assert (own["weekly"]["tier"], own["twice"]["tier"]) == ("A", None)


def test_a_short_history_is_said() -> None:
    assert any("on the high side" in note for note in analyse(SHOP).notes)
    long_ago = Sale("old", "long ago", BEGIN - timedelta(days=400), 100)
    assert not analyse([*SHOP, long_ago]).notes


def test_every_column_is_explained() -> None:
    labels = pl.DataFrame({"customer": ["weekly"], "tier": ["A"], "segment": ["Loyal"]})
    tables = analyse(SHOP, customers=beside(labels), evaluate_at=BEGIN + timedelta(days=200)).tables
    assert {name for table in tables.values() for name in table.columns} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([SHOP[-1]], {}, "Nobody has an order"),
        (visits("once", 3) + visits("other", 9), {}, "--lapse-days 180"),
        (
            SHOP,
            {"evaluate_at": BEGIN - timedelta(days=1)},
            "leaves nothing to compare: the days run from 2023-11-20",
        ),
        (SHOP, {"evaluate_at": AS_OF}, "leaves nothing to compare"),
        (SHOP, {"evaluate_at": BEGIN}, "Nobody has bought on two different days"),
    ],
)
def test_what_cannot_be_judged_is_refused(rows: list[Sale], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        analyse(rows, **options)


@pytest.mark.parametrize("rule", [Rule(0), Rule(-1), Rule(math.inf), Rule(math.nan), Rule(lapse_days=0)])
def test_impossible_rules_are_refused(rule: Rule) -> None:
    with pytest.raises(UsageError):
        analyse(SHOP, rule)


@needs_retail
@pytest.mark.parametrize("rule", [Rule(), Rule(1.5), Rule(lapse_days=90)], ids=str)
def test_a_real_shop_agrees_with_sql(rule: Rule) -> None:
    limit = "90" if rule.lapse_days else f"coalesce({rule.overdue} * rhythm, base)"
    query = f"""{RETAIL_SQL}, visits as (
            select customer, "date", "date" - lag("date") over (partition by customer order by "date") as gap
            from (select distinct customer, "date" from sales where amount > 0)
        ), bought as (
            select customer, max("date") as last, case when count(*) >= 3 then median(gap) end as rhythm
            from visits group by 1
        ), everyone as (
            select customer, count(distinct "order") filter (amount > 0) as orders,
                   coalesce(sum(amount) filter ("date" > date '2010-12-09' - 365), 0) as at_risk
            from sales group by 1
        ), judged as (
            select *, date '2010-12-09' - last as since, case when last is not null then {limit} end as lim
            from everyone left join bought using (customer)
            cross join (select quantile_disc(gap, 0.9) as base from visits where gap is not null)
        )
        select customer, last, orders, rhythm, since, lim, since / rhythm, at_risk,
               case when last is null then 'refund only' when since <= lim then 'active'
                    when since < 365 then 'overdue' else 'lapsed' end
        from judged order by at_risk desc, customer
    """
    past = customer_days.history(customer_days.by_customer(retail()).collect(), date(2010, 12, 9))
    table = churn.tables_of(past, rule, scale=3, everyone=True).tables["customers"]
    columns = ("customer", "last", "orders", "median_gap", "days_since", "threshold", "overdue_ratio")
    found = table.select(*columns, pl.col("revenue_at_risk").to_physical().cast(pl.Int64), "status").rows()
    expected = duckdb.sql(query).fetchall()
    assert len(found) == len(expected) == 4383
    assert found == expected


@needs_retail
def test_the_record_on_a_real_shop_agrees_with_sql() -> None:
    query = f"""{RETAIL_SQL}, visits as (
            select customer, "date", "date" - lag("date") over (partition by customer order by "date") as gap
            from (select distinct customer, "date" from sales where amount > 0)
        ), known as (
            select customer, date '2010-06-30' - max("date") as since,
                   case when count(*) >= 3 then 2 * median(gap) end as own
            from visits where "date" <= date '2010-06-30' group by 1
        ), base as (
            select quantile_disc(gap, 0.9) as base from visits where gap is not null and "date" <= date '2010-06-30'
        ), judged as (
            select since > coalesce(own, base) as flagged,
                   customer not in (select customer from visits where "date" > date '2010-06-30') as gone
            from known cross join base
        )
        select count(*), count(*) filter (flagged), count(*) filter (gone), count(*) filter (flagged and gone)
        from judged
    """
    past = customer_days.history(customer_days.by_customer(retail()).collect(), date(2010, 12, 9))
    row = churn.evaluate(past, date(2010, 6, 30), Rule()).row(0, named=True)
    assert (
        tuple(row[name] for name in ("customers", "flagged", "gone", "hits"))
        == duckdb.sql(query).fetchall()[0]
    )


def test_where_nobody_leaves_the_loss_is_that_of_the_record() -> None:
    late = pl.DataFrame({"days_since": [40, 300], "at_risk": [1000, 500], "alive": [1.0, 1.0]})
    chances = np.linspace(0, 1, 400)
    assert expected_loss(late, chances) == expected_loss(late.drop("alive"), chances) > 0
    half = late.with_columns(alive=pl.Series([0.5, 1.0]))
    assert expected_loss(half, chances) == 500
