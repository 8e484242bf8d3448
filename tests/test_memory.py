"""Two gigabytes of address space: every command works, or says in a sentence that memory does not suffice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.tool import ROOT, SALES

ROWS = 2_000_000
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
HUNGRY = ("churn", "lifecycle")


def limited(command: str, words: str, kilobytes: int = LIMIT) -> subprocess.CompletedProcess[str]:
    line = f'ulimit -v {kilobytes}; exec "{sys.executable}" -m crmkit {command} {words}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=ENVIRONMENT, timeout=300)


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
    chance = np.random.default_rng(1)
    days = pl.Series(chance.integers(19_400, 20_130, ROWS).astype(np.int32)).cast(pl.Date)
    frame = pl.DataFrame(
        {
            "customer": pl.Series(chance.integers(1, 200_000, ROWS)).cast(pl.String).str.zfill(7),
            "order_id": np.arange(ROWS),
            "date": days,
            "amount": (chance.gamma(2, 20, ROWS) * 100).round() / 100,
            "channel": chance.choice(["A", "B"], ROWS),
        }
    )
    folder = tmp_path_factory.mktemp("large")
    frame.write_csv(folder / "sales.csv", float_precision=2)
    frame.write_parquet(folder / "sales.parquet")
    return {name: folder / f"sales.{name}" for name in ("csv", "parquet")}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", ["small", "csv", "parquet"])
def test_two_gigabytes(large: dict[str, Path], tmp_path: Path, command: str, size: str) -> None:
    file = SALES if size == "small" else large[size]
    words = COMMANDS[command].format(
        file=file, middle="2024-06-30" if size == "small" else "2024-03-01", out=tmp_path / "s.csv"
    )
    done = limited(command, words if command == "sample" else f"{words} --format json")
    well_ended(done)
    assert done.returncode == 0 or (command in HUNGRY and size != "small"), done.stderr
    if command != "sample" and done.returncode == 0:
        assert json.loads(done.stdout)["command"] == command


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kilobytes", [500_000, 700_000, 900_000, 1_200_000])
def test_less(large: dict[str, Path], tmp_path: Path, command: str, kilobytes: int) -> None:
    words = COMMANDS[command].format(file=large["csv"], middle="2024-03-01", out=tmp_path / "s.csv")
    well_ended(limited(command, words, kilobytes))
