"""Do the exports agree? python -m benchmarks.check KEYS... -- FILE FILE..., or --model NAME FILE FILE..."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl


def comparable(path: Path, columns: list[str]) -> pl.DataFrame:
    """The columns in one order of rows and with one type each."""
    frame = pl.read_parquet(path)
    # pandas makes doubles of a column of whole numbers with gaps.
    ids = pl.col("customer").cast(pl.Int64 if frame.schema["customer"].is_numeric() else pl.String)
    plain = frame.select(ids.cast(pl.String), *(_plain(frame, name) for name in columns))
    return plain.sort("customer")


def _plain(frame: pl.DataFrame, name: str) -> pl.Expr:
    kind = frame.schema[name]
    if kind.is_temporal():
        return pl.col(name).cast(pl.Date)
    return pl.col(name).cast(pl.Float64 if kind.is_numeric() or name == "rfm" else pl.String)


def differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> list[str]:
    """What differs beyond the rounding of a double, in words."""
    if ours.height != theirs.height or not ours["customer"].equals(theirs["customer"]):
        return [f"{ours.height:,} and {theirs.height:,} customers, not the same ones"]
    found = []
    for name in ours.columns:
        left, right = ours[name], theirs[name]
        unequal = left.ne_missing(right)
        if left.dtype.is_float():
            unequal &= ((left - right).abs() > 1e-12 * right.abs()).fill_null(True)
        if unequal.any():
            found.append(f"{name} differs for {unequal.sum():,} customers")
    return found


def main(arguments: list[str]) -> int:
    """Compare the first file with each of the others."""
    at = arguments.index("--")
    columns, (first, *others) = arguments[:at], [Path(name) for name in arguments[at + 1 :]]
    ours = comparable(first, columns)
    complaints = [
        f"{first.stem} and {other.stem}: {'; '.join(found)}"
        for other in others
        if (found := differences(ours, comparable(other, columns)))
    ]
    print("\n".join(complaints))
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
