"""Commands that run together in one process: they read once, and their files take their places at one time.

First each command is rehearsed, which says what it would read and write; then each runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.load.find.sources import Source, Where
    from crmkit.load.shared import Ask, Reads
    from crmkit.load.transactions import Transactions
    from crmkit.nightly.jobs import Done
    from crmkit.output.report import Outputs
    from crmkit.result import Result


class Rehearsed(BaseException):
    """A command that was to say what it would do has said so. No error: nobody is to catch it on the way."""


@dataclass
class Together:
    """What the commands of one run share. `name` is that of the command whose turn it is."""

    files: Outputs
    plan: str  # the file that says what they do
    is_rehearsal: bool = True
    name: str = ""
    written: list[str] = field(default_factory=list)  # what the commands will write
    done: list[Done] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    _seen: int = 0
    found: dict[tuple[tuple[str, ...], Where], Sequence[Source]] = field(default_factory=dict)

    @cached_property
    def reads(self) -> Reads:
        """The reading of all commands."""
        from crmkit.load.shared import Reads

        return Reads()

    def taken(self, paths: Sequence[str]) -> list[str]:
        """The files of the commands before; these are further ones."""
        before = list(self.written) if self.is_rehearsal else []
        self.written += paths if self.is_rehearsal else []
        return before

    def takes_turn(self) -> bool:
        """The next command's turn; whether the last one will write anything."""
        before, self._seen = self._seen, len(self.written)
        return self._seen > before

    def stop_in_rehearsal(self) -> None:
        """A command that knows its answer goes no further than that in the rehearsal."""
        if self.is_rehearsal:
            raise Rehearsed

    def add(self, result: Result, written: Sequence[Mapping[str, Any]], as_of: date | None) -> None:
        """The answer of the command whose turn it is, the receipts of its files, and the day it looks from."""
        from crmkit.nightly.jobs import Done

        self.done.append(Done(self.name, result, written, as_of))

    def named(self, job: str, text: str, kind: str) -> str | None:
        """A sentence with the job that says it; None where it was said before."""
        if text in self.said:
            return None
        self.said.add(text)
        return f"{job}: {text}" if kind == "note" else text

    def sources(self, files: tuple[str, ...], where: Where) -> Sequence[Source]:
        """The inputs, found once for all commands that name them."""
        from crmkit.load.find import sources

        if (files, where) not in self.found:
            self.found[files, where] = sources.find(files, where)
        return self.found[files, where]

    def every_source(self) -> list[Source]:
        """All inputs."""
        return [one for found in self.found.values() for one in found]

    def opened(self, ask: Ask, watch: Callable[[Transactions], None]) -> Transactions:
        """What a command reads; in the rehearsal it gets no further."""
        if self.is_rehearsal:
            self.reads.expect(ask)
        self.stop_in_rehearsal()
        return self.reads.opened(ask, watch)


# The commands by their names, as the parser has them.
commands: ContextVar[Callable[[], Mapping[str, Any]]] = ContextVar("commands")
current: ContextVar[Together | None] = ContextVar("current group", default=None)
