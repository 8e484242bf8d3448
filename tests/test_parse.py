"""Values as people type them."""

from decimal import Decimal
from fractions import Fraction

import pytest

from crmkit import parse
from crmkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "days", "per_year"),
    [
        ("52w", 364, 1),
        ("1w", 7, 52),
        ("30d", 30, Fraction(365, 30)),
        ("1m", 30, 12),
        ("2y", 730, Fraction(1, 2)),
    ],
)
def test_duration(text: str, days: int, per_year: Fraction) -> None:
    found = parse.duration(text, "--horizon")
    assert (found.days, found.per_year, str(found)) == (days, per_year, text)
    assert found.years * per_year == 1


@pytest.mark.parametrize("text", ["", "w", "0w", "5", "1.5w", "-1w", "5x", "52 weeks", "9999999d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match=r"--horizon is .*not a length of time.*52w"):
        parse.duration(text, "--horizon")


@pytest.mark.parametrize(
    ("text", "value"), [("10%", 0.1), ("0.1", 0.1), ("100%", 1), ("0", 0), ("1", 1), (" 2.5% ", 0.025)]
)
def test_percent(text: str, value: float) -> None:
    assert parse.percent(text, "--discount") == value


def test_percent_may_be_negative_where_allowed() -> None:
    assert parse.percent("-2%", "--growth", low=-1) == -0.02


@pytest.mark.parametrize("text", ["101%", "-1%", "1.5"])
def test_percent_out_of_range(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--discount is '{text}', and it must lie between 0% and 100%"):
        parse.percent(text, "--discount")


def test_percent_without_its_sign() -> None:
    with pytest.raises(UsageError, match="Did you mean 10%"):
        parse.percent("10", "--discount")


@pytest.mark.parametrize("text", ["", "nan", "inf", "ten", "1,5", "%"])
def test_no_number(text: str) -> None:
    for read in (parse.percent, parse.money):
        with pytest.raises(UsageError, match=r"--x is .*not a number"):
            read(text, "--x")
    with pytest.raises(UsageError, match=r"--x is .*must be a whole number of 0 or more"):
        parse.whole(text, "--x")


def test_numbers_of_a_list() -> None:
    assert parse.decimals("50, 100,500.50", "--x") == [50, 100, Decimal("500.50")]
    with pytest.raises(UsageError, match="--x is 'ten', which is not a number"):
        parse.decimals("1,ten", "--x")


def test_money_is_exact_and_not_negative() -> None:
    assert parse.money("0.10", "--spend") == Decimal("0.10")
    with pytest.raises(UsageError, match="--spend is '-5'"):
        parse.money("-5", "--spend")
    with pytest.raises(UsageError, match="1e99"):
        parse.money("1e99", "--spend")


@pytest.mark.parametrize(
    ("text", "value"),
    [("5..10", (5, 6, 7, 8, 9, 10)), ("0,1,2,10", (0, 1, 2, 10)), ("1,4..5", (1, 4, 5)), ("7", (7,))],
)
def test_wholes(text: str, value: tuple[int, ...]) -> None:
    assert parse.wholes(text, "--lost") == value


@pytest.mark.parametrize("text", ["10..5", "1..2..3", "0..999999", "1..x", "-1", "1.5", ""])
def test_no_wholes(text: str) -> None:
    with pytest.raises(UsageError, match="--lost"):
        parse.wholes(text, "--lost")


def test_names() -> None:
    assert parse.names("North, 南店", "--stores") == ("North", "南店")
    with pytest.raises(UsageError, match="'A' twice"):
        parse.names("A,B,A", "--stores")
    with pytest.raises(UsageError, match="empty"):
        parse.names("A,,B", "--stores")


def test_assignment() -> None:
    assert parse.assignment("A=B=2%", "--switch", "A:B=2%") == ("A=B", "2%")
    for text in ("A", "=2%", "A="):
        with pytest.raises(UsageError, match="Write it like A:B=2%"):
            parse.assignment(text, "--switch", "A:B=2%")
