"""Sentences on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap

from crmkit.language.safe_text import safe


def say(text: str, kind: str = "note", log_format: str = "text", **more: str) -> None:
    """A sentence on standard error, if that is there; whatever came from data is made harmless.

    `more` are fields that JSON has beside the sentence.
    """
    if sys.stderr is None:
        return
    line = (
        json.dumps({"kind": kind, "message": text, **more}, ensure_ascii=True)
        if log_format == "json"
        else wrapped_for(f"crmkit: {safe(text)}")
    )
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        sys.stderr = None  # nobody listens; the work goes on


def wrapped_for(line: str) -> str:
    """The line in lines that fit a terminal, broken at blanks only; in a log it stays one."""
    if not sys.stderr.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        line, max(width, 40), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
