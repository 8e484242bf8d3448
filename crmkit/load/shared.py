"""Files that are read once for several questions: the rows in use are kept on the disk as they stream by.

A question that would read the files in the same way gets the same rows, and the same account of them, from there. It
may ask for fewer labels than were kept. A question that would read them otherwise reads them by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import polars as pl

from crmkit.engine.prefetch import ahead
from crmkit.errors import CrmkitError
from crmkit.load import load, spill
from crmkit.load.files import Files
from crmkit.load.find.sources import Source
from crmkit.load.lists import Excluded
from crmkit.load.plan import Options, ReadingPlan
from crmkit.load.reader import PassReport, Reader
from crmkit.load.transactions import Transactions

# Columns that decide nothing about whether a row is used, and what it is worth.
_LABELS = frozenset({"order", "product", "channel", "group", "store", "cost", "price", "quantity"})


@dataclass(frozen=True)
class Ask:
    """What a question reads: of these sources, by these options, these roles."""

    sources: Sequence[Source]
    options: Options
    needs: frozenset[str]
    wants: frozenset[str]
    all_rejects: bool = False

    def goes_with(self, other: Ask) -> bool:
        """Whether one pass could serve both."""
        mine, theirs = self.options.columns, other.options.columns
        return (
            self.sources is other.sources
            and self.all_rejects == other.all_rejects
            and self._flags == other._flags
            and _alike(self.options, other.options)
            and all(mine.get(name) in (None, word) for name, word in theirs.items() if word)
        )

    @property
    def _flags(self) -> tuple[bool, bool]:
        """What decides whether rows without a customer, or without a cost, take part."""
        return "customer" in self.needs, "cost" in self.needs

    def with_roles_of(self, others: Sequence[Ask]) -> Ask:
        """One that reads what all of these read."""
        columns = {
            name: word for one in (*others, self) for name, word in one.options.columns.items() if word
        }
        wants = frozenset[str]().union(*(one.needs | one.wants for one in others))
        return replace(
            self, options=replace(self.options, columns={**self.options.columns, **columns}), wants=wants
        )

    def opened(self) -> Transactions:
        """The transactions; nothing but a sample is read yet."""
        found = load(self.sources, self.options, needs=self.needs, wants=self.wants)
        found.keep_all_rejects = self.all_rejects
        return found


def _alike(mine: Options, theirs: Options) -> bool:
    """Whether the same is said about reading, whatever columns were named."""
    plain = (replace(one, columns={}, exclude=None) for one in (mine, theirs))
    return next(plain) == next(plain) and _same_list(mine.exclude, theirs.exclude)


def _same_list(mine: Excluded | None, theirs: Excluded | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return mine.name == theirs.name and mine.ids.equals(theirs.ids)


class Reads:
    """The reading of several questions, which have said beforehand what they will ask."""

    def __init__(self) -> None:
        self.passes = 0  # over the files, for the rows that questions are asked of
        self._asks: list[Ask] = []
        self._kept: list[_Recording] = []
        self._failed: list[Ask] = []

    def expect(self, ask: Ask) -> None:
        """A question will ask this."""
        self._asks.append(ask)

    def opened(self, ask: Ask, watch: Callable[[Transactions], None]) -> Transactions:
        """The transactions of a question; `watch` is told what is about to be read."""
        found = ask.opened()
        if not isinstance(found, Files):
            self.passes += 1
            return found
        kept = self._serving(found) or self._recorded(ask, found, watch)
        if kept is None:
            self.passes += 1
            watch(found)
            return found
        return _Replayed(found, kept)

    def _serving(self, asked: Files) -> _Recording | None:
        return next((kept for kept in self._kept if kept.serves(asked)), None)

    def _recorded(self, ask: Ask, asked: Files, watch: Callable[[Transactions], None]) -> _Recording | None:
        """A pass for this question and those that go with it; None where there is none other."""
        together = [one for one in self._asks if one.goes_with(ask)]
        if len(together) < 2 or any(one.goes_with(ask) for one in self._failed):
            return None
        try:
            wide = ask.with_roles_of(together).opened()
            assert isinstance(wide, Files)
            watch(wide)
            kept = _Recording(wide)
            self.passes += 1
        except CrmkitError:  # whom it concerns will say so
            self._failed.append(ask)
            return None
        self._kept.append(kept)
        if kept.serves(asked):
            return kept
        self._failed.append(ask)
        return None


class _Recording(Files):
    """A pass whose rows in use are kept, with what it found."""

    def __init__(self, asked: Files) -> None:
        self.__dict__ |= asked.__dict__
        self._begun = asked.plan
        while True:
            self._rows = self._noted()
            if not self._replanned():
                break

    def _noted(self) -> spill.Noted:
        reader = self._reader()
        self._findings = reader.empty()
        noted = spill.Noted(reader.schema(), self._expected_rows())
        noted.fill(self._used(reader, singly=True))
        return noted

    def serves(self, asked: Files) -> bool:
        """Whether a pass of `asked` would find these rows, less some labels."""
        mine, theirs = self._begun, asked.plan
        more = set(mine.roles) - set(theirs.roles)
        return (
            self.keep_all_rejects == asked.keep_all_rejects
            and [one.source for one in self.inputs] == [one.source for one in asked.inputs]
            and more <= _LABELS
            and not (more and (mine.lines.restarts or self.audit.rejected.get("bad characters")))
            and _alike(mine.options, theirs.options)
            and _without(mine, more, asked.names[0]) == _without(theirs, frozenset(), asked.names[0])
        )

    def findings(self, *, priced: bool) -> PassReport:
        """What the pass found, for a question that will add to it."""
        found = deepcopy(self._findings)
        if not priced:
            found.audit.no_cost = 0
        return found

    def rows(self) -> Iterator[pl.DataFrame]:
        """The rows in use, batch by batch."""
        return self._rows.batches()


def _without(plan: ReadingPlan, roles: set[str] | frozenset[str], raw: Mapping[str, str]) -> ReadingPlan:
    """What of a plan decides how these raw columns are read."""
    kept = {name: role._replace(why="") for name, role in plan.roles.items() if name not in roles}
    return plan.but(
        roles=kept,
        numbers={name: style for name, style in plan.numbers.items() if name in raw},
        lines=plan.lines._replace(carried=tuple(name for name in plan.lines.carried if name in raw)),
        said=(),
        options=Options(),
    )


class _Replayed(Files):
    """Transactions as `asked`, whose rows come from a recording."""

    def __init__(self, asked: Files, kept: _Recording) -> None:
        self.__dict__ |= asked.__dict__
        settled = kept.plan
        self._recording = kept
        self._decided = kept._decided
        self.plan = asked.plan.but(
            layout=settled.layout,
            numbers={name: settled.numbers[name] for name in asked.plan.numbers},
            scale=settled.scale,
            wide=settled.wide,
            float_ids=settled.float_ids,
        )

    def _used(self, reader: Reader, *, singly: bool) -> Iterator[pl.DataFrame]:
        self._findings = self._recording.findings(priced=self.has("cost"))
        for rows in ahead(self._recording.rows()):
            yield rows.select(list(reader.schema()))

    def _replanned(self) -> bool:
        """All was settled by the pass that was recorded."""
        return False
