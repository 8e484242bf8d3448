"""What stands in a file or a variable, as an option takes it: the right type, or a sentence with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from crmkit.errors import UsageError
from crmkit.language.safe_text import safe

_IN_ADDRESS = r"(://[^/@\s:]*:)[^/@\s]+@"
_NAMED = r"(?i)((?:^|[?&;\s.])[\w.-]*(?:password|passwd|secret|token|(?:api|access|account)[-_.]?key)[\w.-]*\s*=\s*)[^&;\s]+"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Spec(NamedTuple):
    """An option as settings know it: `flag`, `whole` (number), `many` (comes several times) or `text`.

    `is_file`: it names a file; `may_be_file`: a file or something else; `names_file`: a file after a sign of equality.
    """

    name: str
    kind: str
    is_file: bool = False
    may_be_file: bool = False
    names_file: bool = False

    def from_file(self, value: Any, where: str, folder: Path) -> Any:
        """The value of a TOML key. A relative path is one from the folder of the file."""
        _refuse_secret(value, self.name, where)
        if self.kind == "flag":
            return value if isinstance(value, bool) else self._wrong(value, "true or false", where)
        if isinstance(value, bool):
            return self._wrong(value, "text", where)
        if self.kind == "whole":
            return value if isinstance(value, int) else self._wrong(value, "a whole number", where)
        if self.kind == "many":
            listed = value if isinstance(value, list) else [value]
            return [self._path(self._text(one, where), folder) for one in listed]
        if isinstance(value, list):
            return ",".join(self._text(one, where) for one in value)
        return self._path(self._text(value, where), folder)

    def from_variable(self, text: str, where: str) -> Any:
        """The value of a variable of the environment, which is text."""
        if self.kind == "flag":
            word = text.strip().lower()
            if word not in (*_TRUE, *_FALSE):
                return self._wrong(text, "true or false", where)
            return word in _TRUE
        if self.kind == "whole":
            try:
                return int(text)
            except ValueError:
                return self._wrong(text, "a whole number", where)
        return text.split() if self.kind == "many" else text

    def _text(self, value: Any, where: str) -> str:
        if isinstance(value, bool | list | dict):
            self._wrong(value, "text", where)
        return str(value)

    def _path(self, text: str, folder: Path) -> str:
        name, sign, path = text.partition("=") if self.names_file else ("", "", text)
        is_file = self.is_file or bool(sign) or (self.may_be_file and (folder / path).is_file())
        if not is_file or path in ("", "-") or "://" in path:
            return text
        return f"{name}{sign}{folder / Path(path).expanduser()}"

    def _wrong(self, value: Any, wanted: str, where: str) -> Any:
        raise UsageError(
            f"{where}: {self.name.replace('_', '-')} is {value!r}, and it must be {wanted}. Mend it there."
        )


def _refuse_secret(value: Any, name: str, where: str) -> None:
    """Settings are read by many and kept in repositories."""
    for one in value if isinstance(value, list) else [value]:
        # SQL may well ask for a column that is called token.
        if isinstance(one, str) and (
            re.search(_IN_ADDRESS, one) or (name != "query" and re.search(_NAMED, one))
        ):
            raise UsageError(
                f"{where}: {name} holds a password, which a file of settings must not. Leave it out, and let the "
                "database's own means have it, such as PGPASSWORD or ~/.pgpass."
            )


def shown(value: Any) -> str:
    """A value for people, without what may be a password in it."""
    words = value if isinstance(value, list) else [value]
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in words]
    return safe(" ".join(map(masked, texts)))


def masked(text: str) -> str:
    """A text without passwords in addresses, and without what is called a password, a secret or a key."""
    return re.sub(_NAMED, r"\1***", re.sub(_IN_ADDRESS, r"\1***@", text))
