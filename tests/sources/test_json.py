"""JSON: a line for each object, arrays, nested objects; numbers as they are written."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crmkit.errors import DataError
from crmkit.sources import json_rows
from tests.load.running import refused, run
from tests.load.sales import account
from tests.sources.places import answers, csv_file, ndjson


@pytest.mark.parametrize(
    "name", ["sales.ndjson", "sales.json", "wrapped.json", "pretty.json", "sales.ndjson.gz", "bom.json"]
)
def test_same_bytes_as_from_csv(tmp_path: Path, name: str) -> None:
    lines = ndjson()
    content = {
        "sales.json": "[" + ",\n".join(lines.splitlines()) + "]",
        "wrapped.json": '{"count": 30, "orders": [' + ", ".join(lines.splitlines()) + "]}",
        "pretty.json": "[\n  "
        + ",\n  ".join([line.replace(", ", ",\n    ") for line in lines.splitlines()])
        + "\n]\n",
        "bom.json": "\ufeff[" + ",".join(lines.splitlines()) + "]",
    }.get(name, lines)
    data = content.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert answers(tmp_path / name) == answers(csv_file(tmp_path))


def test_a_pipe_and_a_folder(tmp_path: Path) -> None:
    half = len(ndjson().splitlines()) // 2
    lines = ndjson().splitlines(keepends=True)
    (tmp_path / "1.ndjson").write_text("".join(lines[:half]))
    (tmp_path / "2.ndjson").write_text("".join(lines[half:]))
    assert run("check", tmp_path, "--format", "json").account == account()
    assert run("check", "-", "--format", "json", stdin=ndjson().encode()).account == account()


def test_digits_are_kept(tmp_path: Path) -> None:
    rows = [("a", "123456789012345.89"), ("b", "1.10"), ("c", "-2.5e2"), ("d", "0.1")]
    lines = "".join(
        f'{{"customer": "{who}", "date": "2024-01-0{i}", "amount": {money}}}\n'
        for i, (who, money) in enumerate(rows, 1)
    )
    (tmp_path / "sales.ndjson").write_text(lines)
    done = run("customers", tmp_path / "sales.ndjson", "--table", "customers", "--format", "csv")
    for shown in ("123456789012345.89", "1.10", "-250.00", "0.10"):
        assert shown in done.out, (shown, done.out)


def test_three_decimals_are_no_thousands(tmp_path: Path) -> None:
    rows = "".join(f'{{"customer": "c{i}", "date": "2024-01-02", "amount": {i}.125}}\n' for i in range(1, 9))
    (tmp_path / "sales.ndjson").write_text(rows)
    assert run("check", tmp_path / "sales.ndjson", "--format", "json").facts["revenue"] == 37.0


def test_nested_objects_and_keys_that_come_and_go(tmp_path: Path) -> None:
    rows = [
        {"customer": {"id": "A1"}, "date": "2024-01-02", "amount": 5, "tags": ["x", "y"]},
        {"date": "2024-01-03", "amount": 7, "customer": {"id": "A2", "vip": True}},
    ]
    (tmp_path / "sales.json").write_text(json.dumps(rows))
    done = run("check", tmp_path / "sales.json", "--customer", "customer.id", "--format", "json")
    assert (done.facts["rows_used"], done.facts["revenue"]) == (2, 12.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ndjson()[:-20], ["ends in the middle of a record after 29 records"]),
        (ndjson().replace('"B-905"', "B-905"), ["after 5 records", "B-905"]),
        ("[" + ndjson().replace("}\n", "},\n"), ["ends in the middle"]),
        ('[{"customer": "A"}, 5]', ["record 2", "must be an object"]),
        ("[{}]", ["no objects with values"]),
        ("[]", ["no objects with values"]),
        ('{"customer": "\\ud800", "date": "2024-01-01", "amount": 1}', ["half a character"]),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said(tmp_path: Path, content: str, words: list[str]) -> None:
    (tmp_path / "sales.json").write_text(content)
    refused(run("check", tmp_path / "sales.json"), "sales.json", *words)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "sales.json").write_bytes(ndjson().replace("K17", "Müller").encode("cp1252"))
    refused(run("check", tmp_path / "sales.json"), "0xFC is not valid UTF-8")


@given(some.lists(some.dictionaries(some.text(), some.integers() | some.text() | some.none() | some.decimals(allow_nan=False, allow_infinity=False, places=4)), min_size=1), some.integers(1, 40), some.booleans())  # fmt: skip
def test_values_wherever_chunks_end(rows: list[dict[str, object]], size: int, array: bool) -> None:
    lines = [_written(row) for row in rows]
    text = "[" + ",".join(lines) + "]" if array else "\n".join(lines)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if not keys:
        return

    class Slow(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            return super().read(size)

    try:
        found = json_rows.columns(Slow(text.encode("utf-8", "surrogatepass")), "x")
    except DataError as error:
        assert "UTF-8" in str(error) or "half a character" in str(error)
        return
    batches = list(found.batches(keys, 10))
    for key in keys:
        read = [value for batch in batches for value in batch.column(key).to_pylist()]
        assert read == [
            None
            if row.get(key) is None
            else str(row[key])
            if not isinstance(row[key], Decimal)
            else f"{row[key]:f}"
            for row in rows
        ]


def _written(row: dict[str, object]) -> str:
    return (
        "{"
        + ",".join(
            f"{json.dumps(k)}:{v:f}" if isinstance(v, Decimal) else f"{json.dumps(k)}:{json.dumps(v)}"
            for k, v in row.items()
        )
        + "}"
    )
