"""What the sample did not show: the answer is the same as if everything had been in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmkit.load import batches, infer
from crmkit.load.csv import careful, dialect
from tests.load.running import Finished, check, run
from tests.load.sales import put
from tests.thinned import thinned

HEAD = "customer;date;amount\n"
ISO = [
    f"{100 + place % 7};2024-{1 + place % 12:02}-{1 + place % 12:02};{place % 9}\n" for place in range(400)
]


def rows(customer: str = "{0}", date: str = "2024-{1:02}-{1:02}", amount: str = "{2}") -> list[str]:
    """400 rows; {0} is a number of a customer, {1} a month up to 12, {2} a small whole number."""
    return [
        ";".join((customer, date, amount)).format(100 + place % 7, 1 + place % 12, 1 + place % 9) + "\n"
        for place in range(400)
    ]


def late(many: list[str], *odd: str) -> str:
    return HEAD + "".join(many) + "".join(line + "\n" for line in odd)


CASES = {
    "a day over twelve settles d/m": late(rows(date="{1:02}/{1:02}/2024"), "100;03/04/2024;1", "100;25/03/2024;2"),
    "a day over twelve settles m/d": late(rows(date="{1:02}/{1:02}/2024"), "100;03/04/2024;1", "100;03/25/2024;2"),
    "d/m and m/d are both proven": late(rows(date="{1:02}/{1:02}/2024"), "100;25/03/2024;1", "100;03/25/2024;2"),
    "the sample is d/m, the rest m/d": late(rows(date="25/{1:02}/2024"), *["100;03/25/2024;2"] * 30),
    "one day for a long time": late(["100;01/01/2024;1\n"] * 400, "100;03/04/2024;1"),
    "one day for a long time, then another over twelve": late(["100;01/01/2024;1\n"] * 400, "100;03/14/2024;1"),
    "nothing settles it": late(rows(date="{1:02}/{1:02}/2024"), "100;03/04/2024;1"),
    "unpadded days": late(rows(), *[f"100;2024-1-{day};1" for day in range(1, 10)]),
    "most days in another layout": late(rows(), *[f"100;{1 + place % 28}.03.2024;1" for place in range(900)]),
    "some days in another layout": late(rows(), *[f"100;{1 + place % 28}.03.2024;1" for place in range(90)]),
    "few days in another layout": late(rows(), "100;28.03.2024;1"),
    "moments with an offset": late(rows(), *["100;2024-03-28T10:00:00Z;1"] * 900),
    "days that are none": late(rows(), "100;2024-02-30;1", "100;yesterday;1", "100;;1"),
    "epoch": late(rows(date="170000{1:02}00"), "100;1700001300000;1"),
    "decimals": late(rows(), "100;2024-01-01;0.125"),
    "six decimals": late(rows(), "100;2024-01-01;0.125001"),
    "seven decimals": late(rows(), "100;2024-01-01;0.1250017"),
    "a decimal comma": late(rows(), "100;2024-01-01;12,5"),
    "a decimal comma after points": late(rows(amount="{2}.5"), "100;2024-01-01;12,5"),
    "many decimal commas after points": late(rows(amount="{2}.5"), *[f"100;2024-01-01;{place},5" for place in range(900)]),
    "thousands": late(rows(amount="{2}.5"), "100;2024-01-01;1,234.5"),
    "thousands that could be decimals": late(rows(), "100;2024-01-01;1,234"),
    "thousands that are settled late": late(rows(amount="{2},234"), "100;2024-01-01;1,234,567"),
    "decimals that are settled late": late(rows(amount="{2},234"), "100;2024-01-01;12,5"),
    "points that could be thousands": late(rows(), "100;2024-01-01;1.234"),
    "points that could be thousands of pounds": late(rows(amount="£{2}"), "100;2024-01-01;£1.234"),
    "points that are settled late": late(rows(amount="{2}.234"), "100;2024-01-01;1234.5"),
    "points that are never settled": late(rows(amount="{2}.234"), "100;2024-01-01;999"),
    "a currency": late(rows(), "100;2024-01-01;£5.50"),
    "the same currency": late(rows(amount="£{2}"), "100;2024-01-01;5.50 GBP"),
    "another currency": late(rows(amount="£{2}"), "100;2024-01-01;€5.50"),
    "yuan by its other sign": late(rows(amount="¥{2}"), "100;2024-01-01;5.50元"),
    "a percent": late(rows(), "100;2024-01-01;5%"),
    "words": late(rows(), "100;2024-01-01;free", "100;2024-01-01;NaN", "100;2024-01-01;"),
    "a refund in parentheses": late(rows(), "100;2024-01-01;(5.50)"),
    "an exponent": late(rows(), "100;2024-01-01;5.5e2"),
    "blank space around an amount": late(rows(), "100;2024-01-01; 5.5 "),
    "a sum beyond 64 bits": late(rows(), *["100;2024-01-01;900000000000000.25"] * 200),
    "a large amount that is exact": late(rows(), "100;2024-01-01;90071992547409.93"),
    "a large amount with three decimals": late(rows(), "100;2024-01-01;9007199254740.993"),
    "an id like 100.0": late(rows(), "100.0;2024-01-01;1"),
    "an id like 100.00 with a blank": late(rows(), "100.00 ;2024-01-01;1"),
    "an id like 100.0 among words": late(rows(), "100.0;2024-01-01;1", "W-7;2024-01-01;1"),
    "ids like 100.0 and then a word": late(rows(customer="{0}.0"), "W-7;2024-01-01;1"),
    "ids like 100.0 and then a version": late(rows(customer="{0}.0"), "1.0.0;2024-01-01;1"),
    "ids like 100.0 and then a gap": late(rows(customer="{0}.0"), ";2024-01-01;1", "nan;2024-01-01;1"),
    "ids like 100.0 and then 100": late(rows(customer="{0}.0"), "100;2024-01-01;1"),
    "a leading zero": late(rows(), "0100;2024-01-01;1"),
    "blank space around an id": late(rows(), " 100 ;2024-01-01;1"),
    "everything at once": late(
        rows(date="{1:02}/{1:02}/2024"), "100.0;25/03/2024;£1,234.567", "A;03/04/2024;(2)", ";01/01/2024;3", "B;x;4", "C;05/06/2024;y", "D;7"
    ),
}  # fmt: skip


def told(done: Finished) -> tuple[int, str, str]:
    """What must not depend on the sample: the status, the numbers and the messages."""
    return done.status, done.out, done.err


@pytest.fixture
def shrink(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def to(size: int) -> None:
        monkeypatch.setattr(infer, "SAMPLE_ROWS", size)

    return to


@pytest.mark.parametrize("case", thinned(CASES, 3))
def test_a_short_sample_changes_nothing(tmp_path: Path, shrink: Callable[[int], None], case: str) -> None:
    path = put(tmp_path / "sales.csv", CASES[case])
    whole = told(check(path))
    for size in (3, 40, 399):
        shrink(size)
        assert told(check(path)) == whole


@pytest.mark.parametrize("case", thinned(CASES, 3))
def test_small_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    path = put(tmp_path / "sales.csv", CASES[case])
    whole = told(check(path))
    monkeypatch.setattr(infer, "SAMPLE_ROWS", 10)
    for module in (careful, dialect):
        monkeypatch.setattr(module, "BLOCK", 700)
    assert told(check(path)) == whole


@pytest.mark.parametrize("case", thinned(CASES, 4))
def test_columns_of_text_in_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    lines = [line.split(";") for line in CASES[case].splitlines()[1:]]
    whole = [line for line in lines if len(line) == 3]
    columns = {
        name: pa.array([line[place] for line in whole]) for place, name in enumerate(HEAD.strip().split(";"))
    }
    pq.write_table(pa.table(columns), tmp_path / "sales.parquet", row_group_size=50)
    put(tmp_path / "sales.csv", HEAD + "".join(";".join(line) + "\n" for line in whole))
    monkeypatch.setattr(infer, "SAMPLE_ROWS", 10)
    monkeypatch.setattr(batches, "ROWS", 30)
    parquet, csv = check(tmp_path / "sales.parquet"), check(tmp_path / "sales.csv")
    assert parquet.status == csv.status
    if csv.status == 0:
        assert parquet.facts == csv.facts


def test_the_money_is_exact_whatever_the_sample(tmp_path: Path, shrink: Callable[[int], None]) -> None:
    path = put(tmp_path / "sales.csv", CASES["a large amount with three decimals"])
    shrink(3)
    small = sum(1 + place % 9 for place in range(400))
    assert Decimal(str(check(path).facts["revenue"])) == small + Decimal("9007199254740.993")


def test_every_command_sees_what_comes_late(tmp_path: Path, shrink: Callable[[int], None]) -> None:
    path = put(tmp_path / "sales.csv", CASES["everything at once"])
    for command in ("customers", "rfm", "pareto"):
        whole = run(command, path, "--format", "json")
        shrink(5)
        again = run(command, path, "--format", "json")
        assert (again.status, again.out, again.err) == (whole.status, whole.out, whole.err)
