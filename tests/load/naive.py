"""A reader of sales as slow and plain as can be: one row at a time, with Python's own csv, date and Decimal.

It knows ISO days and plain decimal numbers only, and shares no code and no idea with the loader.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

BLANK = {
    "",
    "NULL",
    "null",
    "Null",
    "N/A",
    "n/a",
    "NA",
    "<NA>",
    "NaN",
    "nan",
    "NAN",
    "NaT",
    "None",
    "none",
    "NONE",
    "#N/A",
    "-",
    "--",
    "\\N",
}
# Unicode's white space; Python's strip() would take four separators among the controls, too.
_WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_DAY = re.compile(
    r"\s*([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]+(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?)?\s*"
)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass
class Told:
    """What the rows come to."""

    read: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    revenue: Decimal = Decimal(0)
    without_customer: Decimal = Decimal(0)
    set_aside: Decimal = Decimal(0)
    customers: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    days: set[date] = field(default_factory=set)

    @property
    def used(self) -> int:
        return self.read - self.rejected.total()


def read(text: str, delimiter: str = ",", names: Sequence[str] = ("customer", "date", "amount")) -> Told:
    """Read CSV whose header has these names for customer, date and amount."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    header = [name.strip() for name in rows[0]]
    places = [header.index(name) for name in names]
    told = Told()
    for row in rows[1:]:
        if len(row) > 1 or (row and (row == [""] or row[0].strip(" \t\r\n\x1a"))):  # "" is a row
            _take(told, row, places, len(header))
    return told


def _take(told: Told, row: list[str], places: list[int], width: int) -> None:
    told.read += 1
    if len(row) != width:
        told.rejected["wrong field count"] += 1
        return
    customer, day_text, amount_text = (row[place] for place in places)
    amount, problem = _amount(amount_text)
    day = _day(day_text)
    reason = (
        "bad characters" if "\0" in customer + day_text + amount_text
        else "no customer id" if customer.strip(_WHITE) in BLANK and (day or amount is None)  # else a total
        else "no date" if day is None and day_text.strip(_WHITE) in BLANK
        else "bad date" if day is None
        else "date out of range" if not date(1970, 1, 1) <= day <= date.today() + timedelta(days=3652)
        else problem
    )  # fmt: skip
    if not reason:
        assert amount is not None and day is not None
        told.revenue += amount
        told.customers[customer.strip(_WHITE)] += amount
        told.days.add(day)
        return
    told.rejected[reason] += 1
    if amount is not None and reason == "no customer id":
        told.without_customer += amount
    elif amount is not None:
        told.set_aside += amount


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _amount(text: str) -> tuple[Decimal | None, str]:
    """The amount, or why there is none."""
    if text.strip(_WHITE) in BLANK - {"NaN", "nan", "NAN", "#N/A"}:
        return None, "no amount"
    if not _NUMBER.fullmatch(text.strip(_WHITE)):
        return None, "bad amount"
    amount = Decimal(text.strip(_WHITE))
    if amount.is_finite() and abs(amount) < Decimal(10) ** 15:
        return amount, ""
    return None, "bad amount" if amount.adjusted() > 308 else "amount out of range"
