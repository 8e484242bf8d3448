"""The different values of a column, sorted, and each row's place among them: whole numbers are looked up, not sorted."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

SPARSE = 16  # places in a table for each row, beyond which sorting is cheaper than looking them up
EXACT = 2**53  # up to here every whole number is a float of its own


def ranked(column: Array) -> tuple[Array, Array]:
    """What `np.unique` says with `return_inverse`."""
    if len(column) and np.abs(column).max() < EXACT:
        whole = column.astype(np.int64)
        low = whole.min()
        size = int(whole.max() - low) + 1
        if size <= room(len(column)) and (whole == column).all():
            kinds, code = dense(whole - low, size)
            return (kinds + low).astype(column.dtype), code
    kinds, code = np.unique(column, return_inverse=True)
    return kinds, code


def room(rows: int) -> int:
    """The largest table that so many rows are worth."""
    return SPARSE * rows + 1024


def dense(code: Array, size: int) -> tuple[Array, Array]:
    """The different ones of codes below `size`, and the rank of each row's."""
    if size > room(len(code)):
        kinds, code = np.unique(code, return_inverse=True)
        return kinds, code
    present = np.zeros(size, bool)
    present[code] = True
    kinds = np.flatnonzero(present)
    rank = np.empty(size, np.int64)
    rank[kinds] = np.arange(len(kinds))
    return kinds, rank[code]
