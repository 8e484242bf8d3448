"""Switching rates from transactions, against a plain-Python twin that follows each customer."""

import random
from collections import Counter, defaultdict
from datetime import date, timedelta

import polars as pl
import pytest

from crmkit import columns
from crmkit.errors import DataError, UsageError
from crmkit.whatif.moves import NO_STORE, ONE_STORE, Estimate, counted, estimate
from crmkit.whatif.stores import Horizon, over_time

Row = tuple[str, date, int, str]


def estimated(rows: list[Row], period: str = "month", *, as_of: date, store: bool = True) -> Estimate:
    frame = pl.DataFrame(
        rows,
        schema={"customer": pl.String, "date": pl.Date, "amount": pl.Int64, "store": pl.String},
        orient="row",
    ).lazy()
    return estimate(counted(frame if store else frame.drop("store"), period).collect(), period, as_of=as_of)


def visits(*where: tuple[str, int, str], amount: int = 100) -> list[Row]:
    """(customer, month of 2024, store)."""
    return [(customer, date(2024, month, 15), amount, store) for customer, month, store in where]


def random_visits(rng: random.Random, rows: int, customers: int) -> list[Row]:
    """Rows all over 2024 at three stores, some of them refunds or free."""
    days = [date(2024, 1, 1) + timedelta(n) for n in range(366)]
    amounts = [-50, 0, 10, 10, 20]
    return [
        (f"c{rng.randrange(customers)}", rng.choice(days), rng.choice(amounts), rng.choice("XYZ"))
        for _ in range(rows)
    ]


END = date(2024, 12, 31)


