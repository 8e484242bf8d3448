"""Runs without rights, without a home, a terminal, a locale or standard input: sentences, and the same numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.thinned import thinned
from tests.tool import ROOT, SALES

# Root may do everything; without its capabilities it is a user like any other.
POWERLESS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
CRMKIT = [sys.executable, "-m", "crmkit"]
pytestmark = pytest.mark.skipif(
    bool(POWERLESS) and not shutil.which("setpriv"), reason="root, and no setpriv"
)


def powerless(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*POWERLESS, *CRMKIT, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with files and folders that may not be read or written."""
    for name in (
        "sales.csv",
        "secret.csv",
        "closed/sales.csv",
        "tree/a/sales.csv",
        "tree/b/sales.csv",
        "fixed/old.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(SALES, tmp_path / name)
    limits = {"secret.csv": 0, "closed": 0, "tree/a": 0, "fixed": 0o555}
    for name, mode in limits.items():
        (tmp_path / name).chmod(mode)
    yield tmp_path
    for name in limits:
        (tmp_path / name).chmod(0o755)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("check secret.csv", "secret.csv: permission denied."),
        ("check sales.csv secret.csv", "secret.csv: permission denied."),
        ("check closed", "closed: permission denied."),
        ("check closed/sales.csv", "closed/sales.csv: permission denied."),
        ("check closed/*.csv", "closed: permission denied."),
        ("check tree", "tree/a: permission denied."),
        ("check tree/*/sales.csv", "tree/a/sales.csv: permission denied."),
        ("check tree/**/*.csv", "tree/a: permission denied."),
        ("rfm sales.csv -o fixed/new.csv", "The folder {0}/fixed may not be written. Name another one for fixed/new.csv."),
        ("rfm sales.csv -o closed/new.csv", "closed/new.csv could not be written: Permission denied."),
        ("rfm sales.csv -o new.csv --rejects fixed/r.csv", "The folder {0}/fixed may not be written. Name another one for fixed/r.csv."),
        ("rfm sales.csv -o new.csv --summary closed/run.json", "closed/run.json could not be written: Permission denied."),
        ("rfm sales.csv --save-cuts fixed/cuts.json", "The folder {0}/fixed may not be written. Name another one for fixed/cuts.json."),
        ("sample --rows 100 -o fixed/s.csv", "The folder {0}/fixed may not be written. Name another one for fixed/s.csv."),
    ],
)  # fmt: skip
def test_without_rights(place: Path, words: str, names: str) -> None:
    done = powerless(*words.split(), cwd=place)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"crmkit: {names.format(place.resolve())}\n"
    assert not (place / "new.csv").exists()


SURROUNDINGS = [
    "env HOME={home} {crmkit}", "env -u HOME {crmkit}", "env -i PYTHONPATH={root} {crmkit}", "env HOME=/nonexistent TERM= {crmkit}",
    "env LANG=C LC_ALL=C PYTHONUTF8=0 {crmkit}", "env TMPDIR=/nonexistent {crmkit}", "{crmkit} <&-", "setsid -w {crmkit} </dev/null",
    "ulimit -n 24; {crmkit}", "cd {home}; {crmkit}", "umask 777; {crmkit}", "env PYTHONUNBUFFERED=1 PYTHONOPTIMIZE=2 {crmkit}",
    "env TZ=Pacific/Kiritimati {crmkit}", "env PYTHONHASHSEED=7 POLARS_MAX_THREADS=1 {crmkit}",
]  # fmt: skip


@pytest.mark.parametrize("line", thinned(SURROUNDINGS, 3))
def test_the_same_numbers_anywhere(tmp_path: Path, line: str) -> None:
    (home := tmp_path / "home").mkdir()
    home.chmod(0o555)
    crmkit = f"{sys.executable} -m crmkit rfm {SALES} --format json"
    plain = subprocess.run(
        [*CRMKIT, "rfm", str(SALES), "--format", "json"], capture_output=True, cwd=ROOT, check=True
    )
    script = line.format(home=home, root=ROOT, crmkit=crmkit)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*POWERLESS, "bash", "-c", script], capture_output=True, env=environment, check=False
    )
    home.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout == plain.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", ["rfm sales.csv --save-cuts sales.csv", "clv sales.csv --save-model ./sales.csv"]
)
def test_what_is_saved_never_replaces_the_input(place: Path, words: str) -> None:
    shutil.copy(SALES, place / "sales.csv")
    done = powerless(*words.split(), cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is also an input" in done.stderr
    assert (place / "sales.csv").read_bytes() == SALES.read_bytes()
