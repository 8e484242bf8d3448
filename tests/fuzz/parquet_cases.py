"""Parquet files of every kind, made from a number, and damaged: bits flipped, ends cut, blocks zeroed or overwritten."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BEGIN = date(2023, 1, 25)


@dataclass
class Clean:
    """A whole file and what its rows come to."""

    data: bytes
    rows: int
    revenue: Decimal
    customers: dict[str, Decimal]


def clean(seed: int, *, checksums: bool = True) -> Clean:
    """A file as some writer would have written it."""
    chance = Random(seed)
    count = chance.choice([1, 7, 60, 60, 300])
    who = [chance.randrange(100, 130) for _ in range(count)]
    days = [BEGIN + timedelta(days=chance.randrange(600)) for _ in range(count)]
    amounts = [Decimal(chance.randrange(-5000, 500_000)) / 100 for _ in range(count)]
    table = pa.table(
        {
            "customer": _customers(who, chance),
            "order_id": pa.array(range(count)),
            "date": _days(days, chance),
            "amount": _amounts(amounts, chance),
            "note": pa.array([chance.choice([None, "a", "né"]) for _ in range(count)]),
        }
    )
    made = io.BytesIO()
    pq.write_table(table, made, write_page_checksum=checksums, **_how(chance, count))
    customers: dict[str, Decimal] = {}
    for name, amount in zip(who, amounts, strict=True):
        customers[str(name)] = customers.get(str(name), Decimal(0)) + amount
    return Clean(made.getvalue(), count, sum(amounts, Decimal(0)), customers)


def _customers(who: list[int], chance: Random) -> pa.Array:
    kind = chance.choice(
        [
            pa.string(),
            pa.large_string(),
            pa.string_view(),
            pa.binary(),
            pa.dictionary(pa.int32(), pa.string()),
            pa.int64(),
            pa.int32(),
            pa.uint8(),
            pa.int16(),
            pa.uint16(),
            pa.uint32(),
            pa.uint64(),
        ]
    )
    return (
        pa.array(who, kind) if pa.types.is_integer(kind) else pa.array([str(name) for name in who]).cast(kind)
    )


def _days(days: list[date], chance: Random) -> pa.Array:
    kind = chance.choice(["date", "date64", "s", "ms", "us", "ns", "zoned", "text", "number", "epoch"])
    if kind == "number":
        return pa.array(
            [int(f"{day:%Y%m%d}") for day in days], chance.choice([pa.int32(), pa.int64(), pa.uint32()])
        )
    if kind == "epoch":
        return pa.array([(day - date(1970, 1, 1)).days * 86_400 for day in days], pa.uint32())
    if kind == "date64":
        return pa.array(days, pa.date64())
    if kind == "text":
        return pa.array([str(day) for day in days])
    if kind == "date":
        return pa.array(days, pa.date32())
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    zone = "UTC" if kind == "zoned" else None
    return pa.array(noons, pa.timestamp("us" if zone else kind, "UTC")).cast(
        pa.timestamp("us" if zone else kind, zone)
    )


def _amounts(amounts: list[Decimal], chance: Random) -> pa.Array:
    kind = chance.choice(
        [
            pa.decimal32(9, 2),
            pa.decimal64(12, 2),
            pa.decimal128(12, 2),
            pa.decimal128(38, 4),
            pa.decimal256(50, 6),
            pa.float32(),
            pa.float64(),
            pa.float64(),
            pa.string(),
        ]
    )
    if pa.types.is_string(kind):
        return pa.array([f"{amount + 0:.2f}" for amount in amounts])
    return pa.array(amounts).cast(kind) if pa.types.is_decimal(kind) else pa.array(map(float, amounts), kind)


def _how(chance: Random, count: int) -> dict[str, Any]:
    return {
        "compression": chance.choice(["snappy", "zstd", "gzip", "none", "lz4"]),
        "use_dictionary": chance.choice([True, False]),
        "data_page_version": chance.choice(["1.0", "2.0"]),
        "row_group_size": chance.choice([count, max(1, count // 3)]),
        "data_page_size": chance.choice([200, 1 << 20]),
        "write_statistics": chance.choice([True, False]),
        "store_schema": chance.choice([True, True, False]),
    }


def damaged(data: bytes, chance: Random) -> bytes:
    """One kind of damage, at a random place; half of the time among the last bytes, where the footer is."""
    low = 0 if chance.random() < 0.6 else max(0, len(data) - 1500)
    at = chance.randrange(low, len(data))
    size = chance.choice([1, 4, 16, 100, 1000])
    other = chance.randrange(len(data))
    return chance.choice(
        [
            lambda: data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
            lambda: data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
            lambda: data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
            lambda: data[:at],
            lambda: data[at:],
            lambda: data[:at] + data[at + size :],
            lambda: data[:at] + bytes(len(data[at : at + size])) + data[at + size :],
            lambda: data[:at] + chance.randbytes(len(data[at : at + size])) + data[at + size :],
            lambda: data[:at] + data[other : other + size] + data[at + size :],
            lambda: data[:at] + chance.randbytes(size) + data[at:],
            lambda: data[: -chance.randint(1, 12)] + b"PAR1",
            lambda: data + data[at:],
        ]
    )()
