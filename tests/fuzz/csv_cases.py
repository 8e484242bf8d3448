"""CSV files of every kind, made from a number: well written in some style, with odd values, with broken bytes."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

DAYS = {
    "ISO": "%Y-%m-%d", "ISO with a time": "%Y-%m-%d %H:%M:%S", "d/m/y": "%d/%m/%Y", "m/d/y": "%m/%d/%Y", "y/m/d": "%Y/%m/%d",
    "d.m.y": "%d.%m.%Y", "yyyymmdd": "%Y%m%d", "y年m月d日": "%Y年%m月%d日", "d-Mon-y": "%d-%b-%Y",
}  # fmt: skip
AMOUNTS = ("plain", "plain", "plain", "comma", "pounds", "groups", "parentheses", "yen")
NAMES = (
    ("customer", "date", "amount"), ("Customer ID", "InvoiceDate", "Amount"), ("客户编号", "订单日期", "销售额"),
    ("client_id", "order_date", "Sales"), (" CUSTOMER ", "Date", "revenue"), ("user", "timestamp", "total"),
)  # fmt: skip
ENCODINGS = ("utf-8",) * 6 + ("utf-8-sig", "utf-16", "gb18030", "cp1252")
WHO = ("K17", "00123", "123", "a b", "Zoë", "客户甲", "x,y", 'the "best"', "a;b|c", "=1+1", "O'Hara", "k17")
ODD = (
    "", " ", "NULL", "N/A", "nan", "inf", "-inf", "1e308", "1e-9", "-0", "12345.0", "1,234", "1.234", "(5.00)", "£3", "5-", "--5", "0x1F",
    "1_000", "٣", "９", "2024-02-30", "0000-00-00", "31/12/2024", "12/31/2024", "2024-01-05T10:00:00Z", "99999999999999999999", "9999-12-31",
    "1969-12-31", "20240105", "2024", "true", "a\nb", 'q"q', '"', "\t", "\u200b", "\u202eabc", "\x1b[31m", "[red]", "x" * 300, "2024-1-5", "10:00",
)  # fmt: skip
BITS = (b'"', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x1a", b"\\", b" ", b"\x85", b"0", b"9",
        b"-", b".", "é".encode(), "年".encode(), b"\xa3", b"\x1f\x8b", b"PAR1", b"1e999", b"\n\n", b'""', b'","', b"#", b"=", b"\xe2\x80\xa8")  # fmt: skip


@dataclass
class Case:
    """The bytes of a file, the options to read it with, and its rows where nothing was broken."""

    data: bytes
    options: dict[str, Any] = field(default_factory=dict)
    rows: list[tuple[str, date, Decimal]] | None = None


@dataclass
class _Style:
    days: str
    amounts: str
    names: tuple[str, ...]
    encoding: str
    delimiter: str
    ends: str
    quoting: int
    more: list[str]
    order: list[int]


def case(seed: int) -> Case:
    """A third of the files are as they should be in their style, a third hold odd values, a third broken bytes."""
    chance = Random(seed)
    style = _style(chance)
    rows = _rows(
        chance,
        [
            who
            for who in WHO
            if style.encoding != "cp1252" or who.encode("cp1252", "ignore").decode("cp1252") == who
        ],
    )
    table = [[who, _day(day, style, chance), _money(amount, style.amounts)] for who, day, amount in rows]
    if kind := seed % 3:
        _spoil_values(table, chance)
    data = _text(table, style, chance).encode(style.encoding, "replace")
    given = style.encoding if style.encoding in ("gb18030", "cp1252") else None
    options = {"encoding": given} if given and (kind == 0 or chance.random() < 0.7) else {}
    if kind == 2:
        data = spoil_bytes(data, chance)
    if chance.random() < 0.03:
        data = gzip.compress(data, 1, mtime=0)
        data = spoil_bytes(data, chance, most=1) if kind == 2 and chance.random() < 0.5 else data
    return Case(data, options, None if kind or not rows else rows)


def _style(chance: Random) -> _Style:
    more = chance.sample(["note", "color", "备注", "x1"], chance.choice([0, 0, 1, 2, 4]))
    order = list(range(3 + len(more)))
    chance.shuffle(order)
    names = chance.choice(NAMES)
    encoding = chance.choice(ENCODINGS)
    days, amounts = chance.choice(list(DAYS)), chance.choice(AMOUNTS)
    if encoding == "cp1252":
        names, more, days = NAMES[0], [], "ISO"
        order = [0, 1, 2]
    return _Style(
        days=days if chance.random() < 0.6 else "ISO",
        amounts="plain" if encoding == "cp1252" or chance.random() < 0.4 else amounts,
        names=names,
        encoding=encoding,
        delimiter=chance.choice(",,,;\t|"),
        ends=chance.choice(["\n", "\n", "\r\n", "\r"]),
        quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        more=more,
        order=order,
    )


def _rows(chance: Random, who: list[str]) -> list[tuple[str, date, Decimal]]:
    """With a day beyond the 12th and numbers of four digits among them, so that a good style leaves no question."""
    count = chance.choice([0, 1, 2, 3, 8, 20, 20, 40, 40, 40])
    begin = date(2023, 1, 20)
    rows = [
        (
            chance.choice(who),
            begin + timedelta(days=chance.randrange(600)),
            Decimal(chance.randrange(-5000, 500_000)) / 100,
        )
        for _ in range(count)
    ]
    return [("K17", date(2023, 1, 25), Decimal("1234.56")), *rows] if count else []


def _day(day: date, style: _Style, chance: Random) -> str:
    text = day.strftime(DAYS[style.days])
    return text.replace("00:00:00", f"{chance.randrange(24):02}:{chance.randrange(60):02}:07")


def _money(amount: Decimal, how: str) -> str:
    plain = f"{amount:.2f}"
    if how == "comma":
        return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    if how == "pounds":
        return f"£{plain}" if amount >= 0 else f"-£{-amount:.2f}"
    if how == "yen":
        return f"¥{amount:,.2f}" if amount >= 0 else f"-¥{-amount:,.2f}"
    if how == "groups":
        return f"{amount:,.2f}"
    return f"({-amount:.2f})" if how == "parentheses" and amount < 0 else plain


def _text(table: list[list[str]], style: _Style, chance: Random) -> str:
    made = io.StringIO()
    if chance.random() < 0.1:
        made.write(f"Sales report{style.ends}{style.ends}")
    writer = csv.writer(made, delimiter=style.delimiter, lineterminator=style.ends, quoting=style.quoting)
    header = [*style.names, *style.more]
    writer.writerow([header[place] for place in style.order])
    for row in table:
        whole = [*row, *(chance.choice(["", "a", "7", "né"]) for _ in style.more)]
        writer.writerow([whole[place] for place in style.order] if len(row) == 3 else row)
    text = made.getvalue()
    return text[: -len(style.ends)] if chance.random() < 0.2 else text


def _spoil_values(table: list[list[str]], chance: Random) -> None:
    for _ in range(chance.choice([1, 1, 2, 4, 12]) if table else 0):
        row = chance.choice(table)
        place = chance.randrange(len(row))
        value, spot = row[place], chance.randrange(len(row[place]) + 1)
        row[place] = chance.choice(
            [chance.choice(ODD), value[:spot] + chance.choice(ODD) + value[spot:], value[:spot], value + " "]
        )
    if table and chance.random() < 0.1:
        table.append(chance.choice([["TOTAL"], ["x"] * 9, [], [""] * 3]) or [""])


def spoil_bytes(data: bytes, chance: Random, most: int = 6) -> bytes:
    """Flip, cut, double, swap and insert."""
    for _ in range(chance.randint(1, most)):
        data = _spoiled(data, chance)
    return data


def _spoiled(data: bytes, chance: Random) -> bytes:
    at, to = sorted(chance.randrange(len(data) + 1) for _ in "ab")
    bit, before, after = chance.choice(BITS), data[:at], data[at:]
    return chance.choice(
        [
            lambda: before + bit + after,
            lambda: before + bit + after[len(bit) :],
            lambda: before + bytes([after[0] ^ 1 << chance.randrange(8)]) + after[1:] if after else data,
            lambda: before + after[chance.randint(1, 4) :],
            lambda: before + after[:40] + after,
            lambda: before + chance.randbytes(chance.randint(1, 8)) + after,
            lambda: before + after[1:] if chance.random() < 0.7 else data[:to],
            lambda: data.replace(chance.choice(BITS), bit, chance.choice([-1, 1]))[:50_000],
            lambda: data if chance.random() < 0.7 else before + data[to:],
            lambda: before + bit * chance.choice([2, 30, 300]) + after,
        ]
    )()
