"""Nothing gets out of here but sentences and exit statuses.

0 done   1 the data, a file or the disk would not do   2 the command line is wrong
3 a gate tripped   130 interrupted   141 the reader of a pipe left   143 terminated
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from crmkit.errors import CrmkitError


class Terminated(BaseException):
    """Another process asked us to end; raised so that temporary files are removed on the way out."""


def guarded(arguments: Sequence[str]) -> int:
    """Run the command line; the exit status."""
    debug = "--debug" in arguments
    try:
        _prepare(debug)
        from crmkit.cli import run

        run()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:
        if debug and not isinstance(error, (KeyboardInterrupt, Terminated)):
            import traceback

            traceback.print_exc()
        return _told(error, "json" if "json" in _log_format(arguments) else "text")
    return 0


# The signals that ended the run, kept apart: a library may turn what they raise into an error of its own.
_caught: list[int] = []


def _prepare(debug: bool) -> None:
    os.environ.setdefault("RUST_BACKTRACE", "0")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _stop)
    if not debug:
        # Exceptions that Python cannot raise anywhere: it would print their tracebacks and go on.
        sys.unraisablehook = lambda unraisable: None


def _stop(number: int, frame: FrameType | None) -> None:
    _caught.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _log_format(arguments: Sequence[str]) -> str:
    """Wanted before the arguments are parsed: an error may come from parsing them."""
    words = list(arguments)
    after = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--log-format"]
    return (
        after or [word.partition("=")[2] for word in words if word.startswith("--log-format=")] or ["text"]
    )[-1]


def _told(error: BaseException, log_format: str) -> int:
    """Say what went wrong; the exit status for it."""
    from crmkit.session import say
    from crmkit.streams import end_by_sigpipe

    if isinstance(error, BrokenPipeError):
        end_by_sigpipe()
    if _caught or isinstance(error, KeyboardInterrupt):
        number = _caught[0] if _caught else signal.SIGINT
        word = "interrupted" if number == signal.SIGINT else "terminated"
        say(f"{word}; no file was changed", "error", log_format)
        return 128 + number
    say(_sentence(error), "error", log_format)
    return error.exit_status if isinstance(error, CrmkitError) else 1


def _sentence(error: BaseException) -> str:
    if isinstance(error, CrmkitError):
        return str(error)
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return (
            "Memory does not suffice for this; give the process more, or fewer rows (--since, fewer files)."
        )
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}"
    first = str(error).strip().split("\n")[0][:200]
    return f"An unexpected error, which is a fault of crmkit ({type(error).__name__}: {first}). --debug shows where it happened."
