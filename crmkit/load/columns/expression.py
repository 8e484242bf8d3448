"""Arithmetic over the file's columns, such as `quantity * unit_price`, and nothing else.

    sum     := product (("+" | "-") product)*
    product := factor (("*" | "/") factor)*
    factor  := "-" factor | number | column | "(" sum ")"
    column  := a word, or any name in "…", `…` or […]

There are no functions, so an expression cannot reach a file or anything outside the row.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from crmkit.errors import UsageError

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)(?![^\W\d])
          | "(?P<double>[^"]+)" | `(?P<back>[^`]+)` | \[(?P<bracket>[^\]]+)\]
          | (?P<word>[^\W\d][\w.]*)
          | (?P<operator>[-+*/()]))""",
    re.VERBOSE,
)
_MAX_LENGTH = 1000
_MAX_PARTS = 50
_OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class Expression(NamedTuple):
    """A parsed formula: the columns it names, in order of appearance, and its tree.

    A node is ("column", i), ("number", value), ("-", node) or (operator, left, right).
    """

    text: str
    columns: tuple[str, ...]
    tree: tuple[Any, ...]

    def build(self, leaf: Callable[[int], Any], number: Callable[[float], Any]) -> Any:
        """Fold the tree with `leaf` for columns and `number` for constants."""
        return _fold(self.tree, leaf, number)

    def respelt(self, columns: Sequence[str]) -> str:
        """The same formula as text, over columns of these names."""
        return str(_fold(self.tree, lambda i: _Text(_quoted(columns[i])), lambda value: _Text(f"{value:g}")))


def column(name: str) -> Expression:
    """The formula that is just one column."""
    return Expression(name, (name,), ("column", 0))


def product(left: str, right: str) -> Expression:
    """The formula `left * right`."""
    return Expression(f"{left} * {right}", (left, right), ("*", ("column", 0), ("column", 1)))


def parse(text: str) -> Expression:
    """Read a formula; UsageError says where it stops making sense."""
    if len(text) > _MAX_LENGTH:
        raise UsageError(f"The expression has {len(text)} characters; {_MAX_LENGTH} is the most.")
    parser = _Parser(text)
    tree = parser.sum()
    if parser.token is not None:
        raise parser.error()
    if parser.parts > _MAX_PARTS:
        raise UsageError(
            f"The expression names columns and numbers {parser.parts} times; {_MAX_PARTS} is the most."
        )
    return Expression(text, tuple(parser.columns), tree)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d][\w.]*", name) else f'"{name}"'


class _Text(str):
    """Text that arithmetic puts together."""

    def __add__(self, other: str) -> _Text:
        return _Text(f"({self} + {other!s})")

    def __sub__(self, other: str) -> _Text:
        return _Text(f"({self} - {other})")

    def __mul__(self, other: object) -> _Text:
        return _Text(f"{self} * {other}")

    def __truediv__(self, other: str) -> _Text:
        return _Text(f"({self} / ({other}))")

    def __neg__(self) -> _Text:
        return _Text(f"(-{self})")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.parts = 0
        self.columns: list[str] = []
        self.token: tuple[str, str] | None = None
        self.advance()

    def advance(self) -> None:
        rest = self.text[self.position :]
        if not rest.strip():
            self.token = None
            return
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise self.error(rest.strip())
        self.position = match.end()
        kind = match.lastgroup or ""
        value = match.group(kind)
        self.token = (kind if kind in ("number", "operator") else "column", value)

    def error(self, found: str | None = None) -> UsageError:
        found = found or (self.token[1] if self.token else "the end")
        return UsageError(
            f"The expression {self.text!r} cannot be read at {found[:40]!r}: only columns, numbers, + - * / and "
            'parentheses are allowed (a name with blanks goes in quotes: "Unit Price").'
        )

    def takes(self, operators: str) -> str | None:
        if self.token and self.token[0] == "operator" and self.token[1] in operators:
            sign = self.token[1]
            self.advance()
            return sign
        return None

    def sum(self) -> tuple[Any, ...]:
        node = self.product()
        while sign := self.takes("+-"):
            node = (sign, node, self.product())
        return node

    def product(self) -> tuple[Any, ...]:
        node = self.factor()
        while sign := self.takes("*/"):
            node = (sign, node, self.factor())
        return node

    def factor(self) -> tuple[Any, ...]:
        self.depth += 1
        if self.depth > 50:
            raise UsageError(f"The expression {self.text[:40]!r}… is nested too deeply.")
        node = self._factor()
        self.depth -= 1
        return node

    def _factor(self) -> tuple[Any, ...]:
        if self.takes("-"):
            return ("-", self.factor())
        if self.takes("("):
            node = self.sum()
            if not self.takes(")"):
                raise self.error()
            return node
        if self.token is None or self.token[0] == "operator":
            raise self.error()
        kind, value = self.token
        self.parts += 1
        self.advance()
        return ("number", float(value)) if kind == "number" else ("column", self._index(value))

    def _index(self, name: str) -> int:
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name)


def _fold(node: tuple[Any, ...], leaf: Callable[[int], Any], number: Callable[[float], Any]) -> Any:
    head = node[0]
    if head == "column":
        return leaf(node[1])
    if head == "number":
        return number(node[1])
    parts = [_fold(part, leaf, number) for part in node[1:]]
    if len(parts) == 1:
        return -parts[0]
    left, right = parts
    return _OPERATORS[head](left, right)
