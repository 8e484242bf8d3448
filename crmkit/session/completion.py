"""What a shell may put in for the value of an option: names that are known, and the columns of the file on the line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crmkit.language.catalogue import LANGUAGES
from crmkit.session.options import FORMATS

_MODELS = ("auto", "nbd", "bgnbd", "mbgnbd", "paretonbd", "bgcnbd", "mbgcnbd")
_WORDS: dict[str, Sequence[str]] = {
    "format": FORMATS,
    "lang": LANGUAGES,
    "color": ("auto", "always", "never"),
    "log_format": ("text", "json"),
    "refunds": ("net", "ignore"),
    "no_customer": ("drop", "fail"),
    "engine": ("polars", "spark"),
    "decimal": (".", ","),
    "model": _MODELS,
    "map": ("rf10", "rfm11", "cn8"),
    "scheme": ("abc", "contribution", "pyramid", "mvc"),
    "period": ("month", "quarter", "week", "sunday-week", "year"),
    "of": ("segment", "tier", "pyramid", "rfm"),
    "frequency": ("orders", "days", "rows"),
    "monetary": ("total", "average", "profit"),
    "ties": ("same", "first"),
    "unit": ("day", "week", "month"),
    "sections": ("changed", "makers", "talk", "leaving", "stay", "worth"),
}


def of(option: Any) -> Callable[[Any, Any, str], list[Any]] | None:
    """How the values of this option are completed, if anything is known of them."""
    if (option.metavar or "").startswith("COLUMN"):
        return _completes(_columns)
    known = {"table": _tables, "segment": _segments}.get(option.name)
    if known is not None:
        return _completes(known)
    words = _WORDS.get(option.name)
    return _completes(lambda context: words) if words else None


def _completes(known: Callable[[Any], Sequence[str]]) -> Callable[[Any, Any, str], list[Any]]:
    def complete(context: Any, option: Any, incomplete: str) -> list[str]:
        return [word for word in known(context) if word.casefold().startswith(incomplete.casefold())]

    return complete


def _columns(context: Any) -> Sequence[str]:
    """The columns of the first file that the line names, if its first lines can be read."""
    from crmkit.errors import CrmkitError
    from crmkit.load import batches
    from crmkit.load.find import sources

    if (file := _file_on_the_line()) is None:
        return []
    try:
        return batches.open_input(
            sources.find([file])[0],
            encoding=context.params.get("encoding"),
            delimiter=context.params.get("delimiter"),
            suits=lambda names: True,
        ).plain
    except (CrmkitError, OSError):
        return []


def _file_on_the_line() -> str | None:
    """The first word of the line that is a file; a parser gives up at an option that has no value yet."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return next((word for word in line.split()[2:] if Path(word).is_file()), None)


def _tables(context: Any) -> Sequence[str]:
    """The tables of the command that the line names."""
    from crmkit.session.help import topics

    return list(topics().get(context.info_name or "", {}).get("tables", []))


def _segments(context: Any) -> Sequence[str]:
    """The segments of the map that the line names."""
    from crmkit.errors import CrmkitError
    from crmkit.scoring import segments

    try:
        return segments.load(context.params.get("map") or "rf10").segments
    except CrmkitError:
        return []
