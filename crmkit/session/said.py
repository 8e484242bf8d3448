"""What is said about the rows, beside the answer: how they were read, what became of them, what to know."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from crmkit.language.catalogue import counted, phrase, translated
from crmkit.output.messages import wrapped_for
from crmkit.system import memory

if TYPE_CHECKING:
    from crmkit.load.transactions import Transactions
    from crmkit.result import Result

_LEAST = 22  # lines of an answer that go before all that is said below it


class Said(NamedTuple):
    """A sentence and its kind: columns, reject, audit, note or time; `fields` are figures for logs."""

    text: str
    kind: str
    fields: Mapping[str, Any] = MappingProxyType({})


def of_rows(transactions: Transactions | None, result: Result, *, brief: bool) -> list[Said]:
    """The account of the rows and the notes; `brief` leaves out what stands on the screen already."""
    said = [] if transactions is None else list(_account(transactions, brief=brief))
    return said + [_note(note) for note in result.notes]


def _account(transactions: Transactions, *, brief: bool) -> Iterator[Said]:
    from crmkit.load.account import rejects

    audit, plan = transactions.audit, transactions.plan
    plain = all(role.formula.text in role.formula.columns for role in plan.roles.values())
    if not (brief and plain and plan.options.read_as is None):
        yield Said(transactions.taken(), "columns")
    for line in rejects.lines(transactions):
        yield Said(line, "reject")
    # The context of an answer names the rows without customer, and all rows.
    if not brief or {*audit.rejected, *audit.skipped} - {"no customer id"}:
        yield Said(audit.line(), "audit", audit.counted())
    if not brief and audit.rejected.get("no customer id") and transactions.has_amount:
        money = f"{audit.money(audit.revenue_without_customer):,}"
        yield Said(phrase("revenue without customer id: {money}", money=money), "audit")
    for note in audit.notes:
        yield _note(note)


def _note(text: str) -> Said:
    return Said(phrase("note: {text}", text=translated(text)), "note")


def room_above(said: list[Said]) -> int | None:
    """Lines of the terminal that are left for an answer with these sentences below it, and the next prompt."""
    if not sys.stdout.isatty():
        return None
    room = shutil.get_terminal_size().lines - 1
    below = sum(map(_lines, said))
    return max(room - below, min(_LEAST, room - min(below, 1)))


def _lines(one: Said) -> int:
    return wrapped_for(f"crmkit: {one.text}").count("\n") + 1


def that_fit(said: list[Said], above: int) -> list[Said]:
    """What fits the terminal below so many lines; the last sentence counts the others."""
    room = shutil.get_terminal_size().lines - 1 - above
    if sum(map(_lines, said)) <= room:
        return said
    shown: list[Said] = []
    for one in said:
        room -= _lines(one)
        if room < 1:
            break
        shown.append(one)
    rest = phrase("{n} more to know: -v shows all of it", n=len(said) - len(shown))
    return [*shown, Said(rest, "note")]


def effort(start: float, transactions: Transactions | None) -> Said:
    """What the run took: time, processor time, memory."""
    used = os.times()
    wall, work = f"{time.monotonic() - start:.1f}", f"{used.user + used.system:.1f}"
    told = [phrase("{wall} s, {work} s of processor time", wall=wall, work=work)]
    if (peak := memory.peak()) is not None:
        told.append(phrase("{n} MB of memory at most", n=f"{peak / (1 << 20):,.0f}"))
    if transactions is not None:
        told.insert(0, counted(transactions.audit.rows_read, "rows"))
    return Said(", ".join(told), "time")
