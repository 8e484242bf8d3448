"""Plain CSV, as most exports are: no quotes, line ends of one kind, and all rows of one width.

Polars takes two thirds of PyArrow's time for it, yet fills short rows up without a word. As it refuses
long ones, counting the delimiters of a block tells whether any row is short. From the first block that is not
plain, all goes to the reader that says of each row what is wrong with it.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import polars as pl

from crmkit.engine.prefetch import soon
from crmkit.load.csv.dialect import BLOCK, Dialect
from crmkit.load.csv.utf8 import PIECE, Utf8

_MOST = 8  # pieces of text that are parsed as one; the first one is a sample's, and small ones cost more by the row
_AT_ONCE = 2  # blocks that are parsed or wait for it
_LF, _CR = 10, 13


class Plain:
    """The rows of a source as far as they are plain; `skip` lines of a header stand before what is left."""

    def __init__(self, source: Utf8, dialect: Dialect) -> None:
        self.skip = dialect.skip
        self._source = source
        self._left = b""
        self._delimiter = dialect.delimiter
        self._schema = {str(place): pl.String for place in range(len(dialect.columns))}

    def read(self, places: Sequence[int]) -> Iterator[pl.DataFrame]:
        """The columns at these places, while the next blocks are parsed; what is not plain, and all after it, stays
        in the source."""
        blocks, skip, ahead = self._blocks(), self.skip, 1
        waiting = deque[tuple[bytes, Callable[[], pl.DataFrame | None]]]()
        while True:
            while len(waiting) < ahead and (block := next(blocks, b"")):
                rows_of = partial(self._rows, block, places, skip)
                waiting.append(
                    (block, rows_of if ahead == 1 else soon(rows_of))
                )  # the first one is waited for
                skip = 0
            if not waiting or (rows := waiting[0][1]()) is None:
                break
            waiting.popleft()
            self.skip, ahead = 0, _AT_ONCE
            if rows.height:
                yield rows
        self._source.give_back(b"".join([*(block for block, _ in waiting), self._left]))

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines, more of them as it goes on; what comes after the last of them stays in `_left`."""
        wanted = 1
        while pieces := [piece for _ in range(wanted) if (piece := self._source.take())]:
            last, wanted = pieces.pop(), min(2 * wanted, _MOST)
            if end := last.rfind(b"\n") + 1:
                block = b"".join([self._left, *pieces, memoryview(last)[:end]])
                self._left = last[end:]
                yield block
            else:
                self._left = b"".join([self._left, *pieces, last])
                if len(self._left) > BLOCK:
                    return

    def _rows(self, block: bytes, places: Sequence[int], skip: int) -> pl.DataFrame | None:
        """The rows of a block of whole lines; None where it is not plain."""
        codes = np.frombuffer(block, np.uint8)
        odd = self._source.is_odd and (b'"' in block or b"\0" in block)
        if odd or len(self._schema) < 2 or not _ends_alike(block, codes):
            return None
        begin = _after(block, skip)
        if begin is None:
            return None
        try:
            rows = (
                pl.scan_csv(
                    block[begin:],
                    has_header=False,
                    schema=self._schema,
                    infer_schema=False,
                    separator=self._delimiter,
                    quote_char=None,
                    empty_string_is_null=False,
                )
                .select(str(place) for place in places)
                .collect(engine="in-memory")
                .rechunk()
            )
        except pl.exceptions.PolarsError:  # a row that is too long, or a first one that is too short
            return None
        delimiters = _count(codes[begin:], ord(self._delimiter))
        return rows if delimiters == rows.height * (len(self._schema) - 1) else None


def _count(codes: np.ndarray, code: int) -> int:
    """How often a byte occurs, looked for in pieces that stay in the cache."""
    return sum(int(np.count_nonzero(codes[at : at + PIECE] == code)) for at in range(0, len(codes), PIECE))


def _ends_alike(block: bytes, codes: np.ndarray) -> bool:
    """Whether each line ends in LF, or each in CR and LF."""
    if b"\r" not in block:
        return True
    return np.array_equal(np.flatnonzero(codes == _CR) + 1, np.flatnonzero(codes == _LF))


def _after(block: bytes, lines: int) -> int | None:
    """Where the text begins after so many lines; None where there are fewer, or with a mark at its beginning."""
    if lines == 0 and block.startswith(codecs.BOM_UTF8):
        return None
    begin = 0
    for _ in range(lines):
        begin = block.find(b"\n", begin) + 1
        if begin == 0:
            return None
    return begin
