"""Which columns could play a role: their names propose them, their values may strike them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from crmkit.load.columns import names
from crmkit.load.columns.look import Column, Look, equal_numbers, same, share

_SAME_DAYS = 0.98


class Candidate(NamedTuple):
    """A column that could play a role, and how surely by its name (0 to 100)."""

    column: Column
    rank: int

    @property
    def name(self) -> str:
        """The column's name in the file."""
        return self.column.name


def proposed(role: str, columns: Sequence[str], look: Look, least: int = names.POSSIBLE) -> list[Candidate]:
    """The candidates that their values allow, the surest names first, then as in the file."""
    ranked = [(column, names.rank(column, role)) for column in dict.fromkeys(columns)]
    found = [Candidate(look[column], rank) for column, rank in ranked if rank >= least]
    if look.has_rows:
        found = _fitting(role, found)
    return sorted(found, key=lambda one: -one.rank)


def _fitting(role: str, found: list[Candidate]) -> list[Candidate]:
    """Those that their values allow; if there is none, a sure name with any values, so that what is said is of them."""
    fitting = [one for one in found if _FITS.get(role, _anything)(one.column)]
    named = [one for one in found if one.rank >= names.SURE]
    if role in ("customer", "order") and not any(one in named for one in fitting):
        fitting = []  # one customer alone in a file is no reason to take another column
    if fitting or role not in _FITS:
        return fitting
    named = [one for one in named if one.column.few] or named
    return [one for one in named if one.rank == max(other.rank for other in named)]


def merged(found: Sequence[Candidate], role: str) -> list[Candidate]:
    """Columns that say the same are one: the surest name stands for them."""
    kept: list[Candidate] = []
    for one in found:
        if not any(_say_the_same(one.column, other.column, role) for other in kept):
            kept.append(one)
    return kept


def _say_the_same(left: Column, right: Column, role: str) -> bool:
    if role == "date":
        return _same_days(left, right)
    if role in ("amount", "quantity", "price", "cost"):
        return equal_numbers(left.numbers, right.numbers)
    return same(left, right)


def _same_days(left: Column, right: Column) -> bool:
    if left.days is None or right.days is None:
        return left.values.dtype == right.values.dtype and bool((left.values == right.values).all())
    both = (left.days == right.days).drop_nulls()
    return both.len() > 0 and share(both) >= _SAME_DAYS


def _anything(column: Column) -> bool:
    return bool(column.few)


def _is_day(column: Column) -> bool:
    return column.is_date


def _is_number(column: Column) -> bool:
    return column.is_number and not column.is_written_date


def _is_id(column: Column) -> bool:
    """Ids are neither days nor prices; a column that never changes tells nobody apart."""
    changes = column.distinct > 1 or column.present.len() < 2
    is_price = column.is_number and not column.is_whole
    return bool(column.few) and changes and not column.is_written_date and not is_price


_FITS: dict[str, Callable[[Column], bool]] = {
    "date": _is_day,
    "amount": _is_number,
    "quantity": _is_number,
    "price": _is_number,
    "cost": _is_number,
    "customer": _is_id,
    "order": _is_id,
}
