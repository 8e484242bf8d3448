"""Whatever the rows and however they are written: the loader and a plain reader agree, and nothing else matters."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.errors import DataError
from crmkit.load import Audit, load
from tests.load import naive

Row = tuple[str, str, str]
HEADER = ("customer", "date", "amount")
WORDS = st.one_of(
    st.sampled_from(
        [
            "C1",
            "C2",
            "c1",
            "00123",
            "123",
            "a b",
            'say "x"',
            "x,y",
            "a;b",
            "t\tt",
            "two\nlines",
            "Zoë",
            "客户",
            "=1+1",
            "NULL",
            "",
            " ",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
)
DAYS = st.one_of(
    st.dates(date(1970, 1, 1), date(2030, 1, 1)).map(str),
    st.sampled_from(
        [
            "",
            "NULL",
            "2024-02-30",
            "0000-00-00",
            "yesterday",
            "1969-12-31",
            "9999-12-31",
            "2024-01-05T23:59",
            "2024-1-5x",
        ]
    ),
)
AMOUNTS = st.one_of(
    st.decimals(-(10**7), 10**7, places=2).map(str),
    st.decimals(-(10**4), 10**4, places=3).map(str),
    st.integers(1000, 10**9).map(str),
    st.sampled_from(
        ["0", "-0.00", "1e3", "", "N/A", "NaN", "inf", "free", "1e20", "12.5.6", "90071992547409.93"]
    ),
)
# Enough rows of the plain kind that the column has one layout and one style beyond doubt.
SURE: list[Row] = [(f"S{place % 4}", f"2024-03-{1 + place:02}", f"{1234 + place}.25") for place in range(28)]
ROWS = st.lists(st.tuples(WORDS, DAYS, AMOUNTS), max_size=12).map(lambda odd: [*SURE, *odd])


def written(
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = HEADER,
    delimiter: str = ",",
    ends: str = "\n",
    quoting: int = csv.QUOTE_MINIMAL,
) -> str:
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator=ends, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(header)
    writer.writerows(rows)
    return made.getvalue()


def told(*files: Path, encoding: str | None = None) -> tuple[Audit, dict[str, Decimal]]:
    """The account of these files, and the revenue of each customer."""
    from crmkit.load import Options

    opened = load([str(file) for file in files], Options(encoding=encoding))
    sums = opened.collect(lambda rows: rows.group_by("customer").agg(pl.col("amount").sum()))
    return opened.audit, {str(name): opened.audit.money(int(minor)) for name, minor in sums.iter_rows()}


def adds_up(audit: Audit) -> None:
    assert audit.rows_read == audit.rows_used + sum(audit.rejected.values()) + sum(audit.skipped.values())


def agree(audit: Audit, customers: dict[str, Decimal], plain: naive.Told) -> None:
    adds_up(audit)
    assert audit.rows_read == plain.read
    assert audit.rejected == dict(plain.rejected)
    assert audit.money(audit.revenue) == plain.revenue
    assert audit.money(audit.revenue_without_customer) == plain.without_customer
    assert audit.money(audit.revenue_set_aside) == plain.set_aside
    assert customers == dict(plain.customers)
    assert (audit.first_date, audit.last_date) == (min(plain.days), max(plain.days))


def look(
    rows: Sequence[Row], *, name: str = "sales.csv", content: bytes | None = None, encoding: str | None = None
) -> tuple[Audit, dict[str, Decimal]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(written(rows).encode() if content is None else content)
        return told(path, encoding=encoding)


def same(one: tuple[Audit, dict[str, Decimal]], other: tuple[Audit, dict[str, Decimal]]) -> None:
    assert one[1] == other[1]
    assert one[0].facts() == other[0].facts()


@given(ROWS)
def test_the_plain_reader_agrees(rows: list[Row]) -> None:
    agree(*look(rows), naive.read(written(rows)))


@pytest.mark.slow
@settings(max_examples=800)
@given(ROWS)
def test_the_plain_reader_agrees_at_length(rows: list[Row]) -> None:
    agree(*look(rows), naive.read(written(rows)))


@given(
    ROWS,
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom", "utf-32"]),
)
def test_dialects_and_encodings_change_nothing(
    rows: list[Row], delimiter: str, ends: str, quoting: int, encoding: str
) -> None:
    text = written(rows, delimiter=delimiter, ends=ends, quoting=quoting)
    content = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)
    same(look(rows, content=content), look(rows))


@given(ROWS, st.sampled_from(["gb18030", "utf-16-le", "utf-7"]))
def test_a_given_encoding_changes_nothing(rows: list[Row], encoding: str) -> None:
    same(look(rows, content=written(rows).encode(encoding), encoding=encoding), look(rows))


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_changes_nothing(rows: list[Row], chance: random.Random) -> None:
    shuffled = chance.sample(rows, len(rows))
    order = chance.sample(range(4), 4)
    wide = [tuple((*row, "x")[place] for place in order) for row in shuffled]
    header = [(*HEADER, "note")[place] for place in order]
    same(look(rows, content=written(wide, header=header).encode()), look(rows))


@given(ROWS, st.lists(st.integers(0, 40), max_size=4))
def test_splitting_into_files_changes_nothing(rows: list[Row], cuts: list[int]) -> None:
    borders = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    with tempfile.TemporaryDirectory() as folder:
        for place, (start, end) in enumerate(pairwise(borders)):
            (Path(folder) / f"{place}.csv").write_bytes(written(rows[start:end]).encode())
        same(told(Path(folder)), look(rows))


@pytest.mark.slow
@given(ROWS)
def test_containers_change_nothing(rows: list[Row]) -> None:
    text = written(rows).encode()
    same(look(rows, content=gzip.compress(text)), look(rows))
    same(look(rows, content=pa.Codec("zstd").compress(text, asbytes=True)), look(rows))
    columns = {name: pa.array([row[place] for row in rows]) for place, name in enumerate(HEADER)}
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made, row_group_size=7)
    same(look(rows, content=made.getvalue()), look(rows))


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"),
            st.dates(date(2000, 1, 1), date(2025, 1, 1)),
            st.decimals(-(10**9), 10**9, places=2),
        ),
        min_size=1,
    )
)
def test_typed_columns_change_nothing(rows: list[tuple[str, date, Decimal]]) -> None:
    as_text = [(name, str(day), str(amount)) for name, day, amount in rows]
    content = {
        "customer": pa.array([row[0] for row in rows]).dictionary_encode(),
        "date": pa.array([row[1] for row in rows]),
        "amount": pa.array([row[2] for row in rows], pa.decimal128(20, 2)),
    }
    for amount in (content["amount"], content["amount"].cast(pa.float64())):
        made = io.BytesIO()
        pq.write_table(pa.table(content | {"amount": amount}), made)
        same(
            look([], content=made.getvalue()),
            look([*as_text]) if _is_sure(as_text) else look([], content=made.getvalue()),
        )


def _is_sure(rows: Sequence[Row]) -> bool:
    """Whether the text of the amounts has one reading (12.50 has; a column of 1.000 alone would not)."""
    return all(amount[-3:-2] == "." for _, _, amount in rows)


@given(
    st.lists(
        st.sampled_from(
            [
                "A,2024-01-01,1.50",
                "B,2024-01-02",
                ",2024-01-01,2.25",
                "C,x,3.00",
                "D,2024-01-01,y",
                "E,2024-01-01,1,50",
                "",
                "  ",
                '"F\n",2024-01-01,4.00',
                "G,1900-01-01,5.00",
            ]
        ),
        max_size=40,
    )
)
def test_rows_set_aside_add_up_by_reason(lines: list[str]) -> None:
    text = "\n".join(["customer,date,amount", *["S,2024-03-01,1234.25"] * 20, *lines]) + "\n"
    agree(*look([], content=text.encode()), naive.read(text))


@given(st.binary(max_size=400))
def test_any_bytes_end_in_numbers_or_a_sentence(content: bytes) -> None:
    for start in (
        b"",
        b"customer,date,amount\n",
        b"customer,date,amount\na,2024-01-01,1.00\n",
        b"PAR1",
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe",
        b"\x28\xb5\x2f\xfd",
    ):
        try:
            adds_up(look([], content=start + content)[0])
        except DataError as refusal:
            assert "sales.csv" in str(refusal)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_cut_file_is_noticed(cut: int, byte: int) -> None:
    text = written(SURE)
    content = text.encode()[: cut % len(text)]
    try:
        audit, _ = look([], content=content)
    except DataError:
        return
    whole = content.endswith(b"\n") or not content
    assert whole or any("no newline" in note for note in audit.notes)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 90), st.decimals("-99", "99", places=2)),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 90),
    st.integers(0, 90),
)
def test_skipped_days_reconcile(rows: list[tuple[int, int, Decimal]], one: int, other: int) -> None:
    from crmkit.load import Options

    start = date(2024, 1, 1)
    since, as_of = (start + timedelta(days=number) for number in sorted((one, other)))
    text = written(
        [(f"C{name}", str(start + timedelta(days=day)), f"{amount}") for name, day, amount in rows]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        path.write_text(text)
        opened = load(str(path), Options(since=since, as_of=as_of, decimal="."))
        inside = [amount for _, day, amount in rows if since <= start + timedelta(days=day) <= as_of]
        if not inside:
            with pytest.raises(DataError, match="no row can be used"):
                opened.scan()
            return
        opened.scan()
    audit: Any = opened.audit
    adds_up(audit)
    assert audit.money(audit.revenue) == sum(inside)
    assert audit.money(audit.revenue + audit.revenue_skipped) == sum(amount for _, _, amount in rows)
