"""Sentences on standard error."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

from crmkit.language.safe_text import safe
from crmkit.system import clock

# The code of a message where nothing more is known of it than its kind; codes are in docs/cron.md, and stay.
_CODES = {
    "columns": "input.columns",
    "reject": "input.reject",
    "audit": "input.account",
    "note": "note",
    "written": "output.written",
    "time": "run.effort",
    "error": "error",
}
_LEVELS = {"reject": "warning", "note": "warning", "error": "error"}


def say(text: str, kind: str = "note", log_format: str = "text", *, code: str = "", **more: Any) -> None:
    """A sentence on standard error, if that is there; whatever came from data is made harmless.

    `more` are fields that JSON has beside the sentence.
    """
    if sys.stderr is None:
        return
    line = (
        _json(_record(text, kind, code, more))
        if log_format == "json"
        else wrapped_for(f"crmkit: {safe(text)}")
    )
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        sys.stderr = None  # nobody listens; the work goes on


def _record(text: str, kind: str, code: str, more: Mapping[str, Any]) -> dict[str, Any]:
    head = {
        "time": clock.stamp(clock.run().ended),
        "level": _LEVELS.get(kind, "info"),
        "code": code or _CODES.get(kind, kind),
        "run": clock.run().name,
    }
    return {**head, "kind": kind, "message": text, **more}


def _json(record: Mapping[str, Any]) -> str:
    import json

    return json.dumps(record, ensure_ascii=True, default=str)


def wrapped_for(line: str) -> str:
    """The line in lines that fit a terminal, broken at blanks only; in a log it stays one."""
    if not sys.stderr.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        line, max(width, 40), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
