"""Texts are put in order by numbers as Python sorts their bytes, whatever they begin with and share."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.engine import counts, text_order

_PIECES = st.sampled_from(["", "a", "b", "aa", "é", "日本", "abcdefgh", "CUST-0000001", "~", "Z", "\0"])
_TEXTS = st.lists(st.lists(_PIECES, max_size=4).map("".join), max_size=14)
_VALUES = st.sampled_from([None, -3, 0, 1, 2, 10**17])


def _by_hand(values: list[int | None], texts: list[str]) -> list[int]:
    def place(row: int) -> tuple[bool, int, bytes, int]:
        value = values[row]
        return value is None, -(value or 0), texts[row].encode(), row

    return sorted(range(len(texts)), key=place)


@given(_TEXTS, st.booleans())
def test_texts_alone(texts: list[str], same_beginning: bool) -> None:
    ids = pl.Series("id", ["order-" * same_beginning + text for text in texts], dtype=pl.String)
    expected = _by_hand([0] * len(texts), ids.to_list())
    assert text_order.row_order(ids).to_list() == expected
    if "\0" in "".join(texts):  # which no id that is read has
        return
    assert [texts[row] for row in counts.row_order_by_id(ids)] == [texts[row] for row in expected]


@pytest.mark.parametrize("many", [1, 2, 5, text_order._MANY])
@given(_TEXTS, st.data(), st.sampled_from([pl.Int64, pl.Float64]))
def test_equal_values_by_text(
    many: int, texts: list[str], data: st.DataObject, kind: type[pl.DataType]
) -> None:
    """Whether all are put in order at once or a few at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_order, "_MANY", many)
        patch.setattr(text_order, "_FEW", 1 if many < 9 else text_order._FEW)
        _check_equal_values(texts, data, kind)


def _check_equal_values(texts: list[str], data: st.DataObject, kind: type[pl.DataType]) -> None:
    values = data.draw(st.lists(_VALUES, min_size=len(texts), max_size=len(texts)))
    frame = pl.DataFrame(
        {"id": pl.Series(texts, dtype=pl.String), "value": pl.Series(values, dtype=pl.Int64)}
    )
    listed = counts.largest_first(frame.with_columns(pl.col("value").cast(kind)), "value", "id")
    assert listed["id"].to_list() == [texts[row] for row in _by_hand(values, texts)]


def test_too_many_to_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_order, "_MOST", 10)
    ids = pl.Series([f"{i * 7919 % 100:05}-{i % 3}" for i in range(100)])
    assert text_order.row_order(ids).to_list() == ids.arg_sort().to_list()
