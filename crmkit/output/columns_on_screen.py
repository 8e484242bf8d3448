"""A table as it is drawn: headers that people read, parts beside their numbers, what fits the window."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from crmkit import columns
from crmkit.language.catalogue import current, label, named, phrase
from crmkit.language.safe_text import safe
from crmkit.output import cells, pictures

if TYPE_CHECKING:
    import polars as pl

GAP = "  "
BAR = 16
# Columns whose values are words of ours, and not names of the user's.
_WORDS = frozenset(
    {
        "segment",
        "tier",
        "status",
        "stage",
        "move",
        "from",
        "to",
        "action",
        "outcome",
        "measure",
        "metric",
        "direction",
        "role",
        "method",
        "aspect",
        "account",
        "better",
        "strategy",
        "seems",
        "model",
        "rule",
        "verdict",
        "cohort",
        "trait",
        "section",
        "why",
    }
)
_UPRIGHT_FROM = 5


@dataclass(frozen=True)
class Column:
    """A column as it will be drawn: text, and a shade for each cell of a heat map."""

    header: str
    texts: list[str]
    right: bool = False
    shades: list[pictures.Shade | None] | None = None
    name: str = ""

    @cached_property
    def width(self) -> int:
        """The cells of a terminal that the widest line takes: two for a Chinese character."""
        return max(map(cell_count, "\n".join([self.header, *self.texts]).split("\n")))

    def padded(self, text: str) -> str:
        """`text` filled up to the width of the column, line by line."""
        if "\n" in text:
            return "\n".join(map(self.padded, text.split("\n")))
        blanks = " " * (self.width - cell_count(text))
        return blanks + text if self.right else text + blanks

    @property
    def lines(self) -> list[str]:
        """The header, line by line."""
        return self.header.split("\n")

    def wrapped(self) -> Column:
        """The same with a header that is broken where it is wider than the cells."""
        cells = "\n".join(self.texts).split("\n")
        room = max([0, *map(cell_count, cells), *map(cell_count, self.header.split())])
        lines = [""]
        for word in self.header.split():
            longer = f"{lines[-1]} {word}".strip()
            lines = [*lines[:-1], longer] if cell_count(longer) <= room else [*lines, word]
        return replace(self, header="\n".join(lines))


def cell_count(text: str) -> int:
    """The cells of a terminal that a text takes."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def width_of(drawn: Sequence[Column]) -> int:
    """The cells that columns take beside each other."""
    return sum(column.width for column in drawn) + len(GAP) * (len(drawn) - 1)


def columns_of(frame: pl.DataFrame, picture: str, word: str, *, shaded: bool) -> list[Column]:
    """Every column of a table, a part such as `customers_share` in the cell of what it is a part of."""
    heated = _heated(frame, word) if picture == "heat" else []
    shades = _shades(frame.select(heated)) if shaded else {}
    drawn: list[Column] = []
    before = ""
    for column in frame:
        kind = (word or "count") if column.name in heated and not _is_known(column) else None
        texts = cells.shown(column, kind)
        if column.name in _WORDS:
            texts = [safe(named(value)) if value else "" for value in column.cast(str).to_list()]
        shade = shades.get(column.name)
        # A grid has words of ours above its columns, too: the segments that customers moved to.
        head = header(column.name) if picture != "heat" or current() == "en" else named(column.name)
        one = Column(safe(head), texts, cells.is_number(column), shade, column.name)
        if picture != "heat" and _is_part_of(column.name, before):
            drawn[-1] = _beside(drawn[-1], one)
        else:
            drawn.append(one)
        before = column.name
    return drawn


def header(name: str) -> str:
    """A column's name as people read it; a user's own column keeps its name."""
    return label(name) if name in columns.COLUMNS else name


def _is_part_of(name: str, before: str) -> bool:
    return name == f"{before}_share" or (name == "share" and before == "customers")


def _beside(number: Column, part: Column) -> Column:
    texts = [f"{a}{b.rjust(part_width(part))}" for a, b in zip(_padded(number), part.texts, strict=True)]
    return replace(number, texts=[text if text.strip() else "" for text in texts])


def part_width(part: Column) -> int:
    """A blank and the widest percentage."""
    return 1 + max(map(len, part.texts), default=0)


def _padded(column: Column) -> list[str]:
    width = max(map(cell_count, column.texts), default=0)
    return [text.rjust(width) for text in column.texts]


