"""A file of jobs: a section for each, named after its command, and at the top what is said of all of them.

files = "export/*.parquet"
summary = "night-{date}.json"      # of the run as a whole

[[rfm]]
output = "tiers-{as_of}.csv"

[[churn]]
output = "calls.csv"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmkit.config import places
from crmkit.config.places import Place
from crmkit.config.settings import Setting, Specs, every_option, near, normal, spec_of
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe

# What is said of the run as a whole, of whose answer there is one.
OF_RUN = frozenset({"format", "limit", "no_headline", "color", "summary"})
_OF_BOTH = frozenset({"quiet", "verbose", "no_progress", "log_format", "lang"})
_OF_SCREEN = OF_RUN - {"summary"}
_OF_ONE = frozenset({"output", "table", "plot", "rejects", "save_cuts", "save_model", "save_layout"})
_REFUSED = {
    **dict.fromkeys(("engine", "master", "conf"), "jobs are run on this machine"),
    **dict.fromkeys(
        ("update", "replace_", "append"),
        "a ledger is updated by itself, with crmkit customers NEW_DAY --update LEDGER",
    ),
    **dict.fromkeys(_OF_SCREEN, "a job writes files, and shows no screen"),
}


@dataclass(frozen=True)
class Job:
    """A command with its options. `name` is the command's, with a number where it comes several times."""

    name: str
    command: str
    where: str
    found: Mapping[str, Setting]


@dataclass(frozen=True)
class Jobs:
    """The jobs of a file in their order, and what it says `of_run`."""

    path: str
    of_run: Mapping[str, Setting]
    jobs: list[Job]


def read(path: str, every: Mapping[str, Specs]) -> Jobs:
    """The jobs of a file; `every` has the options of all commands that can be jobs. UsageError names file and line."""
    place = places.read(Path(path), "a file of jobs", "; crmkit run takes a file of jobs first")
    sections = [] if place is None else list(_sections(place, every))
    if place is None or not sections:
        raise UsageError(
            f'{safe(path)} has no jobs. Add one, such as [[rfm]] with output = "tiers.csv" below.'
        )
    top = {key: value for key, value in place.table.items() if not _is_section(value)}
    commands = {command for command, _, _ in sections}
    known = every_option({command: every[command] for command in commands})
    of_all, of_run = dict[str, Setting](), dict[str, Setting]()
    for key, value in top.items():
        where = place.where("", key)
        found = _setting(place, key, value, where, known, "any job here", is_general=True)
        if normal(key) in _OF_ONE:
            raise UsageError(f"{where}: {safe(key)} is of one job. Put it into the section of that.")
        if normal(key) in OF_RUN | _OF_BOTH:
            of_run[normal(key)] = found
        if normal(key) not in OF_RUN:
            of_all[normal(key)] = found
    jobs = [
        _job(place, command, turn, table, of_all, every[command], sum(one == command for one, *_ in sections))
        for command, turn, table in sections
    ]
    return Jobs(path, of_run, jobs)


def _is_section(value: Any) -> bool:
    listed = isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
    return isinstance(value, dict) or listed


def _sections(place: Place, every: Mapping[str, Specs]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for key, value in place.table.items():
        if not _is_section(value):
            continue
        if key not in every:
            raise UsageError(
                f"{place.where(key, '')}: [{safe(key)}] is no command that can be a job.{near(key, every)} Jobs are {', '.join(every)}."
            )
        for turn, table in enumerate(value if isinstance(value, list) else [value]):
            yield key, turn, table


def _job(
    place: Place,
    command: str,
    turn: int,
    table: Mapping[str, Any],
    of_all: Mapping[str, Setting],
    specs: Specs,
    number: int,
) -> Job:
    found = {name: setting for name, setting in of_all.items() if name in specs}
    for key, value in table.items():
        where = place.where(command, key, turn)
        if (why := _REFUSED.get(normal(key))) is not None:
            raise UsageError(f"{where}: {safe(key)} has no place in a job: {why}. Leave it out.")
        found[normal(key)] = _setting(place, key, value, where, specs, f"crmkit {command}")
    name = command if number == 1 else f"{command} {turn + 1}"
    return Job(name, command, place.where(command, "", turn), found)


def _setting(
    place: Place, key: str, value: Any, where: str, specs: Specs, whose: str, *, is_general: bool = False
) -> Setting:
    made = spec_of(key, specs, where, whose, "").from_file(value, where, place.path.parent)
    if normal(key) == "output" and "-" in made:
        raise UsageError(f"{where}: a job has no standard output. Name a file, such as tiers.csv.")
    return Setting(made, where, is_general)
