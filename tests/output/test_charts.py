"""Pictures as files: well-formed, self-contained, said in words, the same each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.output.charts import shapes, svg
from crmkit.output.charts.of_answers import PICTURES
from tests.tool import SALES, crmkit, process

NAME = "{http://www.w3.org/2000/svg}"
OPTIONS = {
    "migration": ["--from", "2024-06-30", "--of", "tier"],
    "clv": ["--model", "mbgnbd", "--by", "tier"],
}
NUMBERS = st.floats(-1e12, 1e12)


@pytest.mark.parametrize("command", PICTURES)
def test_each_answer_has_its_picture(command: str, tmp_path: Path) -> None:
    drawn = []
    for name in ("a.svg", "b.svg"):
        crmkit(command, SALES, *OPTIONS.get(command, []), "--plot", tmp_path / name, "-q")
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]
    root = ET.fromstring(drawn[0])
    assert root.tag == f"{NAME}svg"
    title, words = root.findtext(f"{NAME}title"), root.findtext(f"{NAME}desc")
    assert title
    assert any(char.isdigit() for char in words or "")
    assert b"<script" not in drawn[0]
    assert drawn[0].count(b"http") == 1  # the name of the language


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    done = process("deviation", SALES, "--plot", tmp_path / "x.svg")
    assert done.code == 2
    assert "There is one of pareto" in done.err
    assert process("pareto", SALES, "--plot", tmp_path / "x.pdf").code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_png(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    crmkit("pareto", SALES, "--plot", tmp_path / "x.png", "-q")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@given(st.lists(st.tuples(st.text(max_size=40), NUMBERS), max_size=8))
def test_any_bars_are_well_formed(rows: list[tuple[str, float]]) -> None:
    picture = shapes.bars("<t>", "&", [shapes.Bar(name, value, f"{value:g}") for name, value in rows])
    root = ET.fromstring(svg.document(picture))
    for box in root.iter(f"{NAME}rect"):
        assert float(box.attrib["width"]) >= 0
    assert root.findtext(f"{NAME}title") == "<t>"


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.data())
def test_any_line_keeps_to_its_frame(values: list[float], data: st.DataObject) -> None:
    band = data.draw(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=3))
    names = [str(place) for place in range(len(values) + len(band))]
    picture = shapes.line("t", "w", names, [*values, *[None] * len(band)], [*[None] * len(values), *band])
    root = ET.fromstring(svg.document(picture))
    for line in root.iter(f"{NAME}path"):
        numbers = line.attrib["d"].lstrip("M").replace("L", " ").split()
        assert all(-0.1 <= float(y) <= picture.height + 0.1 for y in numbers[1::2])


@given(st.floats(0, 1e15), st.floats(-1e15, 0))
def test_marks_enclose_the_values(top: float, low: float) -> None:
    marks = svg.steps(top, low)
    slack = 1e-6 * (top - low) + 1e-290
    assert marks[0] <= low + slack
    assert marks[-1] >= top - slack
    assert len(marks) <= 8
