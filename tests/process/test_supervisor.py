"""Whatever ends the work: a status, at most one sentence, no temporary file, and the old export as it was."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.every_command import READING, words
from tests.thinned import thinned
from tests.tool import ROOT, SALES, process

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def shell(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A shell line in which `crmkit` is the command."""
    script = f'crmkit() {{ "{sys.executable}" -m crmkit "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=ENVIRONMENT | more, check=False
    )


def start(*words: str | Path, **more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crmkit", *map(str, words)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT | more,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes a second or more."""
    path = tmp_path_factory.mktemp("large") / "sales.csv"
    block = "".join(
        f"K{place * 7919 % 50_000},{place},2024-{1 + place % 12:02}-{1 + place % 28:02},{place % 5000 / 100}\n"
        for place in range(100_000)
    )
    path.write_text("customer,order_id,date,amount\n" + block * 12)
    return path


@pytest.mark.parametrize("to_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", thinned([0.9, 0.3, 1.6], 3))
def test_signals(large: Path, tmp_path: Path, number: signal.Signals, moment: float, to_group: bool) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    run = start("rfm", large, "-o", target)
    time.sleep(moment)
    (os.killpg if to_group else os.kill)(run.pid, number)
    asked = time.monotonic()
    out, err = run.communicate()
    if run.returncode == 0:  # it was faster
        assert target.read_text() != "old"
        return
    assert run.returncode in (128 + number, -number)
    assert time.monotonic() - asked < 10
    assert (out, target.read_text()) == (b"", "old")
    assert b"Traceback" not in err
    assert err.decode().splitlines()[-1:] in ([], ["crmkit: interrupted; no file was changed"], ["crmkit: terminated; no file was changed"], ["crmkit: terminated"], ["crmkit: interrupted"])  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_ignored_signals_stay_ignored() -> None:
    done = shell(
        f"trap '' HUP TERM; crmkit check {SALES} > /dev/null & sleep 0.4; kill -HUP $!; kill -TERM $!; wait $!; echo $?"
    )
    assert done.stdout == "0\n", done.stderr


def test_a_killed_supervisor_takes_the_worker_along(large: Path, tmp_path: Path) -> None:
    run = start("rfm", large, "-o", tmp_path / "out.csv")
    time.sleep(0.8)
    workers = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_worker_that_dies_is_spoken_for(
    large: Path, tmp_path: Path, number: signal.Signals, form: str
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    run = start("rfm", large, "-o", target, "--log-format", form)
    time.sleep(0.8)
    workers = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    for worker in workers:
        os.kill(int(worker), number)
    out, err = run.communicate()
    assert (run.returncode, out, target.read_text()) == (1, b"", "old")
    (line,) = err.decode().splitlines()
    text = json.loads(line)["message"] if form == "json" else line
    assert (
        "Memory does not suffice" in text if number == signal.SIGKILL else f"crashed ({number.name})" in text
    )


PANIC = """
import os, sys
from crmkit.process import supervisor
def work():
    os.write(2, b"thread 'main' panicked at src/lib.rs:1:1: memory allocation of 8 bytes failed\\n")
    os.abort()
sys.exit(supervisor.supervised(work, []))
"""


def test_native_words_do_not_reach_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PANIC], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "crmkit: Memory does not suffice for this, and the run was ended; give it more, or fewer rows (fewer files).\n"
    )
    plain = PANIC.replace("memory allocation of 8 bytes failed", "index out of range")
    done = subprocess.run(
        [sys.executable, "-c", plain], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert "panicked" not in done.stderr
    assert "crashed (SIGABRT)" in done.stderr


@pytest.mark.parametrize("command", thinned(READING, 5))
def test_two_gigabytes_of_address_space_suffice(command: str) -> None:
    line = shlex.join(words(command, SALES))
    done = shell(f"ulimit -v 2000000; crmkit {line} --format json", POLARS_MAX_THREADS="")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["command"] == command


@pytest.mark.parametrize("kilobytes", [60_000, 150_000, 300_000, 400_000, 450_000, 500_000])
def test_too_little_memory_is_a_sentence(kilobytes: int) -> None:
    done = shell(f"ulimit -v {kilobytes}; crmkit check {SALES} --format json")
    if done.returncode == 0:
        assert json.loads(done.stdout)["facts"]["rows_read"] == 2000
        return
    assert (done.returncode, done.stdout) == (1, "")
    assert "emory" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "rfm"])
