"""The quick reader gives what the careful one gives, and hands over whatever is not plain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmkit.errors import DataError
from crmkit.load import load
from crmkit.load.csv import careful, dialect, plain, utf8
from crmkit.load.find import sources
from crmkit.load.inputs import Input, StreamFlags

HEADER = ("customer", "date", "amount")
_CELLS = st.sampled_from(
    ["", "a", "1.5", " b ", "é", "日本", '"q"', '"a,b"', '"', "x\ty", "\x00", "2024-01-31", "NULL", "#"]
)
_ROWS = st.lists(st.lists(_CELLS, min_size=1, max_size=4).map(",".join), max_size=8)
_PLAIN = st.lists(
    st.lists(st.sampled_from(["", "a", "é", "7"]), min_size=3, max_size=3).map(",".join), max_size=12
)
_ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def _opened(path: Path, data: bytes, *, header: bool = True) -> Input:
    path.write_bytes(data or b"\n")
    source = sources.find([str(path)])[0]
    return Input(source, HEADER, dialect.Dialect("utf-8", ",", int(header), HEADER))


def _read(opened: Input) -> tuple[Any, ...]:
    """The rows, what was watched, or why nothing came of it."""
    watch = StreamFlags()
    try:
        frames = list(careful.read(replace(opened, quotes_checked=False), HEADER, watch))
    except DataError as error:
        return ("refused", str(error).split(" rows ")[-1])
    rows = pl.concat(frames).rows() if frames else []
    ragged = [(bad.record, bad.expected, bad.actual, bad.text) for bad in watch.ragged]
    return rows, ragged, watch.ends_in_newline, watch.nul, watch.quotes


def _carefully(opened: Input, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    with monkeypatch.context() as patch:
        patch.setattr(plain.Plain, "read", lambda *_: iter(()))
        return _read(opened)


@given(st.one_of(_ROWS, _PLAIN), _ENDS, st.booleans(), st.booleans(), st.sampled_from([5, 16, 1 << 21]))
@example(["a,b,c", "a,b", "a,b,c,d"], "\n", True, True, 1 << 21)  # one delimiter too few, and one too many
@example(["a,b,c", "", "a,b,c"], "\n", True, True, 5)
@example(["a,b,c", "a,b,c"], "\r\n", False, False, 5)
def test_the_same_as_the_careful_reader(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str, last: bool, header: bool, piece: int
) -> None:
    lines = [*([",".join(HEADER)] if header else []), *rows]
    data = (end.join(lines) + (end if last else "")).encode()
    opened = _opened(tmp_path_factory.mktemp("csv") / "sales.csv", data, header=header)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utf8, "PIECE", piece)
        assert _read(opened) == _carefully(opened, patch)


def test_a_mark_at_the_beginning_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = _opened(tmp_path / "sales.csv", b"\xef\xbb\xbfa,b,c\nd,e,f\n", header=False)
    assert _read(opened)[0] == _carefully(opened, monkeypatch)[0] == [("a", "b", "c", 0), ("d", "e", "f", 1)]


def _careful_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows have come before whenever PyArrow takes over."""
    seen: list[int] = []
    reader = careful._reader

    def noted(*args: Any, **more: Any) -> Any:
        seen.append(more["before"])
        return reader(*args, **more)

    monkeypatch.setattr(careful, "_reader", noted)
    return seen


@pytest.mark.parametrize(
    ("odd", "handed_over"),
    [("", 0), ("x,2024-01-01\n", 1), ('"x",2024-01-01,5\n', 1), ("x,2024-01-01,5", 1)],
)
def test_who_reads_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, handed_over: int) -> None:
    monkeypatch.setattr(utf8, "PIECE", 12_000)
    row = "customer,2024-01-01,5\n"
    rows = row * 1000 + odd
    opened = _opened(tmp_path / "sales.csv", f"{','.join(HEADER)}\n{rows}".encode())
    seen = _careful_rows(monkeypatch)
    found, ragged, *_ = _read(opened)
    assert [record for *_, record in found] == list(range(len(found)))
    assert len(found) + len(ragged) == rows.count("\n") + (not rows.endswith("\n"))
    assert len(seen) == handed_over
    assert all(before > 0 for before in seen)


def test_places_of_bad_rows_count_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utf8, "PIECE", 1000)
    rows = ["c,2024-01-01,5"] * 400 + ["c,2024-01-01"] + ["c,2024-01-01,5"] * 10 + ["c,2024-13-01,5"]
    (tmp_path / "sales.csv").write_text("\n".join([",".join(HEADER), *rows, ""]))
    sales = load(str(tmp_path / "sales.csv"))
    sales.scan()
    places = sales.locate(sales.audit.rejects)
    assert sorted(places[bad.file, bad.record][0] for bad in sales.audit.rejects) == ["line 402", "line 413"]
