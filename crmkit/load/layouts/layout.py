"""A layout: what the columns of one maker's export mean, as a small TOML file.

    name = "Shopify orders export"
    marks = ["Financial Status", "Lineitem price"]     columns by which the export is known
    enough = 2                                         so many of them tell it; by default half
    per_order = ["status", "Total"]                    roles, or columns of amounts, that speak of the whole order:
                                                       they stand on its first line only, or on each
    first = "month"                                    in dates that could be either, the month comes first
    [columns]                                          role = columns or formulas; the first that the file has
    date = ["Created at"]
    amount = ["Total"]

    [[status]]                                         a column whose words decide what a row is
    column = ["Financial Status"]
    no_sale = ["voided", "expired"]                    skipped; `sale`: all other words are
    refund = ["refund"]                                counted as money back

    [reading]                                          options of the command line
    date_format = "m/d/y"

A layout of the user's own is read by the same code as ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from crmkit.errors import DataError, UsageError
from crmkit.load.columns import expression
from crmkit.load.columns.expression import Expression
from crmkit.load.statuses import StatusRule

ROLES = frozenset(
    {"customer", "date", "amount", "order", "product", "cost", "store", "currency", "refunded", "channel", "group"}
)  # fmt: skip
READING = (
    "date_format",
    "decimal",
    "encoding",
    "delimiter",
    "tz",
    "currency",
    "amount_per",
    "orders_restart",
)
_KEYS = {
    "name",
    "marks",
    "enough",
    "per_order",
    "columns",
    "status",
    "reading",
    "refuse",
    "source",
    "absent",
    "first",
}
_STATUS_KEYS = {"column", "no_sale", "sale", "refund"}


@dataclass(frozen=True)
class Layout:
    """One export and what its columns mean; see the module for the file that it is read from."""

    key: str
    name: str
    marks: tuple[str, ...] = ()
    enough: int = 2
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_order: frozenset[str] = frozenset()
    status: tuple[StatusRule, ...] = ()
    reading: Mapping[str, str] = field(default_factory=dict)
    refuse: str = ""  # why such a file cannot be read, unless one of the columns `absent` is there
    absent: tuple[str, ...] = ()
    first: str = ""  # day or month: which comes first in a date that could be either
    source: str = ""

    def words(self, columns: Sequence[str]) -> dict[str, str]:
        """Role → the column or formula that plays it among these columns, in their own spelling."""
        here = _spellings(columns)
        found = {role: _first(choices, here) for role, choices in self.columns.items()}
        return {role: word for role, word in found.items() if word is not None}

    def rules(self, columns: Sequence[str]) -> list[StatusRule]:
        """The status rules whose column is there, each with that column alone."""
        here = _spellings(columns)
        found = [
            (rule, next((here[key(name)] for name in rule.column if key(name) in here), None))
            for rule in self.status
        ]
        return [
            StatusRule((column,), rule.no_sale, rule.sale, rule.refund) for rule, column in found if column is not None
        ]  # fmt: skip

    def is_per_order(self, column: str) -> bool:
        """Whether an amount in this column is the order's and not a line's."""
        told = {key(word) for word in self.per_order}
        return key(column) in told or (
            "amount" in self.per_order and column == self.words([column]).get("amount")
        )

    def met(self, columns: Sequence[str]) -> list[str]:
        """The marks that these columns show, in their own spelling."""
        here = _spellings(columns)
        return [here[key(mark)] for mark in self.marks if key(mark) in here]


@lru_cache(1 << 14)
def key(name: str) -> str:
    """A column name without case, blanks, punctuation or width: what the spellings of its versions share."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", name[:400]).casefold())


def _spellings(columns: Sequence[str]) -> dict[str, str]:
    return {key(column): column for column in reversed(columns) if key(column)}


def _first(choices: Sequence[str], here: Mapping[str, str]) -> str | None:
    """The first column or formula that these columns can give."""
    for choice in choices:
        if key(choice) in here:
            return here[key(choice)]
        formula = _formula(choice)
        if formula is not None and all(key(column) in here for column in formula.columns):
            return formula.respelt([here[key(column)] for column in formula.columns])
    return None


@lru_cache(1 << 10)
def _formula(choice: str) -> Expression | None:
    """What a choice says if it is arithmetic; names hold signs, too, such as `Memo/Description`."""
    if not re.search(r"[*+/]| - ", choice):
        return None
    try:
        return expression.parse(choice)
    except UsageError:
        return None


def read(text: str, name: str) -> Layout:
    """A layout from its TOML; UsageError says what is wrong with it."""
    import tomllib  # takes as long as reading a small file does

    try:
        made = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--layout {name}: this is no TOML ({error}); see crmkit layouts --help.") from None
    _refuse_unknown(made, name)
    marks = _texts(made.get("marks", []), "marks", name)
    return Layout(
        key=Path(name).stem,
        name=str(made.get("name", Path(name).stem)),
        marks=marks,
        enough=int(made.get("enough", max(2, (len(marks) + 1) // 2))),
        columns={role: _texts(words, role, name) for role, words in made.get("columns", {}).items()},
        per_order=frozenset(_texts(made.get("per_order", []), "per_order", name)),
        status=tuple(_rule(rule, name) for rule in made.get("status", [])),
        reading={word: str(value) for word, value in made.get("reading", {}).items()},
        refuse=str(made.get("refuse", "")),
        absent=_texts(made.get("absent", []), "absent", name),
        first=str(made.get("first", "")),
        source=str(made.get("source", "")),
    )


def _refuse_unknown(made: Mapping[str, Any], name: str) -> None:
    """A slip in a key would be a rule that does nothing."""
    tables = {"columns": ROLES, "reading": set(READING)}
    for kind in tables:
        if not isinstance(made.get(kind, {}), dict):
            raise UsageError(f"--layout {name}: {kind} must be a table, [{kind}].")
    odd = [word for word in made if word not in _KEYS]
    odd += [
        f"{kind}.{word}" for kind, known in tables.items() for word in made.get(kind, {}) if word not in known
    ]
    odd += [f"status.{word}" for rule in made.get("status", []) for word in rule if word not in _STATUS_KEYS]
    if odd:
        raise UsageError(
            f"--layout {name}: it knows no {', '.join(odd)}; known are {', '.join(sorted(_KEYS))}, "
            f"and as columns {', '.join(sorted(ROLES))}."
        )


def _rule(made: Mapping[str, Any], name: str) -> StatusRule:
    return StatusRule(**{word: _texts(value, f"status.{word}", name) for word, value in made.items()})


def _texts(value: Any, what: str, name: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UsageError(f"--layout {name}: {what} must be a list of texts.")
    return tuple(words)


def from_file(path: str) -> Layout:
    """A layout of the user's own."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DataError(f"--layout {path}: {reason}; crmkit layouts lists the names that it knows.") from None
    return read(text, path)
