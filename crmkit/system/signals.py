"""Signals that end a run: raised once, and remembered, because a library may swallow what they raise."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

# Windows knows no SIGHUP and no SIGPIPE.
ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
PIPE = int(getattr(signal, "SIGPIPE", 13))
_caught: list[int] = []
_too_late: list[bool] = []


class Terminated(BaseException):
    """Another process asked us to end; raised so that temporary files are removed on the way out."""


def catch() -> None:
    """Turn ending signals into exceptions; one that is ignored (nohup) stays ignored."""
    _caught.clear()
    _too_late.clear()
    if threading.current_thread() is threading.main_thread():
        for number in ENDINGS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """Once: a second signal must not break into the tidying up after the first."""
    if _too_late:
        return
    _caught.append(number)
    ignore()
    stop_if_asked()


def ignore() -> None:
    """From here the run ends by itself, and soon."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def come_too_late() -> None:
    """From here no signal ends the run: what it found is said, and its files are about to take their places."""
    _too_late.append(True)


def asked() -> int:
    """The signal that has asked the run to end, 0 if none has."""
    return _caught[0] if _caught else 0


def stop_if_asked() -> None:
    """Raise what a signal has raised before."""
    if _caught:
        raise KeyboardInterrupt if asked() == signal.SIGINT else Terminated


def die_by(number: int) -> NoReturn:
    """End as if the signal had not been caught, so that a shell sees which it was."""
    if number in signal.valid_signals():
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def end_by_pipe() -> NoReturn:
    """Die quietly as other tools do when the reader of a pipe has left: exit status 141 in a shell."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.stdout = None  # nobody listens; what is left in it would be a complaint
    raise SystemExit(128 + PIPE)
