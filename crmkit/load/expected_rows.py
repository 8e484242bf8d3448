"""About how many rows the inputs hold, for whoever waits for them."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.load.inputs import Input

_LOOK = 1 << 16


def expected_rows(inputs: Sequence[Input]) -> int | None:
    """Rows as the footers of Parquet say, and by the length of a CSV's first lines; None where nobody knows.

    What is compressed, or comes through a pipe, does not tell how long it is.
    """
    known = [_rows(one) for one in inputs]
    return None if None in known else sum(rows for rows in known if rows is not None)


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
