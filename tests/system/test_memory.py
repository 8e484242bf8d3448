"""What a process says it has held is its own."""

from __future__ import annotations

import subprocess
import sys

from crmkit.system import memory
from tests.tool import ROOT


def test_the_peak_is_not_that_of_the_parent() -> None:
    held = bytearray(b"x" * (300 << 20))
    script = "from crmkit.system import memory; print(memory.peak())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stdout) < 100 << 20
    assert (memory.peak() or 0) > len(held)
