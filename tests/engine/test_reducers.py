"""Shortcuts spare work and change nothing: the same customers with any of them, or none, from any batches."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import crmkit
from crmkit import customers, migration
from crmkit.engine import hashed_ids, reducers
from crmkit.engine.first_days import REVENUE, FirstDays
from crmkit.engine.openings import APART, RISING, NotHereError
from crmkit.engine.reducers import HASHED, SHORT, SHORT_ORDERS
from crmkit.load import Options, infer, load
from crmkit.load.files import Files
from crmkit.load.find import sources
from crmkit.load.orders import order_key

WANTS = frozenset({"first", "orders", "days", "refunds"})
_IDS = st.sampled_from(["a", "b", "C0000001", "C0000002", "longer than 8", "ünïcode", "é"])
_ROW = st.tuples(_IDS, st.integers(0, 3), st.integers(-1, 1), st.integers(-300, 500))
_ALL = [RISING, APART, SHORT, HASHED, SHORT_ORDERS]
_SETS = [frozenset(taken) for size in range(6) for taken in combinations(_ALL, size)]
_Rows = list[tuple[str, str, date, int]]


@pytest.fixture(autouse=True)
def few_rows_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reducers, "_FEW_ROWS", 2)


def _risen(steps: list[tuple[str, int, int, int]], number: Any) -> _Rows:
    """Rows whose order ids go on by a step of 0 to 3; a step back now and then where `number` allows it."""
    rows, order = [], 8
    for customer, step, later, cents in steps:
        order += number(step)
        rows.append((customer, str(order), date(2024, 1, 15) + timedelta(days=later), cents))
    return rows


def _frame(rows: _Rows) -> pl.DataFrame:
    schema = {"customer": pl.String, "order": pl.String, "date": pl.Date, "amount": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _asked(frame: pl.DataFrame, wants: frozenset[str]) -> pl.DataFrame:
    found = customers.aggregate(frame.lazy(), wants, has_order=True).collect()
    return found.select(sorted(found.columns)).sort("customer")


def _shrunk(
    frame: pl.DataFrame, cuts: list[int], wants: frozenset[str], taken: frozenset[str]
) -> pl.DataFrame:
    """The same with shortcuts, from batches that end at these rows."""
    batches = _batches(frame, cuts)

    def run(taken: frozenset[str]) -> pl.DataFrame:
        shrink = reducers.shrink("customer", taken, by_rows="rows" in wants, order=order_key(True))
        noted = REVENUE in wants
        shrink = FirstDays("customer").noting(shrink) if noted else shrink
        found = _asked(pl.concat(list(shrink.stream(iter(batches)))), wants - {REVENUE})
        found = found if shrink.restored is None else shrink.restored(found).sort("customer")
        return found.select(sorted(found.columns))

    return reducers.shortest(run, taken)


@given(
    st.lists(_ROW, min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=3),
    st.booleans(),
    st.sampled_from([WANTS, WANTS | {"rows"}, WANTS | {REVENUE}, WANTS | {"rows", REVENUE}]),
)
@example([("a", 1, 0, 5), ("b", 0, 0, 5)], [], True, WANTS)  # one order id, two customers
@example([("a", 1, 0, 5), ("a", 0, 0, -5), ("a", 0, 1, 5)], [1], True, WANTS)  # a refund within an order
@example([("a", 1, 0, 5), ("a", 3, 0, 5), ("a", 1, 0, 5)], [1, 2], False, WANTS)  # back to an earlier order
def test_the_same_customers(
    steps: list[tuple[str, int, int, int]], cuts: list[int], rising: bool, wants: frozenset[str]
) -> None:
    frame = _frame(_risen(steps, (lambda step: step) if rising else (lambda step: 2 - step)))
    expected = _asked(frame, wants)
    for taken in _SETS:
        assert _shrunk(frame, cuts, wants, taken).equals(expected)


@given(
    st.lists(st.tuples(_ROW, st.sampled_from([None, 0, 3, 40])), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=3),
    st.booleans(),
)
def test_rows_and_profit_of_rows_added_up(
    steps: list[tuple[tuple[str, int, int, int], int | None]], cuts: list[int], known: bool
) -> None:
    """A cost that is not known makes the profit unknown, whichever rows stand beside it."""
    frame = _frame(_risen([step for step, _ in steps], lambda step: step // 2))
    costs = pl.Series("cost", [cost for _, cost in steps], dtype=pl.Int64)
    frame = frame.with_columns(costs.fill_null(7) if known else costs)
    wants = frozenset({"first", "orders", "rows", "profit", REVENUE})
    assert _shrunk(frame, cuts, wants, frozenset({RISING})).equals(_asked(frame, wants))


@given(st.lists(_ROW, min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=3), st.booleans())
def test_orders_up_to_a_day(steps: list[tuple[str, int, int, int]], cuts: list[int], whole: bool) -> None:
    """An order that opens is counted on its day, unless it has several."""
    frame = _frame(_risen(steps, lambda step: step // 2))
    if whole:
        frame = frame.with_columns(pl.col("date").first().over("order"))
    spans = (migration.Span(None, DAY), migration.Span(None, None))

    def found(rows: pl.DataFrame) -> pl.DataFrame:
        return migration.both(rows.lazy(), *spans, orders=True, has_order=True).collect().sort("customer")

    def run(taken: frozenset[str]) -> pl.DataFrame:
        shrink = reducers.shrink("customer", taken, by_rows=False, one_day=True)
        return found(pl.concat(list(shrink.stream(iter(_batches(frame, cuts))))))

    assert reducers.shortest(run, frozenset({RISING})).equals(found(frame))


def _batches(frame: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    """Batches that end at these rows."""
    ends = [0, *sorted({cut % (frame.height + 1) for cut in cuts}), frame.height]
    return [frame[start:end] for start, end in pairwise(ends)]


def _refused(frame: pl.DataFrame, which: str, *others: str) -> bool:
    shrink = reducers.shrink("customer", frozenset({which, *others}), by_rows=True)
    try:
        list(shrink.stream(iter([frame[:2], frame[2:]])))
    except NotHereError as refused:
        return str(refused) == which
    return False


DAY = date(2024, 1, 15)


@pytest.mark.parametrize(
    ("orders", "refused"),
    [
        (["8", "9", "10", "11"], False),
        (["O98", "O99", "O99", "O100"], False),
        (["8", "9", "11", "10"], True),
        (["8", "9", "9", "8"], True),
        (["8", None, "9", "10"], True),
        (["8", "9", "10", "9"], True),
    ],
)
def test_ids_that_rise_are_told_from_others(orders: list[str | None], refused: bool) -> None:
    frame = _frame([("a", order, DAY, 5) for order in orders])  # type: ignore[misc]
    assert _refused(frame, RISING) is refused
    assert _refused(frame, SHORT_ORDERS, RISING) is (None in orders)
    assert _refused(frame, RISING, SHORT_ORDERS) is (refused and None not in orders)


def test_refunds_may_name_any_order() -> None:
    frame = _frame([("a", "8", DAY, 5), ("a", "9", DAY, 5), ("a", "8", DAY, -5), ("a", "10", DAY, 5)])
    assert not _refused(frame, RISING)


def test_an_order_of_two_customers_is_two_orders() -> None:
    assert _refused(_frame([("a", "8", DAY, 5), ("b", "8", DAY, 5)]), RISING)


def test_ids_of_eight_bytes_or_fewer_letters_are_short() -> None:
    assert not _refused(_frame([("12345678", "1", DAY, 5), ("1", "2", DAY, 5)]), SHORT)
    assert not _refused(_frame([("éééé", "1", DAY, 5), ("日日é", "2", DAY, 5)]), SHORT)
    assert not _refused(_frame([("é", "1", DAY, 5), ("", "2", DAY, 5)]), SHORT)
    for long in ("123456789", "日本日本"):
        assert _refused(_frame([("a", "1", DAY, 5), ("a", "2", DAY, 5), (long, "3", DAY, 5)]), SHORT)


def test_packed_ids_keep_their_order() -> None:
    ids = pl.Series("customer", sorted(["", "a", "aa", "b", "Z", "12345678", "1", "~"]))
    packed = reducers.packed(ids.to_frame(), "customer")
    assert packed["customer"].is_sorted()
    assert reducers.packed(ids.to_frame()[2:5], "customer").equals(packed[2:5])
    assert reducers.unpacked(packed, "customer")["customer"].to_list() == ids.to_list()


@pytest.mark.parametrize("slots", [1, 4, 1 << 12])
@pytest.mark.parametrize("room", [0, 2])
def test_hashed_texts_come_back(monkeypatch: pytest.MonkeyPatch, slots: int, room: int) -> None:
    """Whether many texts share a slot, the table grows, or each has a slot of its own."""
    monkeypatch.setattr(hashed_ids, "_SLOTS", slots)
    monkeypatch.setattr(hashed_ids, "_ROOM", room)
    ids = pl.Series("customer", [f"{i * i % 997}@mail.example" for i in range(3_000)] + ["", "é", "日本"])
    texts = hashed_ids.Texts()
    numbers = pl.concat([texts.hashed(ids[start : start + 700]) for start in range(0, len(ids), 700)])
    kept = texts.complete()
    assert numbers.n_unique() == ids.n_unique()
    assert kept.texts(numbers.to_numpy()).to_list() == ids.to_list()
    assert kept.texts(numbers[:0].to_numpy()).to_list() == []
    with pytest.raises(hashed_ids.SharedError):
        kept.texts((numbers + 1).to_numpy())


@pytest.mark.parametrize("slots", [1, 1 << 12])
@pytest.mark.parametrize(
    "sharing", [["a long id", "b long id"], ["a", "b", "a", "b", "b", "a"], ["b"] * 9 + ["a"]]
)
@pytest.mark.parametrize("apart", [True, False])
def test_two_texts_with_one_hash_are_noticed(
    monkeypatch: pytest.MonkeyPatch, slots: int, sharing: list[str], apart: bool
) -> None:
    real = hashed_ids.hash_of
    monkeypatch.setattr(hashed_ids, "_SLOTS", slots)
    monkeypatch.setattr(
        hashed_ids,
        "hash_of",
        lambda texts, seed: real(texts, seed) if seed == 8 else real(texts, seed) * 0 + 5,
    )
    rows = [(customer, str(i), date(2024, 1, 15), 5) for i, customer in enumerate(sharing)]
    frame = _frame(rows)  # type: ignore[arg-type]
    cuts = list(range(len(rows))) if apart else []
    assert _shrunk(frame, cuts, WANTS, frozenset({HASHED})).equals(_asked(frame, WANTS))
    shrink = reducers.shrink("customer", frozenset({HASHED}), by_rows=False)
    found = _asked(pl.concat(list(shrink.stream(iter([frame])))), WANTS)
    with pytest.raises(NotHereError, match=HASHED):
        assert shrink.restored is not None
        shrink.restored(found)


def test_orders_in_no_order_are_counted_by_their_set() -> None:
    """Rows that are shuffled are no orders whose lines lie apart now and then."""
    rows = [(f"C{i % 7}", str(i), DAY, 5) for i in range(2_000)]
    assert not _refused(_frame(rows + rows[:90]), APART, SHORT)
    shrink = reducers.shrink("customer", frozenset({APART, SHORT}), by_rows=True, order=order_key(True))
    with pytest.raises(NotHereError, match=APART):
        list(shrink.stream(iter([_frame(rows + rows)])))


def test_numbered_orders_keep_their_order() -> None:
    orders = sorted(
        ["8", "10", "9", "12345678", "O9", "O10", "é"], key=lambda text: (len(text.encode()), text)
    )
    assert reducers.numbered(pl.DataFrame({"order": orders}))["order"].is_sorted()
    assert reducers.numbered(pl.DataFrame({"order": orders[:0]}, schema={"order": pl.String})).height == 0


def _passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    used = Files._used

    def counted(self: Files, *args: Any, **named: Any) -> Iterator[pl.DataFrame]:
        seen.append("pass")
        return used(self, *args, **named)

    monkeypatch.setattr(Files, "_used", counted)
    return seen


def _write(path: Path, orders: list[str], last_customer: str) -> None:
    rows = [f"C{i % 7},{order},2024-01-{i % 28 + 1:02},{i % 50 + 1}.50" for i, order in enumerate(orders)]
    rows.append(f"{last_customer},{len(orders) + 1},2024-02-01,9.99")
    path.write_text("customer,order,date,amount\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize(
    ("orders", "last", "passes"),
    [
        ([str(i + 1) for i in range(300)], "C1", 1),
        ([str(i + 1) for i in range(300)] + ["7"], "C1", 2),  # an old order at the end of the file
        ([str(i + 1) for i in range(300)], "a long name", 2),
        ([str(i + 1) for i in range(300)] + ["7"], "a long name", 3),
    ],
)
def test_a_file_that_is_different_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: list[str], last: str, passes: int
) -> None:
    monkeypatch.setattr(infer, "SAMPLE_ROWS", 100)
    _write(tmp_path / "sales.csv", orders, last)
    seen = _passes(monkeypatch)
    sales = crmkit.read(str(tmp_path / "sales.csv"))
    found = customers.build(sales, {"orders"})
    assert len(seen) == passes
    rows = pl.read_csv(tmp_path / "sales.csv", schema_overrides={"order": pl.String})
    expected = rows.group_by("customer").agg(pl.col("order").n_unique().cast(pl.Int64).alias("orders"))
    assert found.select("customer", "orders").equals(expected.sort("customer"))
    assert sales.account_of_answer is not None
    assert sales.account_of_answer.rows_used == rows.height


def test_what_the_first_rows_show_needs_no_second_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [f"7d565ffb-{i * 7919 % 300:03}" for i in range(300)]
    _write(tmp_path / "sales.csv", orders, "a long name")
    seen = _passes(monkeypatch)
    found = customers.build(crmkit.read(str(tmp_path / "sales.csv")), {"orders"})
    assert len(seen) == 1
    assert found["orders"].sum() == 301


def test_a_pipe_begins_again_as_well(tmp_path: Path) -> None:
    orders = [str(i + 1) for i in range(60_000)]
    _write(tmp_path / "one.csv", orders, "C1")
    _write(tmp_path / "late.csv", [*orders, "7"], "a long name")
    for name in ("one.csv", "late.csv"):
        source = sources.spooled((tmp_path / name).open("rb"), "a pipe")
        found = customers.build(load([source], Options()), {"orders"})
        again = customers.build(crmkit.read(str(tmp_path / name)), {"orders"})
        assert found.equals(again)


def test_two_readers_of_a_pipe_do_not_move_each_other() -> None:
    source = sources.spooled(io.BytesIO(b"a,b\n" + bytes(range(48, 58)) * 10), "a pipe")
    one, other = source.raw(), source.raw()
    assert one.read(6) == other.read(6)
    assert other.seek(-2, io.SEEK_END) == 102
    assert source.size == 104
    assert (one.read(4), other.read()) == (b"2345", b"89")
    assert one.tell() == 10
