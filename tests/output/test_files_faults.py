"""Exports under faults: no permission, full disks, signals, kills, rivals, and each call failing in turn."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from crmkit.errors import CrmkitError
from crmkit.output import files

HERE = Path(__file__).parent
WORKER = HERE / "export_worker.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent), "POLARS_MAX_THREADS": "2"}
OLD = b"customer,revenue\nold,1.00\n"


def filler(data: bytes) -> Callable[[BinaryIO], None]:
    def fill(stream: BinaryIO) -> None:
        stream.write(data)

    return fill


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".crmkit-")]


def worker(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WORKER), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, **options)  # type: ignore[call-overload]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An export of yesterday."""
    path = tmp_path / "tiers.csv"
    path.write_bytes(OLD)
    return path


def as_nobody(act: Callable[[], None]) -> str:
    """What `act` complains about when a user without rights runs it."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        message = b"no complaint"
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            act()
        except CrmkitError as error:
            message = str(error).encode()
        finally:
            os.write(write, message)
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as heard:
        return heard.read()


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "tiers.csv").write_bytes(OLD)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


class TestPermissions:
    def test_a_folder_without_permission_is_found_before_any_work(self, closed_folder: Path) -> None:
        said = as_nobody(lambda: files.check(closed_folder / "tiers.csv"))
        assert "may not be written" in said

    def test_and_a_sentence_when_it_is_found_late(self, closed_folder: Path) -> None:
        said = as_nobody(lambda: files.write(closed_folder / "tiers.csv", filler(b"new")))
        assert said.endswith("tiers.csv could not be written: Permission denied.")
        assert (closed_folder / "tiers.csv").read_bytes() == OLD

    def test_a_write_protected_file_is_not_replaced(self, closed_folder: Path) -> None:
        closed_folder.chmod(0o777)
        (closed_folder / "tiers.csv").chmod(0o444)
        said = as_nobody(lambda: files.check(closed_folder / "tiers.csv"))
        assert "is write-protected" in said


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


class TestFullDisk:
    @pytest.mark.parametrize(
        "name", ["t.csv", "t.parquet", "t.csv.gz", "t.csv.zst", "t.json", "t.ndjson", "t.md"]
    )
    def test_a_file_size_limit_keeps_the_old_file(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(OLD)
        run = worker("export", tmp_path / name, 150_000, preexec_fn=limit_files)
        assert (run.returncode, run.stderr) == (
            1,
            f"{tmp_path / name} could not be written: File too large.\n",
        )
        assert (tmp_path / name).read_bytes() == OLD
        assert leftovers(tmp_path) == []


SLOW_WRITER = """
import sys, time
from crmkit.output import files

def fill(stream):
    stream.write(b"half")
    stream.flush()
    print("ready", flush=True)
    time.sleep(float(sys.argv[2]))

