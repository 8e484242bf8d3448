"""CSV, TSV, JSON, NDJSON, Parquet and Markdown are faithful and the same every time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.output import formats
from crmkit.output.formats import FileLayout
from crmkit.result import Result

MONEY = pl.Decimal(38, 2)
HOSTILE = '\x1b[31m\u202e"q", |*_`<b>\\\t\r\n\x7f\x85\'=王'
FRAME = pl.DataFrame(
    {
        "customer": ["007", "a,b", 'say "x"', "two\nlines", "", None, "王小明"],
        "last": [date(2024, 2, 29)] * 6 + [None],
        "revenue": pl.Series(
            [
                *map(Decimal, ("1234.5", "-0.05", "0", "12345678901234567.89", "9999999999999.99", "1e13")),
                None,
            ],
            dtype=MONEY,
        ),
        "share": [0.1, 1e-7, float("nan"), float("inf"), 1e22, 1 / 3, None],
        "orders": [1, -2, 3, 2**53 + 1, 5, 6, None],
        "lapsed": [True, False, None, True, True, True, True],
    }
)


def one(frame: pl.DataFrame, **facts: Any) -> Result:
    return Result(command="rfm", tables={"customers": frame}, facts=facts)


def written(result: Result, form: str, packing: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    formats.write(result, stream, FileLayout(form, packing), **options)
    return stream.getvalue()


class TestLayout:
    @pytest.mark.parametrize(
        ("name", "layout"),
        [
            ("a.csv", FileLayout("csv")),
            ("a/b.c.TSV", FileLayout("tsv")),
            ("a.csv.gz", FileLayout("csv", "gzip")),
            ("a.json.zst", FileLayout("json", "zstd")),
            ("a.jsonl", FileLayout("ndjson")),
            ("a.md.GZ", FileLayout("markdown", "gzip")),
            ("a.parquet", FileLayout("parquet")),
        ],
    )
    def test_follows_from_the_extension(self, name: str, layout: FileLayout) -> None:
        assert formats.layout(name) == layout


class TestCsv:
    def test_to_the_byte(self) -> None:
        assert written(one(FRAME), "csv").decode() == (
            "customer,last,revenue,share,orders,lapsed\n"
            "007,2024-02-29,1234.50,0.1,1,true\n"
            '"a,b",2024-02-29,-0.05,1e-7,-2,false\n'
            '"say ""x""",2024-02-29,0.00,,3,\n'
            '"two\nlines",2024-02-29,12345678901234567.89,,9007199254740993,true\n'
            '"",2024-02-29,9999999999999.99,1e+22,5,true\n'
            ",2024-02-29,10000000000000.00,0.3333333333333333,6,true\n"
            "王小明,,,,,true\n"
        )

    @given(st.lists(st.tuples(st.text(), st.text(min_size=1)), min_size=1))
    def test_any_text_comes_back_from_another_reader(self, rows: list[tuple[str, str]]) -> None:
        rows = [(a.replace("\0", ""), b.replace("\0", "0")) for a, b in rows]  # Python's reader stops at NUL
        frame = pl.DataFrame(rows, schema=["a", "b"], orient="row")
        for form, sign in (("csv", ","), ("tsv", "\t")):
            text = written(one(frame), form).decode()
            assert list(csv.reader(io.StringIO(text, newline=""), delimiter=sign))[1:] == [[*r] for r in rows]

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    def test_floats_come_back_to_the_last_bit(self, values: list[float]) -> None:
        lines = written(one(pl.DataFrame({"share": values})), "csv").decode().split()
        assert [float(line) for line in lines[1:]] == values

    def test_headers_are_faithful_too(self) -> None:
        assert written(one(pl.DataFrame({HOSTILE: [1]})), "csv").decode() == (
            '"' + HOSTILE.replace('"', '""') + '"\n1\n'
        )

    def test_only_the_first_of_several_tables_is_written(self) -> None:
        result = Result(command="x", tables={"a": pl.DataFrame({"a": [1]}), "b": pl.DataFrame({"b": [2]})})
        assert written(result, "csv") == b"a\n1\n"


