"""When this run began, and by which name logs and accounts call it."""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Run:
    """One run. Its length is measured by a clock that nobody sets, so that it is never negative."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    tick: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Time and process: what tells it from other runs in a log."""
        return f"{self.started:%Y%m%dT%H%M%S%f}-{os.getpid()}"

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return round(time.monotonic() - self.tick, 3)

    @property
    def ended(self) -> datetime:
        """The moment that it has reached, on the clock of its start."""
        return self.started + timedelta(seconds=self.seconds)


current: ContextVar[Run] = ContextVar("current run")


def run() -> Run:
    """This run; it begins when it is first asked for."""
    found = current.get(None)
    if found is None:
        found = Run()
        current.set(found)
    return found


def stamp(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
