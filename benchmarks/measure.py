"""One process from start to end: CPU and wall seconds, peak memory."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Cost(NamedTuple):
    """CPU seconds (user and system, all threads), wall seconds, peak resident megabytes."""

    cpu: float
    wall: float
    memory: float


class FailedError(Exception):
    """A process that did not end well, with its last words."""


def run(command: Sequence[str], *, limit: float, output: Path | None = None) -> Cost:
    """Run a command to its end and say what it cost; FailedError when it fails or takes more than `limit` seconds.

    The counts are the kernel's for that very process and its children (wait4). The peak includes what this
    process held when it started the other, so nothing large may be imported here. Bytecode is kept, as it
    is in any installation; the first run, which is not counted, compiles it.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    environment["OPENBLAS_NUM_THREADS"] = "1"  # nobody's matrices are large, and idle threads cost CPU time
    said = ROOT / "benchmarks" / "data" / "stderr.txt"
    said.parent.mkdir(exist_ok=True)
    with said.open("wb") as err, (output or Path(os.devnull)).open("wb") as out:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=environment)
        status, usage, wall = _wait(child, began, limit)
    if status:
        last = said.read_text(errors="replace").strip().splitlines()[-3:]
        why = "took too long" if wall >= limit else " / ".join(last) or f"status {status}"
        raise FailedError(why)
    # Linux counts kilobytes, macOS bytes.
    unit = 1e6 if os.uname().sysname == "Darwin" else 1e3
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit)


def _wait(child: subprocess.Popen[bytes], began: float, limit: float) -> tuple[int, object, float]:
    """Wait by SIGALRM, not by polling, which would add its own step to the wall time."""

    def stop(*_: object) -> None:
        child.kill()

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    child.returncode = status
    return status, usage, time.perf_counter() - began


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))
