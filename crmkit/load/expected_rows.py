"""About how many rows the inputs hold, for whoever waits for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from crmkit.load.inputs import Input

_LOOK = 1 << 16


def expected_rows(inputs: Sequence[Input]) -> int | None:
    """Rows as the footers of Parquet say, and by the length of a CSV's first lines; None where nobody knows.

    What is compressed, or comes through a pipe, does not tell how many it holds.
    """
    known = [_rows(one) for one in inputs]
    return None if None in known or not known else sum(rows for rows in known if rows is not None)


def bytes_read(inputs: Sequence[Input]) -> Callable[[], float] | None:
    """What part of the stored bytes has been read, where compressed files are among them; they are read in turn."""
    if not any(one.source.compression for one in inputs):
        return None
    sizes = [one.source.size for one in inputs]

    def part() -> float:
        reached = {place: one.source.reached for place, one in enumerate(inputs)}
        here = max((place for place in reached if reached[place]), default=None)
        # Between two readers nobody knows.
        return math.nan if here is None else (sum(sizes[:here]) + reached[here]) / max(sum(sizes), 1)

    return part


def _rows(one: Input) -> int | None:
    if one.rows is not None:
        return one.rows
    source = one.source
    if source.table is not None or source.compression or not source.size:
        return None
    with source.raw() as file:
        head = file.read(min(_LOOK, source.size))
    lines = head.count(b"\n")
    return source.size * lines // len(head) if lines else None
