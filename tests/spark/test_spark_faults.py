"""What goes wrong on a cluster: one sentence and the right status, no partial output, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.load.running import Finished, run
from tests.spark.cluster import Farm, free_port
from tests.spark.compare import refused_alike, said
from tests.spark.runner import Runner
from tests.tool import ROOT, SALES, Done, process

CLUSTER = ("--engine", "spark", "--master")


def _sentence(done: Done | Finished, status: int, *words: str) -> None:
    code = done.code if isinstance(done, Done) else done.status
    assert code == status, (code, done.err)
    assert not done.out
    assert done.err.count("\n") == 1 and done.err.startswith("crmkit: "), done.err
    assert "fault of crmkit" not in done.err
    for word in words:
        assert word in done.err, (word, done.err)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Forty files, whose reading takes some seconds."""
    folder = tmp_path / "many"
    folder.mkdir()
    rows = pl.select(n=pl.int_range(15_000))
    for part in range(40):
        n = pl.col("n") * 40 + part
        frame = rows.select(
            customer=(n * n % 70_001).cast(pl.String),
            order_id=n // 2,
            date=pl.date(2022, 1, 1) + pl.duration(days=n * 7919 % 900),
            amount=(n * 31 % 90_000 - 4_000) / 100,
        )
        frame.write_csv(folder / f"{part}.csv")
    return folder


def test_a_worker_that_dies_changes_nothing(
    cluster: Farm, classic: Runner, many: Path, tmp_path: Path
) -> None:
    far, alone = tmp_path / "far.parquet", tmp_path / "alone.parquet"
    before, done = cluster.shuffled(), list[Finished]()
    work = threading.Thread(
        target=lambda: done.append(classic.run("rfm", many, "-o", far, "--format", "json"))
    )
    work.start()
    while work.is_alive() and not cluster.shuffled() - before:
        time.sleep(0.02)
    assert work.is_alive()
    cluster.kill_a_worker()
    work.join()
    cluster.hire()
    here = run("rfm", many, "-o", alone, "--format", "json")
    assert done[0].status == 0, done[0].err
    assert done[0].out == here.out
    assert said(done[0]) == said(here)
    found, expected = pl.read_parquet(far / "*.parquet"), pl.read_parquet(alone)
    assert found.sort("customer").equals(expected.sort("customer"))
    assert {path.name.split("-")[0] for path in far.iterdir() if path.suffix != ".crc"} == {
        "_SUCCESS",
        "part",
    }


