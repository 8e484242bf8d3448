"""The work in a process of its own, so that whatever ends it there is still someone to say so.

The engines under crmkit are native code. Out of memory they abort, and what they say goes straight
to file descriptor 2. So the command is a pair of processes (`system.pair`), and here a death of the
worker becomes a sentence. Where a system has no such pair, the work is done directly.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

from crmkit.system import memory, pair, signals

_LEAST_MEMORY = 1 << 30  # with less, the engine's threads may wait for ever instead of failing
_STATUSES = {0, 1, 2, 3, 128 + signals.PIPE, *(128 + number for number in signals.ENDINGS)}
_MEMORY = (
    b"memory",
    b"Memory",
    b"bad_alloc",
    b"Cannot allocate",
    b"thread creation failed",
    b"jemalloc",
    b"WouldBlock",
)


def refuse_little_memory(arguments: Sequence[str]) -> None:
    """Under a tight `ulimit -v`: end with a sentence, unless only help is asked for."""
    limit = memory.address_space()
    if not arguments or {"-h", "--help"} & {*arguments} or limit is None or limit >= _LEAST_MEMORY:
        return
    text = f"Memory does not suffice: ulimit -v leaves {limit >> 20:,} MB of address space, and 1,024 MB are the least."
    _say(text, arguments, "error.memory")
    sys.exit(1)


def supervised(work: Callable[[], int], arguments: Sequence[str]) -> int:
    """The exit status of `work`, done in a process of its own where the system has what that takes."""
    if "--debug" in arguments or not pair.is_possible():
        return work()
    end = pair.run(work)
    if end.status is not None and end.status in _STATUSES:
        return end.status
    if end.signal is not None and end.signal in (*signals.ENDINGS, signals.PIPE):
        signals.die_by(end.signal)
    return _tell(end, arguments)


def _tell(end: pair.End, arguments: Sequence[str]) -> int:
    """A sentence about a worker that did not end by itself; the exit status."""
    if end.asked:
        word = "interrupted" if end.asked == signal.SIGINT else "terminated"
        _say(word, arguments, f"error.{word}")
        return 128 + end.asked
    if end.signal == signal.SIGKILL or any(word in end.words for word in _MEMORY):
        text = "Memory does not suffice for this, and the run was ended; give it more, or fewer rows (fewer files)."
    else:
        how = f"status {end.status}" if end.signal is None else signal.Signals(end.signal).name
        text = f"The engine under crmkit crashed ({how}), which is a fault. --debug shows its own words."
    _say(text, arguments, "error.fault" if "crashed" in text else "error.memory")
    return 1


def _say(text: str, arguments: Sequence[str], code: str) -> None:
    from crmkit.output.messages import say
    from crmkit.process.exit_status import log_format

    say(text, "error", log_format(arguments), code=code)
