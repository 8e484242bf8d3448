"""Tables and pictures for the eye: what fits the window, in colour where there is any.

In a pipe or a file a table has its natural width and plain characters; nothing is ever cut short.

A Result's `pictures` say how a table is drawn: `curve` (a line through the first two columns),
`bars` or `bars COLUMN` (a share, or the column named, as bars), `heat` or `heat KIND` (the numbers
after the first column on a scale of colours; KIND is how numbers in columns that the vocabulary
does not know are written), `none` (another table shows the same).
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from crmkit import columns
from crmkit.language.catalogue import phrase
from crmkit.language.safe_text import safe
from crmkit.output import cells, pictures
from crmkit.result import Result

if TYPE_CHECKING:
    import polars as pl

Color = Literal["auto", "always", "never"]

ROWS = 50
# Rich's names for what it detects, and for what its styles take.
_SYSTEMS = {
    "standard": "STANDARD",
    "256": "EIGHT_BIT",
    "truecolor": "TRUECOLOR",
    "windows": "WINDOWS",
}
_ASKS_FOR_COLOR = ("FORCE_COLOR", "TTY_COMPATIBLE")  # wherever the output goes
_GAP = "  "
_CURVE_WIDTH = 60
# The scale and the axis to the left of a curve, and the end of "100%" to its right.
_CURVE_MARGIN = 9


@dataclass(frozen=True)
class Window:
    """What the reader's end can show; `width` is None where nothing limits it."""

    width: int | None = None
    color_system: str | None = None
    ascii_only: bool = False


@dataclass(frozen=True)
class Page:
    """What is to be printed, and `hints` on what is not there for want of room."""

    text: str
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Column:
    """A column as it will be drawn: text, and a shade for each cell of a heat map."""

    header: str
    texts: list[str]
    right: bool = False
    shades: list[pictures.Shade | None] | None = None

    @cached_property
    def width(self) -> int:
        """The cells of a terminal that the widest text takes: two for a Chinese character."""
        return max(map(_cells, [self.header, *self.texts]))

    def padded(self, text: str) -> str:
        """`text` filled up to the width of the column."""
        blanks = " " * (self.width - _cells(text))
        return blanks + text if self.right else text + blanks


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def window(color: Color = "auto", width: int | None = None) -> Window:
    """The window of standard output: NO_COLOR, FORCE_COLOR, COLUMNS, TERM and the locale are honoured."""
    if width is None and sys.stdout.isatty():
        # Not Rich's, which takes a dumb terminal for 80 columns whatever COLUMNS says.
        width = shutil.get_terminal_size().columns
    return Window(width, _color_system(color), _is_ascii_locale())


def _color_system(color: Color) -> str | None:
    """What Rich makes of the terminal. It is not asked about a pipe: it would take longer to import than to answer."""
    asked = any(os.environ.get(name) for name in _ASKS_FOR_COLOR)
    if color == "never" or (color == "auto" and not (asked or sys.stdout.isatty())):
        return None
    from rich.console import Console

    if color == "always":
        return Console(file=sys.stdout, force_terminal=True).color_system or "standard"
    console = Console(file=sys.stdout)
    return None if console.no_color else console.color_system


def _is_ascii_locale() -> bool:
    """LC_ALL=C or LANG=C, although Python itself then carries on in UTF-8."""
    names = [os.environ.get(name) for name in ("LC_ALL", "LANG")]
    if next((name for name in names if name), "") in {"C", "POSIX"}:
        return True
    try:
        "─█⣿".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return True
    return False


def page(result: Result, win: Window, *, limit: int | None = None) -> Page:
    """All tables of `result`, one below the other; `limit` rows of each (default ROWS, 0 for all).

    Of a table whose picture is `none`, because another one shows the same, only the size is told.
    """
    drawing = _Drawing(result, win, ROWS if limit is None else limit)
    drawing.answer()
    told = [name for name in result.tables if len(result.tables) > 1 and result.pictures.get(name) == "none"]
    for place, name in enumerate(name for name in result.tables if name not in told):
        if place:
            drawing.lines.append("")
        drawing.draw(name)
    for name in told:
        rows = _counted(result.tables[name].height, "row")
        drawing.lines.append(f"{safe(name)}: {rows}, which --table {safe(name)} lists")
    drawing.next()
    return Page("\n".join([*drawing.lines, ""]), tuple(drawing.hints))