def test_a_large_file_in_two_gigabytes(large: Path, command: str) -> None:
    done = shell(f"ulimit -v 2000000; crmkit {command} {large} --format json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("crmkit rfm {sales} >&-", 1),
        ("crmkit rfm {sales} 2>&- >/dev/null", 0),
        ("crmkit rfm {sales} <&- >/dev/null", 0),
        ("crmkit rfm - <&-", 1),
        ("crmkit rfm {sales} >&- 2>&- <&-", 1),
        ("crmkit rfm {sales} -o {out} >&- 2>&- <&-", 0),
        ("crmkit rfm {sales} -o {out} -q >&-", 0),
        ("crmkit rfm {sales} >/dev/full", 1),
        ("crmkit rfm {sales} --format json >/dev/full", 1),
        ("crmkit rfm {sales} >/dev/null 2>/dev/full", 0),
        ("crmkit rfm {sales} -o /dev/full", 1),
        (
            "crmkit customers {sales} --table customers --format csv | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}",
            141,
        ),
        ("cat {sales} | crmkit rfm - >/dev/null", 0),
        ("crmkit rfm <(cat {sales}) >/dev/null", 0),
        ("crmkit rfm {sales} -o >(cat >/dev/null)", 0),
    ],
)
@pytest.mark.parametrize("unbuffered", thinned(["", "1"], 2))
def test_streams(tmp_path: Path, line: str, status: int, unbuffered: str) -> None:
    many = tmp_path / "sales.csv"
    many.write_text(
        "customer,date,amount\n"
        + "".join(f"K{place},2024-01-{1 + place % 28:02},{1 + place % 7}.50\n" for place in range(20_000))
    )
    done = shell(line.format(sales=many, out=tmp_path / "out.csv"), PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    if "-o {out}" in line:
        assert (tmp_path / "out.csv").read_text().count("\n") > 19_000


def test_a_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    """Some programs that start others hand them such pipes, and read in their own time."""
    many = tmp_path / "sales.csv"
    many.write_text("customer,date,amount\n" + "".join(f"K{n},2024-01-05,1.50\n" for n in range(20_000)))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    command = [sys.executable, "-m", "crmkit", "customers", str(many), "--table", "customers", "--format", "csv", "-q"]  # fmt: skip
    with subprocess.Popen(command, stdout=writer, env=ENVIRONMENT) as run:
        os.close(writer)
        time.sleep(1)
        with os.fdopen(reader) as stream:
            assert stream.read().count("\n") == 20_001
    assert run.returncode == 0


def test_a_disk_that_fills_up_under_standard_output_is_told(tmp_path: Path) -> None:
    line = f"ulimit -f 8; crmkit customers {SALES} --table customers --format csv > {tmp_path / 'out.csv'}"
    for unbuffered in ("", "1"):
        done = shell(line, PYTHONUNBUFFERED=unbuffered)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            1,
            "crmkit: Standard output could not be written: File too large.",
        )


def test_stray_text_finds_no_file(tmp_path: Path) -> None:
    done = shell(f"crmkit customers {SALES} -o {tmp_path / 'out.parquet'} 2>&- >&-")
    assert done.returncode == 0
    assert process("check", SALES, "--format", "json").code == 0
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"


LATE = """
import atexit, os, signal, sys
import crmkit.output.files
from crmkit import __main__
supervisor, wait, restore = os.getpid(), os.waitpid, crmkit.output.files.Outputs._restore_handlers
signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
def interrupt():
    for number in signals:
        os.kill(os.getpid(), number)
def waited(*arguments):
    found = wait(*arguments)
    if found[0]:
        interrupt()
    return found
def restored(outputs):
    restore(outputs)
    if os.getpid() != supervisor:
        interrupt()
os.waitpid, crmkit.output.files.Outputs._restore_handlers = waited, restored
atexit.register(interrupt)
sys.argv = ["crmkit", *sys.argv[1:]]
__main__.main()
"""


@pytest.mark.parametrize("words", [["customers", str(SALES), "-q"], ["sample", "--rows", "1000"]])
def test_signals_that_come_too_late_change_nothing(words: list[str], tmp_path: Path) -> None:
    """After the files have their places: in the worker, in the supervisor that waits, and as Python ends."""
    command = [sys.executable, "-c", LATE, *words, "-o", str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("crmkit: wrote ")]
    assert (done.returncode, said) == (0, [])
    assert (tmp_path / "out.csv").stat().st_size > 1000


@pytest.mark.slow
def test_signals_at_random_moments(large: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    target = tmp_path / "out.csv"
    for _ in range(60):
        target.write_text("old")
        number = chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        run = start("rfm", large, "-o", target)
        # Before that Python itself may still be starting, on a busy machine, and its traceback is not ours.
        time.sleep(0.3 + chance.random() * 2.5)
        os.kill(run.pid, number)
        out, err = run.communicate()
        assert run.returncode in (0, 128 + number, -number), err
        assert b"Traceback" not in err
        assert (target.read_text() == "old") == (run.returncode != 0)
        assert run.returncode == 0 or out == b""
