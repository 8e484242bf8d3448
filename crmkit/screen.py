"""Tables and pictures for the eye: what fits the window, in colour where there is any.

In a pipe or a file a table has its natural width and plain characters; nothing is ever cut short.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from crmkit import cells, columns, pictures
from crmkit.result import Result
from crmkit.text import safe

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console, RenderableType

Color = Literal["auto", "always", "never"]
ColorSystem = Literal["standard", "256", "truecolor", "windows"]

ROWS = 50
# Blanks between two columns: one of Rich's padding and one of the box.
_GAP = 2
_SPARE = 100
_CURVE_WIDTH = 60
# The scale and the axis to the left of a curve, and the end of "100%" to its right.
_CURVE_MARGIN = 9


@dataclass(frozen=True)
class Window:
    """What the reader's end can show; `width` is None where nothing limits it."""

    width: int | None = None
    color_system: ColorSystem | None = None
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

    def width(self) -> int:
        from rich.cells import cell_len

        return max(map(cell_len, [self.header, *self.texts]))


def window(color: Color = "auto", width: int | None = None) -> Window:
    """The window of standard output: NO_COLOR, FORCE_COLOR, COLUMNS, TERM and the locale are honoured."""
    from rich.console import Console

    console = Console(file=sys.stdout)
    if width is None and console.file.isatty():
        width = console.width
    system = None if console.no_color else console.color_system
    if color == "always":
        system = Console(file=sys.stdout, force_terminal=True).color_system or "standard"
    return Window(width, None if color == "never" else system, _is_ascii_locale())  # type: ignore[arg-type]


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
    """All tables of `result`, one below the other; `limit` rows of each (default ROWS, 0 for all)."""
    drawing = _Drawing(result, win, ROWS if limit is None else limit)
    for place, name in enumerate(result.tables):
        if place:
            drawing.say("")
        drawing.draw(name)
    return Page(drawing.text(), tuple(drawing.hints))


class _Drawing:
    """A page in the making."""

    def __init__(self, result: Result, win: Window, limit: int) -> None:
        self.result = result
        self.window = win
        self.limit = limit
        self.hints: list[str] = []
        self._parts: list[str] = []

    def text(self) -> str:
        lines = "".join(self._parts).split("\n")
        return "\n".join(line.rstrip(" ") for line in lines)

    def say(self, line: str, style: str = "") -> None:
        from rich.text import Text

        self.print(Text(line, style), width=None)

    def print(self, what: RenderableType, width: int | None) -> None:
        console = _console(self.window, width or 10_000)
        console.print(what, soft_wrap=width is None)
        self._parts.append(console.file.getvalue())  # type: ignore[attr-defined]

    def draw(self, name: str) -> None:
        frame = self.result.tables[name]
        several = len(self.result.tables) > 1
        if several or name in self.result.titles:
            self.say(safe(self.result.titles.get(name, name)), "bold")
        if self._picture(name)[0] == "curve" and frame.height:
            self._draw_curve(frame)
            if several:
                self.say(f"{_counted(frame.height, 'point')}: --table {safe(name)} lists them")
                return
        self._draw_table(name, frame)

    def _picture(self, name: str) -> tuple[str, str]:
        """The picture's name and the word after it, either empty."""
        picture, _, word = self.result.pictures.get(name, "").partition(" ")
        return picture, word

    def _draw_curve(self, frame: pl.DataFrame) -> None:
        points = _points(frame)
        width = min(_CURVE_WIDTH, max((self.window.width or 80) - _CURVE_MARGIN, 10))
        for line in pictures.curve(points, width, ascii_only=self.window.ascii_only):
            self.say(line)
        x, y = map(safe, frame.columns[:2])
        self.say(f"{'':7}across: {x}, up: {y}")

    def _draw_table(self, name: str, frame: pl.DataFrame) -> None:
        shown = frame.head(self.limit) if self.limit else frame
        drawn = list(self._columns(name, shown))
        kept = self._fitting(name, drawn)
        natural = sum(column.width() + _GAP for column in kept) - _GAP
        fits = self.window.width is None or natural <= self.window.width
        # Rich cuts what is wider than its console, so the console gets more than the table needs.
        self.print(_table(kept, self.window, wrap=not fits), natural + _SPARE if fits else self.window.width)
        if not frame.height:
            self.say("no rows")
        elif shown.height < frame.height:
            self.say(f"{shown.height:,} of {frame.height:,} rows shown")

    def _columns(self, name: str, frame: pl.DataFrame) -> Iterator[_Column]:
        picture, word = self._picture(name)
        heated = _heated(frame, word) if picture == "heat" else []
        kind = word or "count"
        drawn = {
            column.name: _Column(
                safe(column.name),
                cells.shown(column, kind if column.name in heated and not _is_known(column) else None),
                cells.is_number(column),
            )
            for column in frame
        }
        if heated and self.window.color_system in {"256", "truecolor"}:
            for column_name, shades in _shades(frame.select(heated)).items():
                drawn[column_name] = replace(drawn[column_name], shades=shades)
        yield from drawn.values()
        if picture == "bars":
            yield from self._bars(frame, word)

    def _bars(self, frame: pl.DataFrame, word: str) -> Iterator[_Column]:
        names = [word] if word else [c for c in frame.columns if columns.kind(c) == "share"]
        if names and frame.height:
            values = [float(v or 0) for v in frame[names[0]].to_list()]
            top = max(values)
            parts = [v / top if top > 0 else 0.0 for v in values]
            yield _Column("", [pictures.bar(part, ascii_only=self.window.ascii_only) for part in parts])

    def _fitting(self, name: str, drawn: list[_Column]) -> list[_Column]:
        """The columns that fit the window, from the left, and at least one."""
        if self.window.width is None:
            return drawn
        kept, room = 0, self.window.width + _GAP
        for column in drawn:
            room -= column.width() + _GAP
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


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _points(frame: pl.DataFrame) -> list[pictures.Point]:
    """The first two columns, without the rows that have a hole."""
    xs, ys = (column.cast(float).fill_nan(None).to_list() for column in frame.get_columns()[:2])
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]


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
    numbers = {c.name: c.cast(float).fill_nan(None).to_list() for c in frame}
    known = [value for values in numbers.values() for value in values if value is not None]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    return {
        name: [None if value is None else pictures.shade((value - low) / span) for value in values]
        for name, values in numbers.items()
    }


def _console(win: Window, width: int) -> Console:
    """A console that writes into memory and decides nothing by itself."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        force_terminal=win.color_system is not None,
        force_jupyter=False,
        color_system=win.color_system,
        no_color=False,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _table(drawn: Sequence[_Column], win: Window, *, wrap: bool) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    look = box.Box(str(box.SIMPLE_HEAD).replace("─", "-"), ascii=True) if win.ascii_only else box.SIMPLE_HEAD
    table = Table(box=look, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold")
    for column in drawn:
        justify: Literal["right", "left"] = "right" if column.right else "left"
        table.add_column(Text(column.header), justify=justify, no_wrap=not wrap, overflow="fold")
    for row in zip(*map(_texts, drawn), strict=True):
        table.add_row(*row)
    return table


def _texts(column: _Column) -> Iterable[RenderableType]:
    """Text, never str: a str would be read as markup."""
    from rich.text import Text

    if column.shades is None:
        return map(Text, column.texts)
    width = column.width()
    return (
        Text(text.rjust(width), f"{shade.ink} on {shade.paper}") if shade else Text(text)
        for text, shade in zip(column.texts, column.shades, strict=True)
    )
