"""Lines to type next, for this very file."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields

from crmkit.commands.options import Shared

_FILE = re.compile(r"\bFILE\b")
# Options without which the next command would read the file differently.
_READING = (
    *("customer", "date", "amount", "order", "orders", "product", "cost", "store", "status"),
    *("encoding", "delimiter", "header", "date_format", "decimal", "tz", "as_of", "since", "currency"),
    *("exclude_status", "refunds", "exclude"),
)
_USUAL = {spec.name: spec.default for spec in fields(Shared)}


def typed(lines: tuple[str, ...], common: Shared) -> tuple[str, ...]:
    """The lines with this run's files, and the options by which they were read, in the place of FILE."""
    words = [shlex.quote(name) for name in common.files]
    for name in _READING:
        value = getattr(common, name, None)
        if value not in (None, _USUAL.get(name)):
            words += [f"--{name.replace('_', '-')}", shlex.quote(str(value))]
    words += ["--count"] if common.count else []
    return tuple(_FILE.sub(lambda _: " ".join(words), line, count=1) for line in lines)
