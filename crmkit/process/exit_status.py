"""Nothing gets out of here but sentences and exit statuses.

0 done   1 the data, a file or the disk would not do   2 the command line is wrong
3 a gate tripped   130 interrupted   141 the reader of a pipe left   143 terminated
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence

from crmkit.config import settings
from crmkit.errors import CrmkitError, DataError, GateError, ModelError, UsageError
from crmkit.system import clock, signals

# What libraries say when they cannot have memory, or a thread, for which its stack is wanting.
_NO_MEMORY = (
    "memory",
    "failed to map segment",
    "worker thread",
    "start new thread",
    "resource temporarily unavailable",
)


def guarded(arguments: Sequence[str]) -> int:
    """Run the command line; the exit status."""
    debug = "--debug" in arguments
    try:
        _prepare(debug)
        from crmkit.cli import run

        run()
    except SystemExit as stop:
        if stop.code == 128 + signal.SIGINT:  # typer has caught the interruption, and says nothing
            return _told(KeyboardInterrupt(), log_format(arguments))
        return stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:
        if debug and not isinstance(error, (KeyboardInterrupt, signals.Terminated)):
            import traceback

            traceback.print_exc()
        return _told(error, log_format(arguments))
    return 0


def _prepare(debug: bool) -> None:
    os.environ.setdefault("RUST_BACKTRACE", "0")
    warnings.simplefilter("ignore")
    if not debug:
        # What breaks in a destructor or a thread is not lost: `stop_if_asked`, `Transactions.collect`.
        sys.unraisablehook = threading.excepthook = _say_nothing
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # Where a process runs several lines, as tests do, each begins anew.
    settings.current.set(settings.Settings())
    clock.current.set(clock.Run())
    signals.catch()
    gc.disable()  # until the work begins (`Session`): what libraries make while they are imported is no garbage


def _say_nothing(unraised: object) -> None:
    pass


def log_format(arguments: Sequence[str]) -> str:
    """The form of messages, wanted before the arguments are parsed: an error may come from parsing them."""
    words = list(arguments)
    after = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--log-format"]
    typed = after or [word.partition("=")[2] for word in words if word.startswith("--log-format=")]
    kept = settings.current.get().values.get("log_format") or os.environ.get("CRMKIT_LOG_FORMAT")
    return (typed or [kept or "text"])[-1]


def _told(error: BaseException, form: str) -> int:
    """Say what went wrong; the exit status for it."""
    from crmkit.output.messages import say

    if isinstance(error, BrokenPipeError):
        signals.end_by_pipe()
    number = signals.asked() or (signal.SIGINT if isinstance(error, KeyboardInterrupt) else 0)
    if number:
        word = "interrupted" if number == signal.SIGINT else "terminated"
        say(f"{word}; no file was changed", "error", form, code=f"error.{word}", exit_status=128 + number)
        return 128 + number
    line = getattr(error, "line", None)
    status = error.exit_status if isinstance(error, CrmkitError) else 1
    fields = {"exit_status": status, **({"try": line} if line else {})}
    say(_sentence(error), "error", form, code=_code(error), **fields)
    if line and form == "text":
        say(f"Try: {line}", "error", form)
    return status


def _code(error: BaseException) -> str:
    """The stable name of what went wrong."""
    if isinstance(error, CrmkitError):
        kinds = ((GateError, "gate"), (UsageError, "usage"), (ModelError, "model"), (DataError, "data"))
        return next((f"error.{name}" for kind, name in kinds if isinstance(error, kind)), "error")
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _NO_MEMORY):
        return "error.memory"
    return "error.system" if isinstance(error, OSError) else "error.fault"


def _sentence(error: BaseException) -> str:
    if isinstance(error, CrmkitError):
        return settings.current.get().told(str(error))
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _NO_MEMORY):
        return "Memory does not suffice for this; give the process more, or fewer rows (fewer files)."
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}"
    first = str(error).strip().split("\n")[0][:200]
    return f"An unexpected error, which is a fault of crmkit ({type(error).__name__}: {first}). --debug shows where it happened."
