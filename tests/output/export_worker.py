"""Exports in a process of their own, which tests limit, interrupt, kill and race.

export_worker.py export PATH ROWS          one export; an error is printed, the status is its own
export_worker.py kills PATH TRIALS SEED    export over and over, each killed at a random moment
"""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow.parquet  # noqa: F401  (so that a fork does not spend its life importing it)

from crmkit.errors import CrmkitError
from crmkit.output import report
from crmkit.output.files import Outputs
from crmkit.result import Result

ROWS = 150_000
OLD = b"customer,revenue\nold,1.00\n"


def result(rows: int) -> Result:
    """A detail table that compresses badly and has every kind of column."""
    number = pl.int_range(rows, eager=True)
    customers = pl.DataFrame(
        {
            "customer": number.cast(pl.String).str.zfill(8),
            "last": (number % 900 + 17_000).cast(pl.Int32).cast(pl.Date),
            "revenue": (number * 7919 % 10_000_019).cast(pl.Decimal(38, 2)),
            "share": number * 0.618033988749895 % 1,
        }
    )
    return Result(command="rfm", tables={"customers": customers}, detail="customers")


def export(path: Path, rows: int) -> None:
    """Say `ready` when the data are there and the writing begins."""
    made = result(rows)
    print("ready", flush=True)
    with Outputs() as files:
        report.export(made, path, files)


def _fork_export(path: Path) -> tuple[int, int]:
    """The process that exports, and a descriptor that is readable once it writes."""
    ready, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        made = result(ROWS)
        os.write(say, b"!")
        with Outputs() as files:
            report.export(made, path, files)
        os._exit(0)
    os.close(say)
    os.read(ready, 1)
    return pid, ready


def kills(path: Path, trials: int, seed: int) -> None:
    """Print how often the old and the new file were found, and anything else as BROKEN."""
    start, pid = time.monotonic(), _fork_export(path)[0]
    os.waitpid(pid, 0)
    takes, new = time.monotonic() - start, path.read_bytes()
    chance = random.Random(seed)
    found: collections.Counter[str] = collections.Counter()
    for _ in range(trials):
        path.write_bytes(OLD)
        pid, ready = _fork_export(path)
        time.sleep(chance.random() * takes)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        found[{OLD: "old", new: "new"}.get(path.read_bytes(), "BROKEN")] += 1
        found["temporary"] += any(p.name.startswith(".crmkit-") for p in path.parent.iterdir())
    print(json.dumps(found))


def main() -> int:
    what, path, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        if what == "kills":
            kills(path, number, int(sys.argv[4]))
        else:
            export(path, number)
    except CrmkitError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
