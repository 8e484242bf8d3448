"""Pictures as files: well-formed, self-contained, said in words, the same each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import UsageError
from crmkit.language import catalogue
from crmkit.output.charts import of_tables, shapes, svg
from crmkit.output.charts.of_answers import PICTURES, inline, picture_of
from crmkit.result import Result
from tests import every_command
from tests.every_command import EVERY
from tests.tool import SALES, crmkit, process

NAME = "{http://www.w3.org/2000/svg}"
FAST = {
    "migration": f"migration {SALES} --from 2024-06-30 --of tier",
    "clv": f"clv {SALES} --model mbgnbd --by tier",
    "backtest": f"backtest {SALES} --split 2024-06-30 --model nbd --calendar off",
}
WITHOUT = {"ledger", "layouts", "report", "run", "config"}  # what refuses; sql and sample have no --plot
NUMBERS = st.floats(-1e12, 1e12)


@pytest.mark.parametrize("command", PICTURES)
def test_each_answer_has_its_picture(command: str, tmp_path: Path) -> None:
    drawn = []
    line = FAST[command].split() if command in FAST else every_command.words(command, SALES)
    for name in ("a.svg", "b.svg")[: 1 if command in of_tables.TABLES else 2]:
        crmkit(*line, "--plot", tmp_path / name, "-q")
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[-1]
    root = ET.fromstring(drawn[0])
    assert root.tag == f"{NAME}svg"
    title, words = root.findtext(f"{NAME}title"), root.findtext(f"{NAME}desc")
    assert title
    assert any(char.isdigit() for char in words or "")
    assert b"<script" not in drawn[0]
    assert drawn[0].count(b"http") == 1  # the name of the language


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    done = process("layouts", "--plot", tmp_path / "x.svg")
    assert done.code == 2
    assert "crmkit pareto FILE --plot picture.svg" in done.err
    assert process("pareto", SALES, "--plot", tmp_path / "x.pdf").code == 2
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_drawn_or_refuses() -> None:
    assert PICTURES.keys() | WITHOUT | {"sql", "sample"} == EVERY.keys()
    for command in WITHOUT:
        with pytest.raises(UsageError, match=f"no picture of {command}: "):
            picture_of(Result(command=command, tables={}))


ROWS = [(command, one) for command, known in of_tables.TABLES.items() for one in known]


@pytest.mark.parametrize(("command", "one"), ROWS, ids=[f"{command}-{one.title}" for command, one in ROWS])
def test_each_table_is_drawn_with_hostile_names(command: str, one: of_tables.Drawn) -> None:
    hostile = ["</title><script>alert(1)</script>", 'a" onload="x', "\u202e&amp;"]
    columns = {one.value, one.beside, one.strength, *(one.interval or ())} - {""}
    table = pl.DataFrame(
        {name: hostile for name in one.names if name} | {name: [0.25, -0.5, None] for name in columns}
    )
    with catalogue.speaking("zh"):
        assert catalogue.phrase(one.title) != one.title
        picture = picture_of(Result(command=command, tables={one.table: table}), one.table)
    root = ET.fromstring(svg.document(picture))
    kinds = {element.tag.removeprefix(NAME) for element in root.iter()}
    assert kinds <= {"svg", "title", "desc", "style", "rect", "text", "g", "line", "circle"}
    assert all(not key.startswith("on") for element in root.iter() for key in element.attrib)
    assert any(char.isdigit() for char in picture.words)
    empty = picture_of(Result(command=command, tables={one.table: table.clear()}))
    assert "nothing to draw" in empty.words


def test_rows_stand_by_strength_and_names_that_tell_nothing_are_left_out() -> None:
    table = pl.DataFrame({"segment": ["A"] * 3, "measure": ["x", "y", "z"], "v_test": [1.0, -3.0, 2.0]})
    words = picture_of(Result(command="profile", tables={"numbers": table})).words
    assert words == "y: -3.0; z: 2.0; x: 1.0."


def test_customers_are_counted_by_the_month_of_their_first_order() -> None:
    days = pl.Series(["2024-01-03", "2024-03-01", "2024-01-31", None]).str.to_date()
    result = Result(command="customers", tables={"customers": pl.DataFrame({"first": days})})
    assert picture_of(result).words == "2024-01: 2; 2024-03: 1."


def test_a_notebook_goes_without_what_cannot_be_drawn() -> None:
    assert inline(Result(command="basket", tables={"suggested": pl.DataFrame({"product": ["a"]})})) == ""


@pytest.mark.parametrize("command", ["customers", "score"])
def test_customers_on_a_cluster_are_not_fetched_to_be_drawn(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(Result, "is_elsewhere", True)
    result = Result(command=command, tables={})
    assert inline(result) == ""
    with pytest.raises(UsageError, match="lie on the cluster"):
        picture_of(result)


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
