"""The cluster does the work, and crmkit's own code goes there by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.spark.farm import Farm
from tests.spark.runner import Runner
from tests.spark.same import same
from tests.tool import SALES, process

COMMANDS = {
    "customers": ["customers"],
    "rfm": ["rfm"],
    "pareto": ["pareto"],
    "cohort": ["cohort"],
    "lifecycle": ["lifecycle"],
    "trend": ["trend"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_cluster_says_what_one_machine_says(words: list[str], classic: Runner, tmp_path: Path) -> None:
    same(classic, tmp_path, words[0], SALES, *words[1:])


@pytest.mark.parametrize("words", [COMMANDS["rfm"], COMMANDS["cohort"]])
def test_so_does_spark_connect(words: list[str], connect: Runner, tmp_path: Path) -> None:
    same(connect, tmp_path, words[0], SALES, *words[1:])


def test_both_executors_work_and_get_the_code(cluster: Farm, sales: Path, tmp_path: Path) -> None:
    log = (
        "spark.eventLog.enabled=true",
        "spark.eventLog.compress=false",
        "spark.eventLog.rolling.enabled=false",
    )
    settings = [word for setting in (*log, f"spark.eventLog.dir={tmp_path}") for word in ("--conf", setting)]
    done = process("rfm", sales, "--engine", "spark", "--master", cluster.master, *settings)
    assert done.code == 0, done.err
    events = [json.loads(line) for line in next(tmp_path.iterdir()).read_text().splitlines()]
    workers = {
        event["Executor ID"]: event["Executor Info"]["Host"]
        for event in events
        if event["Event"] == "SparkListenerExecutorAdded"
    }
    tasks = [
        event["Task Info"]["Executor ID"] for event in events if event["Event"] == "SparkListenerTaskEnd"
    ]
    assert len(workers) == 2
    assert all(tasks.count(executor) >= 3 for executor in workers)
