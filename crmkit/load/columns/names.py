"""How well a column's name speaks for a role: names propose, values dispose."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from crmkit.load.columns import words

SURE = 60  # from here on a name may be taken without asking, if nothing speaks against it
POSSIBLE = 30  # below, a name says nothing about the role
_FURTHER, _STRANGE, _STRANGER, _DIGIT = 5, 22, 14, 4


class _Role(NamedTuple):
    """The names of a role: sets of meanings by rank, meanings that may be added, and those that exclude it."""

    phrases: dict[frozenset[str], int]
    also: frozenset[str]
    never: frozenset[str]
    strange: int


@cache
def _roles() -> dict[str, _Role]:
    return {name: _role(lines) for name, lines in words.table()["roles"].items()}


def _role(lines: dict[str, Any]) -> _Role:
    phrases: dict[frozenset[str], int] = {}
    for rank, names in lines.items():
        if rank.isdigit():
            for name in names:
                phrases.setdefault(frozenset(name.split()), int(rank))
    return _Role(
        phrases, frozenset(lines["also"]), frozenset(lines["never"]), int(lines.get("strange", _STRANGE))
    )


def roles() -> tuple[str, ...]:
    """All roles that have names, in the order in which they are looked for."""
    return tuple(_roles())


@lru_cache(1 << 16)
def rank(column: str, role: str) -> int:
    """0 to 100: how surely this is the name of that role's column."""
    if role not in _roles():
        return 0
    said = words.read(column)
    strangers = sorted((_DIGIT if word.isdigit() else _roles()[role].strange) for word in said.strange)[::-1]
    lost = sum(loss if place == 0 else min(loss, _STRANGER) for place, loss in enumerate(strangers))
    best = max(_rank(reading, _roles()[role]) for reading in said.readings)
    return max(0, best - lost)


def _rank(meanings: frozenset[str], role: _Role) -> int:
    if meanings in role.phrases:
        return role.phrases[meanings]
    if not meanings or meanings & role.never:
        return 0
    return max(
        (
            rank - _FURTHER * len(meanings - phrase)
            for phrase, rank in role.phrases.items()
            if phrase < meanings and meanings - phrase <= role.also
        ),
        default=0,
    )


def known(columns: tuple[str, ...] | list[str]) -> int:
    """How many of these texts are names of some role: which line of a file is its header."""
    return sum(any(rank(column, role) >= SURE for role in _roles()) for column in columns)
