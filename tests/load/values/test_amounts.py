"""Amounts in files: how people write them, what is refused, what is set aside, and that sums are exact."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.load.running import check, refused, run
from tests.load.sales import SALES, Sale, account, put, text

THOUSANDS = tuple(sale._replace(amount=sale.amount * 100) for sale in SALES)
SOME_BACK = tuple(
    sale._replace(amount=-sale.amount if place % 4 == 1 else sale.amount) for place, sale in enumerate(SALES)
)


def comma(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def wrapped(before: str, after: str, sign: str = "") -> Callable[[Decimal], str]:
    """£12.50, (12.50), 12.50- and their like for what came back; without the signs for what did not."""
    plain = before.replace("(", ""), after.replace(")", "").replace("-", "")
    return lambda amount: (
        f"{before}{-amount}{after}" if amount < 0 else plain[0].replace(sign, "") + str(amount) + plain[1]
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda amount: f"{amount:,.2f}",
        lambda amount: f"{amount:,.2f}".replace(",", " "),
        lambda amount: f"{amount:,.2f}".replace(",", "'"),
        lambda amount: f"{amount:,.2f}".replace(",", "’"),
        lambda amount: f"{amount:,.2f}".replace(",", "\u00a0"),
        lambda amount: f"{amount:,.2f}".replace(",", "\u2009"),
        comma,
        lambda amount: comma(amount).replace(".", " "),
        lambda amount: comma(amount).replace(".", "\u202f"),
        lambda amount: comma(amount).replace(".", ""),
        lambda amount: f"£{amount}",
        lambda amount: f"${amount:,.2f}",
        lambda amount: f"¥{amount}",
        lambda amount: f"￥{amount}元",
        lambda amount: f"{amount} EUR",
        lambda amount: f"USD {amount}",
        lambda amount: f"${amount} USD",
        lambda amount: f"US${amount}",
        lambda amount: f"Rs. {amount}",
        lambda amount: f"Fr.{amount}",
        lambda amount: f"{amount} kr",
        lambda amount: f"R$ {comma(amount)}",
        lambda amount: f"{comma(amount)} zł",
        lambda amount: f"  {amount}  ",
        lambda amount: f"\u00a0{amount}\u00a0",
        lambda amount: f"+{amount}",
        lambda amount: f"000{amount}",
        lambda amount: f"{amount}000",
        lambda amount: f"{amount:.6e}",
        lambda amount: f"{amount:.6E}",
    ],
)
def test_ways_to_write_amounts(tmp_path: Path, write: Callable[[Decimal], str]) -> None:
    path = put(tmp_path / "sales.csv", text(THOUSANDS, amount=write, delimiter="\t"))
    assert check(path).account == account(THOUSANDS)


@pytest.mark.parametrize(
    "write",
    [
        str,
        wrapped("(", ")"),
        wrapped("", "-"),
        wrapped("-£", "", "-"),
        wrapped("£-", "", "-"),
        wrapped("(£", ")"),
        wrapped("£(", ")"),
        wrapped("−", "", "−"),
        wrapped("–", "", "–"),
    ],
)
def test_ways_to_write_refunds(tmp_path: Path, write: Callable[[Decimal], str]) -> None:
    done = check(put(tmp_path / "sales.csv", text(SOME_BACK, amount=write, delimiter="\t")))
    assert done.account == account(SOME_BACK)
    assert done.facts["refund_rows"] == sum(sale.amount < 0 for sale in SOME_BACK)


def test_lakhs(tmp_path: Path) -> None:
    content = "customer;date;amount\n" + "".join(
        f"a;2024-01-01;{value}\n" for value in ("1,23,456.50", "12,34,567.25", "999.25")
    )
    assert check(put(tmp_path / "sales.csv", content)).account[2] == "1359023.00"


@pytest.mark.parametrize(
    ("write", "note"),
    [
        (comma, "decimal comma"),
        (lambda amount: f"£{amount}", "currency GBP"),
        (lambda amount: f"{amount}元", "currency CNY"),
    ],
)
def test_what_was_inferred_is_said(tmp_path: Path, write: Callable[[Decimal], str], note: str) -> None:
    assert note in check(put(tmp_path / "sales.csv", text(amount=write))).err


@pytest.mark.parametrize(
    ("values", "total"),
    [
        (["1,234", "12.50"], "1246.50"),  # the point is proven
        (["1,234", "12,50"], "13.73"),  # the comma is proven (1.234 + 12.50, in thousandths)
        (["1,234", "1,234,567"], "1235801.00"),
        (["1.234", "1.234.567"], "1235801.00"),
        (["1.234", "999.5"], "1000.73"),
        (["1.234", "1234"], "1235.23"),
        (["0,123", "1,5"], "1.62"),
        (["0,500", "5"], "5.50"),
        (["£1,234", "£999"], "2233.00"),
        (["KWD 1.234", "KWD 12.5"], "13.73"),
    ],
)
def test_one_group_of_three_digits_is_read_with_the_rest(
    tmp_path: Path, values: list[str], total: str
) -> None:
    content = "customer;date;amount\n" + "".join(f"a;2024-01-01;{value}\n" for value in values)
    facts = check(put(tmp_path / "sales.csv", content)).facts
    assert f"{int(Decimal(str(facts['revenue'])) * 100) / 100:.2f}" == total
    assert facts["rejected"] == {}


@pytest.mark.parametrize(
    "values",
    [
        ["1,234"],
        ["1,234", "999"],
        ["1,234", "1000"],
        ["1.234", "999"],
        ["1.234"],
        ["KWD 1,234"],
        ["1,234", "-5,678"],
    ],
)
def test_one_group_of_three_digits_alone_is_ambiguous(tmp_path: Path, values: list[str]) -> None:
    path = put(
        tmp_path / "sales.csv",
        "customer;date;amount\n" + "".join(f"a;2024-01-01;{value}\n" for value in values),
    )
    refused(check(path), "column amount", "ambiguous", "--decimal .", "--decimal ,")
    assert check(path, "--decimal", ",").status == check(path, "--decimal", ".").status == 0


def test_the_user_says_which_mark_it_is(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", "customer;date;amount\na;2024-01-01;1,234\n")
    assert check(path, "--decimal", ".").account[2] == "1234.00"
    assert check(path, "--decimal", ",").facts["revenue"] == 1.234


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda amount: f"{'£' if int(amount) % 2 else '€'}{amount}", ["mixes currencies", "EUR", "GBP"]),
        (
            lambda amount: f"{amount} {'EUR' if int(amount) % 2 else 'USD'}",
            ["mixes currencies", "EUR", "USD"],
        ),
        (lambda amount: f"{'US' if int(amount) % 2 else 'A'}${amount}", ["mixes currencies", "AUD", "USD"]),
        (lambda amount: f"{amount}{'元' if int(amount) % 2 else '円'}", ["mixes currencies", "CNY", "JPY"]),
        (
            lambda amount: comma(amount) if int(amount) % 2 else f"{amount:,.2f}",
            ["decimal points", "decimal commas", "--decimal"],
        ),
        (lambda amount: f"{amount}%", ["bad amount", "%"]),
        (lambda amount: f"{amount} CR", ["bad amount", "CR"]),
        (lambda amount: f"{amount}k", ["bad amount"]),
        (lambda amount: f"{amount}万", ["bad amount"]),
        (lambda amount: f"{amount} eur", ["bad amount"]),
        (lambda amount: f"PCS {amount}", ["bad amount", "PCS"]),
        (lambda amount: hex(int(amount)), ["bad amount", "0x"]),
        (
            lambda amount: str(amount).translate({48 + digit: 0x660 + digit for digit in range(10)}),
            ["bad amount"],
        ),
        (
            lambda amount: str(amount).translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
            ["bad amount"],
        ),
        (lambda amount: "true", ["bad amount"]),
        (lambda amount: "", ["no amount"]),
        (lambda amount: "99999999999999999999", ["amount out of range"]),
    ],
)
def test_columns_that_are_no_amounts(
    tmp_path: Path, write: Callable[[Decimal], str], words: list[str]
) -> None:
    refused(
        check(put(tmp_path / "sales.csv", text(amount=write, delimiter="\t"))), "sales.csv", "amount", *words
    )


ODD = {
    "NaN": "bad amount",
    "inf": "bad amount",
    "-Infinity": "bad amount",
    "1e400": "bad amount",
    "1e308": "amount out of range",
    "1e15": "amount out of range",
    "free": "bad amount",
    "#N/A": "bad amount",
    "#REF!": "bad amount",
    "5%": "bad amount",
    "--5": "bad amount",
    "+-5": "bad amount",
    "(5": "bad amount",
    "5)": "bad amount",
    "(-5)": "bad amount",
    "-5-": "bad amount",
    "((5))": "bad amount",
    "0x1F": "bad amount",
    "1_000": "bad amount",
    "5 1/2": "bad amount",
    "5e": "bad amount",
    "e5": "bad amount",
    ".": "bad amount",
    "1,2345.00": "bad amount",
    "12,34,5": "bad amount",
    "\u200b5": "bad amount",
    "٥": "bad amount",
    "2023-05-05": "bad amount",
    "": "no amount",
    " ": "no amount",
    "NULL": "no amount",
    "N/A": "no amount",
    "-": "no amount",
    "None": "no amount",
    "<NA>": "no amount",
}


@pytest.mark.parametrize("style", ["plain", "grouped"])
def test_odd_values_are_set_aside_one_by_one(tmp_path: Path, style: str) -> None:
    rest = [sale._replace(amount=sale.amount + (4000 if style == "grouped" else 0)) for sale in SALES * 3]
    rows = text(rest, delimiter="\t", amount=lambda amount: f"{amount:,}")
    rows += "".join(f"K17\tB\t2023-05-05\t{value}\n" for value in ODD)
    done = check(put(tmp_path / "sales.csv", rows))
    assert done.account == account(rest, rejected=len(ODD))
    reasons = list(ODD.values())
    assert done.facts["rejected"] == {
        reason: reasons.count(reason) for reason in ("no amount", "bad amount", "amount out of range")
    }


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        (["90071992547409.93"] * 3, "270215977642229.79"),
        (["100000000000000.123"] * 20, "2000000000000002.460"),
        (["-100000000000000.123"] * 3, "-300000000000000.369"),
        (["90000000000000.01", "1.005"], "90000000000001.015"),
        (["0.1"] * 10, "1.00"),
        (["0.000001"] * 3, "0.000003"),
        (["12.345", "0.005"], "12.350"),
        (["999999999999.999999"], "999999999999.999999"),
        (["0.1", "0.2", "-0.3"], "0.00"),
    ],
)
def test_sums_are_exact(tmp_path: Path, amounts: list[str], total: str) -> None:
    path = put(
        tmp_path / "sales.csv",
        "customer,date,amount\n" + "".join(f"a,2024-01-01,{amount}\n" for amount in amounts),
    )
    assert Decimal(str(check(path).facts["revenue"])) == Decimal(total)


def test_more_decimals_than_are_kept_are_rounded_and_said(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", "customer,date,amount\na,2024-01-01,0.1234567\nb,2024-01-01,1.00\n")
    done = check(path)
    assert done.facts["revenue"] == 1.123457
    assert "rounded to 6 decimals" in done.err


def test_a_sum_beyond_64_bits(tmp_path: Path) -> None:
    rows = [Sale("K1", "B", SALES[0].day, Decimal("900000000000000.25"))] * 200
    done = check(put(tmp_path / "sales.csv", text(rows)))
    assert Decimal(str(done.facts["revenue"])) == 200 * Decimal("900000000000000.25")


@pytest.mark.parametrize(
    ("header", "rows", "options", "total"),
    [
        ("quantity,unit_price", ["3,1.10", "-2,2.005"], [], "-0.71"),
        ("quantity,unit_price", ["3,1.10", "2,2.50"], ["--amount", "quantity * unit_price"], "8.30"),
        ("a,b", ["1,3", "4,2"], ["--amount", "a / b"], "2.333333"),
        ("a,b", ["1,3", "4,2"], ["--amount", "-a"], "-5.00"),
        ("a,b", ["1,3", "4,2"], ["--amount", "2 * (a + b) - 0.5"], "19.00"),
        ("Unit Price,b", ["1,3"], ["--amount", '"Unit Price" * b'], "3.00"),
        ("a b,b", ["1,3"], ["--amount", "[A_B] * `b`"], "3.00"),
    ],
)
def test_formulas(tmp_path: Path, header: str, rows: list[str], options: list[str], total: str) -> None:
    content = f"customer,date,{header}\n" + "".join(f"a,2024-01-01,{row}\n" for row in rows)
    assert Decimal(str(check(put(tmp_path / "sales.csv", content), *options).facts["revenue"])) == Decimal(
        total
    )


def test_a_formula_that_has_no_value_sets_the_row_aside(tmp_path: Path) -> None:
    done = check(
        put(tmp_path / "sales.csv", "customer,date,a,b\nx,2024-01-01,3,0\ny,2024-01-02,4,2\n"),
        "--amount",
        "a/b",
    )
    assert done.account[:3] == (1, 1, "2.00")
    assert "line 2, column a/b: amount out of range: '3, 0'" in done.err


@pytest.mark.parametrize(
    "word",
    [
        "a+",
        "a**2",
        "open('/etc/passwd')",
        "a; b",
        "(" * 60 + "a" + ")" * 60,
        "a" + "+a" * 60,
        "5*1",
        "a if b",
        "__import__",
        "a.b()",
        " ",
        "",
    ],
)
def test_formulas_that_are_none(tmp_path: Path, word: str) -> None:
    done = check(put(tmp_path / "sales.csv", "customer,date,a,b\nx,2024-01-01,3,1\n"), "--amount", word)
    assert done.status in (1, 2)
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "fault" not in done.err


def test_products_too_large_for_exact_cents_are_set_aside(tmp_path: Path) -> None:
    content = "customer,date,quantity,price\na,2024-01-01,3,90071992547409.93\nb,2024-01-01,1,2.00\n"
    done = check(put(tmp_path / "sales.csv", content))
    assert done.account[:3] == (1, 1, "2.00")


def test_an_exponent_with_blanks_around_it(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text(amount=lambda amount: f" {amount * 10}e-1 "))
    assert check(path).account == account()


def test_many_blanks_in_a_number_cost_no_time(tmp_path: Path) -> None:
    """Found by fuzzing: what tried blanks this way and that took hours for a few hundred of them."""
    odd = "123" + " \x1e" * 20_000 + "4.56"
    path = put(
        tmp_path / "sales.csv", text(amount=lambda amount: odd if amount == SALES[3].amount else amount)
    )
    started = time.process_time()
    done = check(path)
    assert done.facts["rejected"] == {"bad amount": 1}
    assert time.process_time() - started < 5


@pytest.mark.parametrize("form", ["csv", "integers", "decimals"])
def test_the_largest_amount(tmp_path: Path, form: str) -> None:
    """A million milliards less one is an amount, a million milliards is not, wherever it comes from."""
    amounts = [10**15 - 1, 10**15, -(10**15), 1 - 10**15, 5]
    kind = {"integers": pa.int64(), "decimals": pa.decimal128(25, 2)}
    if form == "csv":
        lines = "".join(f"K{place},2024-01-25,{amount}\n" for place, amount in enumerate(amounts))
        path = put(tmp_path / "sales.csv", "customer,date,amount\n" + lines)
    else:
        path = tmp_path / "sales.parquet"
        columns = {
            "customer": [*"abcde"],
            "date": ["2024-01-25"] * 5,
            "amount": pa.array(amounts, pa.int64()).cast(kind[form]),
        }
        pq.write_table(pa.table(columns), path)
    facts = check(path).facts
    assert (facts["rejected"], facts["rows_used"], facts["revenue"]) == ({"amount out of range": 2}, 3, 5)


def test_a_customer_worth_more_than_64_bits(tmp_path: Path) -> None:
    lines = "K1,2024-01-25,99999999999999.99\n" * 2000
    path = put(tmp_path / "sales.csv", "customer,date,amount\n" + lines)
    assert check(path).facts["revenue"] == "199999999999999980.00"
    made = run("customers", path, "--table", "customers", "--format", "csv", "-q").out.splitlines()
    row = dict(zip(*(line.split(",") for line in made), strict=True))
    assert (row["customer"], row["revenue"]) == ("K1", "199999999999999980.00")


def test_the_money_of_rows_without_customer_and_of_other_broken_rows(tmp_path: Path) -> None:
    content = (
        text() + "NULL,B1,2024-01-25,7.25\n,B2,2024-01-26,0.50\nK1,B3,2024-13-26,3.00\nK1,B4,2024-01-26,x\n"
    )
    facts = check(put(tmp_path / "sales.csv", content)).facts
    assert (facts["revenue_without_customer"], facts["revenue_set_aside"]) == (7.75, 3)


def test_what_came_back(tmp_path: Path) -> None:
    facts = check(put(tmp_path / "sales.csv", text(SOME_BACK))).facts
    back = [sale.amount for sale in SOME_BACK if sale.amount < 0]
    assert (facts["refund_rows"], facts["refunds"]) == (len(back), float(-sum(back)))
