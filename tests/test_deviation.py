"""Alarms against a naive twin, against SQL on a real shop, on planted fraud, and on noise."""

import math
import statistics
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import deviation
from crmkit.columns import COLUMNS
from crmkit.errors import DataError, UsageError
from crmkit.history import customer_days
from crmkit.result import Result
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail

AS_OF = BEGIN + timedelta(days=365)
Evidence = dict[tuple[str, str], tuple[float, float, float, float, int]]


def history(rows: list[Sale], as_of: date = AS_OF) -> customer_days.DayHistory:
    return customer_days.history(customer_days.by_customer(frame(rows)).collect(), as_of)


def analyse(rows: list[Sale], *, as_of: date = AS_OF, **options: Any) -> Result:
    return deviation.tables_of(history(rows, as_of), **options)


def judge(observed: float, past: list[float], at_least: int) -> tuple[float, ...] | None:
    """(observed, median, MAD, z, history), or nothing without a yardstick."""
    if len(past) < at_least:
        return None
    middle = statistics.median(past)
    away = [abs(value - middle) for value in past]
    mad = statistics.median(away)
    spread = 1.4826 * mad if mad else max(1.2533 * statistics.fmean(away), abs(middle) / 10)
    return (observed, middle, mad, (observed - middle) / spread, len(past)) if spread else None


