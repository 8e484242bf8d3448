"""Parquet: every type that a role can have, the types it cannot, and files that are damaged."""

from __future__ import annotations

import random
import struct
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.load.running import check, refused, run
from tests.load.sales import SALES, account, put, text, without

NAMES = pa.array([sale.customer for sale in SALES])
DAYS = pa.array([sale.day for sale in SALES])
MOMENTS = [datetime(sale.day.year, sale.day.month, sale.day.day, 8, 30) for sale in SALES]
MONEY = pa.array([float(sale.amount) for sale in SALES])
EXACT = [sale.amount for sale in SALES]
COUNT = len(SALES)


def table(customer: Any = NAMES, day: Any = DAYS, amount: Any = MONEY, **more: Any) -> pa.Table:
    return pa.table(
        {
            "customer": customer,
            "order_id": pa.array([sale.order for sale in SALES]),
            "date": day,
            "amount": amount,
            **more,
        }
    )


def write(path: Path, content: pa.Table, **options: Any) -> Path:
    pq.write_table(content, path, **options)
    return path


NUMBERED = [sale._replace(customer=str(int(sale.customer[1:]))) for sale in SALES]
NUMBERS = [int(sale.customer[1:]) for sale in SALES]


@pytest.mark.parametrize(
    "content",
    [
        table(),
        table(customer=NAMES.dictionary_encode()),
        table(customer=NAMES.cast(pa.large_string())),
        table(customer=NAMES.cast(pa.string_view())),
        table(customer=NAMES.cast(pa.binary())),
        table(day=DAYS.cast(pa.date64())),
        table(day=DAYS.dictionary_encode()),
        table(day=DAYS.cast(pa.string())),
        table(day=DAYS.cast(pa.string()).cast(pa.binary())),
        table(day=pa.array([f"{sale.day:%d/%m/%Y}" for sale in SALES]).dictionary_encode()),
        table(day=pa.array([int(f"{sale.day:%Y%m%d}") for sale in SALES])),
        table(day=pa.array([float(f"{sale.day:%Y%m%d}") for sale in SALES])),
        table(day=pa.array([Decimal(f"{sale.day:%Y%m%d}") for sale in SALES], pa.decimal128(20, 4))),
        table(day=pa.array([int(moment.timestamp()) for moment in MOMENTS])),
        *(table(day=pa.array(MOMENTS, pa.timestamp(unit))) for unit in ("s", "ms", "us", "ns")),
        *(table(day=pa.array(MOMENTS, pa.timestamp(unit, "UTC"))) for unit in ("s", "ms", "us", "ns")),
        table(day=pa.array(MOMENTS, pa.timestamp("us", "+05:30"))),
        table(day=pa.array(MOMENTS, pa.timestamp("us", "Mars/Base"))),
        table(amount=pa.array(EXACT, pa.decimal32(9, 2))),
        table(amount=pa.array(EXACT, pa.decimal64(18, 2))),
        table(amount=pa.array(EXACT, pa.decimal128(12, 2))),
        table(amount=pa.array(EXACT, pa.decimal128(38, 20))),
        table(amount=pa.array(EXACT, pa.decimal256(60, 2))),
        table(amount=MONEY.cast(pa.float32())),
        table(amount=MONEY.dictionary_encode()),
        table(amount=pa.array([str(amount) for amount in EXACT])),
        table(amount=pa.array([f"£{amount}" for amount in EXACT]).dictionary_encode()),
        table(amount=pa.array([str(amount).encode() for amount in EXACT])),
        table(coupon=pa.nulls(COUNT)),
        table(took=pa.array([timedelta(seconds=1)] * COUNT), at=pa.array([time(1, 2)] * COUNT)),
        table(
            meta=pa.array([{"a": [1], "customer": "x"}] * COUNT),
            tags=pa.array([["a"]] * COUNT),
            pairs=pa.array([[("k", 1)]] * COUNT, pa.map_(pa.string(), pa.int64())),
        ),
        table(
            far=pa.array([2**62] * COUNT, pa.timestamp("us")),
            wide=pa.array([Decimal(10) ** 50] * COUNT, pa.decimal256(60, 0)),
        ),
        table(
            blob=pa.array([b"\xff\xfe"] * COUNT), key=pa.array([b"0123456789abcdef"] * COUNT, pa.binary(16))
        ),
        table(**{"": NAMES}),
    ],
    ids=lambda content: " ".join(str(kind) for kind in content.schema.types)[:60],
)
def test_types_that_can_be_read(tmp_path: Path, content: pa.Table) -> None:
    done = check(write(tmp_path / "sales.parquet", content))
    assert done.account == account()


