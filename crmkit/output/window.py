"""What the reader's end can show: width, height, colours, and whether anything beyond ASCII."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

Color = Literal["auto", "always", "never"]

_ASKS_FOR_COLOR = ("FORCE_COLOR", "TTY_COMPATIBLE")  # wherever the output goes


@dataclass(frozen=True)
class Window:
    """What the reader's end can show; `width` and `height` are None where nothing limits them."""

    width: int | None = None
    color_system: str | None = None
    ascii_only: bool = False
    height: int | None = None


def window(color: Color = "auto", width: int | None = None) -> Window:
    """The window of standard output: NO_COLOR, FORCE_COLOR, COLUMNS, TERM and the locale are honoured."""
    height = None
    if width is None and sys.stdout.isatty():
        # Not Rich's, which takes a dumb terminal for 80 columns whatever COLUMNS says.
        width, height = shutil.get_terminal_size()
    return Window(width, _color_system(color), _is_ascii_locale(), height)


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


def console_of(win: Window) -> Console:
    """A console that writes into memory, as wide as need be."""
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
