"""How much memory there may be, and using less of it."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_M_ARENA_MAX = -8
_FRUGAL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "POLARS_MAX_THREADS": "2",
    "_RJEM_MALLOC_CONF": "narenas:2,background_thread:false",
}


def address_space() -> int | None:
    """The bytes of address space that `ulimit -v` leaves; None where there is no such limit."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit in (resource.RLIM_INFINITY, -1) else limit


def peak() -> int | None:
    """The most bytes of memory that this process has held; None where the system does not tell."""
    if resource is None:
        return None
    with suppress(OSError):  # Linux: what getrusage tells there is never less than what the parent held
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found[1]) << 10
    told: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told if sys.platform == "darwin" else told << 10  # else it is in kilobytes


def save_address_space() -> None:
    """Under `ulimit -v`: allocators reserve gigabytes that they never use, and would run into the limit."""
    if address_space() is None:
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    for name, value in _FRUGAL.items():
        os.environ.setdefault(name, value)


def keep_pages() -> None:
    """Arrow's own allocator gives pages back that the next batch clears anew: 5 to 14 % of the CPU time of a run."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def spare_threads() -> None:
    """The matrices of models are small: starting threads for them would take a sixth of the time of a short run."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