@pytest.mark.parametrize(
    "dtype",
    [
        pa.int8(),
        pa.int16(),
        pa.int64(),
        pa.uint8(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.float64(),
        pa.decimal128(20, 0),
        pa.decimal128(20, 4),
    ],
)
def test_ids_that_are_whole_numbers(tmp_path: Path, dtype: pa.DataType) -> None:
    numbers = (
        pa.array([Decimal(number) for number in NUMBERS], dtype)
        if pa.types.is_decimal(dtype)
        else pa.array(map(float, NUMBERS)).cast(dtype)
    )
    path = write(tmp_path / "sales.parquet", table(customer=numbers))
    assert check(path).account == account(NUMBERED)
    done = run("customers", path, "--table", "customers", "--format", "csv")
    assert [line.partition(",")[0] for line in done.out.splitlines()[1:]] == sorted(
        {sale.customer for sale in NUMBERED}
    )


def test_ids_that_are_booleans_are_refused_and_days_are_not(tmp_path: Path) -> None:
    """One flipped bit of a footer, which has no checksum, makes yes and no of ids."""
    for role in ("customer", "order_id"):
        path = write(
            tmp_path / "a.parquet", table(**{role: pa.array([place % 2 == 0 for place in range(COUNT)])})
        )
        done = run("customers", path)
        assert (done.status, done.out) == (1, "")
        assert "does not hold names or numbers (its type is bool)" in done.err
    assert check(write(tmp_path / "b.parquet", table(customer=DAYS))).account[3] == COUNT


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([2**63 + place % 5 for place in range(COUNT)], pa.uint64()),
        ([Decimal(2**100 + place % 5) for place in range(COUNT)], pa.decimal128(38, 0)),
        ([-(2**63) + place % 5 for place in range(COUNT)], pa.int64()),
    ],
)
def test_large_ids_stay_apart(tmp_path: Path, values: list[Any], dtype: pa.DataType) -> None:
    path = write(tmp_path / "sales.parquet", table(customer=pa.array(values, dtype)))
    done = run("customers", path, "--table", "customers", "--format", "csv")
    assert {line.partition(",")[0] for line in done.out.splitlines()[1:]} == {str(value) for value in values}


@pytest.mark.parametrize("odd", [100.5, float("inf"), 1e300, 2.0**60])
def test_floats_that_are_no_ids(tmp_path: Path, odd: float) -> None:
    ids = pa.array([odd if place == 3 else float(number) for place, number in enumerate(NUMBERS)])
    done = check(write(tmp_path / "sales.parquet", table(customer=ids)))
    assert done.facts["rejected"] == {"bad customer id": 1}
    assert "row 4, column customer: bad customer id" in done.err


def test_gaps(tmp_path: Path) -> None:
    def but(values: list[Any], place: int, odd: Any = None) -> list[Any]:
        return [odd if here == place else value for here, value in enumerate(values)]

    content = table(
        customer=pa.array(but(NAMES.to_pylist(), 4)),
        day=pa.array(but(DAYS.to_pylist(), 9)),
        amount=pa.array(but(but(MONEY.to_pylist(), 14), 19, float("nan"))),
    )
    done = check(write(tmp_path / "sales.parquet", content))
    assert done.account == account(without(4, 9, 14, 19), rejected=4)
    assert done.facts["rejected"] == {"no customer id": 1, "no date": 1, "no amount": 1, "bad amount": 1}
    floats = pa.array(but([float(number) for number in NUMBERS], 4))
    assert check(write(tmp_path / "floats.parquet", table(customer=floats))).facts["rejected"] == {
        "no customer id": 1
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (table(amount=pa.array([True] * COUNT)), ["'amount', the amount, does not hold numbers", "bool"]),
        (table(amount=DAYS), ["'amount'", "date32"]),
        (table(amount=pa.array(MOMENTS)), ["'amount'", "timestamp"]),
        (table(amount=pa.array([timedelta(seconds=5)] * COUNT)), ["'amount'", "duration"]),
        (table(amount=pa.array([[1.0]] * COUNT)), ["'amount', the amount, is nested", "list"]),
        (table(amount=pa.array([{"v": 1.0}] * COUNT)), ["nested", "struct"]),
        (table(day=pa.array([time(1, 2)] * COUNT)), ["'date', the date, does not hold dates", "time"]),
        (table(day=pa.array([True] * COUNT)), ["does not hold dates", "bool"]),
        (table(day=pa.array([timedelta(seconds=5)] * COUNT)), ["does not hold dates"]),
        (table(customer=pa.array([{"id": "a"}] * COUNT)), ["'customer', the customer, is nested"]),
        (table(customer=pa.array(MOMENTS)), ["'customer'", "timestamp"]),
        (
            table(customer=pa.array([b"0123456789abcdef"] * COUNT, pa.binary(16))),
            ["'customer'", "fixed_size_binary"],
        ),
        (table(customer=pa.array([b"\xff\xfe"] * COUNT)), ["'customer' holds bytes that are not UTF-8"]),
        (table(customer=pa.nulls(COUNT)), ["no customer id"]),
        (table(day=pa.nulls(COUNT)), ["no date"]),
        (table(amount=pa.nulls(COUNT)), ["no amount"]),
        (table(amount=pa.array([float("nan")] * COUNT)), ["bad amount"]),
        (table().drop(["amount"]), ["no amount column"]),
        (pa.table({}), ["column"]),
        (table().slice(0, 0), ["no data rows"]),
        (table().rename_columns(["customer", "amount", "date", "amount"]), ["'amount' appears 2 times"]),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: pa.Table, words: list[str]) -> None:
    refused(check(write(tmp_path / "sales.parquet", content)), "sales.parquet", *words)


