"""Screens of whole commands at 80, 120 and 200 columns: goldens, and what colours and plain ASCII change of them.

`python -m tests.output.test_screens_of_commands` writes the goldens anew.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

import crmkit
from crmkit.language.catalogue import speaking
from crmkit.output import screen
from crmkit.output.screen import Window
from crmkit.result import Result
from tests.tool import SALES

FOLDER = Path(__file__).with_name("screens")
QUESTIONS = ("pareto", "rfm", "cohort", "lifecycle", "customers")
WIDTHS = (80, 120, 200)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@functools.cache
def answer(question: str, language: str = "en") -> Result:
    with speaking(language):
        return getattr(crmkit, question).analyse(crmkit.read(str(SALES)))  # type: ignore[no-any-return]


def text(question: str, language: str = "en", **window: object) -> str:
    result = answer(question, language)
    with speaking(language):
        page = screen.page(replace(result, tables=result.summary), Window(**window))  # type: ignore[arg-type]
    return page.text


def goldens(width: int) -> str:
    parts = [(question, language) for language in ("en", "zh") for question in QUESTIONS]
    return "".join(
        f"$ crmkit {q} --lang {lang}\n{text(q, lang, width=width, height=23)}\n" for q, lang in parts
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_they_are_as_they_were(width: int) -> None:
    assert goldens(width) == (FOLDER / f"{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_colours_change_no_character_and_every_line_fits(question: str, width: int) -> None:
    plain = text(question, width=width)
    for colours in ("standard", "256", "truecolor"):
        styled = _STYLE.sub("", text(question, width=width, color_system=colours))
        assert [line.rstrip() for line in styled.splitlines()] == plain.splitlines()
    lines = [line for line in plain.splitlines() if not line.lstrip().startswith(("next", "crmkit "))]
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("question", QUESTIONS)
def test_with_lc_all_c_rules_and_bars_are_ascii(question: str) -> None:
    table = text(question, width=80, ascii_only=True).split("\n\n", 1)[1]
    assert not {"─", "█", "⣿"} & set(table)


@pytest.mark.parametrize("question", QUESTIONS)
def test_80_by_24_shows_the_answer_and_what_to_type(question: str) -> None:
    lines = text(question, width=80, height=23).splitlines()
    assert len(lines) <= 23
    assert answer(question).headline.startswith(lines[0][:40])
    assert any(line.startswith("next  crmkit ") for line in lines)


if __name__ == "__main__":
    for wide in WIDTHS:
        (FOLDER / f"{wide}.txt").write_text(goldens(wide), encoding="utf-8")
