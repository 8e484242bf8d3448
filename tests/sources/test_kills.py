"""Whatever holds an answer, a run that is killed leaves the old one or the new one, whole. CRMKIT_KILLS says how often to try."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.fs
import pytest

from tests.tool import ROOT

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("CRMKIT_KILLS", 2))
OLD = b"old"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "2"}


def sales(folder: Path, customers: int) -> Path:
    lines = (f"C{i * 7919 % 1000003:07},2024-01-{i % 28 + 1:02},{i % 90}.50\n" for i in range(customers))
    (folder / "sales.csv").write_text("customer,date,amount\n" + "".join(lines))
    return folder / "sales.csv"


def run(words: Sequence[str], begun: Callable[[], bool], wait: float | None) -> float:
    """A run, killed so many seconds after it has begun to write; returns how long it was writing."""
    command = [sys.executable, "-m", "crmkit", *words, "-q"]
    child = subprocess.Popen(command, start_new_session=True, env=os.environ | ENVIRONMENT)
    while not begun() and child.poll() is None:
        time.sleep(0.002)
    start = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(wait)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() in (0, -signal.SIGKILL)
    return time.monotonic() - start


def killed(
    words: Sequence[str],
    begun: Callable[[], bool],
    state: Callable[[], dict[str, bytes]],
    restore: Callable[[], None],
) -> None:
    """Kill runs at moments that are spread over their writing: each output must be the old one or the new one."""
    restore()
    old, takes, new = state(), run(words, begun, None), state()
    assert all(new[name] != old[name] for name in old)
    found: Counter[str] = Counter()
    for place in range(KILLS):
        restore()
        run(words, begun, takes * (place + 0.5) / KILLS)
        seen = state()
        for name, content in seen.items():
            assert content in (old[name], new[name]), f"{name}: {len(content):,} bytes"
            found["old" if content == old[name] else "new"] += 1
    print(words[0], dict(found))


def test_files(tmp_path: Path) -> None:
    """CSV, packed CSV, Parquet, JSON lines and a workbook, all of one run."""
    names = ("a.csv", "b.csv.gz", "c.parquet", "d.ndjson", "e.xlsx")
    out = tmp_path / "out"
    out.mkdir()
    words = ["customers", str(sales(tmp_path, 4_000))]
    for name in names:
        words += ["-o", str(out / name)]

    def restore() -> None:
        for path in out.iterdir():
            path.unlink()
        for name in names:
            (out / name).write_bytes(OLD)

    killed(
        words,
        lambda: len(list(out.iterdir())) > len(names),
        lambda: {name: (out / name).read_bytes() for name in names},
        restore,
    )
    run(words, lambda: True, None)
    assert sorted(path.name for path in out.iterdir()) == list(names)  # what a kill left is tidied up


@pytest.mark.parametrize("customers", [2_000, 160_000], ids=["by one request", "in parts"])
def test_objects(tmp_path: Path, s3: str, customers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    name, temporary = f"shop/kills/{customers}.csv", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    system = pyarrow.fs.S3FileSystem(endpoint_override=s3, region="us-east-1")

    def state() -> dict[str, bytes]:
        with system.open_input_file(name) as file:
            return {name: bytes(file.read())}

    def restore() -> None:
        for path in temporary.iterdir():
            path.unlink()
        with system.open_output_stream(name, compression=None) as stream:
            stream.write(OLD)

    words = ["customers", str(sales(tmp_path, customers)), "-o", f"s3://{name}", "--endpoint", s3]
    killed(words, lambda: any(temporary.iterdir()), state, restore)
    if customers == 2_000:
        with urllib.request.urlopen(f"{s3}/shop?uploads") as answer:
            assert f"{customers}.csv".encode() not in answer.read()
