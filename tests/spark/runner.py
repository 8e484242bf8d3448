"""Runs command lines in one process with one Spark session, whose start takes longer than most runs.

Started as `python -m tests.spark.runner MASTER`; takes and gives one line of JSON for each run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.load.running import Finished, run
from tests.tool import ROOT


class Runner:
    """Such a process, from the outside."""

    def __init__(self, master: str, folder: Path) -> None:
        self.master = master
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.spark.runner", master],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
        )

    def run(self, *words: str | Path) -> Finished:
        """Run `crmkit WORDS --engine spark` there."""
        spread = [*map(str, words), "--engine", "spark", "--master", self.master]
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(spread), file=self._process.stdin, flush=True)
        return Finished(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """Let it end by itself, as a run does."""
        self._process.communicate()


def main(master: str) -> None:
    """Serve until there are no more command lines."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from crmkit.spark import errors, session

    with session.session(master) as spark:

        @contextmanager
        def ready(_master: str | None, _conf: Sequence[str] = ()) -> Iterator[Any]:
            with errors.in_words():
                yield spark

        with mock.patch.object(session, "session", ready):
            for line in sys.stdin:
                print(json.dumps(vars(run(*json.loads(line)))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
