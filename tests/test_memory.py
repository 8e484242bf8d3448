"""Two gigabytes of address space: every command works, or says in a sentence that memory does not suffice."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from crmkit.cli import COMMANDS
from tests.every_command import EVERY, words
from tests.tool import ROOT, SALES

LIMIT = 2_097_152  # kilobytes
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": ""}


def limited(words: list[str], kilobytes: int = LIMIT) -> subprocess.CompletedProcess[str]:
    line = f'ulimit -v {kilobytes}; exec "{sys.executable}" -m crmkit {shlex.join(words)}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=ENVIRONMENT, timeout=600)


def well_ended(done: subprocess.CompletedProcess[str]) -> None:
    """Status 0, or 1 with one sentence on memory; never a signal's number, never a traceback."""
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    if done.returncode:
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)
        assert "emory" in done.stderr


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two million sales of 200,000 customers over two years, as CSV and Parquet."""
    folder = tmp_path_factory.mktemp("large")
    made = {form: folder / f"sales.{form}" for form in ("csv", "parquet")}
    for path in made.values():
        command = [
            sys.executable,
            "-m",
            "crmkit",
            "sample",
            "--rows",
            "2000000",
            "--customers",
            "200000",
            "-o",
            str(path),
        ]
        subprocess.run(command, env=ENVIRONMENT, check=True)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("size", ["small", "csv", "parquet"])
def test_two_gigabytes(large: dict[str, Path], tmp_path: Path, command: str, size: str) -> None:
    file = SALES if size == "small" else large[size]
    line = words(command, file, tmp_path / "s.csv")
    has_format = "output" in COMMANDS[command][1]  # rows made up, and a query, have none
    done = limited([*line, "--format", "json"] if has_format else line)
    well_ended(done)
    assert done.returncode == 0 or (EVERY[command].hungry and size != "small"), done.stderr
    if has_format and done.returncode == 0:
        assert json.loads(done.stdout)["command"] == command


@pytest.mark.parametrize("command", EVERY)
def test_less(tmp_path: Path, command: str) -> None:
    """So little that the engine could not be relied on to fail: it is refused before it begins."""
    kilobytes = 900_000 if command in ("rfm", "value", "sample") else 500_000
    done = limited(words(command, SALES, tmp_path / "s.csv"), kilobytes)
    well_ended(done)
    assert (done.returncode, "1,024 MB" in done.stderr) == (1, True)


def test_help_needs_no_memory() -> None:
    assert limited(["rfm", "--help"], 500_000).returncode == 0