def test_strings_that_are_no_text(tmp_path: Path) -> None:
    raw = pa.array([b"\xff%d" % place for place in range(COUNT)])
    lying = pa.Array.from_buffers(pa.string(), COUNT, raw.buffers())
    refused(
        check(write(tmp_path / "sales.parquet", table(customer=lying))),
        "'customer' holds bytes that are not UTF-8",
    )
    assert check(write(tmp_path / "other.parquet", table(note=lying))).account == account()


def test_a_nul_is_damage_here_too(tmp_path: Path) -> None:
    names = pa.array(["K\x001" if place == 3 else sale.customer for place, sale in enumerate(SALES)])
    done = check(write(tmp_path / "sales.parquet", table(customer=names)))
    assert done.account == account(without(3), rejected=1)
    assert "row 4: bad characters" in done.err


@pytest.mark.parametrize(
    "days",
    [
        pa.array([2**31 - 1 if place == 3 else 19800 for place in range(COUNT)], pa.int32()).cast(pa.date32()),
        *(pa.array([2**62 if place == 3 else 19800 * 86400 * per for place in range(COUNT)], pa.timestamp(unit, zone))
          for unit, per in (("ms", 10**3), ("us", 10**6)) for zone in (None, "UTC")),
        pa.array([-(2**62) if place == 3 else 19800 * 86400 * 10**6 for place in range(COUNT)], pa.timestamp("us")),
    ],
)  # fmt: skip
def test_days_beyond_all_calendars(tmp_path: Path, days: pa.Array) -> None:
    done = check(write(tmp_path / "sales.parquet", table(day=days)))
    assert done.facts["rejected"] == {"date out of range": 1}
    assert "since 1970" in done.err


@pytest.mark.parametrize(
    "options",
    [
        *({"compression": name} for name in ("none", "snappy", "gzip", "zstd", "brotli", "lz4")),
        *({"version": version} for version in ("1.0", "2.4", "2.6")),
        {"data_page_version": "2.0"},
        {"row_group_size": 1},
        {"use_dictionary": False, "use_byte_stream_split": ["amount"]},
        {"use_dictionary": False, "column_encoding": {"customer": "DELTA_BYTE_ARRAY"}},
        {"write_page_checksum": True},
    ],
)
def test_encodings(tmp_path: Path, options: dict[str, Any]) -> None:
    assert check(write(tmp_path / "sales.csv", table(), **options)).account == account()


