"""Which group each customer is in: a segment, a tier, a cohort, or what a file says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from crmkit.engine.rows import ByRow, Counted, Rows
from crmkit.errors import UsageError
from crmkit.load import lists
from crmkit.scoring import labels

OTHER = "other"
NAMES = ("segment", "tier", "cohort")
# What the customers of a group have in common because the group is made of it.
_DEFINED = {
    "segment": ("recency", "orders", "revenue"),
    "tier": ("revenue",),
    "cohort": ("tenure",),
}


class Grouped(NamedTuple):
    """Customers with their group in `label`; `defined` are the numbers that it is made of."""

    rows: Rows
    order: Sequence[str] | None
    defined: Collection[str]
    notes: Sequence[str]


def labelled(people: Rows, by: str, min_cell: int) -> Grouped:
    """Each customer's group; those of fewer than `min_cell` customers are one, `other`."""
    notes: list[str] = []
    add, order = _labels(people, by, notes)
    rows = people.by_row(add)
    sizes = rows.counts(Counted(by=["label"]))
    small = sizes.filter(pl.col("n") < min_cell)["label"].to_list()
    if small:
        notes.append(
            f"{len(small)} groups of fewer than {min_cell} customers are merged into {OTHER!r} (--min-cell)"
        )
        rows = rows.by_row(partial(_merged, small=small))
    return Grouped(rows, order, _DEFINED.get(by, ()), notes)


def _labels(people: Rows, by: str, notes: list[str]) -> tuple[ByRow, Sequence[str] | None]:
    if by in NAMES:
        made = {"segment": labels.by_segment, "tier": labels.by_tier}.get(by)
        found = labels.by_cohort() if made is None else made(people)
        return found.add, found.order
    path, sign, column = by.rpartition(":")
    if not sign or not Path(path).exists():
        raise UsageError(
            f"--by is {by!r}. Choose one of {', '.join(NAMES)}, or name a column of a file with a column of customers: "
            "--by groups.csv:vip."
        )
    table = lists.beside(path, column, "--by")
    known = people.by_row(partial(_of_file, table=table)).counts(Counted(by=["known"]))
    missing = int(known.filter(~pl.col("known"))["n"].sum())
    if missing:
        notes.append(f"{missing:,} customers are not in {path}, and in the group 'none'")
    return partial(_of_file, table=table), None


def _of_file(frame: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(table, on="customer", how="left", maintain_order="left")
    label = pl.col("value")
    return joined.with_columns(known=label.is_not_null(), label=label.fill_null("none")).drop("value")


def _merged(frame: pl.DataFrame, small: Sequence[str]) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.col("label").is_in(list(small))).then(pl.lit(OTHER)).otherwise("label").alias("label")
    )
