"""What an account is judged by: measures from transactions, or columns of a table of customers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from crmkit import customers
from crmkit.customers import Data
from crmkit.errors import DataError
from crmkit.history import customer_days, panel, periods
from crmkit.load import lists
from crmkit.load.dataset import NEEDED, Dataset, transactions_of
from crmkit.load.transactions import Transactions

# Of these less is better.
LESS = frozenset({"recency", "refunds"})
MADE = ("revenue", "profit", "orders", "recency", "tenure", "growth", "steadiness", "refunds")
_QUARTERS = 12
_AT_ONCE = 100_000


def read(data: Data, names: Sequence[str], own: str | None = None) -> pl.DataFrame:
    """The customers, sorted by id, with these aspects as numbers where they are there; null is unknown.

    `own` is a file of customers whose columns are aspects, too, and go before what is made here.
    """
    if own is None:
        return _found(data, names)
    further = _own(own, names)
    found = _found(data, [name for name in names if name not in further.columns])
    return found.join(further, on="customer", how="left", maintain_order="left")


def _own(path: str, names: Sequence[str]) -> pl.DataFrame:
    table = lists.table(path, partial(lists.columns_of, names=names))
    if (twice := table.filter(pl.col("customer").is_duplicated())).height:
        raise DataError(f"{path}: the customer {twice['customer'].sort()[0]!r} is there more than once.")
    for name in set(table.columns) - {"customer"}:
        number = table[name].cast(pl.Float64, strict=False)
        if (odd := table.filter(number.is_null() & table[name].is_not_null())).height:
            raise DataError(
                f"{path}: {odd[name][0]!r} in the column {name} is no number, so nobody can be ranked by it."
            )
        table = table.with_columns(number)
    return table


def _found(data: Data, names: Sequence[str]) -> pl.DataFrame:
    if isinstance(data, Dataset) and (ready := data.customers()) is not None:
        people = ready
    elif isinstance(data, Dataset | Transactions):
        return _made(transactions_of(data, NEEDED, ("order", "cost")), names)
    else:
        people = data if isinstance(data, pl.DataFrame) else data.frame()
    return _columns(people, names)


def _columns(people: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Columns of a table; tenure is its T."""
    found = {"tenure": "T"} if "T" in people.columns and "tenure" not in people.columns else {}
    taken = {name: found.get(name, name) for name in names if found.get(name, name) in people.columns}
    for column in taken.values():
        if not people.schema[column].is_numeric():
            raise DataError(f"The column {column!r} holds no numbers, so nobody can be ranked by it.")
    numbers = (pl.col(column).cast(pl.Float64).alias(name) for name, column in taken.items())
    return people.select(pl.col("customer").cast(pl.String), *numbers).sort("customer")


def _made(sales: Transactions, names: Sequence[str]) -> pl.DataFrame:
    people = customers.rows(sales, {"first", "days", "orders", "refunds", "profit"}).frame()
    found = _columns(people.filter(pl.col("last").is_not_null()), names)
    if "growth" in names:
        found = found.join(_growth(sales), on="customer", how="left", maintain_order="left")
    if "steadiness" in names:
        found = found.join(_steadiness(sales), on="customer", how="left", maintain_order="left")
    return found


def _growth(sales: Transactions) -> pl.DataFrame:
    """The Theil-Sen slope of each customer's revenue by complete quarter, from the first order on, in money a quarter."""
    found = sales.query(lambda rows: panel.panel(rows, "quarter"))
    sums, last = found.rows.frame(), periods.index_of(found.as_of, "quarter")
    last -= not periods.complete_of(last, "quarter", found.begin, found.as_of)
    start = max(int(sums.select(pl.col("index").min()).item() or 0), last - _QUARTERS + 1)
    width = last - start + 1
    within = sums.filter(pl.col("index") <= last).with_columns(
        pl.col("customer").cast(pl.String), at=(pl.col("index") - start).clip(lower_bound=0)
    )
    if width < 2 or not within.height:
        return pl.DataFrame(schema={"customer": pl.String, "growth": pl.Float64})
    coded = within.sort("customer", "index").with_columns(code=pl.col("customer").rle_id())
    names = coded["customer"].unique(maintain_order=True)
    table = np.zeros((names.len(), width))
    recent = coded.filter(pl.col("index") >= start)
    np.add.at(
        table,
        (recent["code"].to_numpy(), recent["at"].to_numpy()),
        recent["revenue"].cast(pl.Float64).to_numpy(),
    )
    opening = coded.group_by("code", maintain_order=True).agg(pl.col("at").min())["at"].to_numpy()
    table[np.arange(width)[None, :] < opening[:, None]] = np.nan
    slopes = np.concatenate([_slopes(table[at : at + _AT_ONCE]) for at in range(0, len(table), _AT_ONCE)])
    growth = pl.Series("growth", slopes / 10**found.scale).fill_nan(None)
    return pl.DataFrame({"customer": names, "growth": growth})


def _slopes(table: np.ndarray) -> np.ndarray:
    """The median of the slopes of all pairs of quarters in each row, NaN where there are fewer than two."""
    width = table.shape[1]
    pairs = [(table[:, b] - table[:, a]) / (b - a) for a in range(width) for b in range(a + 1, width)]
    slopes = np.sort(np.stack(pairs, axis=1), axis=1)  # NaN come last
    known = (~np.isnan(slopes)).sum(axis=1)
    rows, low, high = np.arange(len(table)), np.maximum(known - 1, 0) // 2, known // 2
    middle = (slopes[rows, low] + slopes[rows, np.minimum(high, slopes.shape[1] - 1)]) / 2
    return np.where(known > 0, middle, np.nan)


def _steadiness(sales: Transactions) -> pl.DataFrame:
    """1 less the coefficient of variation of the gaps between purchase days; unknown with fewer than two gaps."""
    past = customer_days.history_of(sales).rows
    gaps = customer_days.purchases(past.days).drop_nulls("gap")
    gap = pl.col("gap").cast(pl.Int64)
    sums = gaps.group_by("code").agg(n=pl.len().cast(pl.Int64), s=gap.sum(), squares=(gap * gap).sum())
    variance = (pl.col("n") * pl.col("squares") - pl.col("s") ** 2) / (pl.col("n") * (pl.col("n") - 1))
    found = sums.filter(pl.col("n") >= 2).with_columns(
        steadiness=1 - variance.sqrt() / (pl.col("s") / pl.col("n"))
    )
    return past.customers.join(found, on="code").select("customer", "steadiness")