def twin(rows: list[Row], last: int) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Moves between months of 2024 up to `last`, and who is where in it."""
    spent: dict[tuple[str, int], dict[str, list[object]]] = defaultdict(dict)
    for customer, day, amount, store in rows:
        if amount > 0:
            seen = spent[customer, day.month].setdefault(store, [0, day])
            seen[0] += amount  # type: ignore[operator]
            seen[1] = max(seen[1], day)  # type: ignore[type-var]
    home = {
        key: min(stores, key=lambda s: (-stores[s][0], -stores[s][1].toordinal(), s))
        for key, stores in spent.items()
    }
    moves: Counter[tuple[str, str]] = Counter()
    first = min(month for _, month in home)
    for customer in {customer for customer, _ in home}:
        for month in range(first + 1, last + 1):
            before, now = (home.get((customer, m), "elsewhere") for m in (month - 1, month))
            if (before, now) != ("elsewhere", "elsewhere"):
                moves[before, now] += 1
    return moves, Counter(store for (_, month), store in home.items() if month == last)


@pytest.mark.parametrize("seed", range(4))
def test_moves_are_those_of_the_twin(seed: int) -> None:
    rng = random.Random(seed)
    rows = random_visits(rng, 600, 40)
    found = estimated(rows, as_of=date(2024, 11, 30))
    moves, there = twin(rows, last=11)
    table = found.tables["matrix"]
    assert {(s, t): n for s, t, n in table.select("source", "target", "moves").iter_rows() if n} == moves
    assert found.start == tuple(there[store] for store in "XYZ")
    assert found.market.stores == ("X", "Y", "Z")
    for source, target, share in table.select("source", "target", "share").iter_rows():
        if source != "elsewhere":
            total = sum(n for (s, _), n in moves.items() if s == source)
            assert share == pytest.approx(moves[source, target] / total)
    assert found.market.join.tolist() == pytest.approx([moves["elsewhere", s] / 10 for s in "XYZ"])
    rng.shuffle(rows)
    again = estimated(rows, as_of=date(2024, 11, 30))
    assert all(again.tables[name].equals(table) for name, table in found.tables.items())


def test_history_of_one_store_against_elsewhere() -> None:
    rows = visits(
        ("a", 1, "-"),
        ("b", 1, "-"),
        ("c", 1, "-"),
        ("a", 2, "-"),
        ("d", 2, "-"),
        ("b", 3, "-"),
        ("d", 3, "-"),
    )
    found = estimated(rows, as_of=date(2024, 3, 31), store=False)
    assert found.market.stores == (ONE_STORE,)
    assert found.tables["history"].rows() == [
        ("2024-01", "here", 3, None, None, None, None, None, None, None, None),
        ("2024-02", "here", 2, 1, 1 / 3, 0, 2, 2 / 3, 0, 1, 1),
        ("2024-03", "here", 2, 1, 1 / 2, 0, 1, 1 / 2, 0, 1, 0),
    ]
    assert found.market.rates.tolist() == [[2 / 5, 3 / 5]]
    assert found.market.join.tolist() == [1.0]
    assert found.start == (2,)


def test_history_reconciles() -> None:
    rng = random.Random(9)
    rows = random_visits(rng, 900, 60)
    history = estimated(rows, as_of=END).tables["history"].sort("store", "period")
    before = pl.col("customers").shift(1).over("store")
    flows = history.with_columns(
        there=pl.col("retained") + pl.col("won") + pl.col("joined"),
        gone=pl.col("retained") + pl.col("lost") + pl.col("left"),
        before=before,
    ).filter(pl.col("period") > "2024-01")
    assert (flows["there"] == flows["customers"]).all() and (flows["gone"] == flows["before"]).all()
    assert flows.group_by("period").agg(pl.col("won").sum() == pl.col("lost").sum())["won"].all()


def test_store_of_a_period_is_where_most_was_spent() -> None:
    rows = [
        *visits(("a", 1, "X"), ("a", 1, "X"), ("b", 1, "X"), ("c", 1, "Y"), ("d", 1, "Y")),
        *visits(("a", 1, "Y"), amount=199),
        ("b", date(2024, 1, 16), 100, "Y"),
        ("c", date(2024, 1, 15), 100, "X"),
        ("d", date(2024, 1, 20), -900, "Y"),
        *visits(("a", 2, "X")),
    ]
    found = estimated(rows, as_of=date(2024, 2, 29))
    history = found.tables["history"].filter(period="2024-01")
    # a spent 200 at X; b the same at both, lately at Y; c ties in all, so X; a refund is no purchase.
    assert history.select("store", "customers").rows() == [("X", 2), ("Y", 2)]


def test_a_gap_is_time_elsewhere() -> None:
    found = estimated(visits(("a", 1, "X"), ("a", 3, "Y"), ("b", 4, "X")), as_of=date(2024, 4, 30))
    moves = {
        (s, t): n for s, t, n in found.tables["matrix"].select("source", "target", "moves").iter_rows() if n
    }
    assert moves == {
        ("X", "elsewhere"): 1,
        ("elsewhere", "Y"): 1,
        ("Y", "elsewhere"): 1,
        ("elsewhere", "X"): 1,
    }
    assert found.tables["history"].filter(period="2024-03", store="Y")["new"].to_list() == [0]


def test_an_open_period_is_left_out() -> None:
    rows = visits(("a", 1, "X"), ("b", 1, "X"), ("a", 2, "X"), ("b", 2, "X"), ("a", 3, "X"))
    found = estimated(rows, as_of=date(2024, 3, 15))
    assert found.market.rates.tolist() == [[1, 0]]
    assert found.notes[0] == (
        "2024-03 was left out, because the data reach 2024-03-15 only. "
        "If nothing is missing, say --as-of 2024-03-31."
    )
    assert found.facts["last_period"] == "2024-02"
    told = estimated(rows, as_of=date(2024, 3, 31))
    assert told.market.rates.tolist() == [[0.75, 0.25]] and told.notes == ()


@pytest.mark.parametrize(
    ("period", "first", "last"), [("week", "2024-W01", "2024-W52"), ("quarter", "2024Q1", "2024Q4")]
)
def test_other_periods(period: str, first: str, last: str) -> None:
    found = estimated(visits(("a", 1, "X"), ("a", 2, "X"), ("a", 12, "X")), period, as_of=END)
    labels = found.tables["history"]["period"].unique().sort().to_list()
    assert found.facts["first_period"] == labels[0] and labels[0] >= first
    assert found.facts["last_period"] == labels[-1] == last


def test_rows_without_a_store_make_one() -> None:
    rows = [
        *visits(("a", 1, "X"), ("a", 2, "X")),
        ("b", date(2024, 1, 3), 5, None),
        ("c", date(2024, 2, 3), 5, "elsewhere"),
    ]
    found = estimated(rows, as_of=date(2024, 2, 29))  # type: ignore[arg-type]
    assert found.market.stores == (NO_STORE, "X", "store elsewhere")
    # One of two customers stayed at her store.
    assert found.market.rates[2].tolist() == [0, 0, 0.5, 0.5]
    assert found.notes[0] == (
        "Without customers before the last month: store elsewhere. "
        "They are taken to stay or go elsewhere as the customers of all stores do."
    )


def test_interval_of_a_share() -> None:
    found = estimated(
        visits(*((f"c{i}", 1, "X") for i in range(10)), *((f"c{i}", 2, "X") for i in range(8))),
        as_of=date(2024, 2, 29),
    )
    stays = found.tables["matrix"].row(0, named=True)
    # Wilson's interval for 8 of 10, as tabulated.
    assert (stays["share_low"], stays["share_high"]) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_the_simulation_starts_where_the_data_end() -> None:
    found = estimated(
        visits(("a", 1, "X"), ("b", 1, "Y"), ("a", 2, "Y"), ("b", 2, "Y")), as_of=date(2024, 2, 29)
    )
    result = found.beside(over_time(found.market, found.start, Horizon(periods=2, profit=None)))
    assert list(result.tables) == ["matrix", "history", "periods", "stores"]
    assert result.tables["periods"].filter(period=0)["customers"].to_list() == [0, 2]
    assert result.facts["first_period"] == "2024-01" and result.facts["periods"] == 2
    for table in result.tables.values():
        assert set(table.columns) <= set(columns.COLUMNS)


def test_uneven_arrivals_are_said() -> None:
    rows = visits(
        *((f"c{i}", 2, "X") for i in range(50)), ("a", 1, "X"), ("b", 3, "X"), ("d", 4, "X"), ("e", 5, "X")
    )
    (note,) = estimated(rows, as_of=date(2024, 5, 31)).notes
    assert note.startswith("From 1 to 50 customers joined per month")


def test_what_cannot_be_estimated() -> None:
    with pytest.raises(
        DataError, match="From 2024-01 to 2024-01-20 there are 0 whole months, and moves need two"
    ):
        estimated(visits(("a", 1, "X")), as_of=date(2024, 1, 20))
    with pytest.raises(DataError, match="nobody can be seen to move"):
        estimated(visits(("a", 1, "X"), amount=-1), as_of=END)
    with pytest.raises(UsageError, match="'fortnight' is not one of month, quarter"):
        estimated(visits(("a", 1, "X")), "fortnight", as_of=END)
    many = visits(*((f"c{i}", 1 + i % 2, f"S{i}") for i in range(101)))
    with pytest.raises(UsageError, match=r"holds 101 different values \(S0, S1, S10, \.\.\.\)"):
        estimated(many, as_of=END)


def test_a_store_that_kept_all_is_said() -> None:
    rows = visits(("a", 1, "X"), ("a", 2, "X"), ("b", 1, "Y"), ("c", 1, "Y"), ("c", 2, "X"))
    (note,) = estimated(rows, as_of=date(2024, 2, 29)).notes
    assert note.startswith("Seen to keep all customers (so many): X (1).")
