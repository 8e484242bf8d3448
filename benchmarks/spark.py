"""What moving rows with Spark costs on one machine: python -m benchmarks.spark --rows 5 20.

For each size: the default engine, Spark in one process (local[2]) and a cluster on the loopback whose
run may use one or both of its two workers. CPU seconds are those of all processes, Java's and the workers' too.
Needs PySpark and Java, and /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import data
from benchmarks.measure import ROOT
from tests.spark.cluster import Farm, farm

# What is run, and with which options.
COMMANDS: dict[str, tuple[str, ...]] = {
    **{
        name: (name,)
        for name in ("check", "customers", "pareto", "rfm", "cohort", "lifecycle", "churn", "trend")
    },
    "migration": ("migration", "--from", "2023-06-01", "--to", "2023-12-31"),
    "clv": ("clv", "--model", "mbgnbd"),
    "regular": ("clv", "--model", "mbgcnbd"),
    "stages": ("lifecycle", "--stages"),
}
_PER_FILE = 1_250_000
_TICK = os.sysconf("SC_CLK_TCK")
_LOGGED = ("enabled=true", "compress=false", "rolling.enabled=false")


class Cost(NamedTuple):
    """Seconds, and what the event log says was shuffled (in bytes) by how many jobs and tasks."""

    wall: float
    cpu: float
    shuffled: int = 0
    jobs: int = 0
    tasks: int = 0


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with farm(folder, quick=False) as cluster:
            print("| rows (millions) | command | on | wall s | CPU s | shuffled MB | jobs | tasks |")
            print("|--:|---|---|--:|--:|--:|--:|--:|")
            for millions in options.rows:
                source = _parts(int(millions * 1e6))
                for command in options.commands:
                    _compare(command, source, cluster, folder, options.only)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--rows", nargs="*", type=float, default=[5], help="millions of rows (5)")
    parser.add_argument("--commands", nargs="*", default=["rfm"], help=f"of {' '.join(COMMANDS)} (rfm)")
    parser.add_argument("--only", nargs="*", help="some of polars local one two")
    return parser.parse_args()


def _parts(rows: int) -> Path:
    """The file of that size as a folder of several, which is what a lake holds."""
    import polars as pl

    whole = data.Data(rows=rows, customers=rows // 10, ids="str")
    folder = whole.path.with_suffix("")
    if not folder.exists():
        source = pl.scan_parquet(data.make(whole))
        folder.mkdir()
        for start in range(0, rows, _PER_FILE):
            source.slice(start, _PER_FILE).sink_parquet(folder / f"{start}.parquet")
    return folder


def _compare(command: str, source: Path, cluster: Farm, folder: Path, only: Sequence[str] | None) -> None:
    spread = ["--engine", "spark", "--master"]
    ways = {
        "polars": [],
        "local": [*spread, "local[2]"],
        "one": [*spread, cluster.master, "--conf", "spark.cores.max=1"],
        "two": [*spread, cluster.master, "--conf", "spark.cores.max=2"],
    }
    for name, words in ways.items():
        if only and name not in only:
            continue
        output = folder / f"{command}-{name}-{source.name}.parquet"
        cost = _run(
            [*COMMANDS[command], str(source), *words, "-o", str(output), "-q"],
            cluster,
            folder / "events",
        )
        figures = f"{cost.wall:.0f} | {cost.cpu:.0f} | {cost.shuffled / 1e6:,.1f}"
        size = int(source.name.split("-")[2][:-1]) / 1e6
        print(f"| {size:g} | {command} | {name} | {figures} | {cost.jobs} | {cost.tasks} |", flush=True)


def _run(words: list[str], cluster: Farm, events: Path) -> Cost:
    """One run, with its share of what the cluster's own processes did meanwhile."""
    events.mkdir(exist_ok=True)
    if "spark" in words:
        settings = [f"spark.eventLog.{one}" for one in (*_LOGGED, f"dir={events}")]
        words = [*words, *(word for setting in settings for word in ("--conf", setting))]
    before, began = _seconds(cluster.sessions()), time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "crmkit", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"},
        start_new_session=True,
    )
    seen: dict[int, float] = {}
    while child.poll() is None:
        seen |= _seconds({child.pid, *cluster.sessions()})
        time.sleep(0.1)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}: status {child.returncode}")
    cpu = sum(seen.values()) - sum(before.values())
    wall = time.perf_counter() - began
    logs = list(events.iterdir())
    found = _counted(logs[0].read_text().splitlines()) if logs else (0, 0, 0)
    for log in logs:
        log.unlink()
    return Cost(wall, cpu, *found)


def _seconds(sessions: Iterable[int]) -> dict[int, float]:
    """CPU seconds so far of every process of these sessions."""
    wanted, found = set(sessions), {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) in wanted:
                found[int(folder.name)] = (int(fields[11]) + int(fields[12])) / _TICK
    return found


def _counted(events: Iterable[str]) -> tuple[int, int, int]:
    shuffled = jobs = tasks = 0
    for line in events:
        event = json.loads(line)
        jobs += event["Event"] == "SparkListenerJobStart"
        if event["Event"] == "SparkListenerTaskEnd":
            measured = event["Task Metrics"]
            tasks += 1
            shuffled += measured["Shuffle Write Metrics"]["Shuffle Bytes Written"]
    return shuffled, jobs, tasks


if __name__ == "__main__":
    main()
