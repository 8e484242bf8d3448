"""A system that knows no fork, no locks, no memory limits and few signals: the plain way does the same work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import ROOT, SALES

# What Windows lacks, taken away before crmkit is imported.
POOR = """
import os, signal, sys
for module, names in (
    (os, "fork memfd_create O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC fchown fchmod pread getppid WIFEXITED WIFSIGNALED"),
    (signal, "SIGHUP SIGPIPE SIGCHLD SIGKILL sigtimedwait pthread_sigmask"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in ("fcntl", "resource"):
    sys.modules[name] = None
sys.argv[0] = "crmkit"
from crmkit.__main__ import main
main()
"""


def poor(*words: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    """A run on such a system."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", POOR, *map(str, words)]
    return subprocess.run(command, env=environment, text=True, check=False, stderr=subprocess.PIPE, **more)  # type: ignore[call-overload,no-any-return]


def test_the_readme_command_says_the_same() -> None:
    rich = subprocess.run(
        [sys.executable, "-m", "crmkit", "rfm", str(SALES)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    done = poor("rfm", SALES, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, rich.stdout, rich.stderr)


def test_an_export_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "tiers.csv"
    target.write_text("old")
    done = poor("pareto", SALES, "-o", target, "-q", stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.read_text().startswith("customer,")
    assert [path.name for path in tmp_path.iterdir()] == ["tiers.csv"]


@pytest.mark.parametrize("content", [b"", b"customer,date,amount\na,2024-99-99,x\n"])
def test_a_bad_file_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    done = poor("rfm", bad, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("crmkit: ")


def test_a_closed_pipe_ends_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = poor("rfm", SALES, "--format", "csv", "--table", "customers", "-q", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
