"""Lists of customers: who is to be left out, who was in which group. A column of ids, and others beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from crmkit.errors import DataError
from crmkit.load import batches
from crmkit.load.columns import finding, roles
from crmkit.load.find import sources
from crmkit.load.inputs import Input, StreamFlags
from crmkit.load.values import numbers

CUSTOMER = "customer"


@dataclass(frozen=True, eq=False)
class Excluded:
    """The customers of a list, as text and as the whole numbers that some of them are."""

    name: str
    ids: pl.Series
    numbers: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))

    @classmethod
    def of(cls, name: str, ids: pl.Series) -> Excluded:
        """From ids as text."""
        text = ids.unique().sort()
        plain = text.filter(text.str.contains(r"^(0|-?[1-9]\d{0,18})$"))
        return cls(name, text, plain.cast(pl.Int64, strict=False).drop_nulls())

    def holds(self, ids: pl.Series) -> pl.Series:
        """Which of these ids, text or whole numbers, are on the list."""
        listed = self.ids if ids.dtype == pl.String else self.numbers.cast(ids.dtype, strict=False)
        return ids.is_in(listed.implode()).fill_null(False)

    def account(self, found: int) -> str:
        """How many of the list are in the file, in words."""
        return f"--exclude {self.name} lists {self.ids.len():,} customers; {found:,} of them are in the file and left out"


def excluded(word: str) -> Excluded:
    """The suppression list `FILE` or `FILE:COLUMN`; a file of one column may lack a header.

    DataError where the file, its ids or the column are not there.
    """
    path, column = _parted(word)
    opened = [one if column else _headed(one) for one in _opened(path)]
    names = [_customer(one, column) for one in opened]
    frames = [_frame(one, {CUSTOMER: name}) for one, name in zip(opened, names, strict=True)]
    ids = pl.concat(frames)[CUSTOMER]
    if not ids.len():
        raise DataError(f"--exclude {path} names no customer. Leave it away, or give a file with their ids.")
    return Excluded.of(path, ids)


def table(path: str, wanted: Callable[[Input], dict[str, str]]) -> pl.DataFrame:
    """Columns of a file (or of a glob or folder of files) as text, under the names that `wanted` gives them.

    Rows without a customer are left out.
    """
    return pl.concat([_frame(one, wanted(one)) for one in _opened(path)], how="diagonal")


def beside(path: str, column: str | None, option: str) -> pl.DataFrame:
    """Each customer's `value` in a column of a file, as text: the one named, or the only one beside the ids.

    DataError where that is not there, or a customer comes twice.
    """
    found = table(path, partial(_two_columns, column=column, option=option))
    if (twice := found.filter(pl.col(CUSTOMER).is_duplicated())).height:
        raise DataError(f"{path}: the customer {twice[CUSTOMER].sort()[0]!r} is there more than once.")
    return found


def columns_of(opened: Input, names: Sequence[str]) -> dict[str, str]:
    """The column of ids, and those of these names that are there."""
    found = {name: roles.match(name, opened.columns) for name in names}
    return {CUSTOMER: _customer(opened, None)} | {name: column for name, column in found.items() if column}


def _two_columns(opened: Input, column: str | None, option: str) -> dict[str, str]:
    customer = _customer(opened, None)
    others = [name for name in opened.columns if name != customer]
    value = (
        others[0] if column is None and len(others) == 1 else roles.match(column or "value", opened.columns)
    )
    if value is None:
        raise DataError(str(roles.unknown(column or "value", opened.columns, opened.name, option)))
    return {CUSTOMER: customer, "value": value}


def _parted(word: str) -> tuple[str, str | None]:
    path, sign, column = word.rpartition(":")
    if not sign or not path or Path(word).exists() or "/" in column or "\\" in column:
        return word, None
    return path, column


def _opened(path: str) -> list[Input]:
    return [
        batches.open_input(source, encoding=None, delimiter=None, suits=lambda names: len(names) > 1)
        for source in sources.find([path])
    ]


def _headed(opened: Input) -> Input:
    """One column of text whose first line is an id and no name has no header."""
    if opened.dialect is None or len(opened.columns) != 1 or not any(map(str.isdigit, opened.columns[0])):
        return opened
    return batches.open_input(
        opened.source, encoding=None, delimiter=None, suits=lambda names: True, header=(CUSTOMER,)
    )


def _customer(opened: Input, column: str | None) -> str:
    """The column of ids."""
    if column is None and len(opened.columns) == 1:
        return opened.columns[0]
    found = finding.assign(
        opened.columns, {CUSTOMER: column}, needs=frozenset({CUSTOMER}), wants=frozenset(), file=opened.name
    )
    return found[CUSTOMER].formula.columns[0]


def _frame(opened: Input, names: dict[str, str]) -> pl.DataFrame:
    """These columns, each under its key, as trimmed text."""
    watch = StreamFlags()
    parts = list(_texts(batches.read(opened, list(dict.fromkeys(names.values())), watch), names))
    if watch.ragged and not watch.ragged[0].is_blank:
        bad = watch.ragged[0]
        raise DataError(
            f"{opened.name}: record {bad.record + 1} has {bad.actual} fields and the header {bad.expected}. Mend that line."
        )
    empty = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.concat([empty, *parts]).filter(pl.col(CUSTOMER).is_not_null())


def _texts(frames: Iterator[pl.DataFrame], names: dict[str, str]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame.select(_text(frame[name]).alias(key) for key, name in names.items())


def _text(column: pl.Series) -> pl.Series:
    text = column.cast(pl.String, strict=False).str.strip_chars()
    if column.dtype.is_float() or column.dtype.is_decimal():
        text = text.str.replace(r"\.0+$", "")
    return text.set(text.is_in(list(numbers.BLANKS)), None)
