"""A line on the terminal while rows go by; it appears after a second and vanishes at the end."""

from __future__ import annotations

import atexit
import math
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from crmkit.language.safe_text import safe

_PATIENCE = 1.0
_PAUSE = 0.2
_TELLING = 3.0  # seconds after which the pace is known


class Counter:
    """Counts rows; prints at most five times a second, and nothing during the first second.

    `total` is about how many rows there are, if anybody knows; then the line says what share of them has
    gone by and, from the third second on, what time is left. Where only bytes are known, `reached` tells their share.
    """

    def __init__(
        self, name: str, total: int | None = None, reached: Callable[[], float] | None = None
    ) -> None:
        self._name = safe(name, limit=60)
        self._rows = 0
        self._total, self._reached = total, reached
        self._start = self._last = time.monotonic()

    def reach(self, rows: int) -> None:
        """So many rows have gone by since the pass began."""
        if rows < self._rows:  # another pass
            self._start = time.monotonic() - _PATIENCE
        self._rows = rows
        self._tell(f"{self._rows:,} rows{self._share()}")

    def part(self, place: int, parts: int) -> None:
        """The rows of this part, of so many, are in work."""
        self._tell(f"{self._rows:,} rows, part {place} of {parts}")

    def _share(self) -> str:
        part = self._rows / self._total if self._total else self._reached() if self._reached else math.nan
        if not part <= 1:
            return ""
        gone = time.monotonic() - self._start
        left = gone * (1 - part) / part if part else 0.0
        return f" ({part:.0%}{f', {duration(left)} left' if gone > _TELLING and part > 0.01 else ''})"

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now - self._start > _PATIENCE and now - self._last > _PAUSE:
            self._last = now
            show(f"{self._name}: {text}")


def duration(seconds: float) -> str:
    """A time as a person says it: 40 s, 3 min, 2 h."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Stages:
    """Says what is being done, as soon as the work has taken a second; called with each new stage.

    `say` takes what each stage took, in a sentence.

    with Stages() as tell:
        tell("fitting Pareto/NBD")
    """

    def __init__(self, quiet: bool = False, say: Callable[[str], None] | None = None) -> None:
        self._silent = quiet or sys.stderr is None or not sys.stderr.isatty()
        self._say = say
        self._stage = ""
        self._start = self._since = time.monotonic()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._silent:
            self._stop()
            clear()
        if kind is None:
            self._ended("")

    def _ended(self, following: str) -> None:
        """Say what a stage took, if somebody wants to know."""
        now = time.monotonic()
        if self._say is not None and self._stage:
            self._say(f"{self._stage}: {now - self._since:.1f} s")
        self._stage, self._since = following, now

    def __call__(self, stage: str) -> None:
        """The next stage begins."""
        if not self._silent:
            clear()
        self._ended(stage)
        if self._silent:
            return
        self._stop()
        wait = max(0.0, _PATIENCE - (time.monotonic() - self._start))
        self._timer = threading.Timer(wait, self._show, [stage])
        self._timer.daemon = True
        self._timer.start()

    def _show(self, stage: str) -> None:
        show(f"{safe(stage)} …")

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


_visible = threading.Event()


def show(text: str) -> None:
    """Put the line on the terminal, in place of the one before."""
    if not _visible.is_set():
        atexit.register(clear)
        _visible.set()
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def clear() -> None:
    """Wipe the line, if there is one."""
    if _visible.is_set() and sys.stderr is not None and not sys.stderr.closed:
        _visible.clear()
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
