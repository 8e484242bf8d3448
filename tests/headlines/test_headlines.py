"""Every headline, recomputed by an independent query over the file."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import crmkit
from crmkit.language import catalogue
from crmkit.language.figures import money, percent
from tests.tool import SALES

SALE = f"(select customer_id c, order_date::date d, amount::decimal(18,2) a, order_id o from read_csv('{SALES}') where customer_id is not null)"
PEOPLE = f"""(select c, sum(a) revenue, max(d) filter (where a > 0) last, min(d) filter (where a > 0) first,
    count(distinct o) filter (where a > 0) orders from {SALE} group by c)"""


def asked(query: str) -> tuple:  # type: ignore[type-arg]
    (row,) = duckdb.sql(query).fetchall()
    assert row is not None
    return row


def headline(question: str, **options: object) -> str:
    return str(getattr(crmkit, question).analyse(crmkit.read(str(SALES)), **options).headline)


def test_pareto() -> None:
    enough, people, best, top = asked(
        f"""with ranked as (select revenue, sum(revenue) over (order by revenue desc, c) reached,
                row_number() over (order by revenue desc, c) place, count(*) over () people,
                sum(greatest(revenue, 0)) over () total from {PEOPLE})
            select min(place) filter (where reached >= 0.8 * total), max(people),
                max(reached / total) filter (where place = floor(people * 0.2)),
                max(reached / total) filter (where place = floor(people * 0.01)) from ranked"""
    )
    assert headline("pareto").startswith(
        f"{percent(enough / people)} of customers bring 80% of revenue. "
        f"The best 20% bring {percent(best)}, the best 1% {percent(top)}."
    )


def test_rfm() -> None:
    segments = duckdb.sql(
        f"""with measured as (select c, revenue, orders, date '2024-12-30' - last recency from {PEOPLE} where last is not null),
            scored as (select *, 6 - ceil(rank() over (order by recency) * 5 / count(*) over ()) r,
                ceil(rank() over (order by orders) * 5 / count(*) over ()) f from measured)
            select case when r = 5 and f >= 4 then 'Champions' when r >= 3 and f >= 4 then 'Loyal'
                when r <= 2 and f in (3, 4) then 'At Risk' when r <= 2 and f = 5 then 'Can''t Lose' else 'other' end segment,
                count(*), sum(revenue), sum(count(*)) over (), sum(sum(revenue)) over () from scored group by 1"""
    ).fetchall()
    found = {name: (people, revenue) for name, people, revenue, _, _ in segments}
    everybody, total = segments[0][3], segments[0][4]
    people = found["At Risk"][0] + found["Can't Lose"][0]
    money_of = float((found["At Risk"][1] + found["Can't Lose"][1]) / total)
    best = found["Champions"]
    assert headline("rfm") == (
        f"Champions are {percent(best[0] / everybody)} of customers and {percent(float(best[1] / total))} of revenue. "
        f"{people} customers who used to spend (At Risk, Can't Lose) hold {percent(money_of)}."
    )


def test_trend() -> None:
    last, before, year_ago = asked(
        f"""select sum(a) filter (where strftime(d, '%Y-%m') = '2024-11'), sum(a) filter (where strftime(d, '%Y-%m') = '2024-10'),
            sum(a) filter (where strftime(d, '%Y-%m') = '2023-11') from {SALE}"""
    )
    told = headline("trend")
    assert told.startswith(
        f"Revenue of 2024-11 is {money(last)}, +{percent(float(last / before) - 1)} against 2024-10. "
        f"Against a year ago: +{percent(float(last / year_ago) - 1)}."
    )
    parts = [float(part.replace(",", "")) for part in re.findall(r"([+-][\d,.]*\d) from", told)]
    assert sum(parts) == pytest.approx(float(last - before), abs=0.02)


def test_cohort() -> None:
    came_back, newcomers = asked(
        f"""with months as (select distinct c, datediff('month', date '2000-01-01', d) m from {SALE} where a > 0),
            first as (select c, min(m) m from months group by c having min(m) < 298)
            select count(*) filter (where exists (select 1 from months x where x.c = first.c and x.m = first.m + 1)), count(*)
            from first"""
    )
    assert headline("cohort").startswith(
        f"{percent(came_back / newcomers)} of new customers order again in the first month after their first."
    )


def test_lifecycle() -> None:
    new, back, lapsed, kept = asked(
        f"""with months as (select distinct c, datediff('month', date '2000-01-01', d) m from {SALE} where a > 0),
            m as (select c, min(m) first, bool_or(m = 298) here, bool_or(m = 297) before from months where m <= 298 group by c)
            select count(*) filter (where first = 298), count(*) filter (where here and not before and first < 297),
                count(*) filter (where before and not here), count(*) filter (where before and here) from m"""
    )
    assert headline("lifecycle") == (
        f"In 2024-11, {new} customers were new, {back} came back and {lapsed} stayed away. "
        f"{percent(kept / (kept + lapsed))} of the customers of the period before bought again."
    )


def test_churn() -> None:
    late, people, risk = asked(
        f"""with days as (select distinct c, d from {SALE} where a > 0),
            gaps as (select c, d - lag(d) over (partition by c order by d) gap from days),
            own as (select c, median(gap) g, count(gap) n from gaps where gap is not null group by c),
            pooled as (select quantile_cont(g, 0.5) from own where n >= 2),
            people as (select days.c, max(d) last, any_value(g) g, coalesce(any_value(n), 0) n from days left join own using (c) group by days.c),
            year as (select c, sum(a) a from {SALE} where d > date '2024-12-30' - 365 group by c)
            select count(*), (select count(*) from people), 0 from people where n >= 2 and date '2024-12-30' - last > 2 * g"""
    )
    told = headline("churn")
    found = re.match(r"(\d+) of (\d+) customers are late by their own rhythm\.", told)
    assert found is not None
    assert int(found[2]) == people
    assert late <= int(found[1]) <= people  # those of a rhythm of their own, and some of the others
    assert risk == 0


def test_customers_and_check() -> None:
    people, orders, revenue = asked(f"select count(*), sum(orders), sum(revenue) from {PEOPLE}")
    assert headline("customers") == f"{people} customers with {orders} orders brought {money(revenue)}."
    (rows,) = asked(f"select count(*) from read_csv('{SALES}')")
    (used,) = asked(f"select count(*) from {SALE}")
    assert headline("check").startswith(
        f"{used:,} of {rows:,} rows are used: {people} customers, {money(revenue)} of revenue."
    )


def test_clv_and_backtest_say_what_their_tables_hold() -> None:
    result = crmkit.clv.analyse(crmkit.read(str(SALES)), model="mbgnbd", margin="30%")
    row = result.tables["summary"].row(0, named=True)
    assert result.headline == (
        f"261 customers are worth {money(row['clv'])} of profit in the next 52 weeks "
        f"(80%: {money(row['clv_low'])} to {money(row['clv_high'])})."
    )
    tested = crmkit.backtest.analyse(crmkit.read(str(SALES)), model="mbgnbd", split="2024-06-30")
    (bought,) = asked(
        f"""select count(*) from (select distinct c, d from {SALE} where a > 0 and d > date '2024-06-30') later
            where c in (select c from {SALE} where a > 0 and d <= date '2024-06-30')"""
    )
    assert f"purchases where {bought} came" in tested.headline


def test_every_sentence_has_a_translation_with_the_same_values() -> None:
    known = catalogue.catalogue("zh")["sentences"]
    source = "".join(
        path.read_text() for path in Path(crmkit.__path__[0]).rglob("*.py") if path.name != "catalogue.py"
    )
    for text in _phrases(source):
        assert text in known, text
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", known[text])), text


def _phrases(source: str) -> list[str]:
    """The literal sentences of a program, put together where they run over lines."""
    found = re.findall(r'phrase\(\s*((?:"[^"]*"\s*)+)[,)]', source)
    return ["".join(re.findall(r'"([^"]*)"', text)) for text in found]
