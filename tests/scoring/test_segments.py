from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import DataError, UsageError
from crmkit.scoring.segments import NAMED, Rule, SegmentMap, cells, codes, load


def written(path: Path, text: str) -> SegmentMap:
    path.write_text(text, encoding="utf-8")
    return load(str(path))


def test_named_maps_give_every_cell_one_segment() -> None:
    sizes = {
        name: list(Counter(cells(NAMED[name], (5, 5, 5)).values()).values()) for name in ("rf10", "rfm11")
    }
    assert sum(sizes["rf10"]) == sum(sizes["rfm11"]) == 125
    assert len(sizes["rf10"]) == 10
    found = Counter(cells(NAMED["rfm11"], (5, 5, 5)).values())
    assert [found[name] for name in NAMED["rfm11"].segments] == [7, 8, 24, 7, 16, 8, 8, 22, 8, 11, 6]
    assert set(Counter(cells(NAMED["cn8"], (2, 2, 2)).values()).values()) == {1}


def test_rf10_reads_r_and_f_alone() -> None:
    named = cells(NAMED["rf10"], (5, 5, 2))
    expected = {
        (5, 5): "Champions",
        (3, 4): "Loyal",
        (4, 1): "Promising",
        (5, 1): "New",
        (1, 5): "Can't Lose",
    }
    for (r, f), segment in expected.items():
        assert named[100 * r + 10 * f + 1] == named[100 * r + 10 * f + 2] == segment


def test_a_map_covers_only_the_bins_it_is_made_for(tmp_path: Path) -> None:
    assert NAMED["rf10"].covers((5, 5, 3))
    assert not NAMED["rf10"].covers((5, 4, 5))
    assert not NAMED["rfm11"].covers((5, 5, 4))
    assert written(tmp_path / "all.csv", "segment,r,f,m\nall,*,*,*\n").covers((2, 7, 9))


@given(st.tuples(*[st.integers(1, 9)] * 3), st.data())
def test_cutting_one_axis_anywhere_leaves_no_gap_and_any_doubled_score_overlaps(
    bins: tuple[int, int, int], data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, bins[0]))
    low, high = f"1-{at}", "".join(map(str, range(at + 1, bins[0] + 1)))
    rules = [Rule("low", low, "", "*")] + ([Rule("high", high, "*")] if high else [])
    found = cells(SegmentMap("x", tuple(rules)), bins)
    assert sorted(found) == codes(bins)
    assert all(name == ("low" if code // 100 <= at else "high") for code, name in found.items())
    with pytest.raises(DataError, match=f"{bins[1] * bins[2]} cells have more than one: {at}11 "):
        cells(SegmentMap("x", (*rules, Rule("again", str(at), "*"))), bins)


def test_gaps_and_overlaps_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    text = "segment,r,f,m\ngood,3,2-3,\nbest,3,3,3\nbad,1,,\n"
    with pytest.raises(DataError) as caught:
        cells(written(path, text), (3, 3, 3))
    assert str(caught.value) == (
        f"The segment map {path} does not fit 3,3,3 scores of R, F and M. "
        "12 cells have no segment: 211, 212, 213, 221, 222, 223, 231, 232, …. "
        "1 cells have more than one: 333 (good and best). "
        "Give every cell to exactly one segment; * stands for any score."
    )


def test_files_as_spreadsheets_write_them(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_bytes("\ufeffM;R;F;Segment\r\n*;12;*;Früh, spät\r\n;3;;后\r\n".encode())
    assert Counter(cells(load(str(path)), (3, 1, 1)).values()) == {"Früh, spät": 2, "后": 1}
    assert load(str(path)).segments == ["Früh, spät", "后"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header"),
        ("segment,r,m\nall,*,*\n", "needs a header with segment, r, f and m; it has 'segment,r,m'"),
        ("segment,r,f\n,*,*\n", "in line 2"),
        ("segment,r,f\nall,*,*\nrefund only,1,1\n", "'refund only' is taken"),
        ("segment,r,f\nall,6,*\n", "scores from 1 to 5"),
        ("segment,r,f\nall,2-1,*\n", "'2-1'"),
        ("segment,r,f\nall,0,*\n", "'0'"),
        ("segment,r,f\nall,1 2,*\n", "'1 2'"),
        ("segment,r,f\nall,__import__('os'),*\n", "__import__"),
        ("segment,r,f\n", "125 cells have no segment"),
    ],
)
def test_files_that_are_no_map(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(").replace(")", r"\)")):
        cells(written(tmp_path / "map.csv", text), (5, 5, 5))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_bytes("segment,r,f\n客户,*,*\n".encode("gb18030"))
    with pytest.raises(DataError, match="cannot be read"):
        load(str(path))
    with pytest.raises(UsageError, match="no segment map"):
        load(str(tmp_path))


def test_the_documentation_shows_the_maps_as_they_are(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rfm.md").read_text(encoding="utf-8")
    named = cells(NAMED["rf10"], (5, 5, 1))
    for r in range(1, 6):
        row = " | ".join([str(r), *(named[100 * r + 10 * f + 1] for f in range(1, 6))])
        assert f"| {row} |" in page
    for code, segment in cells(NAMED["cn8"], (2, 2, 2)).items():
        assert f"| {' '.join(str(code))} | {segment} |" in page
    example = page[page.index("    segment,") :].split("\n\n")[0]
    found = cells(
        written(tmp_path / "map.csv", "\n".join(line[4:] for line in example.splitlines())), (5, 5, 5)
    )
    assert set(found.values()) == {"best", "big spenders gone quiet", "recent", "gone"}
