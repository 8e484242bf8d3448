from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import pareto
from crmkit.columns import COLUMNS
from crmkit.engine.counts import tally
from crmkit.errors import DataError, UsageError
from crmkit.scoring import tiers
from crmkit.scoring.distribution import cumulated
from tests.customer_frames import Customer, crowds, customers_of, frame, needs_data, online_retail

SCHEMES = {
    "abc": (("A", "B", "C"), (80, 95, 100)),
    "contribution": (("top", "middle", "bottom"), (80, 99, 100)),
    "pyramid": (("top", "large", "medium", "small"), (1, 5, 20, 100)),
}


def naive_tier(value: int, everybody: list[int], scheme: str) -> str:
    """The definition, customer by customer: whoever stands above must not have reached the cut yet."""
    if value < 0:
        return "below zero"
    names, cuts = SCHEMES[scheme]
    above = [other for other in everybody if other > value]
    reached, total = (sum(above), sum(other for other in everybody if other > 0))
    if scheme == "pyramid":
        reached, total = len(above), len(everybody)
    return next(
        (name for name, cut in zip(names, cuts, strict=True) if 100 * reached < cut * total), names[-1]
    )


def naive_gini(everybody: list[int]) -> Fraction:
    values = [max(value, 0) for value in everybody]
    apart = sum(abs(one - other) for one, other in itertools.product(values, values))
    return Fraction(apart, 2 * len(values) * sum(values))


def naive_needed(everybody: list[int], total: int) -> int:
    running = itertools.accumulate(sorted(everybody, reverse=True))
    return next(place for place, reached in enumerate(running, 1) if 100 * reached >= 80 * total)


@given(crowds(), st.sampled_from(list(SCHEMES)), st.sampled_from(["revenue", "profit"]))
def test_every_customer_gets_the_place_that_the_definition_gives(
    crowd: list[Customer], scheme: str, value: str
) -> None:
    table = pareto.analyse(frame(crowd), scheme=scheme, value=value).tables["customers"]
    worth = {who.customer: getattr(who, value) for who in crowd}
    everybody = list(worth.values())
    total = sum(each for each in everybody if each > 0)
    assert table["customer"].to_list() == sorted(worth, key=lambda who: (-worth[who], who.encode()))
    for row in table.iter_rows(named=True):
        mine = worth[row["customer"]]
        assert row[value] == Decimal(mine).scaleb(-2)
        assert row["tier"] == naive_tier(mine, everybody, scheme)
        assert row["rank"] == 1 + sum(other > mine for other in everybody)
        assert row["share"] == mine / total
        assert row["cumulative_share"] == sum(other for other in everybody if other >= mine) / total


