"""How a CSV file is written: encodings, delimiters, line ends, quotes and what stands around the rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from crmkit.load.csv import dialect as sniffing
from tests.load.running import check, refused, run
from tests.load.sales import HEADER, SALES, account, put, text, with_lines, without

CHINESE = ("客户编号", "订单号", "订单日期", "金额")
NAMED = (*HEADER, "name")
WESTERN = text(header=NAMED, more=lambda place: [["Zoë", "José", "Müller"][place % 3]])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + text().encode(),
        b"\xef\xbb\xbf" + text(quoting=csv.QUOTE_ALL).encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + text().encode(),
        b"\xef\xbb\xbfsep=;\n" + text(delimiter=";").encode(),
        b"\xff\xfe" + text().encode("utf-16-le"),
        b"\xfe\xff" + text().encode("utf-16-be"),
        b"\xff\xfe" + text(delimiter="\t", ends="\r\n").encode("utf-16-le"),
        b"\xff\xfe\x00\x00" + text().encode("utf-32-le"),
        b"\x00\x00\xfe\xff" + text().encode("utf-32-be"),
        text(header=CHINESE).encode(),
        text(header=NAMED, more=lambda place: ["Ã©t\u0301 👩‍👩‍👧"]).encode(),
    ],
)
def test_encodings_that_the_file_tells(tmp_path: Path, content: bytes) -> None:
    assert check(put(tmp_path / "sales.csv", content)).account == account()


@pytest.mark.parametrize(
    ("encoding", "option"),
    [
        ("gb18030", "gb18030"),
        ("gbk", "GBK"),
        ("cp932", "cp932"),
        ("shift_jis", "shift_jis"),
        ("big5", "big5"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
        ("utf-32-be", "utf-32"),
        ("utf-7", "utf-7"),
        ("cp500", "cp500"),
    ],
)
def test_encodings_that_the_user_tells(tmp_path: Path, encoding: str, option: str) -> None:
    content = text(header=NAMED, more=lambda place: ["東京"] if encoding != "cp500" else ["x"]).encode(
        encoding
    )
    assert check(put(tmp_path / "sales.csv", content), "--encoding", option).account == account()


def test_latin_letters_in_ids_arrive_as_they_are(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text(customer=lambda name: name + "ë").encode("cp1252"))
    done = run("customers", path, "--encoding", "cp1252", "--table", "customers", "--format", "csv")
    assert "K17ë," in done.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WESTERN.encode("latin-1"), ["line 2", "not valid UTF-8", "--encoding cp1252"]),
        (text(header=CHINESE).encode("gbk"), ["line 1", "--encoding gb18030"]),
        (text(header=NAMED, more=lambda place: ["张三李四"]).encode("gbk"), ["line 2", "--encoding gb18030"]),
        (text().encode("utf-16-le"), ["UTF-16", "--encoding utf-16-le"]),
        (text().encode("utf-16-be"), ["UTF-16", "--encoding utf-16-be"]),
        (text(header=CHINESE).encode("utf-16-le"), ["UTF-16", "--encoding utf-16-le"]),
        (text().encode("utf-32-le"), ["UTF-32", "--encoding utf-32-le"]),
        (b"\xff\xfe" + text().encode("utf-16-le")[:-1], ["ends in the middle of a UTF-16 character"]),
        (text().encode() + "é".encode()[:1], ["ends in the middle of a UTF-8 character"]),
        (
            with_lines(row3="K\ud8001,B,2023-05-05,1.00").encode("utf-8", "surrogatepass"),
            ["byte 0xED on line 5"],
        ),
        (text().encode() + b"K\xc0\xaf,B,2023-05-05,1.00\n", ["byte 0xC0 on line 32"]),
        (bytes(range(256)) * 20, ["binary"]),
        (b"\x00" * 4000, ["NUL", "binary"]),
        (b"\x89\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\n" * 50, ["binary"]),
    ],
)
def test_text_in_no_known_encoding(tmp_path: Path, content: bytes, words: list[str]) -> None:
    refused(check(put(tmp_path / "sales.csv", content)), "sales.csv", *words)


def test_a_bad_byte_far_behind_is_named_by_its_line(tmp_path: Path) -> None:
    many = "".join(f"K1,B{place},2023-05-05,1.00,abc\n" for place in range(60_000))
    content = (
        text(header=NAMED, more=lambda place: ["x"]) + many
    ).encode() + "K1,B,2023-05-05,1.00,Zoë\n".encode("latin-1")
    refused(check(put(tmp_path / "sales.csv", content)), "line 60032", "--encoding")


@pytest.mark.parametrize(
    "word",
    [
        "utf-9",
        "hex",
        "rot13",
        "zlib",
        "base64",
        "idna",
        "punycode",
        "unicode_escape",
        "undefined",
        "a\0b",
        "",
    ],
)
def test_encodings_that_are_none(tmp_path: Path, word: str) -> None:
    done = run("check", put(tmp_path / "sales.csv", text()), "--encoding", word)
    assert (done.status, done.out) == (2, "")
    assert "--encoding" in done.err


def test_the_byte_order_mark_contradicts_the_user(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", b"\xef\xbb\xbf" + text().encode())
    refused(check(path, "--encoding", "latin-1"), "byte order mark of UTF-8", "leave --encoding away")
    assert check(path, "--encoding", "utf8").account == account()
    assert check(path, "--encoding", "ascii").account == account()


@pytest.mark.parametrize(
    "content",
    [
        text(delimiter=";"),
        text(delimiter="\t"),
        text(delimiter="|"),
        text().replace(",", ", "),
        text(quoting=csv.QUOTE_ALL),
        text(ends="\r\n"),
        text(ends="\r"),
        "".join(line + ("\r\n", "\n", "\r")[place % 3] for place, line in enumerate(text().splitlines())),
        "sep=;\r\n" + text(delimiter=";", ends="\r\n"),
        "# exported at night\n#\n" + text(),
        "Sales report\nFrom,2023-01-01\n\nShop;A\n\n" + text(),
        text(header=(*HEADER, "note"), more=lambda place: ["a;b;c;d;e|f|g|h\ti"]),
        text(header=(*HEADER, "note"), more=lambda place: ['5" pipe']),
        text(header=(*HEADER, "note"), more=lambda place: ["two\nlines, and a comma"]),
        text(header=(*HEADER, "note"), more=lambda place: ["a\r\nb" if place % 7 == 0 else ""]),
        text() + "\n\n\n",
        text() + "   \n",
        text() + "\x1a",
        text().replace("\n", "\n\n", 3),
    ],
)
def test_dialects(tmp_path: Path, content: str) -> None:
    assert check(put(tmp_path / "sales.csv", content)).account == account()


@pytest.mark.parametrize(
    ("sign", "word"),
    [("^", "^"), ("~", "~"), ("\x01", "\x01"), ("\t", "tab"), (";", "semicolon"), ("|", "pipe")],
)
def test_delimiters_that_the_user_tells(tmp_path: Path, sign: str, word: str) -> None:
    assert check(put(tmp_path / "sales.csv", text(delimiter=sign)), "--delimiter", word).account == account()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (text(delimiter="^"), ["no delimiter", "--delimiter"]),
        (text(delimiter=" "), ["no delimiter"]),
        (text(ends="\x0b"), ["amount"]),
        (text().replace(",", ";", 3), ["wrong field count", "line 2"]),
        ("\n" * 12 + "".join(f"line {place}\n" for place in range(24)) + text(), ["column"]),
        ("", ["empty"]),
        ("\n\n \n", ["empty"]),
        ("\ufeff", ["empty"]),
        ("customer,date,amount", ["no data rows"]),
        ("customer,date,amount\n", ["no data rows"]),
        ("customer,date,amount\n\n  \n\n", ["no data rows"]),
        ("<!DOCTYPE html>\n<p>Session expired", ["HTML"]),
        ('[{"customer": 1}]', ["no date column", "columns found: customer"]),
        ('{"customer": 1}\n{"customer": 2}\n', ["no date column", "columns found: customer"]),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["Git LFS"]),
        ("x" * (5 << 20), ["first line", "4 MB"]),
        ("customer,date,amount," + ",".join(map(str, range(30_000))) + "\n", ["30,003 columns", "20,000"]),
        (",".join(f"column{place}" for place in range(500_000)) + "\n", ["first line", "20,000 columns"]),
        ("customer,date,amount,note\na,2024-01-01,1.00," + "x" * (9 << 20) + "\n", ["more than 4 MB"]),
    ],
)
def test_what_cannot_be_read_as_rows(tmp_path: Path, content: str, words: list[str]) -> None:
    refused(check(put(tmp_path / "sales.csv", content)), "sales.csv", *words)


def test_a_wide_file_is_read(tmp_path: Path) -> None:
    header = [*HEADER, *(f"u{place}" for place in range(3000))]
    path = put(tmp_path / "sales.csv", text(SALES[:3], header=header, more=lambda place: ["1"] * 3000))
    assert check(path).account == account(SALES[:3])


@pytest.mark.parametrize(
    ("content", "kept", "rejected", "words"),
    [
        (with_lines(row4="K17,B-1"), without(4), 1, ["line 6", "2 fields, 4 expected"]),
        (with_lines(row4="K17,B-1,2023-03-03,12,50"), without(4), 1, ["line 6", "5 fields"]),
        (with_lines(row4="K17;B-1;2023-03-03;12.50"), without(4), 1, ["line 6", "1 fields"]),
        (text() + "TOTAL,,,4711.00\n", SALES, 1, ["line 32", "no date"]),
        (text() + "(30 rows affected)\n", SALES, 1, ["line 32", "wrong field count"]),
        (text(SALES[:9]) + text(SALES[9:]), SALES, 1, ["line 11", "bad date", "'date'"]),
        (text(SALES[:9]) + text(SALES[9:], header=[name.upper() for name in HEADER]), SALES, 1, ["line 11"]),
        (text()[:-9], without(29), 1, ["line 31", "wrong field count", "no newline"]),
        (with_lines(row4="K\x001,B-1,2023-03-03,12.50"), without(4), 1, ["line 6", "bad characters", "NUL"]),
        (text() + "\0" * 512, SALES, 1, ["line 32"]),
        (text() + '"K17,B-1,2023-03-03,12.50\n', SALES, 1, ["line 32"]),
        (with_lines(row4=',"B-1",2023-03-03,12.50'), without(4), 1, ["1 no customer id"]),
        (with_lines(row4=",,,", row5=",,,"), without(4, 5), 2, ["2 no customer id"]),
    ],
)
def test_rows_that_are_set_aside(
    tmp_path: Path, content: str, kept: list[object], rejected: int, words: list[str]
) -> None:
    done = check(put(tmp_path / "sales.csv", content))
    assert done.account == account(kept, rejected)  # type: ignore[arg-type]
    for word in words:
        assert word in done.err, done.err


def test_a_last_line_without_a_newline_may_be_cut(tmp_path: Path) -> None:
    done = check(put(tmp_path / "sales.csv", text()[:-1]))
    assert done.account == account()
    assert "the last line has no newline" in done.err


@pytest.mark.parametrize(
    "content",
    [
        # In the last column, never closed: it swallows the rest of the file.
        text(header=(*HEADER, "note"), more=lambda place: ['"open' if place == 2 else "x"]).replace(
            '"""open"', '"open'
        ),
        # Closed by the next quote, twenty rows on.
        text(header=(*HEADER, "note"), more=lambda place: ["open" if place in (2, 22) else "x"])
        .replace("open", '"open', 1)
        .replace(",open", ',open"'),
        # In the first column, closed in the first column of a later row: the number of fields is right.
        "note,customer,date,amount\n"
        + '"open,a,2024-01-01,1.00\n'
        + "x,b,2024-01-02,2.00\n" * 9
        + 'x",c,2024-01-03,3.00\n',
        # One row swallowed by the opening quote of its own note.
        'customer,date,amount,note\na,2024-01-01,1.00,"open\nb,2024-01-02,2.00,"fine"\nc,2024-01-03,3.00,x\n',
        'note,customer,date,amount\n"open,a,2024-01-01,1.00\nx",c,2024-01-02,2.00\nx,c,2024-01-02,2.00\n',
        # The same in the last row, which no newline ends.
        'note,customer,date,amount\n"open,a,2024-01-01,1.00\nx",c,2024-01-02,2.00',
    ],
)
def test_a_quote_that_swallows_rows_is_refused(tmp_path: Path, content: str) -> None:
    refused(check(put(tmp_path / "sales.csv", content)), "sales.csv", "line ", "quote")