class _Drawing:
    """A page in the making."""

    def __init__(self, result: Result, win: Window, limit: int) -> None:
        self.result = result
        self.window = win
        self.limit = limit
        self.lines: list[str] = []
        self.hints: list[str] = []

    def answer(self) -> None:
        """Add the headline, and what it is about."""
        for text, style in ((self.result.headline, "bold"), (self.result.context, "dim")):
            self.lines += [self._styled(line, style) for line in wrapped(text, self.window.width)]
        if self.lines:
            self.lines.append("")

    def next(self) -> None:
        """Add the lines to type, which are never broken."""
        if not self.result.next:
            return
        head = phrase("next")
        blank = " " * _cells(head)
        self.lines += [
            "",
            *(f"{blank if i else head}  {safe(line)}" for i, line in enumerate(self.result.next)),
        ]

    def draw(self, name: str) -> None:
        """Add a table, or the picture that stands for it among others."""
        frame = self.result.tables[name]
        several = len(self.result.tables) > 1
        if several or name in self.result.titles:
            self.lines.append(self._styled(safe(self.result.titles.get(name, name)), "bold"))
        if self._picture(name)[0] == "curve" and frame.height:
            self._draw_curve(frame)
            if several:
                self.lines.append(f"{_counted(frame.height, 'point')}: --table {safe(name)} lists them")
                return
        self._draw_table(name, frame)

    def _styled(self, text: str, style: str) -> str:
        if self.window.color_system is None:
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        system = ColorSystem[_SYSTEMS[self.window.color_system]]
        return Style.parse(style).render(text, color_system=system)

    def _picture(self, name: str) -> tuple[str, str]:
        """The picture's name and the word after it, either empty."""
        picture, _, word = self.result.pictures.get(name, "").partition(" ")
        return picture, word

    def _draw_curve(self, frame: pl.DataFrame) -> None:
        width = min(_CURVE_WIDTH, max((self.window.width or 80) - _CURVE_MARGIN, 12))
        self.lines += pictures.curve(_points(frame), width, ascii_only=self.window.ascii_only)
        x, y = map(safe, frame.columns[:2])
        self.lines.append(f"{'':7}across: {x}, up: {y}")

    def _draw_table(self, name: str, frame: pl.DataFrame) -> None:
        shown = frame.head(self.limit) if self.limit else frame
        drawn = self._fitting(name, list(self._columns(name, shown)))
        header = _GAP.join(column.padded(column.header) for column in drawn)
        self.lines.append(self._styled(header.rstrip(), "bold"))
        self.lines.append(("-" if self.window.ascii_only else "─") * _cells(header))
        texts = [self._texts(column) for column in drawn]
        self.lines += [_GAP.join(row).rstrip() for row in zip(*texts, strict=True)]
        if not frame.height:
            self.lines.append("no rows")
        elif shown.height < frame.height:
            self.lines.append(f"{shown.height:,} of {frame.height:,} rows shown")

    def _texts(self, column: _Column) -> list[str]:
        padded = [column.padded(text) for text in column.texts]
        if column.shades is None:
            return padded
        return [
            self._styled(text, f"{shade.ink} on {shade.paper}") if shade else text
            for text, shade in zip(padded, column.shades, strict=True)
        ]

    def _columns(self, name: str, frame: pl.DataFrame) -> Iterator[_Column]:
        picture, word = self._picture(name)
        heated = _heated(frame, word) if picture == "heat" else []
        shades = _shades(frame.select(heated)) if self._has_shades() else {}
        for column in frame:
            kind = (word or "count") if column.name in heated and not _is_known(column) else None
            yield _Column(
                safe(column.name),
                cells.shown(column, kind),
                cells.is_number(column),
                shades.get(column.name),
            )
        if picture == "bars":
            yield from self._bars(frame, word)

    def _has_shades(self) -> bool:
        """Sixteen colours turn a heat map black."""
        return self.window.color_system in {"256", "truecolor"}

    def _bars(self, frame: pl.DataFrame, word: str) -> Iterator[_Column]:
        """A column without a header: the share `word`, or the first one, as bars."""
        names = [word] if word else [c for c in frame.columns if columns.kind(c) == "share"]
        if names and frame.height:
            values = [value or 0.0 for value in _floats(frame[names[0]])]
            top = max(values)
            parts = [value / top if top > 0 else 0.0 for value in values]
            yield _Column("", [pictures.bar(part, ascii_only=self.window.ascii_only) for part in parts])

    def _fitting(self, name: str, drawn: list[_Column]) -> list[_Column]:
        """The columns that fit the window, from the left, and at least one."""
        if self.window.width is None:
            return drawn
        kept, room = 0, self.window.width + len(_GAP)
        for column in drawn:
            room -= column.width + len(_GAP)
            if room < 0 and kept:
                break
            kept += 1
        hidden = [column.header for column in drawn[kept:] if column.header]
        if hidden:
            self.hints.append(
                f"{safe(name)}: {_counted(len(hidden), 'column')} hidden ({', '.join(hidden)}): "
                "use --format csv or a wider window"
            )
        return drawn[:kept]


def wrapped(text: str, width: int | None) -> list[str]:
    """`text` in lines that fit the width, broken at blanks, or between Chinese characters."""
    if not text:
        return []
    if width is None:
        return [safe(text)]
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width, color_system=None)
    return [line.plain.rstrip() for line in Text(safe(text)).wrap(console, width)]


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _points(frame: pl.DataFrame) -> list[pictures.Point]:
    """The first two columns, without the rows that have a hole."""
    xs, ys = map(_floats, frame.get_columns()[:2])
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]


def _floats(column: pl.Series) -> list[float | None]:
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
    """A shade for each number, on one scale for the whole map."""
    numbers = {column.name: _floats(column) for column in frame}
    known = [value for values in numbers.values() for value in values if value is not None]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    return {
        name: [None if value is None else pictures.shade((value - low) / span) for value in values]
        for name, values in numbers.items()
    }
