"""An update that is killed, at any moment and at every step, leaves the old ledger or the new one; the next goes on.

`CRMKIT_KILLS=1000 python -m pytest -n 0 -m slow tests/load/ledger/test_kills.py` takes so many.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.load.ledger.test_ledger import answer, put, update
from tests.load.running import run
from tests.tool import ROOT

KILLS = int(os.environ.get("CRMKIT_KILLS", "20"))
# The update in a process of its own, which says when it begins, and counts the steps of writing a file. Before step
# KILL, counted from 1, it kills itself; after the last one it says how many there were.
UPDATE = """
import os, signal, sys
from crmkit.nightly import ledgers
from crmkit.process.exit_status import guarded
from crmkit.system import temp_files
stop, seen = int(sys.argv[1]), 0
def stepwise(home, name):
    function = getattr(home, name)
    def stepped(*arguments):
        global seen
        for moment in (function, lambda *_: None):
            seen += 1
            if seen == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            found = moment(*arguments) if moment is function else found
        return found
    setattr(home, name, stepped)
for home, name in ((temp_files, "create"), (temp_files, "sync_folder"), (temp_files.Temp, "finish"), (temp_files.Temp, "take_place")):
    stepwise(home, name)
sweep = ledgers._sweep
def swept(*arguments):
    print("begun", flush=True)
    sweep(*arguments)
ledgers._sweep = swept
sys.argv = ["crmkit", *sys.argv[2:]]
status = guarded(sys.argv[1:])
print(f"steps {seen}", flush=True)
sys.exit(status)
"""


def day(number: int, first: int, many: int) -> list[str]:
    return [
        f"c{i:04},2024-01-{number:02},o{i}-{number // 3},{i % 7 - 1}.50,1\n"
        for i in range(first, first + many)
    ]


class Nights:
    """Ledgers before an update, and what they answer before and after it."""

    def __init__(self, here: Path) -> None:
        self.here = here
        nights = [day(1, 0, 400), day(2, 100, 20), day(3, 110, 20), day(3, 300, 300)]
        files = [put(here / f"{i}.csv", rows) for i, rows in enumerate(nights)]
        for file in files[:2]:
            assert update(here / "old", file).status == 0
        # The one brings a few customers forward, the other has all written anew.
        self.new = files[2:]
        wholes = [[*nights[0], *nights[1], *more] for more in ([], nights[2], nights[3])]
        names = [put(here / f"whole{i}.csv", rows) for i, rows in enumerate(wholes)]
        self.answers = [[answer([word], file) for word in ("rfm", "customers")] for file in names]

    def killed(self, place: int, chance: random.Random, step: int, most: float) -> tuple[bool, float, str]:
        """Whether a killed update took place, how long it was at it, and what it said at the end."""
        ledger, file = self.here / "ledger", self.new[place]
        shutil.rmtree(ledger, ignore_errors=True)
        shutil.copytree(self.here / "old", ledger)
        words = [
            sys.executable,
            "-c",
            UPDATE,
            str(step),
            "customers",
            str(file),
            "--update",
            str(ledger),
            "-q",
        ]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "begun\n"
            begun = time.monotonic()
            if not step:
                time.sleep(chance.uniform(0, most))
                running.send_signal(signal.SIGKILL)
            said, took = running.stdout.read(), time.monotonic() - begun
        found = [answer([word], ledger) for word in ("rfm", "customers")]
        assert found in (self.answers[0], self.answers[1 + place]), (place, step)
        assert update(ledger, file).status == 0
        assert [answer([word], ledger) for word in ("rfm", "customers")] == self.answers[1 + place]
        assert run("ledger", "verify", ledger, "-q").status == 0
        assert not list(ledger.glob("*.tmp"))
        assert len(list(ledger.glob("*.parquet"))) == 3
        return found != self.answers[0], took, said


@pytest.mark.slow
def test_a_killed_update_leaves_the_old_ledger_or_the_new(tmp_path: Path) -> None:
    nights, chance = Nights(tmp_path), random.Random(os.environ.get("CRMKIT_KILLS_SEED", "1"))
    done, most, said = nights.killed(0, chance, -1, 0)  # one that nobody kills
    assert done
    steps = int(said.rsplit("steps ")[-1])
    taken = 0
    for kill in range(KILLS):
        step = 1 + kill // 2 * 7 % steps if kill % 2 else 0
        taken += nights.killed(kill // 2 % 2, chance, step, most)[0]
    assert 0 < taken < KILLS or KILLS < 20
    print(f"{KILLS} kills, {steps} steps, {taken} updates had taken place")
