"""A role: the column or formula that plays it, and how a user names one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from crmkit.errors import DataError, UsageError
from crmkit.load.columns import expression
from crmkit.load.columns.expression import Expression

NUMERIC = frozenset({"amount", "cost", "refunded"})
_LONGEST_NAME = 200


class Role(NamedTuple):
    """One role and the formula over the file's columns that plays it (for ids and dates: one column)."""

    name: str
    formula: Expression
    why: str


@lru_cache(1 << 16)
def normalise(name: str) -> str:
    """A column name without case, blanks, punctuation or width: what two spellings have in common."""
    if len(name) > _LONGEST_NAME:
        return name
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", name).casefold())


def given(name: str, word: str, columns: Sequence[str], file: str) -> Role:
    """The role that a word of the user's gives: a column, or a formula for amounts."""
    is_formula = name in NUMERIC and not re.fullmatch(r"[\w .]+", word)
    exact = word if word in columns else None
    if exact is None and not is_formula:
        exact = match(word, columns)
    if exact is not None:
        return Role(name, expression.column(exact), "given")
    if not is_formula:
        raise unknown(word, columns, file, f"--{name}")
    formula = expression.parse(word)
    if not formula.columns:
        raise UsageError(f"--{name} {word!r} names no column, so every row would be worth the same.")
    found = [match(part, columns) for part in formula.columns]
    for part, column in zip(formula.columns, found, strict=True):
        if column is None:
            raise unknown(part, columns, file, f"--{name}")
    return Role(name, Expression(word, tuple(str(column) for column in found), formula.tree), "given")


def match(word: str, columns: Sequence[str]) -> str | None:
    """The column that a word names: as written, else the only one that differs in case or punctuation."""
    if word in columns:
        return word
    alike = [column for column in columns if normalise(column) == normalise(word) and normalise(word)]
    return alike[0] if len(set(alike)) == 1 else None


def unknown(word: str, columns: Sequence[str], file: str, option: str) -> DataError:
    """The error for a column that the user names and that is not there."""
    import difflib

    close = difflib.get_close_matches(word, list(columns), 1, 0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return DataError(
        f"{file}: {option} names the column {word!r}, which is not there; columns found: {listed(columns)}.{hint}",
        options={option.removeprefix("--"): close[0]} if close else {},
    )


def listed(columns: Sequence[str], most: int = 30) -> str:
    """Some columns in a sentence."""
    if not columns:
        return "none"
    shown = ", ".join(column[:60] if column else "(no name)" for column in columns[:most])
    return shown + (f" and {len(columns) - most} more" if len(columns) > most else "")
