"""Migration against a naive twin, against SQL on a real shop, and against its own totals."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmkit import customers, migration
from crmkit.errors import DataError, UsageError
from crmkit.migration import Span
from crmkit.result import Result
from tests.ledgers import BEGIN, RETAIL_SQL, Sale, frame, needs_retail, retail, sales

D1, D2 = BEGIN + timedelta(days=200), BEGIN + timedelta(days=400)
RANKS = {"top": 1, "middle": 2, "aside": 2, "bottom": 3}
labels = st.one_of(st.none(), st.sampled_from([*RANKS, "refund only"]))
tables = st.dictionaries(
    st.integers(1, 12).map("c{}".format), st.tuples(labels, st.integers(-(10**6), 10**6))
)


def snapshots(pairs: pl.DataFrame, scale: int, days: tuple[date, date]) -> list[pl.DataFrame]:
    """The customers tables of both dates."""
    return [
        migration.side(pairs, name, scale=scale, day=day).sort("customer")
        for name, day in zip(("before", "after"), days, strict=True)
    ]


def money(units: int) -> Decimal:
    return Decimal(units).scaleb(-2)


def table(rows: dict[str, tuple[str | None, int]]) -> pl.DataFrame:
    schema = {"customer": pl.String, "label": pl.String, "revenue": pl.Decimal(38, 2)}
    return pl.DataFrame(
        [(who, label, money(units)) for who, (label, units) in rows.items()], schema, orient="row"
    )


def analyse(before: pl.DataFrame, after: pl.DataFrame) -> Result:
    return migration.tables_of(migration.join(before, after, RANKS), ranks=RANKS, begin=D1, end=D2, of="tier")


def naive(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Everybody's move, customer by customer."""
    found = []
    for who in before.keys() | after.keys():
        was, spent = before.get(who, (None, 0))
        now, total = after.get(who, (None, 0))
        was, now = (label if label in RANKS else None for label in (was, now))
        if was is None and now is None:
            continue
        if was is None:
            move = "entered"
        elif now is None:
            move = "left"
        elif was == now:
            move = "same"
        else:
            step = RANKS[now] - RANKS[was]
            move = "up" if step < 0 else "down" if step > 0 else "across"
        revenue = (money(spent), money(total), money(total - spent))
        found.append((who, was or "entered", now or "left", move, *revenue))
    return sorted(found, key=lambda row: (-row[4], row[0]))


@given(tables, tables)
def test_everybodys_move_equals_the_naive_twin(before: dict[str, Any], after: dict[str, Any]) -> None:
    expected = naive(before, after)
    assume(expected)
    assert analyse(table(before), table(after)).tables["customers"].rows() == expected


@given(tables, tables)
def test_matrix_and_moves_add_up(before: dict[str, Any], after: dict[str, Any]) -> None:
    expected = naive(before, after)
    assume(expected)
    result = analyse(table(before), table(after))
    matrix, moves = result.tables["matrix"], result.tables["moves"]
    cells = {(was, now): n for was, now, n in matrix.select("from", "to", "customers").iter_rows() if n}
    assert cells == Counter((row[1], row[2]) for row in expected)
    assert dict(moves.filter(pl.col("customers") > 0).select("move", "customers").iter_rows()) == Counter(
        row[3] for row in expected
    )
    for column, place in (("revenue_before", 4), ("revenue", 5), ("revenue_change", 6)):
        total = sum(row[place] for row in expected)
        assert matrix[column].sum() == moves[column].sum() == total
    rows = matrix.filter(pl.col("customers") > 0).group_by("from").agg(pl.col("share").sum())
    assert all(share == pytest.approx(1) for share in rows["share"])


@given(tables, tables, st.randoms())
def test_the_order_of_the_rows_changes_nothing(
    before: dict[str, Any], after: dict[str, Any], random: Any
) -> None:
    assume(naive(before, after))
    sides = [table(before), table(after)]
    mixed = [side[random.sample(range(side.height), side.height)] for side in sides]
    one, two = analyse(*sides), analyse(*mixed)
    for name in one.tables:
        assert one.tables[name].write_csv() == two.tables[name].write_csv()


@given(sales(), st.sampled_from([None, 90]), st.booleans())
def test_one_pass_makes_the_customers_of_both_dates(
    rows: list[Sale], window: int | None, has_order: bool
) -> None:
    spans = [Span(window and day - timedelta(days=window - 1), day) for day in (D1, D2)]
    found = migration.both(frame(rows), *spans, orders=True, has_order=has_order).collect()
    for span, day, part in zip(spans, (D1, D2), snapshots(found, 2, (D1, D2)), strict=True):
        kept = [row for row in rows if (span.first or row.date) <= row.date <= day]
        alone = customers.aggregate(frame(kept), frozenset({"orders"}), has_order=has_order).collect()
        assert part.equals(customers.finish(alone, 2, day).drop("days", strict=False))


def test_a_span_holds_both_its_ends() -> None:
    rows = [Sale("a", str(day), BEGIN + timedelta(day), 100) for day in range(10)]
    spans = Span(BEGIN + timedelta(2), BEGIN + timedelta(4)), Span(BEGIN + timedelta(4), None)
    found = migration.both(frame(rows), *spans, orders=True, has_order=False).collect()
    assert [part["orders"].item() for part in snapshots(found, 2, (D1, D2))] == [3, 6]


