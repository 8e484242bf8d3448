"""Every type that Arrow and Parquet have, in every role: the right answer or one sentence, and never another number."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmkit import customers
from crmkit.errors import DataError
from crmkit.load import NEEDED, Options, load
from tests.load.running import refused, run
from tests.thinned import thinned

WHOLE = [1, 2, 3, 1]
DAYS = [dt.date(2024, 1, day) for day in (1, 2, 3, 4)]
NOONS = [dt.datetime(2024, 1, day, 12, 30) for day in (1, 2, 3, 4)]
UUIDS = [UUID(int=number << 64 | number) for number in WHOLE]
TEXTS = [str(number) for number in WHOLE]
BYTES = [text.encode() for text in TEXTS]
INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
FLOATS = (pa.float16(), pa.float32(), pa.float64())
DECIMALS = (pa.decimal32(5, 2), pa.decimal64(10, 0), pa.decimal128(20, 2), pa.decimal128(38, 30),
            pa.decimal256(50, 4), pa.decimal256(76, 0))  # fmt: skip
LETTERS = (pa.string(), pa.large_string(), pa.string_view())
BINARY = (pa.binary(), pa.large_binary(), pa.binary_view())


def stored(kind: pa.ExtensionType, values: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, values)


NUMBERS = {str(kind): pa.array(WHOLE, kind) for kind in INTEGERS}
NUMBERS |= {str(kind): pa.array(map(float, WHOLE)).cast(kind) for kind in FLOATS}
NUMBERS |= {str(kind): pa.array([Decimal(number) for number in WHOLE], kind) for kind in DECIMALS}
NUMBERS |= {
    f"dictionary of {kind}": pa.array(WHOLE, kind).dictionary_encode() for kind in (pa.int8(), pa.uint32())
}
NUMBERS |= {"opaque": stored(pa.opaque(pa.int16(), "number", "vendor"), pa.array(WHOLE, pa.int16()))}
NAMES = {str(kind): pa.array(TEXTS).cast(kind) for kind in LETTERS}
NAMES |= {str(kind): pa.array(BYTES, kind) for kind in BINARY}
NAMES |= {
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "json": stored(pa.json_(), pa.array(TEXTS)),
}
ONLY_NAMES = {
    "uuid": pa.array([value.bytes for value in UUIDS], pa.uuid()),
    "boolean": pa.array([True, False, True, False]),
}
MOMENTS = {str(kind): pa.array(DAYS, kind) for kind in (pa.date32(), pa.date64())} | {
    str(kind): pa.array(NOONS, kind)
    for unit, zone in itertools.product(("s", "ms", "us", "ns"), (None, "UTC", "+05:30", "Asia/Tokyo"))
    for kind in [pa.timestamp(unit, zone)]
}
NEITHER = {str(kind): pa.array(WHOLE, kind) for kind in map(pa.duration, ("s", "ms", "us", "ns"))}
NEITHER |= {
    str(kind): pa.array(WHOLE, width).cast(kind)
    for kind, width in (
        (pa.time32("s"), pa.int32()), (pa.time32("ms"), pa.int32()), (pa.time64("us"), pa.int64()), (pa.time64("ns"), pa.int64()),
    )
}  # fmt: skip
NEITHER |= {
    "fixed bytes": pa.array(BYTES, pa.binary(1)),  # which may be numbers, identifiers or text
    "list": pa.array([[1]] * 4),
    "fixed list": pa.array([[1, 2]] * 4, pa.list_(pa.int8(), 2)),
    "struct": pa.array([{"a": 1}] * 4),
    "map": pa.array([[("k", 1)]] * 4, pa.map_(pa.string(), pa.int8())),
}
EVERY = {**NUMBERS, **NAMES, **ONLY_NAMES, **MOMENTS, **NEITHER, "null": pa.nulls(4)}
BASE = {
    "customer": pa.array(["a", "b", "c", "a"]),
    "order": pa.array(TEXTS),
    "date": pa.array(DAYS),
    "amount": pa.array([float(number) for number in WHOLE]),
    "cost": pa.array([0.5] * 4),
    "quantity": pa.array([1] * 4),
}
FORMULAS = {"amount": ("amount", "quantity * amount", "amount - cost"), "cost": ("cost", "quantity * cost")}
LABELS = ("customer", "order", "product", "store", "status", "currency")


def made(folder: Path, **columns: pa.Array) -> pl.DataFrame:
    return answer(folder, columns, {})


def answer(folder: Path, columns: dict[str, pa.Array], said: dict[str, str], **more: Any) -> pl.DataFrame:
    path = folder / "sales.parquet"
    pq.write_table(pa.table({**BASE, **columns}), path)
    sales = load([str(path)], Options(columns=said, **more), needs=NEEDED, wants=frozenset({"order", "cost"}))
    return customers.build(sales)


def asserted(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same values; decimals may be kept to more places."""
    assert found.to_dict(as_series=False) == expected.to_dict(as_series=False)


