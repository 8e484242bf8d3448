"""The likeliest column for a role that no name speaks for, from values alone: to be proposed, never to be taken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from crmkit.load.columns import words
from crmkit.load.columns.choice import Doubt
from crmkit.load.columns.look import Column, Look

_NO_DAYS = frozenset({"shipping", "change", "cancel", "joined", "due", "refund"})
_NO_PEOPLE = frozenset(
    {
        "person",
        "place",
        "sort",
        "product",
        "status",
        "store",
        "channel",
        "currency",
        "part",
        "count",
        "order",
        "receipt",
    }
    | {
        "invoice",
        "transaction",
        "group",
        "campaign",
        "location",
        "line",
        "description",
        "cost",
        "discount",
        "pay",
    }
)
_NO_MONEY = frozenset(
    {"tax", "shipping", "discount", "refund", "fee", "due", "profit", "cost", "place", "list"}
)
_FEWEST = 5  # customers; fewer values are kinds of something


def with_guess(doubt: Doubt, columns: Sequence[str], look: Look, taken: Collection[str]) -> Doubt:
    """The doubt with a guess, where there is no candidate and one column alone could be meant."""
    if doubt.guess is not None or doubt.candidates or not look.is_whole or doubt.role not in _COULD_BE:
        return doubt
    could_be, never = _COULD_BE[doubt.role]
    found = [
        name
        for name in dict.fromkeys(columns)
        if name not in taken and could_be(look[name]) and not _says(name, never)
    ]
    named = [name for name in found if _says(name, frozenset({"id", "name"}))]
    alone = named if doubt.role == "customer" and named else found
    return doubt._replace(guess=alone[0]) if len(alone) == 1 else doubt


def only_money(columns: Sequence[str], look: Look) -> str | None:
    """The one column of money in a file all of whose columns were looked at, if there is just one."""
    found = [name for name in dict.fromkeys(columns) if _is_money(look[name]) and not _says(name, _NO_MONEY)]
    return found[0] if len(found) == 1 and look.is_whole else None


def _says(name: str, meanings: frozenset[str]) -> bool:
    return any(reading & meanings for reading in words.read(name).readings)


def _is_money(column: Column) -> bool:
    return column.is_number and not column.is_whole and not column.is_written_date


def _comes_back(column: Column) -> bool:
    """Ids of those who come back: more than a few, and each of them again now and then."""
    if _is_money(column) or column.is_written_date or column.distinct < _FEWEST:
        return False
    return column.repeats > 0 and column.distinct * 50 > column.present.len()


_COULD_BE: dict[str, tuple[Callable[[Column], bool], frozenset[str]]] = {
    "date": (lambda column: column.is_written_date, _NO_DAYS),
    "amount": (_is_money, _NO_MONEY),
    "customer": (_comes_back, _NO_PEOPLE),
}