@given(crowds(), st.sampled_from(["revenue", "profit", "orders"]))
def test_facts_are_those_of_a_plain_count(crowd: list[Customer], value: str) -> None:
    everybody = [getattr(who, value) for who in crowd]
    total = sum(each for each in everybody if each > 0)
    if not total:
        with pytest.raises(DataError, match="above zero"):
            pareto.analyse(frame(crowd), value=value)
        return
    facts = pareto.analyse(frame(crowd), value=value).facts
    assert facts["gini"] == pytest.approx(float(naive_gini(everybody)), abs=1e-12)
    assert facts["customers_for_80"] == naive_needed(everybody, total)
    assert facts["customers_for_80_share"] == facts["customers_for_80"] / len(crowd)
    largest = sorted((max(each, 0) for each in everybody), reverse=True)
    for name, share in facts["top_share"].items():
        fit = max(1, len(crowd) * int(name.rstrip("%")) // 100)
        assert share == sum(largest[:fit]) / total


@given(crowds(), st.sampled_from(list(SCHEMES)), st.sampled_from(["revenue", "profit"]))
def test_tiers_reconcile_with_the_customers(crowd: list[Customer], scheme: str, value: str) -> None:
    result = pareto.analyse(frame(crowd), scheme=scheme, value=value)
    tiers, customers = result.tables["tiers"], result.tables["customers"]
    assert tiers["customers"].sum() == len(crowd) == result.facts["customers"]
    assert (
        tiers["revenue"].sum()
        == Decimal(sum(who.revenue for who in crowd)).scaleb(-2)
        == result.facts["revenue"]
    )
    assert tiers["orders"].sum() == sum(who.orders for who in crowd)
    assert math.isclose(tiers["customers_share"].sum(), 1)
    assert tiers["cumulative_share"][-1] == customers["cumulative_share"][-1]
    counted = Counter(customers["tier"].to_list())
    for row in tiers.iter_rows(named=True):
        members = customers.filter(tier=row["tier"])["revenue"]
        assert row["customers"] == counted[row["tier"]]
        assert row["lowest_revenue"] == members.min()
        assert (row["mean_revenue"] is None) == (row["customers"] == 0)


@given(crowds(min_size=2), st.randoms(use_true_random=False), st.sampled_from(["revenue", "profit"]))
def test_row_order_changes_no_byte(crowd: list[Customer], chance: random.Random, value: str) -> None:
    straight, mixed = frame(crowd), frame(crowd).sample(fraction=1, shuffle=True, seed=chance.randrange(999))
    one, other = (pareto.analyse(each, value=value, scheme="pyramid") for each in (straight, mixed))
    assert one.facts == other.facts
    for name, table in one.tables.items():
        assert table.write_csv() == other.tables[name].write_csv()


@given(crowds(), st.sampled_from(["revenue", "profit", "orders"]))
def test_equal_values_are_treated_equally_and_larger_ones_never_worse(
    crowd: list[Customer], value: str
) -> None:
    if not any(getattr(who, value) > 0 for who in crowd):
        return
    names = [*SCHEMES["abc"][0], "below zero"]
    placed = tiers.assign(frame(crowd), value=value).sort(value, descending=True)
    steps = [names.index(tier) for tier in placed["tier"]]
    assert steps == sorted(steps)
    assert placed["rank"].is_sorted()
    assert (
        placed.select(value, "rank", "share", "cumulative_share", "tier").n_unique()
        == placed[value].n_unique()
    )


def test_labels_by_row_are_the_same_for_parts_of_the_table() -> None:
    customers = frame(Customer(f"{number:03}", 7919 * number % 5000 - 300) for number in range(200))
    values = customers["revenue"].to_physical()
    lowest = tiers.lowest_values(cumulated(tally(values)), tiers.SCHEMES["abc"])
    tier = tiers.label(pl.col("value"), lowest, ("A", "B", "C"))
    parts = [
        values.slice(start, 37).alias("value").to_frame().select(tier.alias("tier"))
        for start in range(0, 200, 37)
    ]
    assert pl.concat(parts)["tier"].to_list() == tiers.assign(customers)["tier"].to_list()


def test_the_customer_who_crosses_the_cut_is_above_it_and_ties_stay_together() -> None:
    crowd = [
        Customer("a", 7900),
        Customer("b", 200),
        Customer("c", 200),
        Customer("d", 1200),
        Customer("e", 500),
    ]
    found = dict(tiers.assign(frame(crowd)).select("customer", "tier").rows())
    assert found == {"a": "A", "d": "A", "e": "B", "b": "C", "c": "C"}
    exactly = [Customer("a", 8000), Customer("b", 1500), Customer("c", 500)]
    assert tiers.assign(frame(exactly))["tier"].to_list() == ["A", "B", "C"]
    alike = [Customer("a", 100), Customer("b", 100), Customer("c", 100)]
    table = pareto.analyse(frame(alike)).tables["tiers"]
    assert table["customers"].to_list() == [3, 0, 0]
    assert table["cumulative_share"].to_list() == [1.0, 1.0, 1.0]


def test_below_zero_is_a_tier_of_its_own_and_is_explained() -> None:
    crowd = [Customer("a", 900), Customer("b", 100), Customer("nil", 0), Customer("back", -50)]
    result = pareto.analyse(frame(crowd))
    assert result.tables["tiers"]["tier"].to_list() == ["A", "B", "C", "below zero"]
    assert result.tables["tiers"]["customers"].to_list() == [1, 1, 1, 1]
    assert result.tables["tiers"]["revenue_share"].to_list() == [0.9, 0.1, 0.0, -0.05]
    assert result.tables["tiers"]["cumulative_share"].to_list() == [0.9, 1.0, 1.0, 0.95]
    assert result.facts["revenue"] == Decimal("9.50")
    assert result.notes == (
        "1 of 4 customers have revenue below zero, -0.50 together. "
        "Shares of revenue are parts of 10.00, which the others add up to.",
    )
    assert pareto.analyse(frame(crowd[:3])).notes == ()


def test_profit_has_its_own_columns_and_orders_theirs() -> None:
    crowd = [Customer("a", 900, profit=90), Customer("b", 100, profit=10), Customer("c", 500, profit=-20)]
    result = pareto.analyse(frame(crowd), value="profit")
    row = result.tables["tiers"].row(3, named=True)
    assert row["tier"] == "below zero"
    assert (row["profit"], row["profit_share"], row["revenue"]) == (Decimal("-0.20"), -0.2, Decimal("5.00"))
    assert result.tables["curve"].columns == ["customers_share", "profit_share"]
    assert result.tables["customers"].columns[:3] == ["customer", "revenue", "profit"]
    by_orders = pareto.analyse(frame(crowd), value="orders").tables["tiers"]
    assert by_orders["orders"].to_list() == [3, 0, 0]
    assert "orders_share" in by_orders.columns


def test_the_pyramid_counts_heads_and_leaves_the_inactive_out() -> None:
    crowd = [Customer(f"{number:03}", 1000 - number, recency=number // 2) for number in range(200)]
    tiers = pareto.analyse(frame(crowd), scheme="pyramid").tables["tiers"]
    assert tiers.select("tier", "customers").rows() == [
        ("top", 2),
        ("large", 8),
        ("medium", 30),
        ("small", 160),
    ]
    crowd.append(Customer("never", -10, orders=0, recency=None))
    result = pareto.analyse(frame(crowd), scheme="pyramid", inactive_after=49)
    rows = result.tables["tiers"].select("tier", "customers").rows()
    assert rows == [("top", 1), ("large", 4), ("medium", 15), ("small", 80), ("inactive", 101)]
    assert result.facts["inactive_after"] == 49


def test_cuts_of_ones_own() -> None:
    crowd = [Customer("a", 50), Customer("b", 30), Customer("c", 15), Customer("d", 5)]
    assert pareto.analyse(frame(crowd), cuts=[50, 70, 90]).tables["tiers"].select(
        "tier", "customers"
    ).rows() == [
        ("A", 1),
        ("B", 1),
        ("C", 1),
        ("D", 1),
    ]
    exact = tiers.scheme_of("contribution", [Decimal("99.5"), 99.9, 100])
    assert exact.names == ("top", "middle", "bottom")
    assert exact.cuts == (Fraction(199, 2), Fraction(999, 10), 100)


@pytest.mark.parametrize(
    "cuts",
    [[], [100], [80, 80], [95, 80], [0, 50], [-1, 50], [80, 120], [math.nan], [math.inf], range(1, 40)],
)
def test_cuts_that_do_not_rise_to_100_are_refused(cuts: list[int]) -> None:
    with pytest.raises(UsageError, match="rise to 100"):
        tiers.scheme_of("abc", cuts)


def test_the_curve_is_thinned_but_keeps_its_shape() -> None:
    chance = random.Random(1)
    crowd = [Customer(f"{number:05}", int(chance.lognormvariate(6, 1.5)) - 20) for number in range(5000)]
    curve = pareto.analyse(frame(crowd)).tables["curve"]
    assert 300 < curve.height <= 400
    assert curve.row(0) == (0.0, 0.0)
    assert curve["customers_share"][-1] == 1.0
    everybody = sorted((who.revenue for who in crowd), reverse=True)
    total = sum(value for value in everybody if value > 0)
    exact = [0.0, *(reached / total for reached in itertools.accumulate(everybody))]
    for x, y in curve.rows():
        assert y == pytest.approx(exact[round(x * 5000)], abs=1e-12)
    steps = zip(curve.rows(), curve.rows()[1:], strict=False)
    assert max(abs(x2 - x1) + abs(y2 - y1) for (x1, y1), (x2, y2) in steps) < 0.02


def test_products_are_items() -> None:
    products = frame([Customer("tea", 300), Customer("milk", 100)]).rename({"customer": "product"})
    result = pareto.analyse(products, by="product")
    assert result.detail == "items"
    assert result.tables["items"]["product"].to_list() == ["tea", "milk"]
    assert result.tables["tiers"].columns[:3] == ["tier", "items", "items_share"]
    assert result.facts["items"] == 2
    assert result.facts["items_for_80"] == 2


def test_every_column_is_in_the_vocabulary() -> None:
    crowd = [Customer("a", 900, profit=90), Customer("b", -100, profit=-10)]
    for value in tiers.VALUES:
        for table in pareto.analyse(frame(crowd), value=value).tables.values():
            assert set(table.columns) <= set(COLUMNS)


def test_what_cannot_be_ranked_is_refused_in_words() -> None:
    crowd = frame([Customer("a", 900), Customer("b", 100)])
    with pytest.raises(UsageError, match="cost=COLUMN"):
        pareto.analyse(crowd.drop("profit"), value="profit")
    with pytest.raises(UsageError, match="revenue, profit, orders"):
        pareto.analyse(crowd, value="recency")
    with pytest.raises(UsageError, match="abc, contribution, pyramid"):
        pareto.analyse(crowd, scheme="xyz")
    with pytest.raises(UsageError, match="inactive_after belongs to scheme=pyramid"):
        pareto.analyse(crowd, inactive_after=30)
    with pytest.raises(UsageError, match="0 or more days"):
        pareto.analyse(crowd, scheme="pyramid", inactive_after=-1)
    with pytest.raises(DataError, match="no profit"):
        pareto.analyse(crowd.with_columns(profit=pl.lit(None, dtype=pl.Decimal(38, 2))), value="profit")
    with pytest.raises(DataError, match="above zero"):
        pareto.analyse(frame([Customer("a", 0), Customer("b", -5)]))
    with pytest.raises(DataError, match="above zero"):
        pareto.analyse(crowd.clear())


def test_money_far_beyond_64_bits_stays_exact() -> None:
    crowd = [Customer("a", 8 * 10**24 + 1), Customer("b", 10**24), Customer("c", 10**24 - 1)]
    result = pareto.analyse(frame(crowd))
    assert result.facts["revenue"] == Decimal(10**25 + 0).scaleb(-2)
    assert result.tables["tiers"]["customers"].to_list() == [1, 2, 0]


@needs_data
def test_online_retail_gross_of_refunds_gives_the_published_concentration() -> None:
    facts = pareto.analyse(customers_of(online_retail(), "amount > 0")).facts
    assert facts["customers"] == 4312
    assert facts["gini"] == pytest.approx(0.704, abs=5e-4)
    assert facts["customers_for_80_share"] == pytest.approx(0.273, abs=5e-4)
    expected = {"1%": 0.285, "5%": 0.482, "20%": 0.735}
    assert {name: round(facts["top_share"][name], 3) for name in expected} == expected


@needs_data
def test_online_retail_net_agrees_with_sql() -> None:
    connection = online_retail()
    result = pareto.analyse(customers_of(connection))
    by_sql = connection.execute(
        """with worth as (select customer, sum(amount) as v from lines group by customer),
        ranked as (
            select v, sum(v) over (order by v desc) - sum(v) over (partition by v) as above,
                   sum(greatest(v, 0)) over () as total from worth)
        select case when v < 0 then 'below zero' when above * 100 < 80 * total then 'A'
                    when above * 100 < 95 * total then 'B' else 'C' end as tier,
               count(*), sum(v)::bigint, min(v)::bigint
        from ranked group by tier order by tier = 'below zero', tier"""
    ).fetchall()
    ours = result.tables["tiers"].select(
        "tier", "customers", pl.col("revenue").to_physical(), pl.col("lowest_revenue").to_physical()
    )
    assert ours.rows() == by_sql
    assert result.facts["customers"] == 4383
