"""Whatever a command advises must be an option that it has: looked at in everything that tests have it say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from crmkit import cli

_SAID = re.compile(r"crmkit ([a-z]+)(?= )|(?<![\w-])(--[a-z][a-z-]*[a-z])|([.;`)]\s|\n|: )")

# Of several commands that run together: who says it.
_JOB = re.compile(r"(?:crmkit: |line \d+ \(|\"message\": \")([a-z]+)(?: \d+)?\)?: ")


@cache
def options(command: str) -> frozenset[str]:
    """The options of a command, as they are typed."""
    import typer

    made = typer.main.get_command(cli.build([command]))
    made = getattr(made, "commands", {command: made})[command]
    return frozenset(name for item in made.params for name in (*item.opts, *item.secondary_opts)) | {"--help"}


def strange(words: Sequence[str], said: str) -> list[str]:
    """Options that are named and that the command lacks, unless they were typed; another command may be named before them."""
    if not words or words[0] not in cli.COMMANDS:
        return []
    typed = {word.partition("=")[0] for word in words}
    return [name for command, name in _named(words[0], said) if name not in typed | options(command)]


def _named(own: str, said: str) -> Iterator[tuple[str, str]]:
    for line in said.splitlines():
        told_by = re.match(r"crmkit: (?:report: )?note: crmkit ([a-z]+): ", line)
        told_by = told_by or (_JOB.search(line) if own == "run" else None)
        yield from _named_in(told_by[1] if told_by else own, line)


def _named_in(own: str, said: str) -> Iterator[tuple[str, str]]:
    command = own
    for found in _SAID.finditer(said):
        other, option, end = found.groups()
        if end:
            command = own
        elif option:
            yield command, option
        elif other in cli.COMMANDS:
            command = other
