"""Cut points: where one score ends and the next begins, found once and kept for the next run.

A measure with k scores has k - 1 borders in ascending order. Bin i holds the values above border
i - 1 up to and including border i, and the last bin is open. Borders are found from counts of
distinct values, and with borders in hand every row is scored by itself, so equal values always get
equal scores and values beyond the known range fall into the end bins.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import polars as pl

from crmkit.engine.money import EXACT, exact, scale_of
from crmkit.errors import CrmkitError, DataError, UsageError
from crmkit.parse import choice

Number = int | float | Decimal
FREQUENCIES = ("orders", "days", "rows")
MONETARIES = ("total", "average", "profit")
MOST_BINS = 9
_SCHEMA = 1
_LIMIT = 10**36
# Minor units are 128-bit integers, and no value of a Decimal(38) column lies beyond this.
_FARTHEST = 2**126


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Borders of R (days since the last order), F and M, and what F and M measure.

    `ids` is only filled where equal values were split by customer id: for each border of a
    measure, the last customer with exactly that value who still belongs to the lower bin.

    >>> Cuts(r=(30, 90), f=(1, 3), m=(Decimal("50"), Decimal("200"))).bins
    (3, 3, 3)
    """

    r: tuple[Number, ...]
    f: tuple[Number, ...]
    m: tuple[Number, ...]
    frequency: str = "orders"
    monetary: str = "total"
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Score → customers when the borders were found, by the name of the score; what drifts is seen against it.
    population: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)
    frozen: date | None = field(default=None, compare=False)  # the as-of day of that

    def __post_init__(self) -> None:
        choice("--frequency", self.frequency, FREQUENCIES)
        choice("--monetary", self.monetary, MONETARIES)
        for name, borders in self.borders.items():
            check_borders(name, borders)

    @property
    def borders(self) -> dict[str, tuple[Number, ...]]:
        """The borders by the name of the score."""
        return {"r": self.r, "f": self.f, "m": self.m}

    @property
    def bins(self) -> tuple[int, int, int]:
        """How many scores R, F and M have."""
        return len(self.r) + 1, len(self.f) + 1, len(self.m) + 1

    def to_dict(self) -> dict[str, Any]:
        """What a result shows and a file keeps: plain JSON values, exact money as text."""
        borders = {name: [_plain(border) for border in found] for name, found in self.borders.items()}
        measures = {"frequency": self.frequency, "monetary": self.monetary}
        return {"schema": _SCHEMA, **measures, **borders, "ties": "first" if self.ids else "same"}

    @classmethod
    def from_json(cls, text: str, source: str = "the cuts file") -> Cuts:
        """Cut points from the text that `cuts_file` made; DataError when it is anything else."""
        try:
            found = json.loads(text)
            if not isinstance(found, dict) or found.pop("schema", None) != _SCHEMA:
                raise UsageError(f'It should be a JSON object with "schema": {_SCHEMA}.')
            r, f, m = (_numbers(found.pop(name)) for name in "rfm")
            cuts = cls(
                r=r,
                f=f,
                m=m,
                frequency=found.pop("frequency"),
                monetary=found.pop("monetary"),
                population=_population(found.pop("population", {})),
                frozen=_day(found.pop("frozen", None)),
            )
            if found != {"ties": "same"}:
                raise UsageError(f"It should end with ties same, and has {found}.")
            return cuts
        except (ValueError, KeyError, RecursionError, CrmkitError) as error:
            why = f"It has no {error}." if isinstance(error, KeyError) else f"{error}"
            raise DataError(
                f"{source} does not hold RFM cut points. {why} "
                f"`crmkit rfm FILE --save-cuts {source}` makes such a file."
            ) from error


