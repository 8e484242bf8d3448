"""Long texts as numbers of 64 bits, each text kept once.

A second hash stands beside the first, so that two texts which share the first are noticed: at once by 31 bits of it,
or at the end by all. Of n texts some two share what nobody would notice with a chance of n**2 / 2**96: 1e-13 for a
hundred million.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

_SEED, _CHECK = 7, 8
_SLOTS = 1 << 16
_ROOM = 2  # slots for each text, so that few share one
_NONE = np.zeros(0, np.uint64)
Numbers = np.ndarray


class SharedError(Exception):
    """Two texts have one hash."""


class Texts:
    """The texts of all hashes that were given out.

    A slot, which the hash decides, holds the tag of the latest text there, a part of its check. A text whose tag is
    not there is kept: it is new, or shares the slot with others, and is then kept more than once.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._seen = np.zeros(_SLOTS, np.uint32)
        self._hashes, self._checks = list[Numbers](), list[Numbers]()
        self._texts = list[pa.Array]()
        self._kept = 0

    def hashed(self, texts: pl.Series) -> pl.Series:
        """A number for each of these texts, none of which is null."""
        hashes = hash_of(texts, _SEED).to_numpy()
        checks = hash_of(texts, _CHECK).to_numpy()
        seen = self._seen.take(_slots(hashes, len(self._seen)), mode="wrap")
        new = np.flatnonzero(seen != _tags(checks))
        if len(new):
            self._hashes.append(hashes[new])
            self._checks.append(checks[new])
            # As Arrow's own text: a view would hold on to all bytes of the batch.
            self._texts.append(texts.gather(new).to_arrow(compat_level=pl.CompatLevel.oldest()))
            self._kept += len(new)
            self._note(hashes[new], checks[new])
        return pl.Series(texts.name, hashes)

    def _note(self, hashes: Numbers, checks: Numbers) -> None:
        size = len(self._seen)
        while size < _ROOM * self._kept:
            size *= 2
        if size > len(self._seen):  # all are noted anew
            self._seen = np.zeros(size, np.uint32)
            hashes, checks = np.concatenate(self._hashes), np.concatenate(self._checks)
        self._seen[_slots(hashes, size)] = _tags(checks)

    def complete(self) -> Kept:
        """All of them, for whoever has the numbers; SharedError where two texts have one."""
        size = len(self._seen)
        hashes, checks = np.concatenate(self._hashes or [_NONE]), np.concatenate(self._checks or [_NONE])
        pieces = self._texts
        self._forget()
        texts = pl.DataFrame(pa.table([pa.chunked_array(pieces, pa.large_string())], names=["text"]))
        return Kept(hashes, checks, texts["text"].rechunk(), size)


class Kept:
    """Texts by their hashes: most are found where their slot says, the others by search."""

    def __init__(self, hashes: Numbers, checks: Numbers, texts: pl.Series, size: int) -> None:
        self._hashes, self._texts = hashes, texts
        self._places = np.zeros(size, np.uint32)
        slots, own = _slots(hashes, size), np.arange(len(hashes), dtype=np.uint32)
        self._places[slots] = own
        there = self._places.take(slots, mode="wrap")
        others = np.flatnonzero(there != own)  # whose slot another one has
        there = there[others]
        alike = hashes[there] == hashes[others]
        if (checks[there] != checks[others])[alike].any():
            raise SharedError
        others = others[~alike]
        self._others = others[np.argsort(hashes[others], kind="stable")]
        same = hashes[self._others[1:]] == hashes[self._others[:-1]]
        if (checks[self._others[1:]] != checks[self._others[:-1]])[same].any():
            raise SharedError

    def texts(self, hashes: Numbers) -> pl.Series:
        """The text of each."""
        if not len(hashes):
            return self._texts.head(0)
        places = self._places.take(_slots(hashes, len(self._places)), mode="wrap")
        missed = np.flatnonzero(self._hashes.take(places, mode="wrap") != hashes)
        found = np.searchsorted(self._hashes[self._others], hashes[missed])
        places[missed] = np.append(self._others, 0)[found]
        if (self._hashes[places[missed]] != hashes[missed]).any():  # its tag stood there for another hash
            raise SharedError
        return self._texts.gather(places)


def hash_of(texts: pl.Series, seed: int) -> pl.Series:
    """64 bits of each."""
    return texts.hash(seed)


def _slots(hashes: Numbers, size: int) -> Numbers:
    """The place of each in a table of so many, a power of two."""
    return (hashes & np.uint64(size - 1)).view(np.int64)


def _tags(checks: Numbers) -> Numbers:
    """31 bits of each check; a slot without a text holds 0."""
    return checks.astype(np.uint32) | np.uint32(1)
