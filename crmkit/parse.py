"""Values as people type them: shares, money, durations, lists. Each error names the option and the text.

Nothing here imports more than the standard library, so the command line can parse before it loads
anything heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from crmkit.errors import UsageError

if TYPE_CHECKING:
    from fractions import Fraction

# A year has 365 days where people say `1y` or "last year"; WHOLE_WEEKS where weekdays must come out even, as
# in forecasts and comparisons of windows; MEAN_YEAR where the seasons must not drift.
YEAR, WHOLE_WEEKS, MEAN_YEAR = 365, 364, 365.25
_DAYS = {"d": (1, 1), "w": (7, 1), "m": (YEAR, 12), "y": (YEAR, 1)}  # so many, shared by so many
_PER_YEAR = {"d": YEAR, "w": 52, "m": 12, "y": 1}
_SPAN_LIMIT = 1_000
_LARGEST = 10**15
FIRST_YEAR, YEARS_AHEAD = 1970, 10


class Duration(NamedTuple):
    """A number of days, weeks, months or years, as in `52w`."""

    number: int
    unit: str

    @property
    def days(self) -> int:
        """Whole days, where a year has 365 and a month is a twelfth of it (`1m` 30, `12m` 365)."""
        days, parts = _DAYS[self.unit]
        return (2 * self.number * days + parts) // (2 * parts)

    @property
    def per_year(self) -> Fraction:
        """How often it fits in a year as shops count: 52 weeks, 12 months, 365 days."""
        from fractions import Fraction

        return Fraction(_PER_YEAR[self.unit], self.number)

    @property
    def years(self) -> Fraction:
        """Its length in years of 52 weeks, 12 months or 365 days."""
        return 1 / self.per_year

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"


def choice(option: str, word: str, allowed: Iterable[str]) -> str:
    """The word if it is allowed, else UsageError with the list."""
    known = tuple(allowed)
    if word not in known:
        raise UsageError(f"{option} {word!r} is not one of {', '.join(known)}.")
    return word


def day(option: str, given: str | date | None) -> date | None:
    """A date, or ISO text such as 2024-12-31, within the days that the data may have."""
    if given is None:
        return None
    try:
        found = given if isinstance(given, date) else date.fromisoformat(given)
    except ValueError:
        raise UsageError(f"{option} {given!r} is not a date; write it as 2024-12-31.") from None
    if not FIRST_YEAR <= found.year <= date.today().year + YEARS_AHEAD:
        raise UsageError(
            f"{option} {given} is no day of business: days from {FIRST_YEAR} to {YEARS_AHEAD} years ahead are believed."
        )
    return found


def duration(text: str | int | Duration, option: str) -> Duration:
    """`52w`, `30d`, `1m` or `1y`, or a number of days; the number must be positive."""
    if isinstance(text, Duration):
        return text
    text = f"{text}d" if isinstance(text, int) else text
    match = re.fullmatch(r"\s*(\d{1,6})\s*([dwmy])\s*", text)
    if not match or int(match[1]) == 0:
        raise UsageError(
            f"{option} is {text!r}, which is not a length of time. "
            "Write a number of days, weeks, months or years such as 30d, 52w, 1m or 1y."
        )
    return Duration(int(match[1]), match[2])


def decimal(text: str, option: str) -> Decimal:
    """An exact finite number such as `12.50`; a comma is refused because it may mean two things."""
    value = _decimal(text)
    if not value.is_finite():
        raise UsageError(f"{option} is {text!r}, which is not a number. Write it like 12.50.")
    return value


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return Decimal("NaN")


def decimals(text: str, option: str) -> list[Decimal]:
    """Numbers separated by commas: `50,100,500.50`."""
    return [decimal(part, option) for part in text.split(",")]


def money(text: str | Decimal | float, option: str) -> Decimal:
    """An amount of money from 0 to a million billions."""
    value = decimal(str(text), option)
    if not 0 <= value <= _LARGEST:
        raise UsageError(f"{option} is {text!r}, and it must lie between 0 and {_LARGEST:,}.")
    return value


def percent(text: str | float, option: str, *, low: float = 0.0, high: float = 1.0) -> float:
    """A share, written `10%` or `0.1`, between `low` and `high`."""
    text = text if isinstance(text, str) else str(text)
    stripped = text.strip()
    bare = decimal(stripped.removesuffix("%"), option)
    value = float(bare / 100 if stripped.endswith("%") else bare)
    if not low <= value <= high:
        hint = (
            f" Did you mean {stripped}%?" if not stripped.endswith("%") and low <= value / 100 <= high else ""
        )
        raise UsageError(f"{option} is {text!r}, and it must lie between {low:.0%} and {high:.0%}.{hint}")
    return value


def percentages(text: str, option: str) -> list[Decimal]:
    """Percentages separated by commas: `70,90,100` and `70%,90%,100%`, and as shares `0.7,0.9,1`."""
    parts = [part.strip() for part in text.split(",")]
    bare = [decimal(part.removesuffix("%"), option) for part in parts]
    # Beyond 1 there is no share, so one such number says how the others are meant.
    are_shares = all(value <= 1 for part, value in zip(parts, bare, strict=True) if not part.endswith("%"))
    return [
        value * 100 if are_shares and not part.endswith("%") else value
        for part, value in zip(parts, bare, strict=True)
    ]


def whole(text: str, option: str) -> int:
    """A whole number that is not negative."""
    value = _decimal(text)
    if not value.is_finite() or value < 0 or value != value.to_integral_value() or value > _LARGEST:
        raise UsageError(f"{option} is {text!r}, and it must be a whole number of 0 or more.")
    return int(value)


def names(text: str, option: str) -> tuple[str, ...]:
    """Names separated by commas; blank and repeated ones are refused."""
    found = tuple(part.strip() for part in text.split(","))
    for name in found:
        if not name:
            raise UsageError(f"{option} is {text!r}, and one of its names is empty.")
        if found.count(name) > 1:
            raise UsageError(f"{option} is {text!r}, and it names {name!r} twice.")
    return found


def wholes(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers separated by commas, a span such as `5..10`, or a mixture of both."""
    found: list[int] = []
    for part in text.split(","):
        ends = [whole(end, option) for end in part.split("..")]
        if len(ends) > 2 or ends[0] > ends[-1] or ends[-1] - ends[0] > _SPAN_LIMIT:
            raise UsageError(f"{option} has {part.strip()!r}, which is not a span. Write it like 5..10.")
        found.extend(range(ends[0], ends[-1] + 1))
    return tuple(found)


def assignment(text: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of `NAME=VALUE`."""
    name, sign, value = text.rpartition("=")
    if not (sign and name.strip() and value.strip()):
        raise UsageError(f"{option} is {text!r}. Write it like {example}.")
    return name.strip(), value.strip()


def outputs(output: Sequence[str] | None, table: Sequence[str] | None) -> dict[str, Any]:
    """The first output and the table to be shown or written, and further files with the table of each."""
    paths = list(output or ())
    parted = [word.partition("=") for word in table or ()]
    named = [name for name, sign, _ in parted if not sign]
    if len(named) > 1:
        raise UsageError(
            f"--table {named[0]} and --table {named[1]}: one table is shown. Several go to files: --table {named[0]}=FILE."
        )
    if "-" in paths and len(paths) > 1:
        raise UsageError("--output - is standard output, and goes alone. Leave the other outputs out.")
    tables = [(path, name) for name, sign, path in parted if sign]
    if any(not name or not path for path, name in tables):
        raise UsageError("--table is either the name of a table or NAME=FILE, such as segments=segments.csv.")
    return {
        "output": paths[0] if paths else None,
        "table": named[0] if named else None,
        "further": (*((path, None) for path in paths[1:]), *tables),
    }
