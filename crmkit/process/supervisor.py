"""The work in a process of its own, so that whatever ends it there is still someone to say so.

The engines under crmkit are native code. Out of memory they abort, and what they say goes straight
to file descriptor 2. So the command is a pair: a worker whose descriptor 2 is a file in memory, and
a supervisor that waits, passes signals on, and turns a death of the worker into a sentence.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Native code notices a signal late or never; after so many seconds the worker is ended.
_PATIENCE = 2.5
_SPEECHLESS = 70
_FROM_KERNEL = 0x80  # si_code of a key on the terminal, which has sent the signal to the worker as well
_LONG = 3600.0
_LEAST_MEMORY = (
    1 << 30
)  # of address space: with less the engine's threads may wait for ever instead of failing
_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8
_FRUGAL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "POLARS_MAX_THREADS": "2",
    "_RJEM_MALLOC_CONF": "narenas:2,background_thread:false",
}
_STATUSES = {0, 1, 2, 3, 128 + signal.SIGHUP, 128 + signal.SIGINT, 128 + signal.SIGPIPE, 128 + signal.SIGTERM}
_MEMORY = (
    b"memory",
    b"Memory",
    b"bad_alloc",
    b"Cannot allocate",
    b"thread creation failed",
    b"jemalloc",
    b"WouldBlock",
)


def occupy_standard_descriptors() -> None:
    """With 0, 1 or 2 closed, the next file that is opened would take its place and get stray text."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def spare_threads() -> None:
    """The matrices of models are small: starting threads for them would take a sixth of the time of a short run."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def save_address_space() -> None:
    """Under `ulimit -v`: allocators reserve gigabytes that they never use, and would run into the limit."""
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    for name, value in _FRUGAL.items():
        os.environ.setdefault(name, value)


def refuse_little_memory(arguments: Sequence[str]) -> None:
    """Under a tight `ulimit -v`: end with a sentence, unless only help is asked for."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if not arguments or {"-h", "--help"} & {*arguments} or not 0 <= limit < _LEAST_MEMORY:
        return
    from crmkit.output.messages import say
    from crmkit.process.exit_status import log_format

    text = f"Memory does not suffice: ulimit -v leaves {limit >> 20:,} MB of address space, and 1,024 MB are the least."
    say(text, "error", log_format(arguments))
    sys.exit(1)


def supervised(work: Callable[[], int], arguments: Sequence[str]) -> int:
    """The exit status of `work`, done in a process of its own where the system has what that takes."""
    if "--debug" in arguments or not (hasattr(signal, "sigtimedwait") and hasattr(os, "memfd_create")):
        return work()
    words = os.memfd_create("crmkit-native-words")
    # An ignored signal stays ignored, as under nohup; blocked, it would be seen all the same.
    passed_on = {number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *passed_on})
    supervisor = os.getpid()
    worker = os.fork()
    if worker == 0:
        _work(work, supervisor, words, before)
    status, asked = _wait(worker, passed_on)
    _ignore_endings()  # the worker has decided how this ends
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) in _STATUSES:
        return os.WEXITSTATUS(status)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (*_PASSED_ON, signal.SIGPIPE):
        _die_by(os.WTERMSIG(status))
    return _tell(status, asked, words, arguments)


def _work(work: Callable[[], int], supervisor: int, words: int, mask: set[int | signal.Signals]) -> NoReturn:
    """The worker's whole life; what it cannot say itself it leaves to the supervisor."""
    try:
        _begin_worker(supervisor, words)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _leave(work())
    except BaseException as error:
        with suppress(BaseException):
            os.write(words, type(error).__name__.encode())
        os._exit(_SPEECHLESS)


def _begin_worker(supervisor: int, words: int) -> None:
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
    _ignore_endings()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _ignore_endings() -> None:
    for number in _PASSED_ON:
        signal.signal(number, signal.SIG_IGN)


def _wait(worker: int, passed_on: set[signal.Signals]) -> tuple[int, int]:
    """How the worker ended, and the signal that asked it to, if one did."""
    asked = 0
    while True:
        info = signal.sigtimedwait({signal.SIGCHLD, *passed_on}, _PATIENCE if asked else _LONG)
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            return status, asked
        if info is None and asked:
            os.kill(worker, signal.SIGKILL)
        elif info is not None and info.si_signo in passed_on and not asked:
            asked = info.si_signo
            if info.si_code != _FROM_KERNEL:
                os.kill(worker, asked)


def _die_by(number: int) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _tell(status: int, asked: int, words: int, arguments: Sequence[str]) -> int:
    """A sentence about a worker that did not end by itself; the exit status."""
    from crmkit.output.messages import say
    from crmkit.process.exit_status import log_format

    if asked:
        say("interrupted" if asked == signal.SIGINT else "terminated", "error", log_format(arguments))
        return 128 + asked
    said = os.pread(words, 1 << 16, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killed or any(word in said for word in _MEMORY):
        text = "Memory does not suffice for this, and the run was ended; give it more, or fewer rows (fewer files)."
    else:
        how = (
            signal.Signals(os.WTERMSIG(status)).name
            if os.WIFSIGNALED(status)
            else f"status {os.WEXITSTATUS(status)}"
        )
        text = f"The engine under crmkit crashed ({how}), which is a fault. --debug shows its own words."
    say(text, "error", log_format(arguments))
    return 1
