"""A line on the terminal while rows go by; it appears after a second and vanishes at the end."""

from __future__ import annotations

import atexit
import sys
import time

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


def clear() -> None:
    """Wipe the line."""
    if sys.stderr is not None and not sys.stderr.closed:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
