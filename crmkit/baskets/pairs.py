"""How many baskets hold both products of a pair: sparse products of batches of baskets, which add up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from crmkit.engine.rows import Counted, Rows

_BASKETS_AT_ONCE = 1 << 20


def count(baskets: Rows, products: Sequence[str], most: int) -> pl.DataFrame:
    """Pairs a < b (places in `products`) that some basket of at most `most` products holds, with its `orders`."""
    parts = baskets.by_row(partial(_of_batch, products=products, most=most))
    return parts.counts(Counted(by=["a", "b"], sums=["orders"])).drop("n")


def _of_batch(frame: pl.DataFrame, products: Sequence[str], most: int) -> pl.DataFrame:
    """The pairs of some baskets: the upper triangle of XᵀX, where X says which basket holds which product."""
    total: Any = None
    for start in range(0, frame.height, _BASKETS_AT_ONCE):
        matrix = incidence(frame[start : start + _BASKETS_AT_ONCE], products, most)
        found = matrix.T @ matrix
        total = found if total is None else total + found
    if total is None:
        return pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64, "orders": pl.Int64})
    return _triangle(total)


def _triangle(matrix: Any) -> pl.DataFrame:
    from scipy import sparse

    upper = sparse.triu(matrix, 1, format="coo")
    columns = {"a": upper.row, "b": upper.col, "orders": upper.data}
    return pl.DataFrame({name: values.astype(np.int64) for name, values in columns.items()})


def incidence(frame: pl.DataFrame, products: Sequence[str], most: int) -> Any:
    """A sparse matrix of ones: a row for each basket of at most `most` products, a column for each of `products`."""
    from scipy import sparse

    kept = frame.filter(pl.col("size") <= most)
    places = pl.DataFrame({"product": list(products)}, schema={"product": pl.String}).with_row_index("place")
    flat = kept.select("product").explode("product")["product"]
    found = _placed(flat, places)
    ends = np.concatenate([[0], np.cumsum(kept["size"].to_numpy())])
    held = found >= 0
    before = np.concatenate([[0], np.cumsum(held)])
    columns = found[held]
    ones = np.ones(len(columns), np.int32)
    return sparse.csr_matrix((ones, columns, before[ends]), shape=(kept.height, len(products)))


def _placed(flat: pl.Series, places: pl.DataFrame) -> np.ndarray:
    """The place of each product, -1 where it has none."""
    names = places["product"].cast(flat.dtype)
    return flat.replace_strict(names, places["place"].cast(pl.Int32), default=-1).to_numpy()
