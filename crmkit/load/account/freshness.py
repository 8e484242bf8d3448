"""How old the latest row is: an answer about today from a file of last year is about last year."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from crmkit.errors import GateError

_MOST = 31  # days without a row that need no word
_ZONES = 1  # day that it may be tomorrow elsewhere


def note(last: date | None, as_of: date | None) -> list[str]:
    """What to say where the day of the user's lies far behind the latest row."""
    if last is None or as_of is None or (as_of - last).days <= _MOST:
        return []
    return [
        f"the latest row is of {last}, {(as_of - last).days:,} days before --as-of {as_of}: whoever bought since is not in here, "
        "and everybody looks late"
    ]


class Age(NamedTuple):
    """The user's limit: `days` before the as-of day, or before today where none was given."""

    days: int
    text: str
    as_of: date | None = None

    def check(self, last: date | None, name: str) -> None:
        """GateError where the latest row is older, or so far ahead of the clock that its age cannot be told."""
        day = self.as_of or date.today()
        if last is None:
            raise GateError(
                f"--max-age {self.text}: {name} has no dates, so its age is not known. Say --date COLUMN."
            )
        if (day - last).days > self.days:
            raise GateError(
                f"--max-age {self.text}: the latest row of {name} is of {last}, {(day - last).days:,} days before {day}. "
                "Fetch newer data, or allow more."
            )
        if (last - day).days > _ZONES:
            raise GateError(
                f"--max-age {self.text}: the latest row of {name} is of {last}, {(last - day).days:,} days ahead of this machine's clock, "
                f"so its age cannot be told. Set the clock right, or leave later rows out with --as-of {day}."
            )