def bars(frame: pl.DataFrame, word: str, *, ascii_only: bool, room: int | None) -> list[Column]:
    """A column without a header: the share `word`, or the first one, as bars; none where there is no room."""
    names = [word] if word else [c for c in frame.columns if columns.kind(c) == "share"]
    width = BAR if room is None else min(BAR, room - len(GAP))
    if not names or not frame.height or width < 6:
        return []
    values = [value or 0.0 for value in floats(frame[names[0]])]
    top = max(values)
    parts = [value / top if top > 0 else 0.0 for value in values]
    return [Column("", [pictures.bar(part, width, ascii_only=ascii_only) for part in parts])]


def is_upright(frame: pl.DataFrame) -> bool:
    """Whether a table of one row stands up: a line for each column."""
    return frame.height == 1 and frame.width >= _UPRIGHT_FROM


def upright(frame: pl.DataFrame, width: int | None = None) -> list[Column]:
    """One row as lines of name, value and, where the table has it, the interval in brackets; its ends are lines where that is too wide."""
    drawn = _stood_up(frame, apart=False)
    return drawn if width is None or width_of(drawn) <= width else _stood_up(frame, apart=True)


def _stood_up(frame: pl.DataFrame, *, apart: bool) -> list[Column]:
    texts = {column.name: cells.shown(column)[0] for column in frame}
    ends = {name: ("", "") if apart else _ends(name, texts) for name in texts}
    taken = {end for pair in ends.values() for end in pair}
    names = [name for name in texts if name not in taken]
    ranges = [
        phrase("({low} to {high})", low=texts[low], high=texts[high]) if low else ""
        for low, high in map(ends.__getitem__, names)
    ]
    drawn = [
        Column("", [safe(header(name)) for name in names]),
        Column("", [texts[name] for name in names], right=True),
    ]
    return [*drawn, Column("", ranges)] if any(ranges) else drawn


def _ends(name: str, texts: dict[str, str]) -> tuple[str, str]:
    """The columns that hold the interval of another one, or two empty names."""
    for stem in (name, name.removeprefix("expected_"), name.removesuffix("_clv")):
        if f"{stem}_low" in texts and f"{stem}_high" in texts:
            return f"{stem}_low", f"{stem}_high"
    return "", ""


_SENTENCE = re.compile(r".*?(?:[.?!](?=\s)|[。？！])", re.DOTALL)


def beginning(text: str) -> str:
    """The first sentence, which no point within a number ends."""
    found = _SENTENCE.match(text)
    return found[0] if found else text


def floats(column: pl.Series) -> list[float | None]:
    """The numbers of a column, with None for whatever cannot be drawn."""
    return [v if v is not None and math.isfinite(v) else None for v in column.cast(float).to_list()]


def _is_known(column: pl.Series) -> bool:
    return column.name in columns.COLUMNS


def _heated(frame: pl.DataFrame, word: str) -> list[str]:
    """The columns of the map: the numbers after the first column, of the kind `word` if one is named."""
    return [
        column.name
        for column in frame.get_columns()[1:]
        if cells.is_number(column) and not (word and _is_known(column) and columns.kind(column.name) != word)
    ]


def _shades(frame: pl.DataFrame) -> dict[str, list[pictures.Shade | None]]:
    """A shade for each number but 0, on one scale for the whole map: nothing is no colour, on any ground."""
    numbers = {column.name: floats(column) for column in frame}
    known = [value for values in numbers.values() for value in values if value is not None]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    return {
        name: [None if not value else pictures.shade((value - low) / span) for value in values]
        for name, values in numbers.items()
    }


def plain_lines(drawn: Sequence[Column], *, rule: str) -> Iterator[str]:
    """The look of a Rich table without Rich, which needs a millisecond for a row: for long listings."""
    deep = max(len(column.lines) for column in drawn)
    heads = [[*[""] * (deep - len(column.lines)), *column.lines] for column in drawn]
    for line in zip(*heads, strict=True):
        yield GAP.join(column.padded(text) for text, column in zip(line, drawn, strict=True)).rstrip()
    yield rule * width_of(drawn)
    for row in zip(*(column.texts for column in drawn), strict=True):
        yield GAP.join(column.padded(text) for text, column in zip(row, drawn, strict=True)).rstrip()
