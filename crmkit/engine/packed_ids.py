"""Short texts as whole numbers in the same order, and what their memory tells at one look.

Arrow keeps a text of up to twelve bytes, followed by zeros, beside its size, so that its beginning lies in memory
as a number: https://arrow.apache.org/docs/format/Columnar.html (variable-size binary view layout).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

BYTES = 8  # as many as a whole number has
_VIEW = np.dtype([("size", "<u4"), ("begins", f">u{BYTES}"), ("more", "<u4")])
_WITHIN = 12  # bytes of a text that lies beside its size


class Short(NamedTuple):
    """The bytes of each text, followed by zeros, as one number; and how many they are."""

    numbers: np.ndarray
    sizes: np.ndarray


def read(texts: pl.Series) -> Short | None:
    """Texts of at most eight bytes each; None for any other."""
    views = _views(texts)
    if texts.null_count() or views["size"].max(initial=0) > BYTES:
        return None
    return Short(views["begins"].astype(np.uint64), views["size"])


def lacks(texts: pl.Series, letter: str) -> bool:
    """Whether none of these texts holds this letter of ASCII; False also where that is not seen at one look."""
    if (texts.str.len_bytes().max() or 0) > _WITHIN:  # type: ignore[operator]
        return False
    return not (_views(texts).view(np.uint8) == ord(letter)).any()


def _views(texts: pl.Series) -> np.ndarray:
    array = texts.to_arrow(compat_level=pl.CompatLevel.newest())
    return np.frombuffer(array.buffers()[1] or b"", _VIEW)[array.offset : array.offset + len(array)]


def written(name: str, numbers: pl.Series) -> pl.DataFrame:
    """The texts of these numbers again, as a column of this name; none of them holds a NUL."""
    codes = numbers.to_numpy().astype(f">u{BYTES}").view(np.uint8)
    letters = codes != 0
    ends = np.cumsum(np.einsum("ij->i", letters.view(np.uint8).reshape(-1, BYTES)), dtype=np.int64)
    begins = np.concatenate([np.zeros(1, np.int64), ends])
    texts = pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(begins), pa.py_buffer(codes[letters]))
    # As a table: Polars would import all of PyArrow's functions to take the array by itself.
    return pl.DataFrame(pa.table([texts], names=[name]))
