"""Which value an option has: typed > variable > project's file > user's file > default.

A file has keys for all commands at its top, and sections for single ones:

    max-age = "2d"

    [rfm]
    bins = "5,4,3"

A key at the top is for the commands that have such an option; in a section it must be one of that command's.
Variables are CRMKIT_MAX_AGE, or CRMKIT_RFM_BINS for one command.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from crmkit.config import places
from crmkit.config.places import Place
from crmkit.config.values import Spec
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe

PREFIX = "CRMKIT_"
Specs = Mapping[str, Spec]


class Setting(NamedTuple):
    """A value, where it was found, and whether it is for all commands alike."""

    value: Any
    source: str
    is_general: bool = False


@dataclass(frozen=True)
class Settings:
    """What files and variables say of one command's options."""

    found: Mapping[str, Setting] = field(default_factory=dict)
    files: Sequence[Place] = ()
    every: Callable[[], Mapping[str, Specs]] = dict  # the options of all commands

    @property
    def values(self) -> dict[str, Any]:
        """Option → value, for the parser to take where nothing was typed."""
        return {name: setting.value for name, setting in self.found.items()}

    @property
    def general(self) -> frozenset[str]:
        """Options that were set for all commands, of which one may have no use for some."""
        return frozenset(name for name, setting in self.found.items() if setting.is_general)

    def without(self, typed: Collection[str]) -> Settings:
        """The settings of options that were not typed."""
        kept = {name: one for name, one in self.found.items() if name not in typed}
        return Settings(kept, self.files, self.every)

    def told(self, sentence: str) -> str:
        """A sentence that names an option, with where that was set; as it is where it was typed."""
        for name, setting in self.found.items():
            option = f"--{name.replace('_', '-')} "
            if option in f"{sentence} " and setting.source not in sentence:
                return f"{sentence} ({option.strip()} is set in {setting.source}.)"
        return sentence


class Above(NamedTuple):
    """What stands above variables and files for a command that another one starts, and the files that count for both."""

    found: Mapping[str, Setting]
    files: Sequence[Place]


above: ContextVar[Above | None] = ContextVar("above", default=None)
# Of the command that runs.
current: ContextVar[Settings] = ContextVar("current", default=Settings())  # noqa: B039 (frozen)


def of_command(
    command: str, specs: Specs, every: Callable[[], Mapping[str, Specs]], files: Sequence[Place]
) -> Settings:
    """The settings of a command. `every` has the options of all commands: keys that none of them has are errors."""
    found: dict[str, Setting] = {}
    for place in reversed(files):
        found |= _of_place(place, command, specs, every)
    found |= _of_variables(command, specs)
    over = above.get()
    return Settings({**found, **(over.found if over else {})}, files, every)


def files(named: str | None, *, without: bool) -> list[Place]:
    """The files of settings that count, the first of which wins; `named` stands for both that would be found."""
    named = named or os.environ.get(f"{PREFIX}CONFIG") or None
    if without or (named is None and os.environ.get(f"{PREFIX}NO_CONFIG", "") not in ("", "0", "false")):
        return []
    if named is not None:
        place = places.read(Path(named))
        if place is None:
            raise UsageError(f"{safe(named)} has no table [tool.crmkit]. Add one, or name another file.")
        return [place]
    return [place for place in (places.upwards(Path.cwd()), places.of_user()) if place is not None]


def _of_place(
    place: Place, command: str, specs: Specs, every: Callable[[], Mapping[str, Specs]]
) -> dict[str, Setting]:
    general: dict[str, Setting] = {}
    special: dict[str, Setting] = {}
    for key, value in place.table.items():
        where = place.where("", key)
        if isinstance(value, dict):
            if key not in every():
                raise UsageError(
                    f"{place.where(key, '')}: [{safe(key)}] is no command.{near(key, every())} Mend it there."
                )
            for name, one in value.items():
                spec = spec_of(name, every()[key], place.where(key, name), f"crmkit {key}")
                made = spec.from_file(one, place.where(key, name), place.path.parent)
                if key == command:
                    special[normal(name)] = Setting(made, place.where(key, name))
            continue
        known = specs.get(normal(key)) or spec_of(key, every_option(every()), where, "any command")
        made = known.from_file(value, where, place.path.parent)
        if normal(key) in specs:
            general[normal(key)] = Setting(made, where, is_general=True)
    return general | special


def _of_variables(command: str, specs: Specs) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for prefix, is_general in ((PREFIX, True), (f"{PREFIX}{command.upper()}_", False)):
        for name, spec in specs.items():
            variable = f"{prefix}{name.upper()}"
            if text := os.environ.get(variable):
                found[name] = Setting(
                    spec.from_variable(text, variable), f"the variable {variable}", is_general
                )
    return found


def normal(key: str) -> str:
    """A key as options are called here."""
    return key.replace("-", "_")


def every_option(every: Mapping[str, Specs]) -> Specs:
    """The options of these commands in one table."""
    return {name: spec for specs in every.values() for name, spec in specs.items()}


def spec_of(
    key: str, specs: Specs, where: str, whose: str, way_out: str = ", or go without with --no-config"
) -> Spec:
    """The option that a key names; UsageError with its place where there is none."""
    found = specs.get(normal(key))
    if found is None:
        raise UsageError(
            f"{where}: {safe(key)} is no option of {whose}.{near(normal(key), specs)} Mend it there{way_out}."
        )
    return found


def near(word: str, known: Mapping[str, Any]) -> str:
    """A question for the word that may have been meant; empty where none is like it."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1)
    return f" Did you mean {close[0].replace('_', '-')}?" if close else ""