def test_an_output_that_is_there_is_refused_first(classic: Runner, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    for words in (taken, taken.as_uri()):
        done = classic.run("rfm", tmp_path / "nothing.parquet", "-o", words)
        _sentence(done, done.status, "is there already")
        assert done.status != 0
    assert not list(taken.iterdir())


@pytest.mark.parametrize("way", ["classic", "connect"])
def test_what_is_not_there(way: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    runner: Runner = request.getfixturevalue(way)
    nothing = tmp_path / "nothing.parquet"
    _sentence(runner.run("rfm", nothing), 1, str(nothing), "there is no such file or folder")
    _sentence(runner.run("rfm", "table:nowhere.nothing"), 1, "There is no table", "nothing")
    empty = tmp_path / "empty"
    empty.mkdir()
    _sentence(runner.run("rfm", empty), 1, str(empty), "there is no file in this folder")
    _sentence(runner.run("rfm", "s3a://bucket/sales.parquet"), 1, "s3a")


@pytest.mark.parametrize("way", ["classic", "connect"])
def test_what_a_task_finds_wrong(way: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    runner: Runner = request.getfixturevalue(way)
    bytes_ = tmp_path / "bytes.csv"
    bytes_.write_bytes(SALES.read_bytes()[:5_000] + b"\xff\xfe\xff," + SALES.read_bytes()[5_000:])
    refused_alike(runner, "rfm", bytes_)
    _sentence(runner.run("rfm", bytes_), 1, "bytes.csv", "UTF-8")
    torn = tmp_path / "torn.parquet"
    pl.read_csv(SALES).write_parquet(torn)
    torn.write_bytes(torn.read_bytes()[:-10])
    _sentence(runner.run("rfm", torn), 1, "torn.parquet")
    nobody = tmp_path / "nobody.csv"
    nobody.write_text("customer,date,amount\n,2024-01-01,3\n")
    _sentence(runner.run("rfm", nobody), 1, "no row can be used: 1 rows read, 1 no customer id, 0 used")
    columns = tmp_path / "columns.csv"
    columns.write_text("a,b,c\n1,2,3\n")
    refused_alike(runner, "rfm", columns)
    once = tmp_path / "once.csv"
    once.write_text("customer,date,amount\nann,2024-01-01,3\nbob,2024-02-01,4\n")
    for words in (
        ["churn"],
        ["churn", "--lapse-days", "9", "--evaluate", "2023-01-01"],
        ["lifecycle", "--stages"],
    ):
        refused_alike(runner, words[0], once, *words[1:])
    strict = ("check", SALES, "--strict")
    assert runner.run(*strict).status == run(*strict).status == 3


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_master_that_does_not_answer(scheme: str) -> None:
    master = f"{scheme}://127.0.0.1:{free_port()}"
    _sentence(process("rfm", SALES, *CLUSTER, master), 1, master, "nothing answers")


def test_no_java(tmp_path: Path) -> None:
    done = process("rfm", SALES, *CLUSTER, "local[1]", PATH=str(tmp_path), JAVA_HOME="")
    _sentence(done, 2, "needs Java 17")
    done = process("rfm", SALES, *CLUSTER, "local[1]", JAVA_HOME=str(tmp_path))
    _sentence(done, 2, "needs Java 17")


def test_a_java_that_does_not_start(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    java.chmod(0o755)
    done = process("rfm", SALES, *CLUSTER, "local[1]", PATH=f"{tmp_path}:{os.environ['PATH']}", JAVA_HOME="")
    _sentence(done, 1, "Java")


def test_settings_that_are_none(classic: Runner) -> None:
    done = process("rfm", SALES, *CLUSTER, "local[1]", "--conf", "spark.executor.memory")
    _sentence(done, 2, "KEY=VALUE")


@pytest.fixture
def begun(
    cluster: Farm, many: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """A run that is at work."""
    there, scratch = request.param == "connect", tmp_path / "scratch"
    where = [cluster.connect] if there else ["local[2]", "--conf", f"spark.local.dir={scratch}"]
    words = ["rfm", str(many), *CLUSTER, *where, "-o", str(tmp_path / "far")]
    before = cluster.shuffled()
    with subprocess.Popen(
        [sys.executable, "-m", "crmkit", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,  # a shell's "&" ignores it
        text=True,
    ) as made:
        while made.poll() is None and not (
            cluster.shuffled() - before or list(scratch.rglob("shuffle_*.data"))
        ):
            time.sleep(0.02)
        yield made
        assert made.poll() is not None


@pytest.mark.parametrize("begun", ["classic", "connect"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon(number: int, begun: subprocess.Popen[str], tmp_path: Path) -> None:
    assert begun.poll() is None
    asked = time.monotonic()
    os.kill(begun.pid, number)
    out, err = begun.communicate(timeout=60)
    assert time.monotonic() - asked < 15
    assert begun.returncode in (128 + number, -number)
    assert out == "" and err.count("\n") <= 1 and "Traceback" not in err
    assert not list((tmp_path / "far").glob("part*"))
    end = time.monotonic() + 60
    while (left := _members(begun.pid)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left, left


def _members(session: int) -> list[str]:
    found = subprocess.run(["pgrep", "-a", "-s", str(session)], capture_output=True, text=True)
    return found.stdout.splitlines()
