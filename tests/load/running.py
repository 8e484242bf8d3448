"""Runs the command line in this process, which is what makes thousands of runs affordable."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from crmkit.process.exit_status import guarded
from tests.load import advised


@dataclass(frozen=True)
class Finished:
    """What a run left behind."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of `--format json`."""
        assert self.status == 0, self.err
        assert "fault of crmkit" not in self.err
        return json.loads(self.out)["facts"]

    @property
    def account(self) -> tuple[int, int, str, int, str | None, str | None]:
        """(rows used, rows set aside, revenue, customers, first day, last day) of `check --format json`."""
        facts = self.facts
        money = f"{facts['revenue']:.2f}" if isinstance(facts["revenue"], float | int) else facts["revenue"]
        rejected = sum(facts["rejected"].values())
        return (
            facts["rows_used"],
            rejected,
            money,
            facts["customers"],
            facts["first_date"],
            facts["last_date"],
        )


def refused(finished: Finished, *words: str) -> None:
    """Assert that a run refused in one sentence with these words, and printed nothing else."""
    assert finished.status == 1, (finished.status, finished.err, finished.out[:200])
    assert finished.out == ""
    assert finished.err.count("\n") == 1 + ("\ncrmkit: Try: crmkit " in finished.err)
    assert "fault of crmkit" not in finished.err
    for word in words:
        assert word in finished.err, (word, finished.err)


def run(*arguments: str | Path, stdin: bytes | None = None) -> Finished:
    """Run `crmkit ARGUMENTS`; standard input is closed where none is given."""
    words = [str(argument) for argument in arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in "oe")
    source = None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
    hook = sys.unraisablehook
    with (
        mock.patch.multiple(
            sys, argv=["crmkit", *words], stdin=source, stdout=out, stderr=err, unraisablehook=hook
        ),
        mock.patch.object(threading, "excepthook", threading.excepthook),
        warnings.catch_warnings(),
        _own_signals(),
    ):
        status = guarded(words)
        out.flush()
        err.flush()
    finished = Finished(
        status, *(stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err))
    )  # type: ignore[attr-defined]
    assert advised.strange(words, finished.err) == [], finished.err
    return finished


def check(*arguments: str | Path, stdin: bytes | None = None) -> Finished:
    """Run `crmkit check … --format json`."""
    return run("check", "--format", "json", *arguments, stdin=stdin)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
