"""Which column plays a role, chosen among its candidates; or why that is not settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crmkit.load.columns import names, words
from crmkit.load.columns.candidates import Candidate, merged, proposed
from crmkit.load.columns.look import Look

# How much surer a name must be than the next one to be taken without asking.
_LEAD = {"customer": 5, "date": 3, "order": 3}
_NO_LEAD = 1
_REPEATS = 0.02  # of the rows come from a customer who was there before
_NAMES_REPEAT = 0.2  # two people may share a name
_GUESTS = 0.1  # of the rows without an id, and an e-mail address is the better one
_ENOUGH_ROWS = 30  # in fewer, that no customer comes back says nothing against a sure name
_FILLED = 0.98
_MOSTLY_FILLED = 0.5
_MANY_MORE = 2  # times as many customers as users


class Choice(NamedTuple):
    """The column taken for a role, and why."""

    column: str
    why: str


class Doubt(NamedTuple):
    """Why no column was taken: `candidates` is empty where there is none, `guess` is the likeliest answer."""

    role: str
    candidates: tuple[str, ...] = ()
    guess: str | None = None
    because: str = ""


def choose(role: str, columns: Sequence[str], look: Look) -> Choice | Doubt:
    """The column of a role that is played by one column."""
    found = merged(proposed(role, columns, look), role)
    if role == "customer":
        if staff := _could_be_staff(found):
            return staff
        found, why = _customers(found)
    else:
        why = ""
    if not found:
        return Doubt(role)
    first = found[0]
    close = [one for one in found if first.rank - one.rank < _LEAD.get(role, _NO_LEAD)]
    if len(close) > 1:
        return Doubt(role, tuple(one.name for one in close), first.name, why)
    if first.rank < names.SURE:
        return Doubt(role, (first.name,), first.name, f"{first.name} is not a sure name for it")
    return Choice(first.name, why or f"found by its name, {first.name!r}")


def _customers(found: list[Candidate]) -> tuple[list[Candidate], str]:
    """Customers come back, and orders do not; an e-mail address tells apart those who ordered as guests."""
    if len(found) < 2:
        return found, ""
    first = found[0]
    again = [one for one in found if one.column.repeats > _least_repeats(one)]
    if first.rank >= names.SURE and first.column.present.len() < _ENOUGH_ROWS:
        again = [one for one in again if one.rank >= names.SURE]
    if first.column.repeats == 0 and again and again[0] is not first:
        why = f"every {first.name} occurs once, and {again[0].name} repeats"
        return [again[0], *(one for one in again[1:])], why
    if again and again[0] is first:  # what never repeats beside it is of orders
        found = [one for one in found if one.column.repeats]
    guests = 1 - first.column.filled_but_zero
    mails = [
        one for one in found[1:] if one.column.seems == "e-mail addresses" and one.column.filled >= _FILLED
    ]
    if guests >= _GUESTS and mails:
        return [
            mails[0]
        ], f"{first.name} is blank or 0 in {guests:.0%} of the rows, and {mails[0].name} is not"
    return found, ""


def _could_be_staff(found: list[Candidate]) -> Doubt | None:
    """A user or an account may be who sold: where columns named for customers hold many more of them."""
    if not found or _is_named_customer(found[0]):
        return None
    people = [one for one in found[1:] if _is_named_customer(one) and one.column.filled >= _MOSTLY_FILLED]
    more = [one for one in people if one.column.distinct >= _MANY_MORE * found[0].column.distinct]
    if not more:
        return None
    because = (
        f"{found[0].name} holds {found[0].column.distinct:,} and {more[0].name} {more[0].column.distinct:,}"
    )
    return Doubt("customer", (more[0].name, found[0].name), more[0].name, because)


def _is_named_customer(one: Candidate) -> bool:
    return any("customer" in reading for reading in words.read(one.name).readings)


def _least_repeats(one: Candidate) -> float:
    return _NAMES_REPEAT if one.rank < 80 else _REPEATS