files.write(sys.argv[1], fill)
"""


def interrupted(path: Path, number: int, *, nap: float = 60, ignore: bool = False) -> int:
    """The status of a slow export that gets a signal in the middle."""
    ignored = (lambda: signal.signal(number, signal.SIG_IGN)) if ignore else None
    run = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(path), str(nap)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        preexec_fn=ignored,
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.send_signal(number)
    run.communicate(timeout=30)
    return run.returncode


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_the_run_and_leaves_no_trace(self, old: Path, number: int) -> None:
        assert interrupted(old, number) == -number
        assert old.read_bytes() == OLD
        assert leftovers(old.parent) == []

    def test_under_nohup_the_export_goes_on(self, old: Path) -> None:
        assert interrupted(old, signal.SIGHUP, nap=0.3, ignore=True) == 0
        assert old.read_bytes() == b"half"


def count_kills(path: Path, trials: int, seed: int) -> dict[str, int]:
    run = worker("kills", path, trials, seed)
    assert run.returncode == 0, run.stderr
    counts: dict[str, int] = json.loads(run.stdout)
    files.write(path, filler(OLD))
    return counts


class TestKills:
    @pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
    def test_a_killed_export_leaves_the_old_or_the_new_file(self, tmp_path: Path, name: str) -> None:
        counts = count_kills(tmp_path / name, 24, seed=1)
        assert "BROKEN" not in counts
        assert counts["old"] + counts.get("new", 0) == 24
        assert leftovers(tmp_path) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
    def test_five_hundred_times(self, tmp_path: Path, name: str) -> None:
        counts = count_kills(tmp_path / name, 500, seed=2)
        assert "BROKEN" not in counts
        assert min(counts["old"], counts["new"], counts["temporary"]) > 10
        assert leftovers(tmp_path) == []


class TestRivals:
    @pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
    def test_of_two_runs_at_once_one_wins_and_a_reader_sees_whole_files(
        self, tmp_path: Path, name: str
    ) -> None:
        whole = {OLD}
        for rows in (90_000, 120_000):
            worker("export", tmp_path / f"{rows}-{name}", rows)
            whole.add((tmp_path / f"{rows}-{name}").read_bytes())
        path = tmp_path / name
        path.write_bytes(OLD)
        runs = [
            subprocess.Popen([sys.executable, WORKER, "export", path, str(rows)], env=ENVIRONMENT, stdout=-3)
            for rows in (90_000, 120_000)
        ]
        seen = set()
        while any(run.poll() is None for run in runs):
            seen.add(path.read_bytes())
            time.sleep(0.002)
        assert [run.returncode for run in runs] == [0, 0]
        assert seen <= whole
        assert path.read_bytes() in whole - {OLD}
        assert leftovers(tmp_path) == []


@pytest.fixture(scope="session")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("injector") / "failing_calls.so"
    source = HERE / "failing_calls.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


class TestEveryCall:
    """Each call that touches the folder fails in turn, or is the last thing that the process does."""

    def run(self, path: Path, injector: Path, call: int, error: int) -> subprocess.CompletedProcess[str]:
        path.write_bytes(OLD)
        faults = {
            "LD_PRELOAD": str(injector),
            "FAIL_UNDER": str(path.parent),
            "FAIL_CALL": str(call),
            "FAIL_ERRNO": str(error),
            "FAIL_COUNT": str(injector.with_name("count")),
        }
        command = [sys.executable, str(WORKER), "export", str(path), "60000"]
        return subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, **faults})

    def outcome(self, path: Path, injector: Path, call: int, error: int) -> tuple[int, bytes, list[str]]:
        run = self.run(path, injector, call, error)
        left = leftovers(path.parent)
        for name in left:
            (path.parent / name).unlink()
        assert "Traceback" not in run.stderr
        return run.returncode, path.read_bytes(), left

    @pytest.mark.parametrize(
        ("name", "errors"),
        [
            ("t.csv", [errno.ENOSPC]),
            pytest.param("t.csv", [errno.EIO, 0], marks=pytest.mark.slow),
            pytest.param("t.parquet", [errno.ENOSPC, errno.EIO, 0], marks=pytest.mark.slow),
            pytest.param("t.csv.gz", [errno.ENOSPC, errno.EIO, 0], marks=pytest.mark.slow),
        ],
    )
    def test_fails_in_turn(self, tmp_path: Path, injector: Path, name: str, errors: list[int]) -> None:
        path = tmp_path / "out" / name
        path.parent.mkdir()
        status, new, _ = self.outcome(path, injector, 0, 0)
        calls = int(injector.with_name("count").read_text())
        assert status == 0
        assert calls >= 5
        for error in errors:
            for call in range(1, calls + 1):
                status, found, left = self.outcome(path, injector, call, error)
                if error:
                    # The last call syncs the folder: by then the new file is in place, and whole.
                    right = (0, new, []) if call == calls else (1, OLD, [])
                    assert (status, found, left) == right, (call, error)
                else:
                    assert status == -signal.SIGKILL
                    assert found in (OLD, new)