def test_empty_row_groups_and_none(tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    with pq.ParquetWriter(path, table().schema) as writer:
        for part in (table().slice(0, 10), table().slice(0, 0), table().slice(10)):
            writer.write_table(part)
    assert check(path).account == account()
    pq.ParquetWriter(path, table().schema).close()
    refused(check(path), "no data rows")


def test_from_standard_input(tmp_path: Path) -> None:
    assert check("-", stdin=write(tmp_path / "sales.parquet", table()).read_bytes()).account == account()


class TestFolders:
    def test_the_schemas_must_agree(self, tmp_path: Path) -> None:
        write(tmp_path / "a.parquet", table().slice(0, 10))
        write(tmp_path / "b.parquet", table(amount=pa.array([str(amount) for amount in EXACT])).slice(10))
        refused(check(tmp_path), "b.parquet", "'amount' has type string", "a.parquet", "double")

    def test_integers_of_any_width_agree(self, tmp_path: Path) -> None:
        for name, dtype, start in (("a", pa.int32(), 0), ("b", pa.int64(), 10), ("c", pa.uint64(), 20)):
            numbers = pa.array(NUMBERS, dtype)
            write(tmp_path / f"{name}.parquet", table(customer=numbers).slice(start, 10))
        assert check(tmp_path).account == account(NUMBERED)

    def test_one_broken_member_stops_it(self, tmp_path: Path) -> None:
        good = write(tmp_path / "a.parquet", table()).read_bytes()
        put(tmp_path / "b.parquet", good[:500])
        refused(check(tmp_path), "b.parquet", "corrupt or truncated")

    def test_partitions(self, tmp_path: Path) -> None:
        for month in range(1, 13):
            folder = tmp_path / "year=2023" / f"month={month:02}"
            folder.mkdir(parents=True)
            places = [
                place for place, sale in enumerate(SALES) if (sale.day.year, sale.day.month) == (2023, month)
            ]
            write(folder / "part-0.parquet", table().take(pa.array(places, pa.int64())))
        inside = [sale for sale in SALES if sale.day.year == 2023]
        assert check(tmp_path).account == account(inside)


class TestDamage:
    """Cut, flipped, joined, encrypted: a sentence, never another number."""

    def test_cut_anywhere(self, tmp_path: Path) -> None:
        good = write(tmp_path / "good.parquet", table()).read_bytes()
        for size in [*range(12), *random.Random(1).sample(range(12, len(good)), 40), len(good) - 1]:
            refused(check(put(tmp_path / "cut.parquet", good[:size])), "cut.parquet")

    def test_not_parquet_at_its_ends(self, tmp_path: Path) -> None:
        good = write(tmp_path / "good.parquet", table()).read_bytes()
        for content in (
            good + b"x",
            b"x" + good,
            b"PAR1",
            b"PAR1PAR1",
            good[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1",
            good[:-8] + bytes(4) + b"PAR1",
            b"\0" * 999,
        ):
            refused(check(put(tmp_path / "bad.parquet", content)), "bad.parquet", "arquet")

    def test_joined_with_cat(self, tmp_path: Path) -> None:
        good = write(tmp_path / "good.parquet", table()).read_bytes()
        refused(check(put(tmp_path / "twice.parquet", good + good)), "joined")

    def test_a_flipped_bit_under_a_checksum(self, tmp_path: Path) -> None:
        good = bytearray(
            write(
                tmp_path / "good.parquet",
                table(),
                compression="none",
                use_dictionary=False,
                write_page_checksum=True,
            ).read_bytes()
        )
        place = good.find(struct.pack("<d", MONEY[5].as_py()))
        good[place + 5] ^= 0x20
        refused(check(put(tmp_path / "flipped.parquet", bytes(good))), "corrupt", "CRC")

    def test_encrypted(self, tmp_path: Path) -> None:
        encryption = pytest.importorskip("pyarrow.parquet.encryption")

        class Keys(encryption.KmsClient):  # type: ignore[misc, name-defined]
            def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
                return key_bytes.hex().encode()

            def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
                return bytes.fromhex(wrapped_key.decode())

        factory = encryption.CryptoFactory(lambda configuration: Keys())
        for plaintext_footer in (True, False):
            how = encryption.EncryptionConfiguration(
                footer_key="f", column_keys={"k": ["amount"]}, plaintext_footer=plaintext_footer
            )
            properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)
            path = tmp_path / "secret.parquet"
            with pq.ParquetWriter(path, table().schema, encryption_properties=properties) as writer:
                writer.write_table(table())
            refused(check(path), "encrypted", "decrypt it first")


def test_csv_and_parquet_give_the_same(tmp_path: Path) -> None:
    csv = check(put(tmp_path / "a.csv", text()))
    parquet = check(write(tmp_path / "a.parquet", table()))
    assert csv.account == parquet.account
    assert min(date.fromisoformat(csv.account[4] or ""), SALES[0].day) == SALES[0].day
