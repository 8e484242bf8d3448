from __future__ import annotations

import datetime
import math
import random
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import rfm
from crmkit.columns import COLUMNS
from crmkit.errors import DataError, UsageError
from crmkit.scoring import rfm_scores
from crmkit.scoring.cutpoints import Cuts, cuts_file
from tests.customer_frames import (
    AS_OF,
    DEV_DATA,
    Customer,
    crowds,
    customers_of,
    frame,
    needs_data,
    online_retail,
)


def naive_bin(value: Fraction, everybody: list[Fraction], bins: int) -> int:
    """ceil(min_rank * k / n)."""
    rank = 1 + sum(other < value for other in everybody)
    return -(-rank * bins // len(everybody))


def naive_scores(
    crowd: list[Customer], bins: int, monetary: str = "total"
) -> dict[str, tuple[int, int, int]]:
    buyers = [who for who in crowd if who.recency is not None]
    worth = {
        "total": lambda who: Fraction(who.revenue),
        "average": lambda who: Fraction(who.revenue, who.orders),
        "profit": lambda who: Fraction(who.profit),
    }[monetary]
    days, orders = [Fraction(who.recency) for who in buyers], [Fraction(who.orders) for who in buyers]
    money = [worth(who) for who in buyers]
    return {
        who.customer: (
            bins + 1 - naive_bin(Fraction(who.recency), days, bins),
            naive_bin(Fraction(who.orders), orders, bins),
            naive_bin(worth(who), money, bins),
        )
        for who in buyers
    }


def people(count: int, **fixed: int) -> list[Customer]:
    """Distinct customers without ties, in an order that is neither theirs nor their values'."""
    chance = random.Random(7)
    spread = [chance.sample(range(1, count + 1), count) for _ in range(3)]
    return [
        Customer(f"{number:04}", **({"recency": days, "orders": orders, "revenue": 100 * money} | fixed))
        for number, (days, orders, money) in enumerate(zip(*spread, strict=True))
    ]


@given(crowds(min_size=5, buyers=True), st.integers(1, 5), st.sampled_from(["total", "average", "profit"]))
def test_scores_are_those_of_the_formula(crowd: list[Customer], bins: int, monetary: str) -> None:
    scored = rfm_scores.score(frame(crowd), rfm_scores.cuts(frame(crowd), bins=bins, monetary=monetary))
    ours = {row["customer"]: (row["r"], row["f"], row["m"]) for row in scored.iter_rows(named=True)}
    assert ours == naive_scores(crowd, bins, monetary)


@given(crowds(), st.integers(1, 3))
def test_segments_cells_and_grid_reconcile_with_the_customers(crowd: list[Customer], bins: int) -> None:
    buyers = [who for who in crowd if who.recency is not None]
    if len(buyers) < bins:
        return
    result = rfm.analyse(frame(crowd), bins=bins, map="cn8")
    customers, cells, grid = (result.tables[name] for name in ("customers", "cells", "grid"))
    assert customers.height == result.facts["customers"] == len(crowd)
    assert result.facts["refund_only"] == len(crowd) - len(buyers)
    assert cells["customers"].sum() == len(buyers)
    assert cells["revenue"].sum() == Decimal(sum(who.revenue for who in buyers)).scaleb(-2)
    assert dict(cells.select("rfm", "customers").rows()) == Counter(customers["rfm"].drop_nulls().to_list())
    for row in grid.iter_rows(named=True):
        for score in range(1, bins + 1):
            assert row[f"f{score}"] == cells.filter(r=row["r"], f=score)["customers"].sum()
    if bins == 2:
        segments = result.tables["segments"]
        assert segments["customers"].sum() == len(crowd)
        assert segments["revenue"].sum() == result.facts["revenue"]
        assert math.isclose(segments["share"].sum(), 1)
        counted = Counter(customers["segment"].to_list())
        assert {name: n for name, n in segments.select("segment", "customers").rows() if n} == counted


@given(crowds(min_size=6, buyers=True), st.integers(0, 999), st.sampled_from(["same", "first"]))
def test_row_order_changes_no_byte(crowd: list[Customer], seed: int, ties: str) -> None:
    mixed = frame(crowd).sample(fraction=1, shuffle=True, seed=seed)
    one, other = (rfm.analyse(each, ties=ties) for each in (frame(crowd), mixed))
    assert one.facts == other.facts
    assert one.notes == other.notes
    for name, table in one.tables.items():
        assert table.write_csv() == other.tables[name].write_csv()


@given(crowds(min_size=5, buyers=True), crowds(), st.sampled_from(["total", "average"]))
def test_frozen_cuts_score_each_row_by_itself(
    crowd: list[Customer], later: list[Customer], monetary: str
) -> None:
    found = rfm_scores.cuts(frame(crowd), monetary=monetary)
    saved = Cuts.from_json(cuts_file(found.to_dict()))
    assert saved.to_dict() == found.to_dict()
    assert rfm_scores.score(frame(crowd), saved).equals(rfm_scores.score(frame(crowd), found))
    both = frame({who.customer: who for who in [*crowd, *later]}.values())
    parts = pl.concat([rfm_scores.score(both.slice(start, 4), saved) for start in range(0, both.height, 4)])
    assert parts.equals(rfm_scores.score(both, saved))
    again = rfm.analyse(both, cuts=saved)
    assert again.facts["cuts"] == found.to_dict()


def test_frozen_cuts_put_values_beyond_them_into_the_end_bins() -> None:
    cut = Cuts(r=(10, 20), f=(1, 3), m=(Decimal("1.00"), Decimal("2.005")))
    crowd = [
        Customer("far", 10**9, 999, 0),
        Customer("low", -(10**9), 1, 99999),
        Customer("edge", 200, 3, 20),
        Customer("over", 201, 4, 21),
    ]
    assert dict(rfm_scores.score(frame(crowd), cut).select("customer", "rfm").rows()) == {
        "far": "333",
        "low": "111",
        "edge": "222",
        "over": "133",
    }


def test_refund_only_customers_are_listed_and_not_scored() -> None:
    crowd = [*people(60), Customer("back", -500, 0, None), Customer("owes", -100, 1, 3)]
    result = rfm.analyse(frame(crowd))
    row = result.tables["customers"].row(by_predicate=pl.col("customer") == "back", named=True)
    assert (row["segment"], row["frequency"], row["monetary"]) == ("refund only", 0, Decimal("-5.00"))
    assert [row[name] for name in ("last", "recency", "r", "f", "m", "rfm")] == [None] * 6
    owes = result.tables["customers"].row(by_predicate=pl.col("customer") == "owes", named=True)
    assert (owes["m"], owes["monetary"]) == (1, Decimal("-1.00"))
    last = result.tables["segments"].row(-1, named=True)
    assert (last["segment"], last["customers"], last["revenue"]) == ("refund only", 1, Decimal("-5.00"))
    assert (last["mean_recency"], last["mean_orders"], last["mean_order_value"]) == (None, None, None)
    assert rfm.analyse(frame(crowd), monetary="average").tables["customers"]["customer"][-1] == "back"
    assert (result.facts["refund_only"], result.facts["as_of"]) == (1, AS_OF)
    assert "refund only" not in rfm.analyse(frame(people(60))).tables["segments"]["segment"]


def test_segment_rows_are_means_of_their_customers() -> None:
    result = rfm.analyse(frame(people(100)))
    members = defaultdict(list)
    placed = dict(result.tables["customers"].select("customer", "segment").rows())
    for who in people(100):
        members[placed[who.customer]].append(who)
    total = sum(who.revenue for who in people(100))
    for row in result.tables["segments"].iter_rows(named=True):
        here = members[row["segment"]]
        money, orders = sum(who.revenue for who in here), sum(who.orders for who in here)
        assert row["customers"] == len(here)
        assert row["revenue_share"] == money / total
        assert row["mean_recency"] == sum(who.recency or 0 for who in here) / len(here)
        assert row["mean_orders"] == orders / len(here)
        assert row["mean_order_value"] == money / (100 * orders)


def test_ties_first_fills_bins_evenly_and_parts_equals_by_id() -> None:
    crowd = [Customer(f"{number:02}", 100, 1, 5) for number in random.Random(3).sample(range(50), 50)]
    scored = rfm_scores.score(frame(crowd), rfm_scores.cuts(frame(crowd), ties="first"))
    assert scored["f"].to_list() == scored["m"].to_list() == sorted([1, 2, 3, 4, 5] * 10)
    assert scored["r"].to_list() == sorted([1, 2, 3, 4, 5] * 10, reverse=True)
    with pytest.raises(UsageError, match="cannot be saved"):
        cuts_file(rfm.analyse(frame(crowd), ties="first").facts["cuts"])


@given(crowds(min_size=3, buyers=True), st.integers(2, 3))
def test_ties_first_agrees_with_places_in_the_sorted_list(crowd: list[Customer], bins: int) -> None:
    scored = rfm_scores.score(frame(crowd), rfm_scores.cuts(frame(crowd), bins=bins, ties="first"))
    ranked = sorted(crowd, key=lambda who: (who.orders, who.customer.encode()))
    expected = {who.customer: -(-place * bins // len(crowd)) for place, who in enumerate(ranked, 1)}
    assert dict(scored.select("customer", "f").rows()) == expected


def test_few_distinct_values_are_noted_with_what_to_type() -> None:
    crowd = people(100, orders=1)
    crowd[0] = crowd[0]._replace(orders=2)
    result = rfm.analyse(frame(crowd))
    assert result.facts["scores_in_use"]["f"] == [1, 5]
    assert result.notes == (
        "F uses 2 of 5 scores: 99 customers have a frequency of 1, and equal values share a score. "
        "To set the borders yourself: --f-cuts 1,2,3,5",
    )
    fixed = rfm.analyse(frame(crowd), f_cuts=[1, 2, 3, 5])
    assert (fixed.facts["scores_in_use"]["f"], fixed.notes) == ([1, 2], ())
    assert rfm.analyse(frame(people(100))).notes == ()


def test_small_files() -> None:
    with pytest.raises(DataError, match="Only 4 customers have an order"):
        rfm.analyse(frame(people(4)))
    assert "Only 49 customers" in rfm.analyse(frame(people(49))).notes[0]
    assert rfm.analyse(frame(people(4)), bins=(4, 3, 1)).facts["bins"] == [4, 3, 1]
    given_borders = {"r_cuts": [3], "f_cuts": [1], "m_cuts": [Decimal(2)]}
    assert rfm.analyse(frame(people(1)), **given_borders).tables["cells"].height == 1
    nobody = frame([Customer("back", -1, 0, None)])
    assert rfm.analyse(nobody, **given_borders).facts["as_of"] is None
    with pytest.raises(DataError, match="Only 0 customers"):
        rfm.analyse(nobody, map="cn8")


def test_bins_of_other_sizes_give_cells_only() -> None:
    result = rfm.analyse(frame(people(100)), bins=(4, 3, 2))
    assert list(result.tables) == ["cells", "grid", "customers"]
    assert "segment" not in result.tables["customers"].columns
    assert result.tables["grid"].columns == ["r", "f1", "f2", "f3"]
    assert result.tables["grid"]["r"].to_list() == [4, 3, 2, 1]
    assert "rf10 is made for 5,5,any scores" in result.notes[0]
    assert "segments" in rfm.analyse(frame(people(100)), bins=(5, 5, 2)).tables


def test_cn8_cuts_at_the_mean_unless_told_otherwise() -> None:
    crowd = [
        Customer("a", 1000, 10, 0),
        Customer("b", 100, 1, 9),
        Customer("c", 101, 1, 9),
        Customer("d", 99, 2, 2),
    ]
    result = rfm.analyse(frame(crowd), map="cn8")
    assert result.facts["cuts"]["r"] == [5]
    assert result.facts["cuts"]["m"] == ["3.25"]
    placed = dict(result.tables["customers"].select("customer", "segment").rows())
    assert placed == {"a": "重要价值客户", "b": "一般挽留客户", "c": "一般挽留客户", "d": "一般发展客户"}
    by_median = rfm.analyse(frame(crowd), map="cn8", bins=2)
    assert by_median.facts["cuts"]["m"] == ["1.00"]
    mean = rfm_scores.cuts(frame(crowd), monetary="average", rule="mean").m[0]
    assert mean == pytest.approx((1.0 + 1.0 + 1.01 + 0.495) / 4)


def test_frequency_and_monetary_choices() -> None:
    crowd = frame([Customer("a", 1000, orders=4, days=3, rows=9, profit=250)])
    for frequency, expected in {"orders": 4, "days": 3, "rows": 9}.items():
        assert rfm_scores.measure(crowd, frequency, "total")["frequency"].to_list() == [expected]
    assert rfm_scores.measure(crowd, "orders", "average")["monetary"].to_list() == [2.5]
    assert rfm_scores.measure(crowd, "orders", "profit")["monetary"].to_list() == [Decimal("2.50")]


def test_only_some_segments() -> None:
    whole = rfm.analyse(frame(people(100)))
    some = rfm.analyse(frame(people(100)), segment=["champions", "At Risk"])
    assert some.tables["segments"].equals(whole.tables["segments"])
    kept = whole.tables["customers"].filter(pl.col("segment").is_in(["Champions", "At Risk"]))
    assert 0 < kept.height < 100
    assert some.tables["customers"].equals(kept)
    with pytest.raises(UsageError, match="The segments are Champions, Loyal"):
        rfm.analyse(frame(people(100)), segment=["Champion"])
    with pytest.raises(UsageError, match="none"):
        rfm.analyse(frame(people(100)), bins=4, segment=["Champions"])


def test_a_map_file(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("segment,r,f\nnow,3,\nbefore,12,*\n")
    result = rfm.analyse(frame(people(90)), bins=3, map=str(path))
    assert result.tables["segments"].select("segment", "customers").rows() == [("now", 30), ("before", 60)]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"bins": 10}, "from 1 to 9"),
        ({"bins": (5, 5)}, "three such as 5,4,3"),
        ({"bins": 4, "f_cuts": [1, 2]}, "make 3 bins, but bins asks for 4"),
        ({"f_cuts": [3, 1]}, "numbers that rise"),
        ({"m_cuts": [math.nan]}, "numbers that rise"),
        ({"m_cuts": [10**400]}, "numbers that rise"),
        ({"f_cuts": range(9)}, "At most 9"),
        ({"frequency": "visits"}, "orders, days, rows"),
        ({"monetary": "max"}, "total, average, profit"),
        ({"ties": "random"}, "same, first"),
        ({"map": "rf9"}, "rf10, rfm11, cn8 or a CSV file"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(choices: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        rfm.analyse(frame(people(60)), **choices)  # type: ignore[arg-type]


def test_profit_needs_a_cost() -> None:
    with pytest.raises(UsageError, match="cost=COLUMN"):
        rfm.analyse(frame(people(60)).drop("profit"), monetary="profit")


@pytest.mark.parametrize(
    "choice",
    [
        {"bins": 5},
        {"f_cuts": [1, 2, 3, 5]},
        {"frequency": "days"},
        {"monetary": "average"},
        {"ties": "first"},
    ],
)
def test_frozen_cuts_leave_no_other_choice(choice: dict[str, object]) -> None:
    frozen = rfm_scores.cuts(frame(people(60)))
    with pytest.raises(UsageError, match="does not go with saved cut points"):
        rfm.analyse(frame(people(60)), cuts=frozen, **choice)  # type: ignore[arg-type]
    assert rfm.analyse(frame(people(60)), cuts=frozen, frequency="orders").facts["cuts"] == frozen.to_dict()


def test_every_column_is_in_the_vocabulary() -> None:
    for table in rfm.analyse(frame(people(60))).tables.values():
        assert set(table.columns) <= set(COLUMNS)


@needs_data
def test_every_disagreement_with_the_r_package_is_its_cut_rule() -> None:
    """R's rfm puts a value into the bin given by the quantiles plus one; ours has no such one."""
    source = pl.read_csv(DEV_DATA / "rfm_orders.csv", try_parse_dates=True)
    as_of = datetime.date(2006, 12, 31)
    customers = source.group_by(customer="customer_id").agg(
        last=pl.col("order_date").max(),
        orders=pl.len().cast(pl.Int64),
        revenue=pl.col("revenue").sum().cast(pl.Decimal(38, 2)),
    )
    customers = customers.with_columns(recency=(pl.lit(as_of) - pl.col("last")).dt.total_days()).sort(
        "customer"
    )
    ours = rfm_scores.score(customers, rfm_scores.cuts(customers)).with_columns(
        pl.col("revenue").cast(pl.Int64)
    )
    theirs = pl.read_csv(DEV_DATA / "reference" / "rfm_orders" / "rfm__R_rfm.csv.gz")
    both = ours.join(theirs, left_on="customer", right_on="customer_id")
    assert both.height == ours.height == theirs.height == 995
    disagreements = {}
    for name, column, score in [
        ("r", "recency", "recency_score"),
        ("f", "orders", "frequency_score"),
        ("m", "revenue", "monetary_score"),
    ]:
        values = both[column]
        limits = [Fraction(str(values.quantile(place / 5, "linear"))) + 1 for place in range(1, 5)]
        for value, mine, other in both.select(column, name, score).rows():
            their_bin = 1 + sum(value >= limit for limit in limits)
            assert other == (6 - their_bin if name == "r" else their_bin)
            if mine != other:
                # Theirs is one bin lower in value, and only the added one puts it there.
                my_bin = 6 - mine if name == "r" else mine
                assert my_bin == their_bin + 1
                assert limits[their_bin - 1] - 1 < value < limits[their_bin - 1]
                disagreements[name, value] = (mine, other)
    assert disagreements == {("r", 297): (2, 3), ("m", 255): (2, 1), ("m", 506): (4, 3)}


@needs_data
def test_online_retail_agrees_with_sql() -> None:
    connection = online_retail()
    result = rfm.analyse(customers_of(connection))
    by_sql = connection.execute(
        """with buyers as (
            select customer, max(day) filter (amount > 0) as last, sum(amount) as v,
                   count(distinct invoice) filter (amount > 0) as orders
            from lines group by customer having last is not null),
        ranked as (
            select customer, count(*) over () as n, rank() over (order by last desc) as r,
                   rank() over (order by orders) as f, rank() over (order by v) as m from buyers)
        select customer, 6 - (r * 5 + n - 1) // n, (f * 5 + n - 1) // n, (m * 5 + n - 1) // n
        from ranked order by customer"""
    ).fetchall()
    ours = result.tables["customers"].drop_nulls("rfm").sort("customer")
    assert ours.select("customer", "r", "f", "m").rows() == by_sql
    assert Counter(ours["f"].to_list()) == {1: 1419, 2: 810, 3: 525, 4: 808, 5: 750}
    assert (result.facts["customers"], result.facts["refund_only"]) == (4383, 71)
    assert result.notes == ()
