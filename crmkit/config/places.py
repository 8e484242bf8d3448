"""Where settings are kept: a project's file, found upwards, and the user's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from crmkit.errors import UsageError
from crmkit.language.safe_text import safe

NAME = "crmkit.toml"
_PROJECT = "pyproject.toml"


class Place(NamedTuple):
    """A file of settings: what it holds, and its text, by which lines are found."""

    path: Path
    table: Mapping[str, Any]
    text: str
    inside: str = ""  # the table of a pyproject.toml

    def line(self, section: str, key: str, turn: int = 0) -> int:
        """The line, from 1, on which a key stands; that of its section where it cannot be found.

        `turn` is the place, from 0, of a section among those of its name.
        """
        here, found, turns = "", 1, 0
        head = ".".join(part for part in (self.inside, section) if part)
        for number, line in enumerate(self.text.splitlines(), 1):
            word = line.strip()
            if word.startswith("["):
                here = word.strip("[] ").split("#")[0].strip("[] ").replace('"', "")
                turns += here == head
                found = number if here == head and turns == turn + 1 else found
            elif (
                key
                and here == head
                and max(turns, 1) == turn + 1
                and word.partition("=")[0].strip().strip("\"'") == key
            ):
                return number
        return found

    def where(self, section: str, key: str, turn: int = 0) -> str:
        """The file and the line, for people."""
        return f"{safe(self.path)}, line {self.line(section, key, turn)}"


def read(
    path: Path, what: str = "a file of settings", way_out: str = ", or go without with --no-config"
) -> Place | None:
    """The settings of a file, None for a pyproject.toml without any; UsageError where it is no TOML."""
    import tomllib  # mostly there is no such file

    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{safe(path)}: {error.strerror}. Name {what} that is there.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{safe(path)} is not TOML: {safe(error)}. Mend it{way_out}.") from None
    if path.name != _PROJECT:
        return _plain(Place(path, table, text))
    held = table.get("tool", {}).get("crmkit")
    return None if held is None else _plain(Place(path, held, text, "tool.crmkit"))


def _plain(place: Place) -> Place:
    """UsageError where one option is spelt in two ways, max-age and max_age."""
    tables = [("", place.table), *((name, one) for name, one in place.table.items() if isinstance(one, dict))]
    for section, table in tables:
        known: dict[str, str] = {}
        for key in table:
            if (first := known.setdefault(key.replace("-", "_"), key)) != key:
                raise UsageError(
                    f"{place.where(section, key)}: {safe(key)} is {safe(first)} again. Keep one of them."
                )
    return place


def upwards(folder: Path) -> Place | None:
    """The nearest file of a project, from here to the top: crmkit.toml, or a pyproject.toml that speaks of crmkit."""
    for here in (folder, *folder.parents):
        for name in (NAME, _PROJECT):
            if (here / name).is_file() and (found := read(here / name)) is not None:
                return found
    return None


def of_user() -> Place | None:
    """The user's own file, where there is one."""
    home = os.environ.get("APPDATA") if os.name == "nt" else os.environ.get("XDG_CONFIG_HOME")
    folder = Path(home) if home else Path("~/.config").expanduser()
    path = folder / "crmkit" / NAME
    return read(path) if path.is_file() else None
