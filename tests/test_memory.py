"""Two gigabytes of address space: every command works, or says in a sentence that memory does not suffice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import ROOT, SALES

LIMIT = 2_097_152  # kilobytes
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": ""}
COMMANDS = {
    "check": "{file}",
    "customers": "{file}",
    "pareto": "{file}",
    "rfm": "{file}",
    "clv": "{file}",
    "backtest": "{file} --split {middle}",
    "migration": "{file} --from {middle}",
    "cohort": "{file}",
    "lifecycle": "{file} --stages",
    "churn": "{file}",
    "trend": "{file}",
    "deviation": "{file}",
    "accumulation": "--from {file} --store channel",
    "value": "--spend 40 --every 1w --years 30 --retention 90%",
    "sample": "--rows 2000000 --customers 200000 -o {out}",
}


# These keep every order of every customer at once.
HUNGRY = ("churn", "lifecycle", "deviation", "accumulation")


def limited(command: str, words: str, kilobytes: int = LIMIT) -> subprocess.CompletedProcess[str]:
    line = f'ulimit -v {kilobytes}; exec "{sys.executable}" -m crmkit {command} {words}'
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
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", ["small", "csv", "parquet"])
def test_two_gigabytes(large: dict[str, Path], tmp_path: Path, command: str, size: str) -> None:
    file = SALES if size == "small" else large[size]
    words = COMMANDS[command].format(file=file, middle="2024-06-30", out=tmp_path / "s.csv")
    done = limited(command, words if command == "sample" else f"{words} --format json")
    well_ended(done)
    assert done.returncode == 0 or (command in HUNGRY and size != "small"), done.stderr
    if command != "sample" and done.returncode == 0:
        assert json.loads(done.stdout)["command"] == command


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kilobytes", [500_000, 900_000])
def test_less(tmp_path: Path, command: str, kilobytes: int) -> None:
    """So little that the engine could not be relied on to fail: it is refused before it begins."""
    words = COMMANDS[command].format(file=SALES, middle="2024-06-30", out=tmp_path / "s.csv")
    done = limited(command, words, kilobytes)
    well_ended(done)
    assert (done.returncode, "1,024 MB" in done.stderr) == (1, True)


def test_help_needs_no_memory() -> None:
    assert limited("rfm", "--help", 500_000).returncode == 0
