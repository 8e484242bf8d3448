"""What the user assumes: flows such as `A:B=2%`, and small CSV files of rates or of purchases."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crmkit import parse
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import polars as pl

    from crmkit.whatif.switching import Switching

# Spelt here as well as in the model, because the model needs numpy and parsing must not.
ELSEWHERE = "elsewhere"
LEAVE, JOIN = "leave", "join"
_MOST_DECIMALS = 6
Flows = dict[tuple[str, str], float]
_Read = TypeVar("_Read")


def flows(texts: Iterable[str], option: str) -> Flows:
    """`FROM:TO=RATE`: `A:B=2%` and `A:elsewhere=1%` are shares per period, `elsewhere:A=5` is a number."""
    found: Flows = {}
    for text in texts:
        path, rate = parse.assignment(text, option, "A:B=2%")
        source, colon, target = (part.strip() for part in path.partition(":"))
        if not (source and colon and target) or ":" in target:
            raise UsageError(f"{option} is {text!r}. Write it as FROM:TO=RATE, such as A:B=2%.")
        if (source, target) in found:
            raise UsageError(f"{option} gives the rate of {source}:{target} twice.")
        label = f"{option} {source}:{target}"
        found[source, target] = (
            float(parse.money(rate, label)) if source == ELSEWHERE else parse.percent(rate, label)
        )
    return found


def store_share(text: str, option: str) -> tuple[str, float]:
    """A store and a share, such as `A=40%`."""
    store, share = parse.assignment(text, option, "A=40%")
    return store, parse.percent(share, f"{option} {store}")


def store_names(count: int) -> tuple[str, ...]:
    """A, B, C and so on, for stores that nobody named."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return tuple(letters[i] if count <= len(letters) else f"store {i + 1}" for i in range(count))


def matrix(path: str) -> Switching:
    """A market from a CSV file with a row of rates per store.

    The first column holds the store, the others are named after the stores. `leave` may be one more
    of them, for those who go elsewhere, and `join` another, for the number of new customers.

        store,A,B,leave,join
        A,97%,2%,1%,5
        B,1%,98%,1%,8
    """
    return _mending(path, lambda: _market(path))


def _mending(path: str, read: Callable[[], _Read]) -> _Read:
    """What is wrong in a file is an error of the data, and names the file."""
    try:
        return read()
    except UsageError as error:
        raise DataError(f"{path}: {error}") from error


def _lines(path: str) -> list[tuple[int, list[str]]]:
    """Numbered lines that hold anything, as lists of stripped cells."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if len(filled) < 2:
        raise DataError(f"{path} has no rows under its header.")
    return filled


def _market(path: str) -> Switching:
    import numpy as np

    from crmkit.whatif.switching import Switching

    (_, header), *rows = _lines(path)
    stores = tuple(name for name in header[1:] if name not in (LEAVE, JOIN))
    cells = _by_store(rows, header, stores)
    rates = [[_cell(parse.percent, cells, store, to) for to in (*stores, LEAVE)] for store in stores]
    join = [float(_cell(parse.money, cells, store, JOIN)) for store in stores]
    return Switching(stores=stores, rates=np.array(rates), join=np.array(join))


def _by_store(
    rows: list[tuple[int, list[str]]], header: list[str], stores: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line, cells in rows:
        if cells[0] not in stores:
            raise UsageError(f"line {line} is for {cells[0]!r}, and the columns are {', '.join(header[1:])}.")
        if cells[0] in found:
            raise UsageError(f"line {line} is a second row for {cells[0]!r}.")
        if len(cells) > len(header):
            raise UsageError(f"line {line} has {len(cells)} cells, and the header has {len(header)}.")
        found[cells[0]] = dict(zip(header[1:], cells[1:], strict=False))
    for store in stores:
        if store not in found:
            raise UsageError(
                f"the column {store!r} has no row of its own. Add a row that starts with {store}."
            )
    return found


def _cell(
    read: Callable[[str, str], _Read], cells: dict[str, dict[str, str]], store: str, column: str
) -> _Read:
    return read(cells[store].get(column) or "0", f"row {store}, column {column}")


def schedule(path: str) -> pl.DataFrame:
    """Purchases from a CSV file with the columns customer, amount and, if known, age or date."""
    return _mending(path, lambda: _purchases(path))


def _purchases(path: str) -> pl.DataFrame:
    import polars as pl

    (_, header), *rows = _lines(path)
    names = [name.lower() for name in header]
    for needed in ("customer", "amount"):
        if needed not in names:
            raise UsageError(f"there is no column {needed!r}; the columns are {', '.join(header)}.")
    time = next((name for name in ("date", "age") if name in names), None)
    readers: dict[str, Callable[[str, str], object]] = {"customer": _customer, "amount": _amount}
    if time:
        readers[time] = _date if time == "date" else _age
    columns: dict[str, list[object]] = {name: [] for name in readers}
    for line, cells in rows:
        row = dict(zip(names, cells, strict=False))
        for name, read in readers.items():
            columns[name].append(read(row.get(name, ""), f"{name} in line {line}"))
    amounts = pl.Series("amount", columns["amount"], dtype=pl.Decimal(38, _scale(columns["amount"])))
    purchases = pl.DataFrame(columns | {"amount": amounts})
    whole = time == "age" and (purchases["age"] == purchases["age"].round()).all()
    return purchases.with_columns(pl.col("age").cast(pl.Int64)) if whole else purchases


def _scale(amounts: list[object]) -> int:
    decimals = [-int(a.normalize().as_tuple().exponent) for a in amounts if isinstance(a, Decimal)]
    return max([2, *decimals])


def _customer(text: str, where: str) -> str:
    if not text:
        raise UsageError(f"{where} is empty.")
    return text


def _amount(text: str, where: str) -> Decimal:
    value = parse.decimal(text, where)
    if abs(value) > 10**15 or value != round(value, _MOST_DECIMALS):
        raise UsageError(
            f"{where} is {text!r}; give at most {_MOST_DECIMALS} decimals and 16 digits before them."
        )
    return value


def _age(text: str, where: str) -> float:
    return float(parse.money(text, where))


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{where} is {text!r}; write dates as 2026-11-30.") from None
