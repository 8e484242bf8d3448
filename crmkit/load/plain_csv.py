"""Plain CSV, as most exports are: no quotes, line ends of one kind, and all rows of one width.

Polars takes two thirds of PyArrow's time for it, yet fills short rows up without a word. As it refuses
long ones, counting the delimiters of a block tells whether any row is short. From the first block that is not
plain, all goes to the reader that says of each row what is wrong with it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from crmkit.load.text import BLOCK, Dialect
from crmkit.load.utf8 import Utf8

_MOST = 8  # pieces of text that are made one frame; the first one is a sample's, and small ones cost more by the row
_LF, _CR = 10, 13


class Plain:
    """The rows of a source as far as they are plain; `skip` lines of a header stand before what is left."""

    def __init__(self, source: Utf8, dialect: Dialect) -> None:
        self.skip = dialect.skip
        self._source = source
        self._delimiter = dialect.delimiter
        self._schema = {str(place): pl.String for place in range(len(dialect.columns))}

    def read(self, places: Sequence[int]) -> Iterator[pl.DataFrame]:
        """The columns at these places, block by block; what is not plain, and all after it, stays in the source."""
        left, held, wanted = b"", list[pl.DataFrame](), 1
        while piece := self._source.take():
            data = left + piece
            end, left = data.rfind(b"\n") + 1, data
            if end == 0 and len(data) <= BLOCK:
                continue
            rows = self._rows(data[:end], places) if end else None
            if rows is None:
                break
            self.skip, left = 0, data[end:]
            held += [rows] if rows.height else []
            if len(held) == wanted:
                yield pl.concat(held).rechunk()
                held, wanted = [], min(2 * wanted, _MOST)
        self._source.give_back(left)
        if held:
            yield pl.concat(held).rechunk()

    def _rows(self, block: bytes, places: Sequence[int]) -> pl.DataFrame | None:
        """The rows of a block of whole lines; None where it is not plain."""
        codes = np.frombuffer(block, np.uint8)
        if b'"' in block or b"\0" in block or len(self._schema) < 2 or not _ends_alike(block, codes):
            return None
        begin = _after(block, self.skip)
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
