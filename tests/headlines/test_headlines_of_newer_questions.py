"""Headlines of what goes together, comes back and was tried, recomputed by an independent query over the file."""

from __future__ import annotations

import re

import duckdb
import polars as pl
import pytest

import crmkit
from crmkit.language.figures import money, percent
from tests.tool import ROOT, SALES

ROWS = f"(select customer_id c, order_date::date d, amount::decimal(18,2) a, order_id o, product p, channel from read_csv('{SALES}'))"
GROUPS = f"read_csv('{ROOT / 'sample_data' / 'groups.csv'}')"


def asked(query: str, **tables: pl.DataFrame) -> tuple:  # type: ignore[type-arg]
    with duckdb.connect() as database:
        for name, table in tables.items():
            database.register(name, table.to_arrow())
        (row,) = database.sql(query).fetchall()
    return row  # type: ignore[no-any-return]


def headline(question: str, **options: object) -> str:
    return str(getattr(crmkit, question).analyse(crmkit.read(str(SALES)), **options).headline)


def test_basket() -> None:
    products, first, both, orders, n_a, n_b = asked(
        f"""with bought as (select distinct o, p from {ROWS} where a > 0),
            counts as (select p, count(*) n from bought group by p having count(*) >= 5),
            pairs as (select x.p p, y.p q, count(*) n from bought x join bought y on x.o = y.o and x.p < y.p
                where x.p in (select p from counts) and y.p in (select p from counts) group by 1, 2),
            top as (select * from pairs order by n desc, p, q limit 1)
            select (select count(*) from counts), p || ' and ' || q, n, (select count(distinct o) from bought),
                (select n from counts where counts.p = top.p), (select n from counts where counts.p = top.q) from top"""
    )
    result = crmkit.basket.analyse(crmkit.read(str(SALES)))
    row = result.tables["pairs"].row(0, named=True)
    assert result.headline.startswith(f"{first} are bought together {row['affinity']:,.1f} times")
    assert f" of {products * (products - 1) // 2:,} pairs stand out" in result.headline
    assert row["orders"] == both
    assert row["lift"] == pytest.approx(both * orders / (n_a * n_b))


def test_returns() -> None:
    sold, returned, paid, refunds = asked(
        f"""select count(*) filter (where a > 0), count(*) filter (where a < 0), sum(a) filter (where a > 0),
            -sum(a) filter (where a < 0) from {ROWS}"""
    )
    assert headline("returns").startswith(
        f"{percent(returned / sold)} of what is sold comes back "
        f"({money(refunds)}, {percent(float(refunds / paid))} of the money);"
    )


def test_profile() -> None:
    segments = crmkit.rfm.analyse(crmkit.read(str(SALES))).tables["customers"].select("customer", "segment")
    inside, of, outside, rest, products, others = asked(
        f"""with people as (select c, bool_or(p = 'Coffee 13') has, count(distinct p) n from {ROWS}
                where a > 0 and c is not null group by c),
            named as (select *, segment = 'Champions' best from people join segments on customer = c)
            select count(*) filter (where best and has), count(*) filter (where best), count(*) filter (where not best and has),
                count(*) filter (where not best), median(n) filter (where best), median(n) filter (where not best) from named""",
        segments=segments,
    )
    told = headline("profile", by="segment")
    assert f"Coffee 13 ({percent(inside / of)} against {percent(outside / rest)})" in told
    assert f"product count {products:g} against {others:g}" in told
    assert segments.height == of + rest


def test_migration() -> None:
    entered, everybody = asked(
        f"""with first as (select c, min(d) d from {ROWS} where a > 0 and c is not null group by c)
            select count(*) filter (where d > date '2024-06-30'), count(*) from first"""
    )
    told = headline("migration", from_="2024-06-30")
    found = re.search(
        r"(\d+)% are where they were .*; (\d+) moved up and (\d+) down\. (\d+) came and (\d+) left", told
    )
    assert found is not None
    same, up, down, came, left = map(int, found.groups())
    assert (came, left) == (entered, 0)
    stayed = everybody - entered
    assert percent((stayed - up - down) / stayed) == f"{same}%"


def test_churn() -> None:
    listed = crmkit.churn.analyse(crmkit.read(str(SALES)))
    late = listed.tables["customers"].select("customer")
    people, risk, silent = asked(
        f"""with year as (select c, sum(a) revenue from {ROWS} where d > date '2024-12-30' - 365 group by c),
            refunded as (select distinct c from {ROWS} where a < 0)
            select count(*), sum(greatest(coalesce(revenue, 0), 0)), count(*) filter (where customer not in (select c from refunded where c is not null))
            from late left join year on c = customer""",
        late=late,
    )
    assert listed.headline.startswith(f"{people} of 261 customers are late by their own rhythm.")
    assert f"brought {money(risk)} in it" in listed.headline
    part = re.search(r"(\d+)% of the late left without a refund", listed.headline)
    assert part is not None
    assert int(part[1]) >= int(100 * silent / people)  # a refund after the silence began is none before it


def test_lift_and_split() -> None:
    control, test, mean_of_control, mean_of_test = asked(
        f"""with spent as (select g.group g, coalesce(sum(a) filter (where d between date '2024-08-05' and date '2024-12-31'), 0) a
                from {GROUPS} g left join {ROWS} r on r.c = g.customer group by g.customer, g.group)
            select count(*) filter (where g = 'control'), count(*) filter (where g = 'test'),
                avg(a) filter (where g = 'control'), avg(a) filter (where g = 'test') from spent"""
    )
    result = crmkit.lift.analyse(
        crmkit.read(str(SALES)),
        groups=str(ROOT / "sample_data" / "groups.csv"),
        from_="2024-08-05",
        to="2024-12-31",
    )
    plain = result.tables["money"].filter(method="plain").row(0, named=True)
    assert plain["customers"] == test
    assert float(plain["incremental_revenue"]) == pytest.approx(
        test * float(mean_of_test - mean_of_control), abs=0.02
    )
    assert result.headline.startswith("test brought ")
    arms = result.tables["arms"]
    assert dict(zip(arms["group"], arms["customers"], strict=True)) == {"control": control, "test": test}
    divided = crmkit.split.analyse(crmkit.read(str(SALES)), control="10%", name="spring")
    sizes = divided.tables["groups"]["group"].value_counts().sort("group").rows()
    told = ", ".join(f"{group} {count} ({percent(count / 261)})" for group, count in sizes)
    assert divided.headline.startswith(f"261 customers in 2 arms: {told}.")


def test_score() -> None:
    result = crmkit.score.analyse(crmkit.read(str(SALES)))
    best = result.tables["customers"].sort("score", descending=True).row(0, named=True)
    assert result.headline.startswith(f"{best['customer']} comes first with {best['score']:.1f} of 100;")
    assert best["score"] == max(result.tables["customers"]["score"])
