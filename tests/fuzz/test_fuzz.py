"""Generated and damaged files by the thousand: no traceback, no panic, no hang, and every account adds up.

What breaks is printed with its number; `python -m tests.fuzz.run KIND NUMBER 1` runs it again, and with other
numbers the runner goes on where these tests stop.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import csv_cases, parquet_cases
from tests.load.running import Finished, run
from tests.tool import ROOT

COMMANDS = ("check", "customers", "rfm", "pareto", "cohort", "lifecycle")
STRETCH = 500
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def looked_at(kind: str, start: int, count: int) -> tuple[dict[str, int], int]:
    """How the cases of a stretch ended and how many megabytes they took, in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz.run", kind, str(start), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, f"the process ended within {done.stderr[-3000:]}"
    assert "panicked" not in done.stderr
    told = json.loads(done.stdout)
    assert told["broken"] == []
    return told["ends"], told["megabytes"]


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 6_000, STRETCH))
def test_generated_csv(start: int) -> None:
    ends, megabytes = looked_at("csv", start, STRETCH)
    assert sum(ends.values()) == STRETCH
    assert min(ends["loaded"], ends["refused"]) > STRETCH // 10
    assert megabytes < 600


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 2_000, STRETCH))
@pytest.mark.parametrize("kind", ["parquet", "bare"])
def test_damaged_parquet(kind: str, start: int) -> None:
    ends, megabytes = looked_at(kind, start, STRETCH)
    assert sum(ends.values()) == STRETCH
    assert min(ends["loaded"], ends["refused"]) > STRETCH // 20
    assert megabytes < 600


@pytest.mark.parametrize("kind", ["csv", "parquet", "bare"])
def test_some(kind: str) -> None:
    ends, _ = looked_at(kind, 1_000_000, 100)
    assert sum(ends.values()) == 100


def put(folder: Path, seed: int) -> Path:
    if seed % 5:
        path, data = folder / f"{seed}.csv", csv_cases.case(seed).data
    else:
        path = folder / f"{seed}.parquet"
        data = parquet_cases.damaged(parquet_cases.clean(seed).data, Random(seed))
    path.write_bytes(data)
    return path


def well_ended(seed: int, status: int, out: str, err: str) -> None:
    """Tables and status 0, or a sentence, perhaps with a line to type, and status 1."""
    assert status in (0, 1), (seed, err)
    assert "Traceback" not in err, (seed, err)
    assert "panicked" not in err, (seed, err)
    assert "fault of crmkit" not in err, (seed, err)
    if status:
        assert (out, err.count("\n")) == ("", 1 + ("\ncrmkit: Try: crmkit " in err)), (seed, err)
        return
    facts = json.loads(out)["facts"]
    told = [*facts["rejected"].values(), *facts["skipped"].values(), facts["rows_used"]]
    assert facts["rows_read"] == sum(told), seed


@pytest.mark.slow
@pytest.mark.parametrize("start", range(2_000_000, 2_000_400, 100))
def test_commands(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 100):
        ended: Finished = run(COMMANDS[seed % len(COMMANDS)], put(tmp_path, seed), "--format", "json")
        well_ended(seed, ended.status, ended.out, ended.err)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(3_000_000, 3_000_040, 10))
def test_processes(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 10):
        words = [COMMANDS[seed % len(COMMANDS)], str(put(tmp_path, seed)), "--format", "json"]
        command = [sys.executable, "-m", "crmkit", *words, "--rejects", str(tmp_path / "rejects.csv")]
        done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)
        well_ended(seed, done.returncode, done.stdout.decode(), done.stderr.decode())