def naive(
    rows: list[Sale], window: int, at_least: int, *, threshold: float, as_of: date = AS_OF
) -> dict[Any, Any]:
    """Every test, one customer at a time."""
    found = {}
    start = as_of - timedelta(days=window)
    for who in {row.customer for row in rows}:
        own = [row for row in rows if row.customer == who and row.date <= as_of]
        size: dict[date, int] = defaultdict(int)
        for row in own:
            size[row.date] += max(row.amount, 0)
        visits = sorted(day for day, amount in size.items() if amount)
        if not visits:
            continue
        spent: dict[int, int] = defaultdict(int)
        for row in own:
            spent[(as_of - row.date).days // window] += row.amount
        past = [spent[w] for w in range(1, (as_of - visits[0]).days // window)]
        if 2 * sum(value > 0 for value in past) > len(past):
            found[who, "spend"] = judge(spent[0], past, at_least)
        gaps = {later: (later - earlier).days for earlier, later in pairwise(visits)}
        before = [gap for day, gap in gaps.items() if day <= start]
        ended = [gap for day, gap in gaps.items() if day > start]
        silence = (as_of - visits[-1]).days
        known = judge(max(statistics.median(ended), silence) if ended else silence, before, at_least)
        if known and not ended:
            at_start = judge(silence - window, before, at_least)
            assert at_start
            known = known if silence > known[1] and at_start[3] <= threshold else None
        found[who, "gap"] = known
        inside = [size[day] for day in visits if day > start]
        if inside:
            past = [size[day] for day in visits if day <= start]
            found[who, "order size"] = judge(statistics.median(inside), past, at_least)
    return {key: value for key, value in found.items() if value}


def regulars(customers: int = 4) -> st.SearchStrategy[list[Sale]]:
    """Customers who come often enough to be tested, with refunds, equal amounts and breaks."""

    @st.composite
    def build(draw: st.DrawFn) -> list[Sale]:
        rows = []
        for who in range(draw(st.integers(1, customers))):
            day = draw(st.integers(0, 60))
            usual = draw(st.integers(1, 40))
            while day <= 365:
                amount = draw(st.sampled_from([1000, 1000, 1500, 250, 99, 7777, -400]))
                rows.append(Sale(f"c{who}", f"{who}-{day}", BEGIN + timedelta(days=day), amount))
                day += draw(st.sampled_from([usual, usual, usual + 1, 2 * usual, 90]))
        return rows

    return build()


@given(regulars(), st.sampled_from([7, 30, 45]), st.integers(3, 8), st.sampled_from([1.0, 3.5]))
def test_every_test_equals_the_naive_twin(
    rows: list[Sale], window: int, at_least: int, threshold: float
) -> None:
    past = history(rows)
    tested = deviation.evidence(past, window, threshold=threshold, at_least=at_least)
    named = tested.join(past.customers, on="code")
    found = {
        (row["customer"], row["measure"]): tuple(
            row[name] for name in ("value", "median", "mad", "z", "history")
        )
        for row in named.iter_rows(named=True)
    }
    expected = naive(rows, window, at_least, threshold=threshold)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-12), key


@given(regulars(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[Sale], random: Any) -> None:
    if not naive(rows, 30, 4, threshold=1.0):
        return
    results = [analyse(some, threshold=1.0, at_least=4) for some in (rows, random.sample(rows, len(rows)))]
    texts = [[table.write_csv() for table in result.tables.values()] for result in results]
    assert texts[0] == texts[1]
    assert results[0].facts == results[1].facts


@given(regulars(), st.sampled_from([0.5, 2.0]))
def test_the_tables_add_up(rows: list[Sale], threshold: float) -> None:
    expected = naive(rows, 30, 4, threshold=threshold)
    if not expected:
        return
    result = analyse(rows, threshold=threshold, at_least=4)
    alarms, measures = result.tables["customers"], result.tables["measures"]
    assert measures["measure"].to_list() == list(deviation.MEASURES)
    assert measures["tested"].sum() == len(expected)
    assert measures["flagged"].to_list() == [
        alarms.filter(measure=name).height for name in deviation.MEASURES
    ]
    assert (measures["up"] + measures["down"]).to_list() == measures["flagged"].to_list()
    assert result.facts["alarms"] == alarms.height
    assert result.facts["flagged_customers"] == alarms["customer"].n_unique()
    assert (alarms["z"].abs() > threshold).all()
    assert alarms["z"].abs().to_list() == sorted(alarms["z"].abs(), reverse=True)


def monthly(who: str, amounts: list[int], every: int = 30) -> list[Sale]:
    """A purchase in the middle of each window, the last amount in the last window."""
    last = AS_OF - timedelta(days=15)
    newest_first = enumerate(reversed(amounts))
    return [Sale(who, f"{who}{i}", last - timedelta(days=every * i), amount) for i, amount in newest_first]


SHOP = [
    *monthly("steady", [1000, 1100, 900, 1050, 950, 1000, 1100, 900, 1000, 1020]),
    *monthly("thief", [1000, 1100, 900, 1050, 950, 1000, 1100, 900, 1000, 9000]),
    *monthly("subscriber", [1000] * 9 + [5000]),
    *monthly("constant", [1000] * 10),
    *monthly("gone", [1000, 1100, 900, 1050, 950, 1000, 1100, 900, 1000, 1000])[1:],
    *monthly("new", [1000, 8000]),
]


def alarms_of(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    rows = result.tables["customers"].to_dicts()
    return {(row["customer"], row["measure"]): row for row in rows}


def test_planted_changes_are_found_with_their_evidence() -> None:
    result = analyse(SHOP)
    alarms = alarms_of(result)
    assert set(alarms) == {
        ("thief", "spend"),
        ("thief", "order size"),
        ("subscriber", "spend"),
        ("subscriber", "order size"),
        ("gone", "spend"),
        ("gone", "gap"),
    }
    thief = alarms["thief", "order size"]
    assert (thief["observed"], thief["median"], thief["mad"]) == (
        Decimal("90"),
        Decimal("10"),
        Decimal("0.50"),
    )
    assert thief["z"] == pytest.approx(8000 / (1.4826 * 50))
    # A history without any spread is measured by a tenth of its level.
    assert alarms["subscriber", "spend"]["z"] == pytest.approx(40)
    gone = alarms["gone", "gap"]
    assert (gone["observed"], gone["median"], gone["direction"]) == (Decimal(45), Decimal(30), "up")
    assert alarms["gone", "spend"]["direction"] == "down"


def test_a_silence_is_news_only_once() -> None:
    later = AS_OF + timedelta(days=30)
    assert ("gone", "gap") in alarms_of(analyse(SHOP))
    assert ("gone", "gap") not in alarms_of(analyse(SHOP, as_of=later))


def test_a_silence_shorter_than_usual_is_no_alarm_yet() -> None:
    rows = monthly("slow", [1000] * 12, every=60)
    recent = deviation.evidence(history(rows), 20, threshold=3.5, at_least=4)
    assert recent["measure"].to_list() == ["gap", "order size"]
    quiet = deviation.evidence(history(rows), 10, threshold=3.5, at_least=4)
    assert quiet.height == 0


def test_a_sudden_hurry_is_found() -> None:
    calm = [BEGIN + timedelta(days=day) for day in (0, 28, 61, 90, 121, 149, 180, 212, 240, 271, 300)]
    hurry = [AS_OF - timedelta(days=day) for day in (9, 6, 3, 0)]
    rows = [Sale("ann", str(day), day, 1000) for day in calm + hurry]
    alarm = alarms_of(analyse(rows, window=12))["ann", "gap"]
    assert (alarm["direction"], alarm["observed"], alarm["history"]) == ("down", Decimal(3), 10)


def test_the_normal_expectation_is_the_tail_times_the_tests() -> None:
    measures = analyse(SHOP, threshold=2.0).tables["measures"]
    tail = 2 * (1 - statistics.NormalDist().cdf(2.0))
    for row in measures.iter_rows(named=True):
        assert row["expected_normal"] == pytest.approx(row["tested"] * tail)


def noise(customers: int, seed: int) -> list[Sale]:
    """Customers who go on as they always did, with heavy-tailed amounts and gaps."""
    chance = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        day = float(chance.uniform(0, 20))
        while day <= 365:
            amount = int(1000 * chance.lognormal(0, 0.8))
            rows.append(Sale(f"c{who}", f"{who}-{day}", BEGIN + timedelta(days=int(day)), amount))
            day += 1 + chance.exponential(6)
    return rows


def test_where_nothing_changed_the_past_foretells_the_number_of_alarms() -> None:
    measures = analyse(noise(600, seed=8)).tables["measures"]
    for row in measures.iter_rows(named=True):
        assert row["tested"] > 300
        # Four standard deviations of a count, and as much for the three counts it is foretold from.
        room = 4 * math.sqrt(row["expected_past"] * 4 / 3)
        assert abs(row["flagged"] - row["expected_past"]) < room, row
        assert row["expected_normal"] < row["expected_past"]


def test_a_history_too_short_for_a_past_says_so() -> None:
    rows = monthly("ann", [1000, 1100, 900, 1000])
    result = analyse(rows, at_least=3)
    assert result.facts["expected_past"] is None
    assert "too short to say how many alarms" in result.notes[0]


def test_every_column_is_explained() -> None:
    tables = analyse(SHOP).tables
    assert {name for table in tables.values() for name in table.columns} <= set(COLUMNS)


def test_nobody_to_test_is_refused() -> None:
    with pytest.raises(DataError, match="no customer has 6 windows of 30 days"):
        analyse(monthly("new", [1000, 8000]))


@pytest.mark.parametrize(
    "options",
    [{"window": 0}, {"window": 10**9}, {"threshold": 0.0}, {"threshold": math.nan}, {"at_least": 2}],
)
def test_impossible_choices_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        analyse(SHOP, **options)


REAL = f"""{RETAIL_SQL}, by_day as (
        select customer, "date", sum(amount) as net, sum(greatest(amount, 0)) as bought,
               date_diff('day', "date", date '2010-12-09') as ago
        from sales group by 1, 2
    ), visits as (
        select *, ago < 30 as inside,
               "date" - lag("date") over (partition by customer order by "date") as gap
        from by_day where bought > 0
    ), person as (
        select customer, min(ago) as silence, max(ago) // 30 as born,
               median(gap) filter (inside) as ended, median(bought) filter (inside) as size
        from visits group by 1
    ), past as (
        select customer, 'gap' as measure, gap as value from visits where not inside and gap is not null
        union all select customer, 'order size', bought from visits where not inside
        union all
        select customer, 'spend', coalesce(sum(net) filter (ago // 30 = w), 0)
        from person join range(1, 13) as windows(w) on w < born join by_day using (customer)
        group by customer, w
    ), yardsticks as (
        select customer, measure, count(*) as n, median(value) as middle, mad(value) as mad,
               avg(abs(value - middle)) as mean, count(*) filter (value > 0) as spent
        from (select *, median(value) over (partition by customer, measure) as middle from past)
        group by 1, 2 having n >= 6
    ), tests as (
        select *, case when mad > 0 then 1.4826 * mad when middle != 0 then greatest(1.2533 * mean, abs(middle) / 10)
                  end as spread,
               case measure when 'gap' then greatest(coalesce(ended, silence), silence) when 'order size' then size
                    else coalesce((select sum(net) from by_day where by_day.customer = y.customer and ago < 30), 0)
               end as observed
        from yardsticks y join person using (customer)
        where measure != 'spend' or 2 * spent > n
    )
    select customer, measure, n, middle, mad, observed, (observed - middle) / spread as z
    from tests
    where spread is not null and observed is not null
      and (measure != 'gap' or ended is not null
           or (silence > middle and (silence - 30 - middle) / spread <= 3.5))
"""


@needs_retail
def test_a_real_shop_agrees_with_sql() -> None:
    past = customer_days.history(customer_days.by_customer(retail()).collect(), date(2010, 12, 9))
    tested = deviation.evidence(past, 30, threshold=3.5, at_least=6).join(past.customers, on="code")
    columns = ("customer", "measure", "history", "median", "mad", "value", "z")
    found = sorted(tested.select(columns).rows())
    expected = sorted((*row[:3], *map(float, row[3:])) for row in duckdb.sql(REAL).fetchall())
    assert len(found) == len(expected) > 1000
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[:6] == theirs[:6]
        assert ours[6] == pytest.approx(theirs[6], rel=1e-12)
    alarms = deviation.tables_of(past, scale=3).tables["customers"]
    assert alarms.height == sum(abs(row[6]) > 3.5 for row in expected)
