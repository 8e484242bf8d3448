"""`--cuts auto`: borders stay as they are until the customers have moved away from them.

The rule. The borders that --save-cuts keeps are used as long as their file is there, it is no more than 92 days since they
were found, and no score or tier has drifted by more than 0.25 (population stability index) since. Else they are found anew and kept in
its place, and a note says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol, TypeVar

from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.nightly import gates
from crmkit.nightly.drift import drifts
from crmkit.result import Result

_DAYS = 92
_DRIFT = 0.25


class Kept(Protocol):
    """Borders of an earlier run."""

    @property
    def population(self) -> Mapping[str, Mapping[str, int]]:
        """Customers by score or tier when they were found."""

    @property
    def frozen(self) -> date | None:
        """The as-of day of that."""


Cuts = TypeVar("Cuts", bound=Kept)


def settled(
    save_cuts: str | None,
    read: Callable[[str], Cuts],
    analyse: Callable[[Cuts | None], Result],
    today: Callable[[], date | None],
) -> Result:
    """The answer by the borders that are kept, or by new ones, as the rule has it; `today` is the as-of day."""
    if save_cuts is None:
        raise UsageError(
            "--cuts auto keeps borders in the file of --save-cuts. Name one: --save-cuts cuts.json."
        )
    if not Path(save_cuts).exists():
        return _noted(analyse(None), f"{safe(save_cuts)} was not there; borders were found in this file")
    kept = read(save_cuts)
    result = analyse(kept)
    why = _why(kept, result, today())
    if not why:
        return result
    return _noted(analyse(None), f"the borders of {safe(save_cuts)} were found anew: {why}")


def _why(kept: Kept, result: Result, today: date | None) -> str:
    """Why borders should be found anew; empty where they should stay."""
    if kept.frozen is not None and today is not None and (today - kept.frozen).days > _DAYS:
        return f"they are of {kept.frozen}, {(today - kept.frozen).days} days ago"
    found = drifts(kept.population, gates.shares(result))
    moved = {name: value for name, value in found.items() if value > _DRIFT}
    return ", ".join(f"{name} has drifted by {value:.3f}" for name, value in moved.items())


def _noted(result: Result, note: str) -> Result:
    return replace(result, notes=(*result.notes, note))
