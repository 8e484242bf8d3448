"""What fits a window: headers broken before text is folded, text folded before a column has to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmkit.language.safe_text import safe
from crmkit.output.columns_on_screen import GAP, Column, width_of
from crmkit.output.window import Window, console_of

_SENTENCE = 48  # cells from which on a text may be folded
_PROSE = 20  # cells from which on folded text can be read
_DEEPEST = 6  # lines of one cell
_LONG = 200  # rows from which on nothing is folded: such tables are drawn line by line


def wrapped(text: str, width: int | None) -> list[str]:
    """`text` in lines that fit the width, broken at blanks, or between Chinese characters."""
    if not text:
        return []
    if width is None:
        return [safe(text)]
    return _lines(safe(text), width)


def _lines(text: str, width: int) -> list[str]:
    from rich.text import Text

    return [line.plain.rstrip() for line in Text(text).wrap(console_of(Window()), width)]


def fitting(
    drawn: list[Column], width: int | None, first: Sequence[str] = (), *, is_grid: bool = False
) -> tuple[list[Column], list[str]]:
    """The columns that fit the width, at least one, and the headers of the others.

    Those named in `first` are kept longest, then those on the left. In a grid whose columns are what its rows are,
    numbers stand for names before a column has to go.
    """
    if width is None or width_of(drawn) <= width:
        return drawn, []
    narrow = [column.wrapped() for column in drawn]
    if is_grid and width_of(narrow) > width:
        narrow = _numbered(narrow)
    ranked = sorted(range(len(drawn)), key=lambda place: _rank(drawn[place].name, place, first))
    for count in range(len(drawn), 0, -1):
        places = sorted(ranked[:count])
        kept = _folded([narrow[place] for place in places], width)
        if count == 1 or width_of(kept) <= width:
            return kept, [column.header for place, column in enumerate(drawn) if place not in places]
    return drawn, []


def _rank(name: str, place: int, first: Sequence[str]) -> tuple[int, int]:
    return (first.index(name) if name in first else len(first), place) if place else (-1, 0)


def _folded(columns: list[Column], width: int) -> list[Column]:
    """The same with sentences on several lines each, if that is enough to fit the width."""
    long = [column for column in columns if not column.right and column.width > _SENTENCE]
    others = [column for column in columns if column not in long]
    if not long or width_of(columns) <= width or len(columns[0].texts) > _LONG:
        return columns
    rest = width - sum(column.width for column in others) - len(GAP) * (len(columns) - 1)
    room = max(rest // len(long), _PROSE)
    folded = {column.name: ["\n".join(_lines(text, room)) for text in column.texts] for column in long}
    if max(text.count("\n") for texts in folded.values() for text in texts) >= _DEEPEST:
        return columns
    return [replace(c, texts=folded[c.name]).wrapped() if c in long else c for c in columns]


def _numbered(columns: list[Column]) -> list[Column]:
    """A grid of moves: its rows numbered, and the numbers in place of the same names above the columns."""
    rows = columns[0].texts
    places = {name: f"{place}" for place, name in enumerate(rows, 1)}
    heads = [" ".join(column.lines) for column in columns[1:]]
    if 2 * sum(head in places for head in heads) <= len(heads):
        return columns
    deep = len(places) // 10 + 1
    named = replace(columns[0], texts=[f"{places[name]:>{deep}} {name}" for name in rows])
    return [
        named,
        *(replace(c, header=places.get(head, c.header)) for c, head in zip(columns[1:], heads, strict=True)),
    ]
