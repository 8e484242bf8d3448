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

from crmkit.ahead import soon
from crmkit.load.text import BLOCK, Dialect
from crmkit.load.utf8 import Utf8

_MOST = 8  # pieces of text that are made one frame; the first one is a sample's, and small ones cost more by the row
_AT_ONCE = 3  # blocks that are parsed or wait for it
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
        """The columns at these places; what is not plain, and all after it, stays in the source."""
        held, wanted = list[pl.DataFrame](), 1
        for rows in self._parsed(places):
            held += [rows] if rows.height else []
            if len(held) == wanted:
                yield pl.concat(held).rechunk()
                held, wanted = [], min(2 * wanted, _MOST)
        if held:
            yield pl.concat(held).rechunk()

    def _parsed(self, places: Sequence[int]) -> Iterator[pl.DataFrame]:
        """The rows of each block, while the next ones are parsed; the first one that is not plain is the last."""
        blocks, skip = self._blocks(), self.skip
        waiting = deque[tuple[bytes, Callable[[], pl.DataFrame | None]]]()
        while True:
            while len(waiting) < _AT_ONCE and (block := next(blocks, b"")):
                waiting.append((block, soon(partial(self._rows, block, places, skip))))
                skip = 0
            if not waiting or (rows := waiting[0][1]()) is None:
                break
            waiting.popleft()
            self.skip = 0
            yield rows
        self._source.give_back(b"".join([*(block for block, _ in waiting), self._left]))

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines; what is left of the last one stays in `_left`."""
        while piece := self._source.take():
            data = self._left + piece
            end, self._left = data.rfind(b"\n") + 1, data
            if end:
                self._left = data[end:]
                yield data[:end]
            elif len(data) > BLOCK:
                return

    def _rows(self, block: bytes, places: Sequence[int], skip: int) -> pl.DataFrame | None:
        """The rows of a block of whole lines; None where it is not plain."""
        codes = np.frombuffer(block, np.uint8)
        if b'"' in block or b"\0" in block or len(self._schema) < 2 or not _ends_alike(block, codes):
            return None
        begin = _after(block, skip)
        if begin is None:
            return None
        try:
            rows = pl.read_csv(
                block[begin:],
                has_header=False,
                columns=places,
                schema=self._schema,
                infer_schema=False,
                separator=self._delimiter,
                quote_char=None,
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:  # a row that is too long, or a first one that is too short
            return None
        delimiters = np.count_nonzero(codes[begin:] == ord(self._delimiter))
        return rows if delimiters == rows.height * (len(self._schema) - 1) else None


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
