"""Tables and pictures for the eye: what fits the window, in colour where there is any.

In a pipe or a file a table has its natural width and plain characters; nothing is ever cut short.

A Result's `pictures` say how a table is drawn: `curve` (a line through the first two columns),
`bars` or `bars COLUMN` (a share, or the column named, as bars), `heat` or `heat KIND` (the numbers
after the first column on a scale of colours; KIND is how numbers in columns that the vocabulary
does not know are written), `none` (another table shows the same). Two words may follow: `asked`
(drawn only if it is asked for by name), `beside` (drawn to the right of the table before it, if
there is room, and else only if it is asked for), `last` (its last rows, unless a number of rows is
asked for), `first:COLUMN,…` (columns that stay longest where not all of them fit). `list COLUMN,…` of
the long table: its first ten rows stand below the summary. `whole`: a window that is not high leaves out no row,
but all that follows first sentences.

Rich draws: tables, styles, what stands beside each other. Our own is what Rich cannot do without
cutting names and numbers: which columns fit, where headers break, and listings of thousands of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crmkit.language.catalogue import counted, current, label, phrase, translated
from crmkit.language.safe_text import safe
from crmkit.output import pictures
from crmkit.output.columns_on_screen import (
    Column,
    bars,
    beginning,
    cell_count,
    columns_of,
    floats,
    is_upright,
    plain_lines,
    upright,
    width_of,
)
from crmkit.output.fitting import fitting, wrapped
from crmkit.output.window import Color, Window, console_of, window
from crmkit.result import Result

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["Color", "Page", "Window", "page", "window", "wrapped"]

ROWS = 50
LAST = 13  # a year of months, and the one before
# Rich takes a millisecond for each row that it draws.
_LONG = 200
_BESIDE = 4
_CURVE_WIDTH = 60
# The scale and the axis to the left of a curve, and the end of "100%" to its right.
_CURVE_MARGIN = 9


@dataclass(frozen=True)
class Page:
    """What is to be printed, and `hints` on what is not there for want of room."""

    text: str
    hints: tuple[str, ...] = ()


def page(result: Result, win: Window, *, limit: int | None = None) -> Page:
    """The answer, the tables of `result` one below the other, and what to type next.

    `limit` is the number of rows of each table (default ROWS, or what the window's height shows; 0 for all).
    Tables that are drawn only when they are asked for are named.
    """
    if limit is not None or win.height is None:
        return _Drawing(result, win, _Plan(ROWS if limit is None else limit, last=limit is None)).page()
    made = Page("")
    for plan in _plans(result):
        made = _Drawing(result, win, plan).page()
        if made.text.count("\n") <= win.height:
            break
    return made


@dataclass(frozen=True)
class _Plan:
    """How much is drawn: rows of each table, whether a series shows its end, how many tables and lines to type."""

    rows: int
    last: bool = True
    tables: int | None = None
    next: int | None = None


def _plans(result: Result) -> Iterator[_Plan]:
    """From all there is to the least, for a window that is not high: what is left out first costs least."""
    whole = _Plan(ROWS)
    yield whole
    yield replace(whole, next=1)
    for tables in range(len(result.tables), 1, -1):
        for rows in (10, 7, 5):
            yield _Plan(rows, tables=tables, next=1)
    for rows in range(LAST - 1, 0, -1):
        yield _Plan(rows, tables=1, next=1)


class _Drawing:
    """A page in the making."""

    def __init__(self, result: Result, win: Window, plan: _Plan) -> None:
        self.result = result
        self.window = win
        self.limit = plan.rows
        self._plan = plan
        self.hints: list[str] = []
        self._left_out: list[str] = []
        self._console = console_of(win)
        self._several = len([name for name in result.tables if not self.is_asked(name)]) > 1
        self._blank = False
        self._ends_only = plan.last and (self._several or bool(result.headline))

    def page(self) -> Page:
        """All that is shown."""
        self.answer()
        result = self.result
        names = [name for name in result.tables if len(result.tables) == 1 or not self.is_asked(name)]
        # A list of whom to look at is what the command was called for.
        ranked = sorted(names, key=lambda name: self._picture(name)[0] != "list")
        shown = [name for name in names if name in ranked[: self._plan.tables]]
        self._left_out += [name for name in names if name not in shown]
        while shown:
            name = shown.pop(0)
            neighbour = shown.pop(0) if shown and self.is_beside(shown[0]) else None
            self.draw(name, neighbour)
        self.told()
        self.next()
        return Page(self.text(), tuple(self.hints))

    def text(self) -> str:
        """All of it; what is styled keeps its blanks."""
        written = self._console.file.getvalue()  # type: ignore[attr-defined]
        return "".join(f"{line.rstrip()}\n" for line in written.split("\n")[:-1])

    def answer(self) -> None:
        """Add the headline, and what it is about."""
        for text, style in ((translated(self.result.headline), "bold"), (self.result.context, "dim")):
            for line in wrapped(text, self.window.width):
                self._say(line, style)
                self._blank = True

    def next(self) -> None:
        """Add the lines to type, which are never broken."""
        if not self.result.next:
            return
        if self._plan.next is None:
            self._space()
        head = phrase("next")
        for place, line in enumerate(self.result.next[: self._plan.next]):
            self._say(f"{head if not place else ' ' * cell_count(head)}  {safe(line)}")

    def told(self) -> None:
        """Name the tables that were not drawn."""
        names = [name for name in self.result.tables if self.is_asked(name) and len(self.result.tables) > 1]
        names += self._left_out
        if names:
            self._space()
            head, line = f"{phrase('more')}  ", ""
            for name in names:
                rows = counted(self.result.tables[name].height, "rows")
                part = phrase("--table {name} ({rows})", name=safe(name), rows=rows)
                longer = f"{line}  {part}" if line else f"{head}{part}"
                if line and self.window.width is not None and cell_count(longer) > self.window.width:
                    self._say(line)
                    longer = " " * cell_count(head) + part
                line = longer
            self._say(line)

    def is_asked(self, name: str) -> bool:
        """Whether a table is drawn only when it is asked for."""
        picture, words = self._picture(name)
        return picture == "none" or "asked" in words

    def is_beside(self, name: str) -> bool:
        """Whether a table goes to the right of the one before it."""
        return "beside" in self._picture(name)[1]

    def draw(self, name: str, neighbour: str | None = None) -> None:
        """Add a table, with another one to the right of it if there is room, or the picture that stands for it."""
        frame = self.result.tables[name]
        self._space()
        if self._picture(name)[0] == "curve" and frame.height:
            self._title(name)
            self._draw_curve(frame)
            if self._several:
                self._say(
                    phrase(
                        "{points} points: --table {name} lists them",
                        points=f"{frame.height:,}",
                        name=safe(name),
                    )
                )
                return
            self._table(self._drawn(name, frame))
            return
        left = self._drawn(name, frame)
        if neighbour is None:
            self._title(name)
            self._table(left)
            self._counted(name)
            return
        right = self._drawn(neighbour, self.result.tables[neighbour])
        if self.window.width is not None and width_of(left) + _BESIDE + width_of(right) > self.window.width:
            self._left_out.append(neighbour)
            self._title(name)
            self._table(left)
        else:
            self._both(left, right, neighbour)
        self._counted(name)

    def _space(self) -> None:
        if self._blank:
            self._say("")
        self._blank = True

    def _say(self, line: str, style: str = "") -> None:
        from rich.text import Text

        self._put(Text(line, style=style, no_wrap=True))

    def _put(self, what: RenderableType) -> None:
        self._console.print(what, no_wrap=True, overflow="ignore", crop=False)

    def _title(self, name: str) -> None:
        if self._several or name in self.result.titles:
            for line in wrapped(self._title_of(name), self.window.width):
                self._say(line, "bold")

    def _title_of(self, name: str) -> str:
        title = self.result.titles.get(name)
        told = translated(title) if title else ""
        # A title that the catalogue does not know stays away: the table's name is known.
        return safe(told if told and (current() == "en" or told != title) else label(name))

    def _picture(self, name: str) -> tuple[str, set[str]]:
        """The picture's name and the words after it."""
        picture, *words = self.result.pictures.get(name, "").split() or [""]
        return picture, set(words)

    def _draw_curve(self, frame: pl.DataFrame) -> None:
        width = min(_CURVE_WIDTH, max((self.window.width or 80) - _CURVE_MARGIN, 12))
        for line in pictures.curve(_points(frame), width, ascii_only=self.window.ascii_only):
            self._say(line)
        x, y = map(safe, map(label, frame.columns[:2]))
        self._say(f"{'':7}" + phrase("across: {x}, up: {y}", x=x, y=y))

    def _drawn(self, name: str, frame: pl.DataFrame) -> list[Column]:
        """The columns that fit; of those that do not, a hint is given."""
        picture, words = self._picture(name)
        word = next((word for word in words - {"asked", "beside", "last"} if ":" not in word), "")
        first = next((word[6:].split(",") for word in words if word.startswith("first:")), [])
        if is_upright(frame) and not picture:
            return upright(frame, self.window.width)
        shown = self._shown(name, frame)
        every = columns_of(shown, picture, word, shaded=self.window.color_system in {"256", "truecolor"})
        if picture == "whole" and self._plan.tables is not None:
            every = [replace(column, texts=[*map(beginning, column.texts)]) for column in every]
        drawn, hidden = fitting(every, self.window.width, first, is_grid=picture == "heat")
        if hidden:
            text = "{table}: {columns} hidden ({names}): use --format csv or a wider window"
            told = {"columns": counted(len(hidden), "columns"), "names": ", ".join(hidden)}
            self.hints.append(phrase(text, table=safe(label(name)), **told))
        if picture == "bars" and not hidden:
            room = None if self.window.width is None else self.window.width - width_of(drawn)
            drawn = [*drawn, *bars(shown, word, ascii_only=self.window.ascii_only, room=room)]
        return drawn

    def _shown(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if self._is_cut(name, frame):
            return frame.tail(min(LAST, self.limit))
        return frame.head(self._most(name, frame))

    def _most(self, name: str, frame: pl.DataFrame) -> int:
        """How many rows are shown: the line that would say that one is missing has room for that one."""
        in_view = self._plan.tables is not None
        fits = in_view and (frame.height == self.limit + 1 or self._picture(name)[0] == "whole")
        return frame.height if fits or not self.limit else self.limit

    def _is_cut(self, name: str, frame: pl.DataFrame) -> bool:
        """Whether only the last rows are shown: a reader of many tables wants the end of a long series."""
        is_series = self._ends_only and "last" in self._picture(name)[1]
        return is_series and frame.height > min(LAST, self.limit or LAST)

    def _table(self, drawn: list[Column]) -> None:
        if len(drawn[0].texts) > _LONG:
            for line in plain_lines(drawn, rule="-" if self.window.ascii_only else "─"):
                self._say(line)
        else:
            self._put(self._rich(drawn))

    def _both(self, left: list[Column], right: list[Column], neighbour: str) -> None:
        from rich.table import Table
        from rich.text import Text

        beside = Table.grid(padding=(0, _BESIDE, 0, 0))
        beside.add_row("", Text(self._title_of(neighbour), style="bold", no_wrap=True))
        beside.add_row(self._rich(left), self._rich(right))
        self._put(beside)

    def _rich(self, drawn: list[Column]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=_box(self.window.ascii_only),
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            show_header=any(column.header for column in drawn),
        )
        deep = max(len(column.lines) for column in drawn)
        for column in drawn:
            # Rich aligns to the right what it has stripped, and blanks may stand for a part that is not there.
            lines = [""] * (deep - len(column.lines)) + column.lines
            table.add_column(Text("\n".join(map(column.padded, lines)), style="bold"), no_wrap=True)
        for place in range(len(drawn[0].texts)):
            table.add_row(*(_cell(column, place) for column in drawn))
        return table

    def _counted(self, name: str) -> None:
        frame = self.result.tables[name]
        told = {"all": f"{frame.height:,}", "name": safe(name)}
        if not frame.height:
            self._say(phrase("no rows"))
        elif self._is_cut(name, frame):
            last = f"{min(LAST, self.limit):,}"
            self._say(phrase("the last {shown} of {all} rows: --table {name} lists them", **told, shown=last))
        elif (most := self._most(name, frame)) < frame.height:
            self._say(phrase("{shown} of {all} rows shown", **told, shown=f"{most:,}"))


def _box(ascii_only: bool) -> Any:
    from rich.box import Box

    rule = "----" if ascii_only else "────"
    return Box("\n".join(["    ", "    ", rule, *["    "] * 5]) + "\n", ascii=ascii_only)


def _cell(column: Column, place: int) -> Any:
    from rich.text import Text

    shade = column.shades[place] if column.shades else None
    style = f"{shade.ink} on {shade.paper}" if shade else ""
    return Text(column.padded(column.texts[place]), style=style, no_wrap=True)


def _points(frame: pl.DataFrame) -> list[pictures.Point]:
    """The first two columns, without the rows that have a hole."""
    xs, ys = map(floats, frame.get_columns()[:2])
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
