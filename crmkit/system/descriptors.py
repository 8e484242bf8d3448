"""Numbers of open files: the three standard ones stay what they are."""

from __future__ import annotations

import os

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def occupy_standard() -> None:
    """With 0, 1 or 2 closed, the next file that is opened would take its place and get stray text."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def above_standard(number: int) -> int:
    """The same open file under a number above 2, or stray messages would end up in it."""
    if number > 2 or fcntl is None:
        return number
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(number)
    return moved


def lock(number: int) -> bool | None:
    """Lock an open file until it is closed: False if somebody else has it, None where nothing can be locked."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True
