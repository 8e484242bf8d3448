"""The jobs of `crmkit run`: rehearsed first, so that it is known what is read and written; then run on one read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from crmkit.config import settings
from crmkit.config.jobs import Job, Jobs, read
from crmkit.config.settings import Above, Setting
from crmkit.errors import CrmkitError, UsageError
from crmkit.language.catalogue import speaking
from crmkit.session import record, together
from crmkit.session.options import READING, Shared
from crmkit.session.run import Session
from crmkit.session.together import Rehearsed, Together

_MESSAGES = frozenset({"quiet", "verbose", "no_progress", "log_format", "lang", "excel_safe", "bom"})


def planned(path: str) -> Jobs:
    """The jobs of a file. Whatever reads files of customers or transactions can be one."""
    every = settings.current.get().every()
    return read(path, {name: specs for name, specs in every.items() if "files" in specs and name != "run"})


def start(common: Shared, plan: Jobs) -> None:
    """Do all jobs, show their answers in a line each, and have all files take their places; or leave all as it was."""
    above = Above(_typed(common), settings.current.get().files)
    common = _led(common, plan)
    with speaking(common.lang):
        run(common, plan=plan, above=above)


@record.noting_failure
def run(common: Shared, *, plan: Jobs, above: Above) -> None:
    from crmkit.nightly import jobs
    from crmkit.output.report import Outputs

    with Outputs() as files:
        group = Together(files, plan.path)
        _each(plan, group, above)
        read_ = tuple(dict.fromkeys(name for names, _ in group.found for name in names))
        with Session("run", replace(common, files=read_), group=group) as session:
            group.is_rehearsal = False
            _each(plan, group, above)
            session.finish(jobs.result(group.done, group.reads.passes))
    for tell in group.afterwards:
        tell()


def _typed(common: Shared) -> dict[str, Setting]:
    """Options of reading, and of how things are told, that were typed: they stand above those of the jobs."""
    kept, usual = settings.current.get().found, Shared()
    names = sorted((READING | _MESSAGES) - set(kept))
    if common.rejects is not None:
        raise UsageError("--rejects is of one job. Put it into the section of that.")
    typed = {name: getattr(common, name) for name in names if getattr(common, name) != getattr(usual, name)}
    if common.files and "files" not in kept:
        typed["files"] = list(common.files)
    return {name: Setting(value, "the command line", is_general=True) for name, value in typed.items()}


def _led(common: Shared, plan: Jobs) -> Shared:
    """The options of the run, with those that the file of jobs has for it, where they were not typed."""
    kept, usual = settings.current.get().found, Shared()
    found = {
        name: setting.value
        for name, setting in plan.of_run.items()
        if name in kept or getattr(common, name) == getattr(usual, name)
    }
    settings.current.set(replace(settings.current.get(), found={**kept, **plan.of_run}))
    named = [name for job in plan.jobs if "files" in job.found for name in job.found["files"].value]
    return replace(common, files=common.files or tuple(dict.fromkeys(named)), **found)


def _each(plan: Jobs, group: Together, above: Above) -> None:
    token = together.current.set(group)
    try:
        for job in plan.jobs:
            group.name = job.name
            with _in_place(job):
                _do(job, above)
            if group.is_rehearsal and not group.takes_turn():
                raise UsageError(f'{job.where}: the job {job.name} writes nothing. Give it output = "FILE".')
    finally:
        together.current.reset(token)


def _do(job: Job, above: Above) -> None:
    """Have the parser run the command, as if its options had been typed."""
    command = together.commands.get()()[job.command]
    of_run = settings.current.get()
    token = settings.above.set(above._replace(found={**job.found, **_known(command, above.found)}))
    try:
        with command.make_context(f"crmkit {job.command}", []) as context:
            command.invoke(context)
    except Rehearsed:
        pass
    finally:
        settings.above.reset(token)
        settings.current.set(of_run)


def _known(command: Any, found: Mapping[str, Setting]) -> dict[str, Setting]:
    names = {option.name for option in command.params}
    return {name: setting for name, setting in found.items() if name in names}


@contextmanager
def _in_place(job: Job) -> Iterator[None]:
    """Errors say of which job they are."""
    try:
        yield
    except CrmkitError as error:
        error.args = (f"{job.where} ({job.name}): {error}",)
        raise
    except Exception as error:
        told = getattr(error, "format_message", None)
        if told is None:
            raise
        text = told().rstrip(".")
        raise UsageError(f"{job.where} ({job.name}): {text}. See crmkit {job.command} --help.") from None