def read(path: str | Path) -> Cuts:
    """The cut points that a file keeps; DataError where it cannot be read or holds something else."""
    try:
        return Cuts.from_json(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the cut points cannot be read ({error}).") from None


def cuts_file(
    saved: Mapping[str, Any],
    population: Mapping[str, Mapping[str, int]] | None = None,
    frozen: date | None = None,
) -> str:
    """The text of a cuts file, from `Cuts.to_dict()` or the fact `cuts` of a result, with the customers of each score."""
    if saved["ties"] != "same":
        raise UsageError(
            "Cut points of --ties first cannot be saved: they part equal values by the ids of one file. "
            "Leave --ties at same."
        )
    told: dict[str, Any] = {"population": population} if population else {}
    told |= {} if frozen is None else {"frozen": str(frozen)}
    return json.dumps({**saved, **told}, indent=2) + "\n"


def _day(text: Any) -> date | None:
    return None if text is None else date.fromisoformat(str(text))


def dated(text: str, day: date | None) -> str:
    """The text of a cuts file with the day as of which its borders were found, unless it has one."""
    told = json.loads(text)
    if day is None or "frozen" in told:
        return text
    return json.dumps({**told, "frozen": str(day)}, indent=2, ensure_ascii=False) + "\n"


def _population(found: Any) -> dict[str, dict[str, int]]:
    """Counts by score; UsageError for anything else."""
    is_table = isinstance(found, dict) and all(isinstance(sizes, dict) for sizes in found.values())
    if not is_table or not all(type(size) is int for sizes in found.values() for size in sizes.values()):
        raise UsageError("Its population is not a count of customers by score.")
    return dict(found)


def check_borders(name: str, borders: Sequence[Number]) -> None:
    """Refuse borders that are not finite, fall, or make more than nine bins."""
    shown = ",".join(str(border) for border in borders)
    if len(borders) >= MOST_BINS:
        raise UsageError(f"{name.upper()} has {len(borders) + 1} bins. At most {MOST_BINS} are possible.")
    if not all(_sensible(border) for border in borders) or list(borders) != sorted(borders):
        raise UsageError(
            f"The borders of {name.upper()} are {shown}. Write numbers that rise, such as 1,2,3,5."
        )


def quantile_borders(counts: pl.DataFrame, bins: int) -> list[Any]:
    """Borders that put a value into bin ceil(min_rank * bins / n); some bins stay empty if values are few."""
    # With at least as many rows as bins the smallest value is in bin 1, so every border exists.
    total = counts["n"].sum()
    rank = pl.col("n").cum_sum() - pl.col("n") + 1
    found = counts.select("value", bin=(rank * bins + total - 1) // total)
    places = pl.Series(range(1, bins), dtype=found.schema["bin"])
    return found["value"].gather(found["bin"].search_sorted(places, side="right") - 1).to_list()


def mean_border(counts: pl.DataFrame) -> int | float:
    """The mean, rounded down where values are whole, which leaves the same values above it."""
    total = int(counts["n"].sum())
    products = counts.select(pl.col("value") * pl.col("n").cast(pl.Int128)).to_series()
    return math.fsum(products) / total if counts.schema["value"].is_float() else int(products.sum()) // total


def split_places(counts: pl.DataFrame, bins: int) -> list[tuple[Any, int]]:
    """Borders of equal headcount, where equal values are parted by customer id: each value, and how many
    of those who have it stay below the border."""
    upto = counts.select("value", "n", upto=pl.col("n").cum_sum())
    total, places = int(counts["n"].sum()), []
    for place in range(1, bins):
        position = place * total // bins
        value, n, reached = upto.filter(pl.col("upto") >= position).row(0)
        places.append((value, position - (reached - n)))
    return places


def last_ids(tied: pl.DataFrame, places: Sequence[tuple[Any, int]]) -> tuple[str, ...]:
    """The last id below each border, among the customers who have its value (columns customer and value)."""
    equals = (tied.filter(pl.col("value") == value)["customer"].sort() for value, _ in places)
    return tuple(ids[below - 1] for ids, (_, below) in zip(equals, places, strict=True))


def bin_of(value: pl.Expr, borders: Sequence[Any], ids: Sequence[str] = ()) -> pl.Expr:
    """The bin of each row by itself, in eight bits: 1 plus the number of borders below it."""
    bins = pl.lit(1, dtype=pl.UInt8)  # the narrower, the faster
    for place, border in enumerate(borders):
        above = value > border
        if ids:
            above = above | ((value == border) & (pl.col("customer") > ids[place]))
        bins = bins + above.cast(pl.UInt8)
    return bins


def to_units(border: Number, kind: pl.DataType) -> int | float:
    """A border on the scale of a column: whole minor units rounded down, which moves no value across it."""
    if kind.is_float():
        return float(border)
    units = int(Decimal(str(border)).scaleb(scale_of(kind), EXACT).to_integral_value(ROUND_FLOOR))
    return max(-_FARTHEST, min(units, _FARTHEST))


def from_units(border: Any, kind: pl.DataType) -> Number:
    """A border found in minor units, as people read it."""
    if isinstance(kind, pl.Decimal):
        return exact(border, kind.scale)
    return float(border) if kind.is_float() else int(border)


def _sensible(border: Number) -> bool:
    return (isinstance(border, int) or math.isfinite(border)) and bool(-_LIMIT < border < _LIMIT)


def _plain(border: Number) -> int | float | str:
    return str(border) if isinstance(border, Decimal) else border


def _numbers(values: Any) -> tuple[Number, ...]:
    if not isinstance(values, list):
        raise UsageError(f"{values!r} is not a list of numbers.")
    return tuple(_number(value) for value in values)


def _number(value: Any) -> Number:
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        pass
    raise UsageError(f"{value!r} is not a number.")
