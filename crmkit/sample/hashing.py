"""Random numbers without a state: each is a hash of the seed, a purpose and the thing it is drawn for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

# Purposes: one number for each kind of draw.
PERSON, RATE, STAY, GAPS, TASTE, ORDER, LINE, PRODUCT, CUSTOMER_ID, ORDER_ID = range(1, 11)
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: Hashes) -> Hashes:
    """Scramble 64-bit numbers in place, one to one (the finaliser of SplitMix64)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def hash_of(seed: int, purpose: int, things: Integers | Hashes) -> Hashes:
    """One 64-bit hash for each thing, independent between seeds and purposes."""
    key = mix(np.array([(seed * GOLDEN + purpose) % 2**64], np.uint64))
    return mix(mix(things.astype(np.uint64) * np.uint64(GOLDEN) + key) ^ key)


def uniform(hashes: Hashes) -> Floats:
    """Numbers strictly between 0 and 1 from the upper 52 bits."""
    return ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def bits(hashes: Hashes, shift: int, width: int) -> Integers:
    """`width` bits of each hash, from bit `shift` on."""
    return ((hashes >> np.uint64(shift)) & np.uint64(2**width - 1)).astype(np.int64)


def table(parts: tuple[int, ...]) -> Integers:
    """A table of 256 answers in which answer i has parts[i] places."""
    return np.repeat(np.arange(len(parts)), parts)
