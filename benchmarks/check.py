"""Do the contenders agree?

python -m benchmarks.check COLUMN... -- EXPORT EXPORT...
python -m benchmarks.check --model NAME -- CUSTOMERS PARAMETERS PARAMETERS...
"""

from __future__ import annotations

import json
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


def likelihoods(name: str, customers: Path, fits: list[Path]) -> dict[str, float]:
    """The log-likelihood of each one's parameters, all by crmkit's formula."""
    from crmkit.models.bgnbd import BGNBD
    from crmkit.models.paretonbd import ParetoNBD

    model = {"paretonbd": ParetoNBD, "bgnbd": BGNBD}[name]
    table = pl.read_parquet(customers, columns=["x", "t_x", "T"])
    x, t_x, T = (table[column].to_numpy() for column in table.columns)
    found = {fit.stem.removeprefix("out-"): json.loads(fit.read_text()) for fit in fits}
    return {
        who: float(model(**params).log_likelihood(x, t_x / 7, T / 7).sum()) for who, params in found.items()
    }


def compare_fits(name: str, customers: Path, fits: list[Path]) -> int:
    """Print all likelihoods; 1 if the first is beaten by more than the optimisers' tolerance."""
    found = likelihoods(name, customers, fits)
    best, ours = max(found.values()), next(iter(found.values()))
    print("log-likelihood " + ", ".join(f"{who} {value:,.3f}" for who, value in found.items()))
    return int(ours < best - 1e-7 * abs(best))


def compare_exports(columns: list[str], files: list[Path]) -> int:
    """Print in what the exports differ from the first; 1 if in anything."""
    first, *others = files
    ours = comparable(first, columns)
    complaints = [
        f"{first.stem} and {other.stem}: {'; '.join(found)}"
        for other in others
        if (found := differences(ours, comparable(other, columns)))
    ]
    print("\n".join(complaints))
    return int(bool(complaints))


if __name__ == "__main__":
    at = sys.argv.index("--")
    before, paths = sys.argv[1:at], [Path(name) for name in sys.argv[at + 1 :]]
    if before[0] == "--model":
        sys.exit(compare_fits(before[1], paths[0], paths[1:]))
    sys.exit(compare_exports(before, paths))
