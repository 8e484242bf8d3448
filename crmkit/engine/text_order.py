"""Many different texts in order, a few bytes at a time: numbers are sorted, and texts are never compared.

What shares a place after some bytes is told apart by the next, until nothing does. Bytes in order are code points in
order, in UTF-8.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from crmkit.engine import packed_ids
from crmkit.engine.prefetch import soon

_BYTES = 5  # of a number of eight; the others hold the place that is shared
_MOST = 1 << 24
_FEW, _MANY = 1 << 16, 1 << 20  # at least and at most so many are put in order at a time
Places = np.ndarray


def row_order(texts: pl.Series, order: Places | None = None, shared: Places | None = None) -> pl.Series:
    """The rows' numbers in ascending order of their texts, none of which is null.

    `order`: what they are sorted by already; `shared` says of all rows but the first, in that order, whether each
    is told apart from the one before by the texts only.
    """
    order = np.arange(texts.len(), dtype=np.uint32) if order is None else order
    shared = np.ones(max(texts.len() - 1, 0), bool) if shared is None else shared
    told = partial(_told_apart, texts.cast(pl.Binary), common(texts), int(texts.str.len_bytes().max() or 0))  # type: ignore[arg-type]
    pieces = [(order[begin:end], shared[begin : end - 1]) for begin, end in pairwise(_borders(shared))]
    half = len(pieces) // 2
    first = soon(lambda: [told(*piece) for piece in pieces[:half]]) if half else list
    second = [told(*piece) for piece in pieces[half:]]
    return pl.Series(np.concatenate([*first(), *second]))


def _borders(shared: Places) -> list[int]:
    """Where many rows can be taken apart: none shares a place with one before such a border. The first and the end, too."""
    borders, rows = [0], len(shared) + 1
    step = max(min(_MANY, rows // 2), _FEW)
    for wanted in range(step, rows - step // 2, step):
        if wanted > borders[-1]:
            apart = np.flatnonzero(~shared[wanted - 1 : wanted - 1 + step])
            borders += [wanted + int(apart[0])] if len(apart) else []
    return [*borders, rows]


def _told_apart(encoded: pl.Series, start: int, last: int, order: Places, shared: Places) -> Places:
    """These rows in order: those that share a place by their bytes from `start` to `last`."""
    order, shared = order.copy(), shared.copy()
    while shared.any():
        tied = np.flatnonzero(np.append(shared, False) | np.append(False, shared))
        rows = order[tied]
        if start >= last or len(tied) > _MOST:
            return _by_comparison(encoded, order, tied, shared)
        numbers = _numbers(encoded.gather(rows), start) | _group_of(shared, tied)
        places = np.argsort(numbers)
        order[tied] = rows[places]
        in_order = numbers[places]
        neighbours = np.diff(tied) == 1
        shared[tied[1:][neighbours] - 1] &= (in_order[1:] == in_order[:-1])[neighbours]
        start += _BYTES
    return order


def common(texts: pl.Series) -> int:
    """How many bytes all of them begin with."""
    least, most = (str(end or "").encode() for end in (texts.min(), texts.max()))
    return next(
        (i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), min(len(least), len(most))
    )


def _numbers(texts: pl.Series, start: int) -> Places:
    """The bytes from there on as numbers, the highest of eight bytes left free."""
    found = packed_ids.read(texts.bin.slice(start, _BYTES))
    assert found is not None
    return found.numbers >> np.uint64(8 * (packed_ids.BYTES - _BYTES))


def _group_of(shared: Places, tied: Places) -> Places:
    """A number for each run of rows that share a place, in the bytes that are free."""
    begins = ~np.append(False, shared)[tied]
    return (np.cumsum(begins, dtype=np.uint64) - np.uint64(1)) << np.uint64(8 * _BYTES)


def _by_comparison(texts: pl.Series, order: Places, tied: Places, shared: Places) -> Places:
    """Equal texts by their rows' numbers; too many rows by the texts themselves."""
    rows = pl.DataFrame({"group": _group_of(shared, tied), "row": order[tied]})
    rows = rows.with_columns(texts.gather(rows["row"]).alias("text")).sort("group", "text", "row")
    order[tied] = rows["row"].to_numpy()
    return order
