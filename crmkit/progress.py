"""A line on the terminal while rows go by; it appears after a second and vanishes at the end."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from types import TracebackType

from crmkit.text import safe

_PATIENCE = 1.0
_PAUSE = 0.2


class Counter:
    """Counts rows; prints at most five times a second, and nothing during the first second."""

    def __init__(self, name: str) -> None:
        self._name = safe(name, limit=60)
        self._rows = 0
        self._start = self._last = time.monotonic()
        self._shown = False

    def add(self, rows: int) -> None:
        """So many rows more."""
        self._rows += rows
        now = time.monotonic()
        if now - self._start > _PATIENCE and now - self._last > _PAUSE:
            self._last = now
            if not self._shown:
                atexit.register(clear)
            self._shown = True
            print(f"\r\x1b[K{self._name}: {self._rows:,} rows", end="", file=sys.stderr, flush=True)


class Stages:
    """Says what is being done, as soon as the work has taken a second; called with each new stage.

    with Stages() as tell:
        tell("fitting Pareto/NBD")
    """

    def __init__(self, quiet: bool = False) -> None:
        self._silent = quiet or sys.stderr is None or not sys.stderr.isatty()
        self._start = time.monotonic()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._silent:
            self._stop()
            clear()

    def __call__(self, stage: str) -> None:
        """The next stage begins."""
        if self._silent:
            return
        self._stop()
        wait = max(0.0, _PATIENCE - (time.monotonic() - self._start))
        self._timer = threading.Timer(wait, self._show, [stage])
        self._timer.daemon = True
        self._timer.start()

    def _show(self, stage: str) -> None:
        print(f"\r\x1b[K{safe(stage)} …", end="", file=sys.stderr, flush=True)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


def clear() -> None:
    """Wipe the line."""
    if sys.stderr is not None and not sys.stderr.closed:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
