"""How different customers are, in value and in needs: which of four strategies that calls for.

After Peppers & Rogers: where customers differ in neither, mass marketing; in needs alone, niche
marketing; in value alone, key accounts; in both, one to one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from crmkit.accounts import information
from crmkit.customers import Data
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, UsageError, typed_as
from crmkit.headlines import together as headlines
from crmkit.load.dataset import NEEDED, Dataset
from crmkit.load.door import question
from crmkit.load.transactions import Transactions
from crmkit.result import Result
from crmkit.scoring.distribution import above_zero, cumulated, gini, needed_for

VALUE, NEEDS = 0.5, 0.05
STRATEGIES = {
    (False, False): "mass marketing",
    (False, True): "niche marketing",
    (True, False): "key accounts",
    (True, True): "one to one",
}
_PARTS = ("store", "channel", "group")


@question
def analyse(data: Data, *, level: str | None = None, by: str | None = None) -> Result:
    """One row for the business, or for each `store`, `channel` or `group`: both differences, and the strategy.

    Value: Gini of revenue. Needs: how much a customer tells about the category that is bought, less what chance
    alone would seem to tell, as a part of what there is to tell (0 to 1). `level` is the column of categories (the product, unless
    said). The borders, .5 and .05, are conventions.
    """
    if by is not None and by not in _PARTS:
        raise UsageError(f"--by {by!r} has no matrix. Choose one of {', '.join(_PARTS)}, or leave it out.")
    sales = _sales(data, level, by)
    people = sales.query(partial(by_customer, by=by)).rows
    rows = [_measured(part, *counts) for part, *counts in _parts(people, by)]
    if not rows:
        raise DataError(f"{sales.name}: nobody bought anything that has a category.")
    table = pl.DataFrame(rows).rename({"part": by or "business"})
    facts = {
        "value_border": VALUE,
        "needs_border": NEEDS,
        "level": level or sales.plan.roles["product"].formula.text,
    }
    result = Result(
        command="pareto",
        tables={"matrix": table},
        facts=facts,
        titles={"matrix": f"Differences of customers: in value from Gini {VALUE}, in needs from {NEEDS:.0%}"},
    )
    return headlines.matrix(result)


def _sales(data: Data, level: str | None, by: str | None) -> Transactions:
    if isinstance(data, Transactions):
        return data
    if not isinstance(data, Dataset):
        raise UsageError("The matrix is made of transactions; a table of customers has no categories.")
    needs = {*NEEDED, "product", *([by] if by else [])}
    if level is None:
        return data.transactions(needs, ())
    with typed_as("level", "product"):
        return data.transactions(needs, (), {"product": level})


def by_customer(rows: pl.LazyFrame, by: str | None) -> pl.LazyFrame:
    """By key: revenue, and the number of purchase rows in each category, of each customer (in each part of the business)."""
    keys = ["customer", *([by] if by else [])]
    part = pl.col(by) if by else pl.lit("all")
    bought = (pl.col("amount") > 0) & pl.col("product").is_not_null()
    cells = rows.group_by(*keys, "product").agg(pl.col("amount").sum(), n=bought.sum().cast(pl.Int64))
    bought_some = pl.col("n") > 0
    each = cells.group_by(keys).agg(
        value=pl.col("amount").sum(),
        rows=pl.col("n").sum(),
        product=pl.col("product").filter(bought_some).cast(pl.String),
        n=pl.col("n").filter(bought_some),
    )
    return each.select("value", "rows", "product", "n", part=part.cast(pl.String).fill_null("none"))


def _parts(
    people: Rows, by: str | None
) -> list[tuple[str, pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    """Counts of values, of rows, of cells and of categories, for each part of the business."""
    values = people.counts(Counted(by=["part", "value"]))
    totals = people.counts(Counted(by=["part", "rows"])).filter(pl.col("rows") > 0)
    cells = people.by_row(_cells).counts(Counted(by=["part", "rows"]))
    categories = people.by_row(_categories).counts(Counted(by=["part", "product"], sums=["rows"]))
    return [
        (part, *(table.filter(pl.col("part") == part) for table in (values, totals, cells, categories)))
        for part in totals["part"].unique().sort()
    ]


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("part", pl.col("n").alias("rows")).explode("rows").drop_nulls("rows")


def _categories(frame: pl.DataFrame) -> pl.DataFrame:
    exploded = frame.select("part", "product", pl.col("n").alias("rows")).explode("product", "rows")
    return exploded.drop_nulls("product").group_by("part", "product").agg(pl.col("rows").sum())


def _measured(
    part: str, values: pl.DataFrame, totals: pl.DataFrame, cells: pl.DataFrame, categories: pl.DataFrame
) -> dict[str, Any]:
    distribution = cumulated(values.select(pl.col("value").cast(pl.Int128), "n"))
    told = information.of_counts(
        cells["rows"].to_numpy(),
        cells["n"].to_numpy(),
        totals["rows"].to_numpy(),
        totals["n"].to_numpy(),
        categories["rows"].to_numpy(),
    )
    customers, positive = int(values["n"].sum()), above_zero(distribution) > 0
    spread = gini(distribution) if positive else 0.0
    return {
        "part": part,
        "customers": customers,
        "categories": categories.height,
        "gini": spread,
        "half_share": needed_for(distribution, 50) / customers if positive else None,
        "most_share": needed_for(distribution, 80) / customers if positive else None,
        "needs": told.needs,
        "information": told.mutual / told.entropy if told.entropy else 0.0,
        "information_by_chance": told.by_chance / told.entropy if told.entropy else 0.0,
        "strategy": STRATEGIES[spread >= VALUE, told.needs >= NEEDS],
    }
