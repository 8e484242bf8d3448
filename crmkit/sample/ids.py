"""Ids as shops have them, made of numbers: the same number has the same id, and different ones different ids."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.sample.hashing import CUSTOMER_ID, ORDER_ID, Hashes, Integers, hash_of, mix

STYLES = ("short", "padded", "email", "uuid")
NUMBERS = "numbers"

_FIRST = (
    "anna",
    "ben",
    "chloe",
    "david",
    "elena",
    "felix",
    "grace",
    "hugo",
    "ines",
    "jan",
    "katrin",
    "li",
    "maria",
)
_LAST = (
    "berg",
    "costa",
    "dubois",
    "evans",
    "fischer",
    "garcia",
    "huang",
    "ivanova",
    "jensen",
    "kim",
    "lopez",
)
_AT = ("example.com", "example.org", "mail.example.net")
_CHECKS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PADDED = 9


def customers(style: str, numbers: Integers, most: int, seed: int) -> pl.Series:
    """Ids of customers, who are numbered from 1 to `most`."""
    if style == "email":
        return _emails(numbers)
    if style == "uuid":
        return _uuids(hash_of(seed, CUSTOMER_ID, numbers))
    return _numbered(style, "CUST-" if style == "padded" else "C", numbers, most)


def orders(style: str, numbers: Integers, most: int, seed: int) -> pl.Series:
    """Ids of orders, which are numbered from 1 to `most`."""
    if style == "email":
        checks = pl.Series(list(_CHECKS)).gather(numbers % len(_CHECKS))
        return "#SO-" + pl.Series(numbers).cast(pl.String) + "-" + checks
    if style == "uuid":
        return _uuids(hash_of(seed, ORDER_ID, numbers))
    return _numbered(style, "ORD-" if style == "padded" else "O", numbers, most)


def _numbered(style: str, prefix: str, numbers: Integers, most: int) -> pl.Series:
    """Ids like `C000123`, all of the same length, or the numbers themselves."""
    ids = pl.Series(numbers)
    if style == NUMBERS:
        return ids
    width = max(_PADDED if style == "padded" else 6, len(str(most)))
    padded: pl.Series = prefix + (ids + 10**width).cast(pl.String).str.slice(1)
    return padded


def _emails(numbers: Integers) -> pl.Series:
    """Addresses like `grace.kim1234@example.org`."""
    parts = [pl.Series(list(words)).gather(numbers % len(words)) for words in (_FIRST, _LAST, _AT)]
    return parts[0] + "." + parts[1] + pl.Series(numbers).cast(pl.String) + "@" + parts[2]


def _uuids(hashes: Hashes) -> pl.Series:
    """Random UUIDs (RFC 9562, version 4) by their letters; the second half is a hash of the first."""
    words = np.stack([hashes, hash_of(0, CUSTOMER_ID, mix(hashes.copy()))], axis=1)
    codes = words.astype(">u8").view(np.uint8).reshape(-1, 16)
    codes[:, 6], codes[:, 8] = codes[:, 6] & 0x0F | 0x40, codes[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    letters = np.stack([digits[codes >> 4], digits[codes & 15]], axis=2).reshape(-1, 32)
    text = np.full((len(letters), 36), ord("-"), np.uint8)
    text[:, [at for at in range(36) if at not in (8, 13, 18, 23)]] = letters
    ends = np.arange(len(text) + 1, dtype=np.int64) * 36
    array = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(ends), pa.py_buffer(np.ravel(text)))
    return pl.Series("", array)