@pytest.mark.parametrize("kind", thinned(NUMBERS, 2))
@pytest.mark.parametrize("role", ["amount", pytest.param("cost", marks=pytest.mark.slow)])
def test_numbers_are_the_same_in_every_width(tmp_path: Path, kind: str, role: str) -> None:
    usual = pa.array([float(number) for number in WHOLE])
    for formula in FORMULAS[role]:
        found = answer(tmp_path, {role: NUMBERS[kind]}, {role: formula})
        asserted(found, answer(tmp_path, {role: usual}, {role: formula}))


@pytest.mark.parametrize("kind", thinned([*NUMBERS, *NAMES], 3))
def test_ids_are_the_same_in_every_width(tmp_path: Path, kind: str) -> None:
    values = {**NUMBERS, **NAMES}[kind]
    usual = pa.array(TEXTS)
    for role in ("customer", "order"):
        asserted(made(tmp_path, **{role: values}), made(tmp_path, **{role: usual}))
    kept = answer(tmp_path, {"status": values}, {"status": "status"}, exclude_status=("1",))
    assert kept["customer"].to_list() == ["b", "c"] or "." in str(values[0])


@pytest.mark.parametrize("kind", MOMENTS)
def test_days_are_the_same_in_every_unit(tmp_path: Path, kind: str) -> None:
    asserted(made(tmp_path, date=MOMENTS[kind]), made(tmp_path))


@pytest.mark.parametrize(
    "role",
    ["customer", "date", "amount"]
    + [pytest.param(role, marks=pytest.mark.slow) for role in (*LABELS[1:], "cost")],
)
def test_the_rest_is_refused_in_a_sentence_or_read(tmp_path: Path, role: str) -> None:
    for kind, values in EVERY.items():
        try:
            found = answer(tmp_path, {role: values}, {role: role})
        except DataError as error:
            assert "\n" not in str(error), kind
            continue
        assert kind not in NEITHER, (kind, found)


def test_uuids_are_the_text_that_databases_show(tmp_path: Path) -> None:
    found = made(tmp_path, customer=ONLY_NAMES["uuid"])
    assert found["customer"].to_list() == [str(value) for value in sorted(set(UUIDS))]
    assert made(tmp_path, order=ONLY_NAMES["uuid"])["orders"].to_list() == [1, 1, 1]


@pytest.mark.parametrize(
    "day", [dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(2600, 1, 1), dt.datetime(1600, 1, 1)]
)
def test_int96_does_not_wrap_round(tmp_path: Path, day: dt.datetime) -> None:
    path = tmp_path / "sales.parquet"
    days = pa.array([day, *NOONS[1:]], pa.timestamp("us"))
    pq.write_table(pa.table({**BASE, "date": days}), path, use_deprecated_int96_timestamps=True)
    done = run("check", path, "--format", "json")
    assert (done.facts["rejected"], done.facts["last_date"]) == ({"date out of range": 1}, "2024-01-04")
    assert str(day) in done.err


@pytest.mark.parametrize("kind", INTEGERS, ids=str)
def test_sums_pass_the_width_of_their_column(tmp_path: Path, kind: pa.DataType) -> None:
    most = 2 ** (kind.bit_width - (str(kind)[0] != "u")) - 1
    found = made(tmp_path, amount=pa.array([min(most, 10**14)] * 4, kind))
    assert found["revenue"].to_list()[0] == 2 * min(most, 10**14)


@pytest.mark.slow
@pytest.mark.parametrize("role", [*LABELS, "date", "amount", "cost"])
def test_no_command_stumbles(tmp_path: Path, role: str) -> None:
    path = tmp_path / "sales.parquet"
    more = {"check": [], "pareto": [], "lifecycle": [], "rfm": ["--bins", "2"]}
    more = {
        "product": {"pareto": ["--by", "product"], "check": []},
        "store": {"pareto": ["--by", "store"], "check": []},
        "cost": {"pareto": ["--value", "profit"], "check": []},
    }.get(role, more)  # an option about a column that the others do not look at is refused
    named = [] if role in ("currency", "store") else [f"--{role}", role]
    for (kind, values), command in itertools.product(EVERY.items(), more):
        pq.write_table(pa.table({**BASE, role: values}), path)
        done = run(command, path, *named, *more[command], "--format", "json")
        if done.status:
            refused(done)
        assert "fault of crmkit" not in done.err, (kind, role, command)
