"""Signals end a run in one line, whatever library they happen to meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = b"customer_id,order_date,amount\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_waits_for_its_input_ends_at_once(number: int, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"old")
    started, say = os.pipe()
    code = (
        f"import os, sys; from crmkit.process import exit_status; old = exit_status._prepare\n"
        f"exit_status._prepare = lambda debug: (old(debug), os.write({say}, b'!'))\n"
        "from crmkit.system import pair; pair.PATIENCE = 60\n"  # a busy machine is no deaf worker
        "from crmkit.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "rfm", "-", "-o", str(tmp_path / "t.csv")]
    run = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        pass_fds=[say],
    )
    assert run.stdin is not None
    run.stdin.write(HEADER)
    run.stdin.flush()
    os.read(started, 1)
    os.close(started)
    os.close(say)
    run.send_signal(number)
    error = run.communicate(timeout=30)[1].decode()
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert (run.returncode, error) == (128 + number, f"crmkit: {word}; no file was changed\n")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_signal_that_a_library_took_for_an_error_is_still_a_signal() -> None:
    code = """
import signal, sys
from crmkit import cli
def run():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise TypeError("'x' is not a data type")
cli.run = run
from crmkit.__main__ import main
main()
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (run.returncode, run.stderr) == (130, "crmkit: interrupted; no file was changed\n")


@pytest.mark.parametrize("command", [["rfm", "sample_data/sales.csv"], ["sample", "--rows", "10"]])
def test_garbage_is_collected_while_a_command_works(command: list[str], tmp_path: Path) -> None:
    code = (
        "import gc\nfrom crmkit.process.exit_status import guarded\n"
        f"status = guarded({command!r} + ['-o', {str(tmp_path / 'out.csv')!r}])\n"
        "print(status, gc.isenabled())"
    )
    code = f"import sys; sys.argv = ['crmkit'] + {command!r} + ['-o', {str(tmp_path / 'out.csv')!r}]\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split()[-2:] == ["0", "True"]