@pytest.mark.parametrize(
    "note",
    [
        "one\ntwo",
        "a, b, c\nd, e, f\ng, h, i",
        "Dear Sir,\nplease send 1, 2, 3, 4\nsincerely,\n\nX",
        "\n",
        "a\n\n\nb",
        'say "x"\nand "y"',
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_notes_over_several_lines_are_no_swallowed_rows(tmp_path: Path, note: str, first: bool) -> None:
    rows = [
        ["customer", "date", "amount"],
        *([f"K{place % 5}", f"2024-01-{1 + place:02d}", "2.50"] for place in range(20)),
    ]
    notes = ["note", *[note] * 20]
    path = tmp_path / "sales.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [note, *row] if first else [*row, note] for row, note in zip(rows, notes, strict=True)
        )
    assert check(path).account[:4] == (20, 0, "50.00", 5)


def test_ids_over_several_lines(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", with_lines(row4='"K\n17",B-1,2023-03-03,12.50'))
    assert check(path).account[:2] == (30, 0)


def test_a_header_over_several_lines(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text().replace("customer,order_id", '"customer\nid",order_id'))
    assert check(path).account == account()


def test_wide_text_is_told_by_its_zero_bytes() -> None:
    assert sniffing._wide("客户编号,订单号,金额\n".encode("utf-16-le")) == "utf-16-le"
    assert sniffing._wide(b"customer,da\0te,amount\n") is None
    assert sniffing._wide(b"") is None


def test_a_line_of_tabs_is_a_row_where_tabs_part_the_fields(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.tsv", text(delimiter="\t") + "\t\n \n")
    assert check(path).account == account(SALES, 1)
    assert check(put(tmp_path / "sales.csv", text() + "\t\n \n")).account == account()


def test_gbk_means_its_superset(tmp_path: Path) -> None:
    """Windows calls GBK what holds characters of four bytes as well."""
    content = text(header=NAMED, more=lambda place: ["㐀𠀀"]).encode("gb18030")
    assert check(put(tmp_path / "sales.csv", content), "--encoding", "gbk").account == account()
