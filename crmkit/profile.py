"""What marks each group of customers: what its members do more, and less, than everybody else.

Traits (channels, products, weekdays, the first product) are compared by over-representation, numbers by
the chance that a member has more of it than somebody else (AUC); both with false discovery rates over all comparisons.
What a group is made of by definition is marked, and no finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import together as headlines
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.profiles import contrasts, groups, traits
from crmkit.result import Result

FEW = 10  # customers: what fewer have marks nobody
_SHOWN = 3


@question
def analyse(data: Data, *, by: str = "segment", fdr: str | float = "5%", min_cell: int = 5) -> Result:
    """Sizes of the groups, and what their customers have more or less of than the others.

    `by` is `segment`, `tier`, `cohort`, or `FILE:COLUMN`, a table of customers with their groups. Findings have a q of
    `fdr` at most and ten customers at least; groups and levels of fewer than `min_cell` customers are merged into `other`, and no
    cell with fewer is shown. DataError where there are fewer than two groups.
    """
    fdr = parse.percent(fdr, "--fdr")
    if not fdr:
        raise UsageError("--fdr is 0, which nothing passes. Give a part above 0 and up to 1, such as 5%.")
    if min_cell < 1:
        raise UsageError(f"--min-cell is {min_cell}. Give a number of customers, such as 5.")
    sales = transactions_of(data, wants=("order", *traits.LABELS))
    roles = [name for name in ("order", *traits.LABELS) if sales.has(name)]
    found = sales.query(partial(traits.by_customer, roles=roles))
    people = found.rows.by_row(partial(traits.finished, units=found.scale, as_of=found.as_of)).cached()
    grouped = groups.labelled(people, by, min_cell)
    sizes = grouped.rows.counts(Counted(by=["label"], sums=["revenue", "orders"]))
    if sizes.height < 2:
        raise DataError(
            f"All {int(sizes['n'].sum()):,} customers are in one group, so there is nobody to compare with."
        )
    labels = _labels(grouped.rows, sizes, min_cell)
    numbers = _numbers(grouped, sizes)
    tables = {
        "groups": _groups(sizes, grouped, labels, numbers, fdr),
        "labels": _findings(labels, fdr),
        "numbers": _findings(numbers, fdr),
    }
    result = Result(
        command="profile",
        tables={name: table.rename({"label": "segment"}) for name, table in tables.items()},
        facts={"by": by, "customers": int(sizes["n"].sum()), "groups": sizes.height, "fdr": fdr, "min_cell": min_cell,
               "compared": labels.height + numbers.height, "found": tables["labels"].height + tables["numbers"].height},
        notes=tuple(grouped.notes),
        titles={"groups": f"Customers by {by}", "labels": "Over-represented and under-represented",
                "numbers": "More and less than the others"},
    )  # fmt: skip
    return headlines.profile(result)


def _labels(rows: Rows, sizes: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """The contrasts of all levels; rare ones are merged, so that nobody can be made out."""
    counts = (
        rows.by_row(traits.levels).counts(Counted(by=["trait", "level", "label"], sums=["having"])).drop("n")
    )
    rare = pl.col("having").sum().over("trait", "level") < max(min_cell, FEW)
    merged = counts.filter(~rare)
    if not merged.height:
        return contrasts.labels(counts.head(0), sizes)
    table = contrasts.labels(merged, sizes)
    return table.filter(pl.col("customers") >= min_cell)


def _numbers(grouped: groups.Grouped, sizes: pl.DataFrame) -> pl.DataFrame:
    found: list[dict[str, Any]] = []
    for name in traits.NUMBERS:
        if name in grouped.rows.schema:
            values = grouped.rows.by_row(partial(_value, name=name)).counts(Counted(by=["value", "label"]))
            found += contrasts.numbers(name, values.drop_nulls("value"))
    table = contrasts.numbers_table(found)
    return table.with_columns(by_definition=pl.col("measure").is_in(list(grouped.defined)))


def _value(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.select(pl.col(name).alias("value"), "label")


def _findings(table: pl.DataFrame, fdr: float) -> pl.DataFrame:
    effect = (pl.col("auc") - 0.5).abs()
    names = [name for name in ("trait", "level", "measure") if name in table.columns]
    kept = table.filter(pl.col("q") <= fdr, pl.col("customers") >= FEW)
    return kept.sort("label", effect, *names, descending=[False, True, *(False for _ in names)])


def _groups(
    sizes: pl.DataFrame, grouped: groups.Grouped, labels: pl.DataFrame, numbers: pl.DataFrame, fdr: float
) -> pl.DataFrame:
    """One row and one sentence for each group."""
    own = pl.col("by_definition").not_()
    marks = [*_marks(_findings(labels, fdr), "label"), *_marks(_findings(numbers.filter(own), fdr), "number")]
    ordered = sizes if grouped.order is None else _in_order(sizes, grouped.order)
    told = {
        side: [", ".join(_largest(marks, label, side)) for label in ordered["label"]]
        for side in ("high", "low")
    }
    total, revenue = int(sizes["n"].sum()), sizes["revenue"].cast(pl.Float64).sum()
    return ordered.select(
        "label",
        pl.col("n").alias("customers"),
        (pl.col("n") / total).alias("customers_share"),
        "revenue",
        (pl.col("revenue").cast(pl.Float64) / revenue).alias("revenue_share"),
        pl.Series("more", told["high"], dtype=pl.String),
        pl.Series("less", told["low"], dtype=pl.String),
    )


def _in_order(sizes: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    places = {label: place for place, label in enumerate(order)}
    place = pl.col("label").replace_strict(places, default=len(places), return_dtype=pl.Int64)
    return sizes.sort(place, "label")


def _marks(found: pl.DataFrame, kind: str) -> Iterator[tuple[str, float, str]]:
    """(group, effect, words) of each finding."""
    for row in found.rows(named=True):
        if kind == "number" and row["median"] == row["median_elsewhere"]:
            continue
        if kind == "label":
            words = f"{row['trait']} {row['level']} ({row['share']:.0%} against {row['share_elsewhere']:.0%})"
        else:
            words = f"{row['measure'].replace('_', ' ')} {row['median']:,.4g} against {row['median_elsewhere']:,.4g}"
        yield row["label"], row["auc"] - 0.5, words


def _largest(marks: Sequence[tuple[str, float, str]], label: str, side: str) -> list[str]:
    sign = 1 if side == "high" else -1
    own = [(-sign * effect, words) for group, effect, words in marks if group == label and sign * effect > 0]
    return [words for _, words in sorted(own)[:_SHOWN]]
