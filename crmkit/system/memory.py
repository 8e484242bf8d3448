"""How much memory there may be, and using less of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_LARGEST_OWN = 32 << 20  # the most that it takes for a threshold


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


def settle_allocators() -> None:
    """Tell allocators to keep pages, or under `ulimit -v` to save address space; what is set in the environment stays."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if address_space() is None:
        _keep_pages()
    else:
        _save_address_space()


def _keep_pages() -> None:
    """Keep what is freed for the next batch: pages that come anew are cleared by the kernel, a tenth of a run's CPU time.

    In few arenas, since what one thread frees another can have only from its own.
    """
    arenas = max(1, (os.cpu_count() or 1) // 2)
    kept = f"narenas:{arenas},background_thread:false,dirty_decay_ms:-1,muzzy_decay_ms:-1"
    os.environ.setdefault("_RJEM_MALLOC_CONF", kept)
    _tune({_M_ARENA_MAX: arenas, _M_MMAP_THRESHOLD: _LARGEST_OWN, _M_TRIM_THRESHOLD: 1 << 30})


def _save_address_space() -> None:
    """Allocators reserve gigabytes that they never use, and would run into the limit."""
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:2,background_thread:false")
    _tune({_M_ARENA_MAX: 1})


def _tune(options: Mapping[int, int]) -> None:
    """Tell the allocator of the C library, where it can be told."""
    import ctypes

    with suppress(OSError, AttributeError):
        for option, value in options.items():
            ctypes.CDLL(None).mallopt(option, value)


def spare_threads() -> None:
    """The matrices of models are small: starting threads for them would take a sixth of the time of a short run."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
