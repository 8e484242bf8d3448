"""What the user allows of an answer, as it was typed: checked before anything is read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from crmkit.errors import UsageError
from crmkit.result import Result

_NUMBER = r"(\d+(?:\.\d+)?)(%?)"
_RANGE = rf"(?:{_NUMBER})?\.\.(?:{_NUMBER})?"


class Expected(NamedTuple):
    """`90%..110%` of the customers before, or `1000..2000` of them; one side may be left open."""

    text: str
    least: float
    most: float
    is_share: bool

    @classmethod
    def of(cls, text: str) -> Expected:
        """From what was typed; UsageError for what is no range."""
        found = re.fullmatch(_RANGE, text.replace(" ", ""))
        sides = [] if found is None else [(found[i], found[i + 1]) for i in (1, 3) if found[i]]
        if found is None or len({sign for _, sign in sides}) != 1:
            raise UsageError(f"--expect-customers {text!r} is no range such as 90%..110% or 1000..2000.")
        least, most = float(found[1] or 0), float(found[3] or math.inf)
        if least > most:
            raise UsageError(f"--expect-customers {text!r} begins above its end. Turn it round.")
        return cls(text, least, most, sides[0][1] == "%")


class Limits(NamedTuple):
    """The gates on an answer, and the run before, with which they compare."""

    expected: Expected | None = None
    drift: float | None = None
    previous: str | None = None

    @classmethod
    def of(cls, previous: str | None, expected: str | None, drift: str | None) -> Limits:
        """From what was typed; UsageError for what cannot be."""
        try:
            most = None if drift is None else float(drift)
        except ValueError:
            most = -1.0
        if most is not None and not 0 <= most < math.inf:
            raise UsageError(f"--max-drift {drift!r} is no number such as 0.25.")
        return cls(None if expected is None else Expected.of(expected), most, previous)

    def check(self, result: Result, frozen: Mapping[str, Mapping[str, int]] | None = None) -> Result:
        """The result, with the drift among its facts where that was asked for; GateError where a limit is passed."""
        if self.expected is None and self.drift is None and self.previous is None:
            return result
        from crmkit.nightly import gates

        return gates.check(result, self, frozen)
