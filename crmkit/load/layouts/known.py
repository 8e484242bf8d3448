"""Which layout a header speaks of, among those that come with crmkit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from crmkit.errors import UsageError
from crmkit.load.layouts.layout import Layout, from_file, key, read

_MARKS = re.compile(r"^marks = \[(.*?)\]", re.DOTALL | re.MULTILINE)
_NEEDED = ("customer", "date", "amount")


@cache
def _texts() -> dict[str, str]:
    """The files that come with crmkit, by name, unread: parsing all of them would take longer than a small file does."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return {path.stem: path.read_text("utf-8") for path in files}


@cache
def _marks() -> dict[str, frozenset[str]]:
    found = {name: _MARKS.search(text) for name, text in _texts().items()}
    return {
        name: frozenset(map(key, re.findall(r'"([^"]*)"', match[1])))
        for name, match in found.items()
        if match
    }


@cache
def named(name: str) -> Layout:
    """One that comes with crmkit."""
    return read(_texts()[name], f"{name}.toml")


def every() -> list[Layout]:
    """All that come with crmkit, in the order of their names."""
    return sorted((named(name) for name in _texts()), key=lambda layout: layout.name.lower())


def asked(word: str) -> Layout:
    """What `--layout` names: one of ours, or a file; UsageError where it is neither."""
    wanted = key(word)
    for name in _texts():
        if wanted in (key(name), key(named(name).name)):
            return named(name)
    if not word.endswith(".toml") and "/" not in word and "\\" not in word:
        raise UsageError(
            f"--layout {word!r} is neither a layout that crmkit knows ({', '.join(_texts())}) nor a .toml file; "
            "--layout none reads by names alone."
        )
    return from_file(word)


def source(word: str) -> str:
    """The text of one that comes with crmkit, or of a file."""
    layout = asked(word)
    return _texts().get(layout.key) or Path(word).read_text("utf-8")


def recognised(columns: Sequence[str]) -> Layout | None:
    """The layout that these columns speak of: enough of its marks are there, and more than of any other."""
    here = {key(column) for column in columns}
    fits = [named(name) for name, marks in _marks().items() if len(marks & here) >= 2]
    fits = [
        layout for layout in fits if len(layout.met(columns)) >= layout.enough and _serves(layout, columns)
    ]
    ranked = sorted(fits, key=lambda layout: _rank(layout, here), reverse=True)
    if len(ranked) > 1 and _rank(ranked[0], here) == _rank(ranked[1], here):
        return None
    return ranked[0] if ranked else None


def _rank(layout: Layout, here: set[str]) -> tuple[int, float]:
    marks = {key(mark) for mark in layout.marks}
    return len(marks & here), len(marks & here) / len(marks)


def _serves(layout: Layout, columns: Sequence[str]) -> bool:
    """Whether the columns that it needs are there: an export cut down to a few of them is read by names."""
    words = layout.words(columns)
    if layout.refuse:
        return not set(map(key, layout.absent)) & set(map(key, columns))
    return all(role in words for role in _NEEDED if role in layout.columns)