def test_a_matrix_by_hand() -> None:
    before = table({"a": ("top", 900), "b": ("top", 800), "c": ("bottom", 10), "d": ("middle", 50)})
    after = table(
        {"a": ("top", 900), "b": ("bottom", 700), "c": ("middle", 60), "d": ("aside", 50), "e": ("top", 999)}
    )
    result = analyse(before, after)
    assert result.tables["moves"].select("move", "customers", "share", "revenue_change").rows() == [
        ("up", 1, 0.2, money(50)),
        ("same", 1, 0.2, money(0)),
        ("across", 1, 0.2, money(0)),
        ("down", 1, 0.2, money(-100)),
        ("entered", 1, 0.2, money(999)),
        ("left", 0, 0.0, money(0)),
    ]
    matrix = result.tables["matrix"]
    assert matrix.filter(pl.col("from") == "top").select("to", "customers", "share").rows() == [
        ("top", 1, 0.5),
        ("aside", 0, 0.0),
        ("middle", 0, 0.0),
        ("bottom", 1, 0.5),
        ("left", 0, 0.0),
    ]
    assert matrix["from"].unique(maintain_order=True).to_list() == [
        "top",
        "aside",
        "middle",
        "bottom",
        "entered",
    ]
    assert result.facts["same_share"] == 1 / 4
    assert result.tables["grid"].rows() == [
        ("top", 1, 0, 0, 1, 0),
        ("aside", 0, 0, 0, 0, 0),
        ("middle", 0, 1, 0, 0, 0),
        ("bottom", 0, 0, 1, 0, 0),
        ("entered", 1, 0, 0, 0, 0),
    ]


def test_many_labels_make_a_list_of_the_moves_that_happened() -> None:
    ranks = {str(code): 1000 - code for code in range(100, 225)}
    before, after = table({"a": ("100", 5), "b": ("101", 5)}), table({"a": ("224", 5), "b": ("101", 5)})
    result = migration.tables_of(
        migration.join(before, after, ranks), ranks=ranks, begin=D1, end=D2, of="rfm"
    )
    matrix = result.tables["matrix"].select("from", "to", "customers")
    assert matrix.rows() == [("101", "101", 1), ("100", "224", 1)]
    assert "grid" not in result.tables


def test_nobody_to_move_is_refused() -> None:
    with pytest.raises(DataError, match="nobody could move"):
        analyse(table({}), table({"a": (None, 5)}))


@pytest.mark.parametrize(
    ("begin", "end", "error", "message"),
    [
        (D2, D1, UsageError, "is not before"),
        (D1, D1, UsageError, "is not before"),
        (BEGIN - timedelta(days=1), D2, DataError, "--from 2023-11-19 is outside the file"),
        (D1, D2 + timedelta(days=1), DataError, "--to 2024-12-25 is outside the file"),
    ],
)
def test_dates_that_cannot_be_compared(begin: date, end: date, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        migration.check(begin, end, first=BEGIN, last=D2)


def test_a_window_must_fit_before_the_first_date() -> None:
    migration.check(D1, D2, first=BEGIN, last=D2, window=201)
    with pytest.raises(DataError, match="--window 201 or less"):
        migration.check(D1, D2, first=BEGIN, last=D2, window=202)


@needs_retail
def test_a_real_shop_agrees_with_sql() -> None:
    """Tiers at fixed revenue: who had 2,000 or more, 500 or more, or less, on two dates."""
    begin, end = date(2010, 6, 30), date(2010, 12, 9)
    found = migration.both(
        retail(), Span(None, begin), Span(None, end), orders=False, has_order=True
    ).collect()
    tier = (
        pl.when(pl.col("revenue") >= 2000)
        .then(pl.lit("top"))
        .when(pl.col("revenue") >= 500)
        .then(pl.lit("middle"))
        .otherwise(pl.lit("bottom"))
    )
    sides = [side.with_columns(label=tier) for side in snapshots(found, 3, (begin, end))]
    matrix = analyse(*sides).tables["matrix"].filter(pl.col("customers") > 0)
    query = f"""{RETAIL_SQL}, spent as (
            select customer, sum(amount) filter ("date" <= '{begin}') as before, sum(amount) as after
            from sales group by 1
        ), tiers as (
            select *, case when before >= 2000000 then 'top' when before >= 500000 then 'middle'
                           when before is null then 'entered' else 'bottom' end as "from",
                   case when after >= 2000000 then 'top' when after >= 500000 then 'middle'
                        else 'bottom' end as "to"
            from spent
        )
        select "from", "to", count(*), coalesce(sum(before), 0), sum(after) from tiers group by 1, 2
    """
    expected = {(was, now): tuple(sums) for was, now, *sums in duckdb.sql(query).fetchall()}
    columns = ("customers", "revenue_before", "revenue")
    cells = defaultdict(tuple)
    for was, now, people, *sums in matrix.select("from", "to", *columns).iter_rows():
        cells[was, now] = (people, *(int(amount.scaleb(3)) for amount in sums))
    assert cells == expected
    assert matrix["customers"].sum() == 4383
