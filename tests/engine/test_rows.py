"""Rows in pieces are the same rows, and places found from few columns are the order of all."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import customers, pareto, rfm
from crmkit.engine import rows
from crmkit.engine.counts import by_value
from crmkit.engine.rows import Counted, LocalRows
from crmkit.result import Result
from tests.tool import SALES, crmkit

N = 1000
COUNTED = Counted(by=["kind"], sums=["worth"], least=["day"], most=["number"])


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MANY", 50)
    monkeypatch.setattr(rows, "_PIECE", 37)


def table() -> pl.DataFrame:
    number = pl.int_range(N, eager=True)
    draw = number.hash(2)
    return pl.DataFrame({"number": number, "draw": draw}).select(
        "number",
        customer=pl.format("K{}", pl.col("draw") % 10_000 * 1000 + pl.col("number")),
        kind=pl.when(pl.col("draw") % 7 > 0).then(pl.format("kind {}", pl.col("draw") % 5)),
        worth=(pl.col("draw") % 101).cast(pl.Int64).cast(pl.Decimal(38, 2)),
        day=pl.lit(date(2024, 1, 1)) + pl.duration(days=pl.col("draw") % 300),
    )


def doubled(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(number=pl.col("number") * 2, customer=pl.col("customer") + "x")


def few(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("number") % 10 < 4)


def answers() -> list[pl.DataFrame]:
    made = LocalRows(table()).by_row(doubled)
    order = by_value("worth", "customer")
    return [
        made.frame(),
        made.counts(COUNTED),
        made.counts(Counted(sums=["worth"])),
        made.ordered_by(order).frame(),
        made.by_row(few).ordered_by(order).frame(),
        made.ordered_by(partial(pl.DataFrame.sort, by="number", descending=True)).frame(),
        made.schema.to_frame(),
        LocalRows(table().clear()).by_row(few).ordered_by(order).frame(),
    ]


def test_an_order_is_for_whoever_looks_at_all_rows() -> None:
    order = by_value("worth", "customer")
    expected = table().sort("worth", "customer", descending=[True, False])
    for made in (LocalRows(table()).ordered_by(order), LocalRows(table()).ordered_by(order).prefetch_order()):
        listed = made.map_in_order(doubled).map_in_order(few)
        assert listed.frame().equals(few(doubled(expected)))
        assert pl.concat(listed.batches(7)).equals(few(doubled(expected)))
        assert made.frame().equals(expected)
        assert listed.counts(COUNTED).equals(LocalRows(few(doubled(table()))).counts(COUNTED))
        assert listed.schema == doubled(expected).schema
        assert made.by_row(few).frame().equals(few(table()))
        assert made.by_key("kind", few).frame().equals(few(table()))
        other = by_value("number", "customer")
        assert made.ordered_by(other).frame().equals(table().sort("number", descending=True))


def test_a_long_table_is_made_when_it_is_asked_for() -> None:
    asked = list[int]()

    def noted(frame: pl.DataFrame) -> pl.DataFrame:
        asked.append(frame.height)
        return frame

    order = by_value("worth", "customer")
    listed = LocalRows(table()).ordered_by(order).map_in_order(noted)
    result = Result(command="test", tables={"short": table().head(1)}).with_detail("long", listed)
    assert list(result.tables) == ["short", "long"]
    assert "long" in result.tables and len(result.tables) == 2
    assert list(result.summary) == ["short"]
    assert list(result.only("long").tables) == ["long"]
    assert asked == []
    pieces = list(result.only("long").batches("long", 300))
    assert asked == [300, 300, 300, 100]
    assert result.tables["long"] is result.tables["long"]
    assert asked[4:] == [N]
    assert pl.concat(pieces).equals(result.tables["long"])
    assert [piece.height for piece in result.batches("long", 600)] == [600, 400]
    assert [piece.height for piece in result.batches("short", 600)] == [1]


def test_pieces_make_no_difference(request: pytest.FixtureRequest) -> None:
    whole = answers()
    request.getfixturevalue("in_pieces")
    assert len(list(LocalRows(table())._pieces())) == -(-N // 37)
    for here, there in zip(whole, answers(), strict=True):
        assert here.equals(there, null_equal=True)
        assert here.schema == there.schema
    assert whole[3].equals(doubled(table()).sort("worth", "customer", descending=[True, False]))


@pytest.mark.parametrize("command", ["rfm", "pareto", "customers"])
def test_the_same_export_in_pieces(command: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    paths = tmp_path / "whole.parquet", tmp_path / "pieces.parquet"
    screen = crmkit(command, SALES, "-o", paths[0])
    request.getfixturevalue("in_pieces")
    assert crmkit(command, SALES, "-o", paths[1]) == screen
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_result_in_pieces_holds_frames(in_pieces: None) -> None:
    frame = pl.DataFrame({"customer": [f"K{i:03}" for i in range(200)]}).with_columns(
        last=pl.lit(date(2024, 1, 1)),
        orders=pl.lit(1, dtype=pl.Int64),
        revenue=pl.int_range(200).cast(pl.Decimal(38, 2)),
        recency=pl.int_range(200),
    )
    for result in (rfm.analyse(frame), pareto.analyse(frame)):
        listed = result.tables["customers"]
        assert listed["customer"].to_list() == frame["customer"].reverse().to_list()


IDS = st.lists(
    st.one_of(st.none(), st.text("aB9é€\U0001f600- ", max_size=12), st.integers().map("C{:08}".format)),
    max_size=30,
    unique=True,
)


@given(IDS)
def test_ids_in_the_order_of_their_bytes(ids: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"customer": ids, "place": range(len(ids))}, schema_overrides={"customer": pl.String}
    )
    expected = sorted(ids, key=lambda name: (name is not None, (name or "").encode()))
    assert customers.by_id()(frame)["customer"].to_list() == expected


@given(st.lists(st.integers(0, 10**8 - 1), unique=True, min_size=1), st.sampled_from(["", "C", "customer "]))
def test_ids_that_begin_alike(numbers: list[int], begin: str) -> None:
    frame = pl.DataFrame({"customer": [f"{begin}{number:08}" for number in numbers]})
    expected = [f"{begin}{number:08}" for number in sorted(numbers)]
    assert customers.by_id()(frame)["customer"].to_list() == expected