class TestExcelSafe:
    CELLS = ("=1+1", "+49 30", "-5", "@x", "\tx", "\rx", "x=1", "'=x", "", None)

    def test_formulas_are_disarmed_and_nothing_else_is_touched(self) -> None:
        frame = pl.DataFrame(
            {
                "customer": self.CELLS,
                "@segment": pl.Series(self.CELLS, dtype=pl.Categorical),
                "orders": range(-9, 1),
            }
        )
        text = written(one(frame), "csv", excel_safe=True).decode()
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == ["customer", "'@segment", "orders"]
        expected = ["'=1+1", "'+49 30", "'-5", "'@x", "'\tx", "'\rx", "x=1", "'=x", "", ""]
        assert [row[0] for row in rows] == expected == [row[1] for row in rows]
        assert [int(row[2]) for row in rows] == list(range(-9, 1))

    def test_it_is_not_done_unasked_nor_to_json(self) -> None:
        frame = pl.DataFrame({"customer": ["=1+1"]})
        assert written(one(frame), "csv") == b"customer\n=1+1\n"
        assert b'"=1+1"' in written(one(frame), "json", excel_safe=True)

    def test_formulas_are_counted(self) -> None:
        assert formats.formulas(pl.DataFrame({"a": self.CELLS, "b": range(-9, 1)})) == 6
        assert formats.formulas(pl.DataFrame({"b": [-1]})) == 0
        assert formats.formulas(pl.DataFrame({"a": []}, schema={"a": pl.String})) == 0


class TestJson:
    def test_one_object_with_a_row_on_each_line(self) -> None:
        result = Result(
            command="rfm",
            tables={
                "segments": pl.DataFrame(
                    {"segment": ["a"], "revenue": pl.Series([Decimal("0.10")], dtype=MONEY)}
                ),
                "empty": pl.DataFrame({"x": []}, schema={"x": pl.Int64}),
            },
            facts={"as_of": date(2024, 1, 2), "revenue": Decimal("12.50"), "cuts": {"r": [1, None]}},
        )
        assert written(result, "json").decode() == (
            "{\n"
            '"schema": 1,\n'
            '"command": "rfm",\n'
            '"facts": {"as_of": "2024-01-02", "revenue": 12.5, "cuts": {"r": [1, null]}},\n'
            '"tables": {\n'
            '"segments": [\n'
            '{"segment": "a", "revenue": 0.10}\n'
            "],\n"
            '"empty": [\n'
            "]\n"
            "}\n"
            "}\n"
        )

    def test_values_keep_type_and_digits(self) -> None:
        rows = json.loads(written(one(FRAME), "json"), parse_float=str)["tables"]["customers"]
        assert [row["customer"] for row in rows] == FRAME["customer"].to_list()
        assert [row["last"] for row in rows] == ["2024-02-29"] * 6 + [None]
        assert [row["share"] for row in rows] == [
            "0.1",
            "1e-7",
            None,
            None,
            "1e+22",
            "0.3333333333333333",
            None,
        ]
        assert [row["orders"] for row in rows] == FRAME["orders"].to_list()
        assert [row["lapsed"] for row in rows] == FRAME["lapsed"].to_list()

    def test_money_is_a_number_where_a_double_keeps_it_and_else_text(self) -> None:
        rows = json.loads(written(one(FRAME), "json"))["tables"]["customers"]
        assert [row["revenue"] for row in rows] == [
            1234.5,
            -0.05,
            0,
            "12345678901234567.89",
            9999999999999.99,
            "10000000000000.00",
            None,
        ]

    @given(st.integers(-(10**17), 10**17), st.integers(0, 20))
    def test_no_digit_of_money_is_lost(self, minor: int, scale: int) -> None:
        exact = Decimal(minor).scaleb(-scale)
        frame = pl.DataFrame({"revenue": pl.Series([exact], dtype=pl.Decimal(38, scale))})
        (row,) = json.loads(written(one(frame), "json"))["tables"]["customers"]
        value = row["revenue"]
        assert (Decimal(value) if isinstance(value, str) else Decimal(repr(value))) == exact
        assert isinstance(value, str) == (abs(minor) >= 10**15)
        fact = formats.plain_value(exact)
        assert (Decimal(fact) if isinstance(fact, str) else Decimal(repr(fact))) == exact

    @given(st.text(), st.text())
    def test_any_text_comes_back(self, name: str, value: str) -> None:
        frame = pl.DataFrame({name: [value, None]})
        result = Result(command="x", tables={name: frame}, facts={name: value})
        read = json.loads(written(result, "json"))
        assert read["tables"] == {name: [{name: value}, {name: None}]}
        assert read["facts"] == {name: value}
        lines = written(result, "ndjson").decode().split("\n")
        assert [json.loads(line) for line in lines[:-1]] == [{name: value}, {name: None}]

    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            (math.nan, None),
            (-math.inf, None),
            ((1, "a"), [1, "a"]),
            ({date(2024, 1, 1): {1: True}}, {"2024-01-01": {"1": True}}),
            (datetime(2024, 1, 1, 2), "2024-01-01T02:00:00"),
            (pl.Series([1.5]).to_numpy()[0], 1.5),
            (pl.Series([3]).to_numpy()[0], 3),
            (Path("x"), "x"),
        ],
    )
    def test_facts_become_plain_values(self, value: object, plain: object) -> None:
        assert formats.plain_value(value) == plain

    def test_many_rows_are_written_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        frame = pl.DataFrame({"orders": range(10)})
        whole = [written(one(frame), form) for form in ("json", "ndjson", "markdown")]
        for size in (1, 3, 5, 10, 11):
            monkeypatch.setattr(formats, "_TEXT_ROWS", size)
            assert [written(one(frame), form) for form in ("json", "ndjson", "markdown")] == whole


