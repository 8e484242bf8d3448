"""The line to type after an error, which is tried before it is shown: it must not lead to another stop."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from crmkit.errors import CrmkitError
from crmkit.language.safe_text import safe

_MOST_STEPS = 5
# How the answer is shown has no part in what went wrong, and would make the line long.
_SHOWING = ("format", "f", "log_format", "color")

# What goes wrong with these further options; None if nothing does.
Attempt = Callable[[Mapping[str, str]], CrmkitError | None]


def line(error: CrmkitError, attempt: Attempt, arguments: Sequence[str]) -> str | None:
    """The command line `arguments` with what mends the error, and whatever shows up behind it; None if nothing does."""
    options: dict[str, str] = {}
    found: CrmkitError | None = error
    for _ in range(_MOST_STEPS):
        if found is None:
            return written(arguments, options)
        further = {name: value for name, value in found.options.items() if options.get(name) != value}
        if not further:
            return None
        options |= further
        found = attempt(options)
    return None


def written(arguments: Sequence[str], options: Mapping[str, str]) -> str | None:
    """The line as it is typed; None where a name in it cannot be shown as it is."""
    words = _without(arguments, [*options, *_SHOWING])
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        words += [value] if value else []
    text = shlex.join(["crmkit", *words])
    return text if safe(text) == text else None


def _without(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments but for these options and their values."""
    flags = {f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}" for name in options}
    kept: list[str] = []
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in flags:
            skip = True
        elif word.partition("=")[0] not in flags:
            kept.append(word)
    return kept
