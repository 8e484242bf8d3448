"""The answer in a sentence or two, what it is about, and what to type next, for every question."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from crmkit.result import Result

_P = ParamSpec("_P")


def answered(by: Callable[[Result], Result]) -> Callable[[Callable[_P, Result]], Callable[_P, Result]]:
    """A decorator: the function's Result with the words that `by` adds to it."""

    def decorate(analyse: Callable[_P, Result]) -> Callable[_P, Result]:
        @functools.wraps(analyse)
        def told(*given: _P.args, **named: _P.kwargs) -> Result:
            return by(analyse(*given, **named))

        return told

    return decorate