class TestParquet:
    def test_a_round_trip(self) -> None:
        read = pl.read_parquet(written(one(FRAME), "parquet"))
        assert read.schema == FRAME.schema
        assert read.equals(FRAME)

    def test_a_flipped_bit_is_noticed(self) -> None:
        data = bytearray(written(one(pl.DataFrame({"orders": range(10_000)})), "parquet"))
        data[len(data) // 2] ^= 1
        with pytest.raises(OSError, match=r"CRC|checksum"):
            pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True).read()

    def test_an_empty_table_keeps_its_columns(self) -> None:
        assert pl.read_parquet(written(one(FRAME.clear()), "parquet")).schema == FRAME.schema

    def test_row_groups_are_written_one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(formats, "_ROWS_PER_GROUP", 3)
        data = written(one(FRAME), "parquet")
        assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == 3
        assert pl.read_parquet(data).equals(FRAME)

    def test_numbers_too_wide_for_parquet_keep_their_value(self) -> None:
        frame = pl.DataFrame({"orders": pl.Series([2**100], dtype=pl.Int128)})
        assert pl.read_parquet(written(one(frame), "parquet"))["orders"][0] == 2**100


class TestMarkdown:
    def test_reads_as_on_the_terminal_and_marks_nothing_up(self) -> None:
        frame = pl.DataFrame({"segment": ["a|b *c* [d](e)", "<b>&", HOSTILE], "share": [0.5, None, 0.125]})
        assert written(one(frame), "markdown").decode() == (
            "| segment | share |\n"
            "| --- | ---: |\n"
            "| a\\|b \\*c\\* \\[d\\](e) | 50.0% |\n"
            "| &lt;b&gt;&amp; |  |\n"
            '| \\\\x1b\\[31m\\\\u202e"q", \\|\\*\\_\\`&lt;b&gt;\\\\\\\\x09\\\\x0d\\\\x0a\\\\x7f\\\\x85\'=王 | 12.5% |\n'
        )

    def test_several_tables_have_titles(self) -> None:
        frame = pl.DataFrame({"a": [1]})
        result = Result(command="x", tables={"one": frame, "two_": frame}, titles={"one": "#1"})
        table = "| a |\n| ---: |\n| 1 |\n"
        assert written(result, "markdown").decode() == f"### \\#1\n\n{table}\n### two\\_\n\n{table}"


def unzstd(data: bytes) -> bytes:
    return bytes(pa.input_stream(io.BytesIO(data), compression="zstd").read())


class TestPacking:
    @pytest.mark.parametrize("form", ["csv", "tsv", "json", "ndjson", "markdown"])
    @pytest.mark.parametrize(("packing", "unpack"), [("gzip", gzip.decompress), ("zstd", unzstd)])
    def test_the_contents_are_the_same(
        self, form: str, packing: str, unpack: Callable[[bytes], bytes]
    ) -> None:
        assert unpack(written(one(FRAME), form, packing)) == written(one(FRAME), form)

    def test_gzip_names_neither_time_nor_file(self) -> None:
        assert written(one(FRAME), "csv", "gzip")[3:8] == b"\0" * 5


DIGEST = """
import hashlib, io, polars as pl
from crmkit.output import formats
from crmkit.result import Result
number = pl.int_range(120_000, eager=True)
frame = pl.DataFrame({"customer": number.cast(pl.String), "share": number / 7, "orders": number % 9})
result = Result(command="x", tables={"t": frame}, facts={"a": 1.5})
digest = hashlib.sha256()
for form in ("csv", "json", "ndjson", "parquet", "markdown"):
    for packing in (None, "gzip", "zstd"):
        stream = io.BytesIO()
        formats.write(result, stream, formats.FileLayout(form, packing))
        digest.update(stream.getvalue())
print(digest.hexdigest())
"""


def test_bytes_depend_on_neither_threads_nor_hash_seed_nor_time_zone() -> None:
    digests = set()
    for threads, seed, zone in (
        ("1", "0", "UTC"),
        ("2", "1", "Asia/Shanghai"),
        ("8", "2", "America/New_York"),
    ):
        environment = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "POLARS_MAX_THREADS": threads,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": "C",
        }
        run = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True)
        digests.add(run.stdout)
    assert len(digests) == 1
