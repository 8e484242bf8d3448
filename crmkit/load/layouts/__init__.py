"""Exports that are known by their header and read as their makers mean them; a layout is a TOML file beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmkit.errors import DataError
from crmkit.load import statuses
from crmkit.load.layouts.known import asked, every, recognised
from crmkit.load.layouts.layout import Layout
from crmkit.load.plan import Options
from crmkit.load.statuses import StatusRule

__all__ = ["Layout", "StatusRule", "asked", "chosen", "every", "opening", "recognised"]

NONE = "none"
_SHOWN = 3


def opening(options: Options) -> Options:
    """The options with which a file is opened: those of a layout that was named are there from the start."""
    if options.layout is None or options.layout == NONE or options.read_as is not None:
        return options
    return _read_as(options, asked(options.layout), "as --layout says")


def chosen(columns: Sequence[str], options: Options, file: str) -> Options:
    """The options with what the layout of these columns says where the user says nothing."""
    if options.read_as is not None:
        return _filled(options, columns, file)
    if options.layout == NONE or (found := recognised(columns)) is None:
        return replace(options, rules=statuses.rules(_typed(options), ()))
    return _filled(_read_as(options, found, _why(found, columns)), columns, file)


def _read_as(options: Options, layout: Layout, why: str) -> Options:
    left_open = {
        word: value for word, value in layout.reading.items() if getattr(options, word) in (None, "UTC")
    }
    return replace(options, read_as=layout, read_as_why=why, **left_open)  # type: ignore[arg-type]


def _why(layout: Layout, columns: Sequence[str]) -> str:
    met = layout.met(columns)
    more = f" and {len(met) - _SHOWN} more" if len(met) > _SHOWN else ""
    return f"its header has {', '.join(met[:_SHOWN])}{more}"


def _filled(options: Options, columns: Sequence[str], file: str) -> Options:
    layout = options.read_as
    assert layout is not None
    if layout.refuse:
        raise DataError(f"{file}: this is {layout.name}: {layout.refuse}")
    rules = statuses.rules(_typed(options), layout.rules(columns))
    named = {
        role: rule.column[0]
        for role, rule in zip(statuses.roles(len(rules)), rules, strict=True)
        if rule.column
    }
    return replace(options, proposed=layout.words(columns) | named, rules=rules)


def _typed(options: Options) -> StatusRule:
    """What the user says of statuses."""
    column = options.columns.get(statuses.ROLE)
    return StatusRule((column,) if column else (), options.exclude_status, (), options.refund_status)
