"""Tables and pictures for the eye: what fits the window, in colour where there is any.

In a pipe or a file a table has its natural width and plain characters; nothing is ever cut short.

A Result's `pictures` say how a table is drawn: `curve` (a line through the first two columns),
`bars` or `bars COLUMN` (a share, or the column named, as bars), `heat` or `heat KIND` (the numbers
after the first column on a scale of colours; KIND is how numbers in columns that the vocabulary
does not know are written), `none` (another table shows the same). Two words may follow: `asked`
(drawn only if it is asked for by name), `beside` (drawn to the right of the table before it, if
there is room, and else only if it is asked for), `last` (its last rows, unless a number of rows is
asked for). `list COLUMN,…` of the long table: its first ten rows stand below the summary.

Rich draws: tables, styles, what stands beside each other. Our own is what Rich cannot do without
cutting names and numbers: which columns fit, where headers break, and listings of thousands of rows.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from crmkit.language.catalogue import counted, current, label, phrase
from crmkit.language.safe_text import safe
from crmkit.output import pictures
from crmkit.output.columns_on_screen import (
    Column,
    bars,
    cell_count,
    columns_of,
    fitting,
    floats,
    is_upright,
    plain_lines,
    upright,
    width_of,
)
from crmkit.result import Result

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console, RenderableType
    from rich.table import Table

Color = Literal["auto", "always", "never"]

ROWS = 50
LAST = 13  # a year of months, and the one before
_ASKS_FOR_COLOR = ("FORCE_COLOR", "TTY_COMPATIBLE")  # wherever the output goes
# Rich takes a millisecond for each row that it draws.
_LONG = 200
_BESIDE = 4
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
    """The answer, the tables of `result` one below the other, and what to type next.

    `limit` is the number of rows of each table (default ROWS, 0 for all). Tables that are drawn only
    when they are asked for are named.
    """
    drawing = _Drawing(result, win, ROWS if limit is None else limit, last=limit is None)
    drawing.answer()
    names = [name for name in result.tables if len(result.tables) == 1 or not drawing.is_asked(name)]
    while names:
        name = names.pop(0)
        neighbour = names[0] if names and drawing.is_beside(names[0]) else None
        if neighbour is not None:
            names.pop(0)
        drawing.draw(name, neighbour)
    drawing.told()
    drawing.next()
    return Page(drawing.text(), tuple(drawing.hints))


class _Drawing:
    """A page in the making."""

    def __init__(self, result: Result, win: Window, limit: int, *, last: bool = False) -> None:
        self.result = result
        self.window = win
        self.limit = limit
        self.hints: list[str] = []
        self._left_out: list[str] = []
        self._console = _console(win)
        self._several = len([name for name in result.tables if not self.is_asked(name)]) > 1
        self._blank = False
        self._ends_only = last and (self._several or bool(result.headline))

    def text(self) -> str:
        """All of it; what is styled keeps its blanks."""
        written = self._console.file.getvalue()  # type: ignore[attr-defined]
        return "".join(f"{line.rstrip()}\n" for line in written.split("\n")[:-1])

    def answer(self) -> None:
        """Add the headline, and what it is about."""
        for text, style in ((self.result.headline, "bold"), (self.result.context, "dim")):
            for line in wrapped(text, self.window.width):
                self._say(line, style)
                self._blank = True

    def next(self) -> None:
        """Add the lines to type, which are never broken."""
        if not self.result.next:
            return
        self._space()
        head = phrase("next")
        for place, line in enumerate(self.result.next):
            self._say(f"{head if not place else ' ' * cell_count(head)}  {safe(line)}")

    def told(self) -> None:
        """Name the tables that were not drawn."""
        names = [name for name in self.result.tables if self.is_asked(name) and len(self.result.tables) > 1]
        names += self._left_out
        if names:
            self._space()
            sizes = {name: counted(self.result.tables[name].height, "rows") for name in names}
            self._say(
                f"{phrase('more')}  "
                + "  ".join(phrase("--table {name} ({rows})", name=safe(n), rows=sizes[n]) for n in names)
            )

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
            self._say(self._title_of(name), "bold")

    def _title_of(self, name: str) -> str:
        title = self.result.titles.get(name)
        # Titles are English sentences with this file's days in them; elsewhere the table's name does.
        return safe(title if title and current() == "en" else label(name))

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
        word = next(iter(words - {"asked", "beside", "last"}), "")
        if is_upright(frame) and not picture:
            return upright(frame)
        shown = self._shown(name, frame)
        every = columns_of(shown, picture, word, shaded=self.window.color_system in {"256", "truecolor"})
        drawn, hidden = fitting(every, self.window.width)
        if hidden:
            self.hints.append(
                f"{safe(name)}: {_number(len(hidden), 'column')} hidden ({', '.join(hidden)}): "
                "use --format csv or a wider window"
            )
        if picture == "bars" and not hidden:
            room = None if self.window.width is None else self.window.width - width_of(drawn)
            drawn = [*drawn, *bars(shown, word, ascii_only=self.window.ascii_only, room=room)]
        return drawn

    def _shown(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if self._is_cut(name, frame):
            return frame.tail(LAST)
        return frame.head(self.limit) if self.limit else frame

    def _is_cut(self, name: str, frame: pl.DataFrame) -> bool:
        """Whether only the last rows are shown: a reader of many tables wants the end of a long series."""
        return self._ends_only and "last" in self._picture(name)[1] and frame.height > LAST

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
        for column in drawn:
            # Rich aligns to the right what it has stripped, and blanks may stand for a part that is not there.
            head = "\n".join(map(column.padded, column.lines))
            table.add_column(Text(head, style="bold"), vertical="bottom", no_wrap=True)
        for place in range(len(drawn[0].texts)):
            table.add_row(*(_cell(column, place) for column in drawn))
        return table

    def _counted(self, name: str) -> None:
        height = self.result.tables[name].height
        if not height:
            self._say(phrase("no rows"))
        elif self._is_cut(name, self.result.tables[name]):
            shown = {"shown": f"{LAST:,}", "all": f"{height:,}", "name": safe(name)}
            self._say(phrase("the last {shown} of {all} rows: --table {name} lists them", **shown))
        elif self.limit and height > self.limit:
            self._say(phrase("{shown} of {all} rows shown", shown=f"{self.limit:,}", all=f"{height:,}"))


def _console(win: Window) -> Console:
    import io

    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=1_000_000,  # what fits is decided before
        color_system=win.color_system,  # type: ignore[arg-type]
        force_terminal=win.color_system is not None,
        no_color=win.color_system is None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def _box(ascii_only: bool) -> Any:
    from rich.box import Box

    rule = "----" if ascii_only else "────"
    return Box("\n".join(["    ", "    ", rule, *["    "] * 5]) + "\n", ascii=ascii_only)


def _cell(column: Column, place: int) -> Any:
    from rich.text import Text

    shade = column.shades[place] if column.shades else None
    style = f"{shade.ink} on {shade.paper}" if shade else ""
    return Text(column.padded(column.texts[place]), style=style, no_wrap=True)


def wrapped(text: str, width: int | None) -> list[str]:
    """`text` in lines that fit the width, broken at blanks, or between Chinese characters."""
    if not text:
        return []
    if width is None:
        return [safe(text)]
    from rich.text import Text

    return [line.plain.rstrip() for line in Text(safe(text)).wrap(_console(Window()), width)]


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _points(frame: pl.DataFrame) -> list[pictures.Point]:
    """The first two columns, without the rows that have a hole."""
    xs, ys = map(floats, frame.get_columns()[:2])
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
