"""A worker that does everything, and a process that outlives it and sees how it ended.

The worker's descriptor 2 is a file in memory, because native code talks straight to it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from crmkit.system import signals

# Native code notices a signal late or never; after so many seconds the worker is ended.
PATIENCE = 2.5
_SPEECHLESS = 70
_FROM_KERNEL = 0x80  # si_code of a key on the terminal, which has sent the signal to the worker as well
_LONG = 3600.0
_PR_SET_PDEATHSIG = 1


class End(NamedTuple):
    """How a worker ended: its exit status or the signal that it died of, what it was asked, its native words."""

    status: int | None
    signal: int | None
    asked: int
    words: bytes


def is_possible() -> bool:
    """Whether this system has what the pair takes; else work is done directly."""
    return all(
        hasattr(module, name)
        for module, name in ((os, "fork"), (os, "memfd_create"), (signal, "sigtimedwait"))
    )


def run(work: Callable[[], int]) -> End:
    """Do `work` in a process of its own, pass ending signals on to it, and say how it ended."""
    words = os.memfd_create("crmkit-native-words")
    # An ignored signal stays ignored, as under nohup; blocked, it would be seen all the same.
    passed_on = {number for number in signals.ENDINGS if signal.getsignal(number) != signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *passed_on})
    supervisor = os.getpid()
    worker = os.fork()
    if worker == 0:
        _work(work, supervisor, words, before)
    status, asked = _wait(worker, passed_on)
    signals.ignore()  # the worker has decided how this ends
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return End(
        os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        asked,
        os.pread(words, 1 << 16, 0),
    )


def _work(work: Callable[[], int], supervisor: int, words: int, mask: set[int | signal.Signals]) -> NoReturn:
    """The worker's whole life; what it cannot say itself it leaves to the supervisor."""
    try:
        _begin(supervisor, words)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _leave(work())
    except BaseException as error:
        with suppress(BaseException):
            os.write(words, type(error).__name__.encode())
        os._exit(_SPEECHLESS)


def _begin(supervisor: int, words: int) -> None:
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)
    if sys.stderr is not None:
        own = os.dup(2)
        sys.stderr = open(own, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: PTH123, SIM115
    os.dup2(words, 2)


def _leave(status: int) -> NoReturn:
    """End at once: the work is done and said to be, and native threads do not always let Python tidy up in peace."""
    signals.ignore()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _wait(worker: int, passed_on: set[signal.Signals]) -> tuple[int, int]:
    """How the worker ended, and the signal that asked it to, if one did."""
    asked = 0
    while True:
        info = signal.sigtimedwait({signal.SIGCHLD, *passed_on}, PATIENCE if asked else _LONG)
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            return status, asked
        if info is None and asked:
            os.kill(worker, signal.SIGKILL)
        elif info is not None and info.si_signo in passed_on and not asked:
            asked = info.si_signo
            if info.si_code != _FROM_KERNEL:
                os.kill(worker, asked)
