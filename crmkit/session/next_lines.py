"""Lines to type next, for this very file."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields

from crmkit.session.options import Shared
from crmkit.sources.addresses import is_web, shown

_FILE = re.compile(r"\bFILE\b")
# Options without which the next command would read the file differently.
_READING = (
    *("customer", "date", "amount", "order", "orders", "product", "cost", "status", "refunded"),
    *(
        "encoding",
        "delimiter",
        "header",
        "layout",
        "date_format",
        "decimal",
        "tz",
        "source_tz",
        "as_of",
        "since",
    ),
    *(
        "currency",
        "exclude_status",
        "refund_status",
        "amount_per",
        "orders_restart",
        "refunds",
        "no_customer",
    ),
    *("no_customer_id", "exclude"),
)
# Columns that these commands alone look at, as they are typed there; others would refuse them.
_LOOKED_AT = {
    "product": ("check", "basket", "profile", "returns"),
    "cost": ("check", "customers"),
}
_USUAL = {spec.name: spec.default for spec in fields(Shared)}


def typed(lines: tuple[str, ...], common: Shared) -> tuple[str, ...]:
    """The lines with this run's files, and the options by which they were read, in the place of FILE."""
    return tuple(_of(line, common) for line in lines)


def _of(line: str, common: Shared) -> str:
    words = _words(line.split()[1], common)
    return _FILE.sub(lambda _: words, line, count=1)


def _words(command: str, common: Shared) -> str:
    # A signature in an address of the web opens what it names for whoever sees it.
    words = [shlex.quote(shown(name) if is_web(name) else name) for name in common.files]
    for name in _READING:
        value = getattr(common, name, None)
        if value not in (None, _USUAL.get(name)) and command in _LOOKED_AT.get(name, (command,)):
            words += [f"--{name.replace('_', '-')}", shlex.quote(str(value))]
    return " ".join([*words, *(["--count"] if common.count else [])])
