"""Thirty sales whose account is known, and ways to write them down."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

HEADER = ("customer", "order_id", "date", "amount")


class Sale(NamedTuple):
    """One row of a file."""

    customer: str
    order: str
    day: date
    amount: Decimal


SALES = tuple(
    Sale(
        f"K{17 + place * 5 % 7}",
        f"B-{900 + place}",
        date(2023, 2, 1) + timedelta(days=13 * place),
        Decimal(1099 + 731 * place) / 100,
    )
    for place in range(30)
)
assert max(sale.day for sale in SALES).day > 12


def account(sales: Sequence[Sale] = SALES, rejected: int = 0) -> tuple[Any, ...]:
    """What `Finished.account` must be for these sales."""
    days = [sale.day for sale in sales]
    total = sum((sale.amount for sale in sales), Decimal(0))
    return (
        len(sales),
        rejected,
        f"{total:.2f}",
        len({sale.customer for sale in sales}),
        str(min(days)),
        str(max(days)),
    )


def without(*places: int) -> list[Sale]:
    """The sales but those at these places."""
    return [sale for place, sale in enumerate(SALES) if place not in places]


def text(
    sales: Iterable[Sale] = SALES,
    *,
    header: Sequence[str] | None = HEADER,
    delimiter: str = ",",
    ends: str = "\n",
    customer: Callable[[str], object] = str,
    day: Callable[[date], object] = str,
    amount: Callable[[Decimal], object] = str,
    more: Callable[[int], Sequence[object]] = lambda place: (),
    quoting: int = csv.QUOTE_MINIMAL,
) -> str:
    """The sales as CSV; functions say how a column is written and what stands in further ones."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator=ends, quoting=quoting)  # type: ignore[arg-type]
    if header is not None:
        writer.writerow(header)
    for place, sale in enumerate(sales):
        writer.writerow(
            [customer(sale.customer), sale.order, day(sale.day), amount(sale.amount), *more(place)]
        )
    return made.getvalue()


def with_lines(**lines: str) -> str:
    """The sales as CSV, where `row3="…"` replaces the line of the sale at place 3."""
    found = text().splitlines(keepends=True)
    for name, line in lines.items():
        found[1 + int(name.removeprefix("row"))] = line + "\n"
    return "".join(found)


def put(path: Path, content: str | bytes) -> Path:
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
