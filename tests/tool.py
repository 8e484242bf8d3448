"""The command line as tests use it: in this process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from crmkit.cli import build

ROOT = Path(__file__).parent.parent
SALES = ROOT / "sample_data" / "sales.csv"
# Real transaction files, for tests that skip without them.
DEV_DATA = Path(os.environ.get("CRMKIT_DEV_DATA", ROOT / "no-such-folder"))


class Done(NamedTuple):
    """How a run ended."""

    code: int
    out: bytes
    err: str


def crmkit(*words: str | Path, stdin: bytes | None = None) -> str:
    """Standard output of a run in this process; an error of crmkit is raised as it is."""
    result = CliRunner().invoke(build(), [str(word) for word in words], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def process(*words: str | Path, stdin: bytes | None = None, **environment: str) -> Done:
    """A run as the shell would start it."""
    plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "crmkit", *map(str, words)],
        input=stdin,
        capture_output=True,
        env=plain | {"PYTHONPATH": str(ROOT)} | environment,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def dev_data(name: str) -> Path:
    """A real file that some developers have; without it the test is skipped."""
    path = DEV_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


def shell(line: str, **environment: Any) -> Done:
    """A shell line in which `crmkit` is the command."""
    script = f'crmkit() {{ "{sys.executable}" -m crmkit "$@"; }}; set -o pipefail; {line}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=ROOT, env=environment, check=False)
    return Done(done.returncode, done.stdout, done.stderr.decode())
