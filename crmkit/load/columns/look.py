"""A first look at values: what the columns of a file seem to hold, before any of them has a role."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property, partial

import polars as pl

from crmkit.errors import CrmkitError
from crmkit.load.values import dates, fast_dates, numbers

ROWS = 20_000
_FEW = 30  # distinct values whose shape is looked at
_NEARLY = 0.98
_ENOUGH = 0.6  # of the values must have the shape
_DIGIT = re.compile(r"\d")
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_PHONE = r"\+?[\d\s().-]{7,20}"
_CLOCK = r"\s*\d{1,2}:\d{2}(:\d{2})?\s*([AaPp][Mm])?\s*"
_DIGITS = r"^[0-9]+$"
_SMALL = 100  # the most of a thing that one row is expected to hold
_MOST_WORDS = 20


class Column:
    """The first values of one column; everything about them is found when it is asked for."""

    def __init__(self, values: pl.Series) -> None:
        self.name = values.name
        self.values = values

    @cached_property
    def present(self) -> pl.Series:
        """The values that are not blank."""
        if not self.is_text:
            return self.values.drop_nulls()
        text = pl.col("text")
        is_there = text.is_not_null() & ~text.str.strip_chars().is_in(numbers.BLANKS)
        return pl.DataFrame({"text": self.values}).select(text.filter(is_there)).to_series().rename(self.name)

    @property
    def is_text(self) -> bool:
        """Whether the values are text, which may be numbers or dates."""
        return self.values.dtype == pl.String

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return self.present.n_unique()

    @property
    def filled(self) -> float:
        """The share of rows with a value."""
        return self.present.len() / max(1, self.values.len())

    @property
    def filled_but_zero(self) -> float:
        """The share of rows with a value other than 0."""
        zeros = int((self.present == "0").sum()) if self.is_text else 0
        return (self.present.len() - zeros) / max(1, self.values.len())

    @property
    def repeats(self) -> float:
        """The share of rows whose value came before: 0 where each row has its own."""
        return 1 - self.distinct / max(1, self.present.len())

    @cached_property
    def few(self) -> list[str]:
        """Some different values as text."""
        values = self.present.head(40 * _FEW)
        if self.is_text:
            return list(dict.fromkeys(values.to_list()))[:_FEW]
        return dates.spelt(values.unique(maintain_order=True).head(_FEW))

    def examples(self, most: int = 3) -> list[str]:
        """The first different values, cut to a length that can be shown."""
        return [value.strip()[:24] for value in self.few[:most]]

    def share(self, shape: Callable[[str], object]) -> float:
        """The share of the different values that have a shape."""
        return sum(bool(shape(value)) for value in self.few) / len(self.few) if self.few else 0.0

    @cached_property
    def is_date(self) -> bool:
        """Whether the values look like days or moments."""
        if self.values.dtype.is_temporal():
            return self.values.dtype != pl.Time
        if self.values.dtype.is_float() or self.values.dtype == pl.Boolean:
            return False
        return self.share(_date_shaped) >= _ENOUGH

    @property
    def is_written_date(self) -> bool:
        """Whether they are dates that could not be plain numbers as well."""
        return (
            self.is_date and not (self.is_text and self.share(str.isdigit) >= _ENOUGH) and not self._is_count
        )

    @property
    def _is_count(self) -> bool:
        return self.values.dtype.is_integer()

    @cached_property
    def is_number(self) -> bool:
        """Whether the values can be counted with."""
        if not self.is_text:
            return self.values.dtype.is_numeric()
        return self.share(_number_shaped) >= _ENOUGH

    @cached_property
    def numbers(self) -> pl.Series:
        """The values as doubles; null where they are none."""
        if not self.is_text:
            return self.values.cast(pl.Float64, strict=False)
        if numbers.are_plain(self.present):  # whichever style that is, they read the same
            return numbers.finite(self.values.cast(pl.Float64, strict=False))
        try:
            style = numbers.survey(self.values, decimal=None, name=self.name, file="")
        except CrmkitError:
            style = None
        style = style or numbers.NumberStyle(plain=False)
        return self.values.to_frame().select(numbers.read(pl.col(self.name), style)).to_series()

    @property
    def could_be_money(self) -> bool:
        """Whether these are numbers with decimals or signs of a currency."""
        marked = any(not _DIGIT.match(value.strip(" -(")) for value in self.few)
        return self.is_number and not self.is_written_date and (not self.is_whole or marked)

    @cached_property
    def is_whole(self) -> bool:
        """Whether all numbers are whole."""
        if self.is_text and all(map(_are_digits, self.few)) and self.present.str.contains(_DIGITS).all():
            return True
        return bool((self.numbers.drop_nulls() % 1 == 0).all())

    @cached_property
    def is_small(self) -> bool:
        """Whether the numbers could be quantities: whole, and few at a time."""
        found = self.numbers.drop_nulls().abs()
        return self.is_whole and found.len() > 0 and share(found <= _SMALL) > _NEARLY

    @cached_property
    def days(self) -> pl.Series | None:
        """The values as days, None where their layout is not settled by the first of them."""
        if self.values.dtype.is_temporal():
            return self.values.cast(pl.Date, strict=False)
        if not self.is_text:
            return None
        try:
            layout = dates.survey(_tallied(self.present), self.name, "")
        except CrmkitError:
            layout = None
        return None if layout is None else fast_dates.days(self.values, layout, "UTC")

    @cached_property
    def seems(self) -> str:
        """What the values look like, in a word or two."""
        if not self.few:
            return "empty"
        if self.values.dtype == pl.Boolean:
            return "yes or no"
        if self.is_written_date:
            return "dates"
        if self.is_number:
            return _kind_of_numbers(self)
        for kind, shape in _SHAPES:
            if self.share(partial(re.fullmatch, shape)) >= _ENOUGH:
                return kind
        if len(self.few) <= _MOST_WORDS < self.present.len():
            return "few words"
        return "text"


_SHAPES = (("e-mail addresses", _EMAIL), ("times of day", _CLOCK), ("phone numbers", _PHONE))


def _kind_of_numbers(column: Column) -> str:
    if not column.is_whole:
        return "money or measures"
    if column.is_small:
        return "small whole numbers"
    return "whole numbers, some repeat" if column.repeats else "whole numbers, all different"


class Look:
    """The first rows of some columns of one file."""

    def __init__(self, frame: pl.DataFrame, *, is_whole: bool = False) -> None:
        """`is_whole`: there are no other columns."""
        self._height = frame.height
        self.is_whole = is_whole
        self._columns = {values.name: Column(values) for values in frame.iter_columns()}

    @classmethod
    def of_nothing(cls) -> Look:
        """Where there are no rows, names decide."""
        return cls(pl.DataFrame())

    def __getitem__(self, name: str) -> Column:
        """The column of that name; one that was not looked at is empty."""
        if name not in self._columns:
            self._columns[name] = Column(pl.Series(name, [None] * self._height, dtype=pl.String))
        return self._columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def is_blank(self, name: str) -> bool:
        """Whether a column was looked at and holds nothing."""
        return name in self and self.has_rows and not self[name].few

    @property
    def has_rows(self) -> bool:
        """Whether there is anything to look at."""
        return self._height > 0


def _tallied(values: pl.Series) -> pl.DataFrame:
    counts = values.rename("value").value_counts(sort=False, name="count")
    return counts.with_columns(pl.col("count").cast(pl.Int64))


def _date_shaped(value: str) -> bool:
    return _DIGIT.search(value) is not None and _date_pattern().search(value) is not None


@cache
def _date_pattern() -> re.Pattern[str]:
    return re.compile(dates.any_shape())


def _number_shaped(value: str) -> bool:
    return _DIGIT.search(value) is not None and numbers.is_number(value)


def _are_digits(value: str) -> bool:
    return value.isascii() and value.isdigit()


def same(left: Column, right: Column) -> bool:
    """Whether two columns tell rows apart alike: each value of one stands beside one value of the other."""
    if not left.present.len() or left.distinct != right.distinct or left.filled != right.filled:
        return False
    pairs = pl.DataFrame([left.values.alias("a"), right.values.alias("b")]).drop_nulls()
    return pairs.n_unique() == left.distinct


def equal_numbers(left: pl.Series, right: pl.Series, least: float = 0.98) -> bool:
    """Whether nearly all rows hold the same number in both."""
    off = (left - right).abs().drop_nulls()
    return off.len() > 0 and share(off < 0.011) >= least


def share(flags: pl.Series) -> float:
    """The share of true ones."""
    return int(flags.sum()) / max(1, flags.len())
