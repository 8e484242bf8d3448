"""The loader's parts against naive twins: formulas, numbers, days."""

from __future__ import annotations

import ast
import operator
import re
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import DataError, UsageError
from crmkit.load import infer
from crmkit.load.columns import expression
from crmkit.load.values import dates, numbers
from crmkit.load.values.numbers import NumberStyle

NAMES = {"a": Fraction(7), "b": Fraction(-3, 2), "c d": Fraction(5), "数量": Fraction(2)}
LEAVES = st.one_of(
    st.sampled_from(["a", "b", '"c d"', "`c d`", "[c d]", "数量"]),
    st.integers(0, 99).map(str),
    st.decimals(0, 9, places=2).map(str),
)
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=8,
)
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def by_python(text: str) -> Fraction:
    """Python's own grammar, evaluated over fractions."""
    plain = re.sub(r'["`\[]c d["`\]]', "c_d", text)

    def value(node: Any) -> Fraction:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))  # type: ignore[no-any-return]
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        return NAMES[node.id.replace("_", " ")] if isinstance(node, ast.Name) else Fraction(str(node.value))

    return value(ast.parse(plain, mode="eval").body)


class TestExpression:
    @given(FORMULAS)
    def test_the_grammar_is_that_of_arithmetic(self, text: str) -> None:
        formula = expression.parse(text)
        try:
            expected = by_python(text)
        except ZeroDivisionError:
            with pytest.raises(ZeroDivisionError):
                formula.build(
                    lambda place: NAMES[formula.columns[place]], lambda number: Fraction(str(number))
                )
            return
        assert (
            formula.build(lambda place: NAMES[formula.columns[place]], lambda number: Fraction(str(number)))
            == expected
        )

    @pytest.mark.parametrize(
        "text",
        ["", " ", "+", "a +", "a b", "a ** b", "a // b", "a % b", "f(a)", "a.b(c)", "a[0]", "'a'", "a;b", "a\nb +", "(a", "a)", "()", "1e5 * a", "0x1 * a", "a = b", "a, b", "a if b", "lambda: a",
         "a" * 1001, "(" * 51 + "a" + ")" * 51, "+".join("a" * 51), "-" * 60 + "a", '"a', "a\0b", "1..2"],
    )  # fmt: skip
    def test_nothing_else_is_read(self, text: str) -> None:
        with pytest.raises(UsageError):
            expression.parse(text)

    def test_columns_are_listed_once_in_order(self) -> None:
        assert expression.parse("b * (a - b) + a").columns == ("b", "a")

    @given(st.text(max_size=30))
    def test_any_text_parses_or_is_refused_in_words(self, text: str) -> None:
        try:
            expression.parse(text)
        except UsageError as refusal:
            assert "expression" in str(refusal).lower()


def read_as(values: list[str], style: NumberStyle) -> list[float | None]:
    return pl.Series("v", values).to_frame().select(numbers.read(pl.col("v"), style)).to_series().to_list()


def by_hand(text: str, decimal: str) -> float | None:
    """A number of euros in this style, by other means than one expression."""
    text = text.strip(" \u00a0")
    if decimal == "." and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text, re.ASCII):
        return float(text)
    marks = 0
    negative = False
    if text.startswith("(") and text.endswith(")") and len(text) > 1:
        text, marks, negative = text[1:-1].strip(" \u00a0"), 1, True
    if text.endswith("-"):
        text, marks, negative = text[:-1].strip(" \u00a0"), marks + 1, True
    for _ in range(2):
        if text[:1] in set("-−–+"):
            marks, negative, text = marks + 1, negative or text[0] != "+", text[1:].strip(" \u00a0")
        if text.startswith("€"):
            text = text[1:].strip(" \u00a0")
    group = "," if decimal == "." else "."
    whole, _, fraction = text.partition(decimal)
    parts = re.split(rf"[{re.escape(group)}' ]", whole)
    grouped = (
        len(parts) > 1
        and re.fullmatch(r"[1-9]\d{0,2}", parts[0], re.ASCII)
        and all(re.fullmatch(r"\d{3}", part, re.ASCII) for part in parts[1:])
    )
    digits = "".join(parts) if grouped else whole
    if (
        marks > 1
        or not (digits + fraction)
        or not (digits + fraction).isascii()
        or not (digits + fraction).isdigit()
        or (grouped and decimal in text and not fraction)
    ):
        return None
    return (-1 if negative else 1) * float(f"{digits or 0}.{fraction or 0}")


PIECES = st.lists(
    st.sampled_from(["1", "12", "234", "999", "0", ".", ",", "'", "€", "-", "(", ")", "+", "−", "5"]),
    min_size=1,
    max_size=7,
).map("".join)


class TestNumbers:
    @given(st.lists(PIECES, min_size=1, max_size=20), st.sampled_from(".,"))
    def test_one_value_at_a_time(self, values: list[str], decimal: str) -> None:
        values = [
            value
            for value in values
            if value.count("€") < 2
            and not value.endswith("€")
            and "€)" not in value
            and not re.search("€.*-$|€[(]", value)
        ]
        if values:
            found = read_as(values, NumberStyle(decimal, plain=False, currency="EUR"))
            assert found == [by_hand(value, decimal) for value in values], values

    @given(st.lists(st.one_of(PIECES, st.floats(allow_nan=False).map(str), st.text(max_size=6)), min_size=1))
    def test_plain_numbers_are_python_floats(self, values: list[str]) -> None:
        for value, found in zip(values, read_as(values, NumberStyle()), strict=True):
            plain = re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value) and abs(
                float(value)
            ) < float("inf")
            assert found == (float(value) if plain else None), value

    @given(
        st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1),
        st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", ","), ("\u00a0", ",")]),
    )
    def test_what_is_written_in_one_style_is_surveyed_and_read(
        self, amounts: list[Any], marks: tuple[str, str]
    ) -> None:
        group, point = marks
        values = [
            f"{amount:,.2f}".replace(",", "g").replace(".", point).replace("g", group) for amount in amounts
        ]
        style = numbers.survey(pl.Series("v", values), decimal=None, name="v", file="f")
        assert style is not None
        assert read_as(values, style) == [float(amount) for amount in amounts]

    @pytest.mark.parametrize("values", [["1,234"], ["-1,234", "5,678", "12"], ["1.234", "999"]])
    def test_an_open_question_is_left_open(self, values: list[str]) -> None:
        assert numbers.survey(pl.Series("v", values), decimal=None, name="v", file="f") is None

    @pytest.mark.parametrize(
        ("values", "proven"),
        [(["5", "12"], False), (["5", "1234"], True), (["5.5"], True), (["£5"], False), (["£5.5"], True)],
    )
    def test_a_style_knows_whether_it_is_proven(self, values: list[str], proven: bool) -> None:
        style = numbers.survey(pl.Series("v", values), decimal=None, name="v", file="f")
        assert style is not None
        assert style.proven == proven

    @given(st.lists(st.decimals(0, 10**6, places=6), min_size=1))
    def test_the_scale_keeps_every_digit(self, amounts: list[Any]) -> None:
        scale = infer.scale_for(pl.Series([float(amount) for amount in amounts]), 2)
        assert scale == max(2, *(max(0, -amount.normalize().as_tuple().exponent) for amount in amounts))


def days_of(values: list[str], name: str, tz: str = "UTC") -> list[date | None]:
    column = pl.col("v")
    return (
        pl.Series("v", values, dtype=pl.String)
        .to_frame()
        .select(dates.read(column, dates.given(name), tz))
        .to_series()
        .to_list()
    )


def calendar(text: str, order: str, sign: str) -> date | None:
    """A day from its parts, by Python's calendar."""
    parts = text.strip().split(sign)
    shape = {"y": r"[0-9]{4}", "m": r"[0-9]{1,2}", "d": r"[0-9]{1,2}"}
    if len(parts) != 3 or not all(
        re.fullmatch(shape[kind], part) for kind, part in zip(order, parts, strict=True)
    ):
        return None
    found = {kind: int(part) for kind, part in zip(order, parts, strict=True)}
    try:
        return date(found["y"], found["m"], found["d"])
    except ValueError:
        return None


class TestDates:
    @given(
        st.sampled_from(["d/m/y", "m/d/y", "y/m/d", "d-m-y", "m-d-y", "d.m.y", "y.m.d"]),
        st.lists(st.tuples(*[st.integers(0, 40)] * 2, st.integers(1, 9999)), min_size=1),
    )
    def test_parts_in_any_order(self, name: str, parts: list[tuple[int, int, int]]) -> None:
        sign, order = name[1], name.replace(name[1], "")
        values = [
            sign.join({"d": str(d), "m": f"{m:02}", "y": f"{y:04}"}[kind] for kind in order)
            for d, m, y in parts
        ]
        assert days_of(values, name) == [calendar(value, order, sign) for value in values]

    @given(st.lists(st.text("0123456789-/. T:", max_size=12), min_size=1))
    def test_iso_is_iso(self, values: list[str]) -> None:
        expected = []
        for value in values:
            found = re.fullmatch(
                r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]+(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]+)?)?)?\s*",
                value,
            )
            try:
                expected.append(date.fromisoformat(found[1]) if found else None)
            except ValueError:
                expected.append(None)
        assert days_of(values, "ISO") == expected

    @given(
        st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)), min_size=1),
        st.integers(-14 * 4, 14 * 4),
        st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
    )
    def test_moments(self, moments: list[datetime], quarters: int, zone: str) -> None:
        from zoneinfo import ZoneInfo

        offset = timezone(timedelta(minutes=15 * quarters))
        aware = [moment.replace(microsecond=0, tzinfo=offset) for moment in moments]
        expected = [moment.astimezone(ZoneInfo(zone)).date() for moment in aware]
        assert days_of([moment.isoformat() for moment in aware], "ISO with UTC offset", zone) == expected
        assert days_of(
            [str(int(moment.timestamp())) for moment in aware if moment.timestamp() > 10**8], "epoch", zone
        ) == [day for moment, day in zip(aware, expected, strict=True) if moment.timestamp() > 10**8]

    @given(st.lists(st.dates(date(1970, 1, 1), date(2026, 1, 1)), min_size=20))
    def test_a_column_is_read_back_or_refused(self, days: list[date]) -> None:
        for codes, name in (
            ("%Y-%m-%d", "ISO"),
            ("%d/%m/%Y", "d/m/y"),
            ("%m-%d-%Y", "m-d-y"),
            ("%d.%m.%Y", "d.m.y"),
            ("%Y年%m月%d日", "y年m月d日"),
            ("%d %b %Y", "d-Mon-y"),
        ):
            tally = infer.tallied(
                pl.Series(
                    [
                        day.strftime(codes)
                        if codes[:2] != "%Y"
                        else f"{day.year:04}" + day.strftime(codes[2:])
                        for day in days
                    ]
                )
            )
            layout = dates.survey(tally, "v", "f")
            assert (
                layout is None
                or layout.name == name
                or days_of(tally["value"].to_list(), layout.name) == days_of(tally["value"].to_list(), name)
            )

    def test_every_layout_can_be_named(self) -> None:
        for layout in dates.LAYOUTS:
            assert dates.given(layout.name) is layout

    @pytest.mark.parametrize(
        ("counts", "fails"), [((99, 1), False), ((60, 40), True), ((50, 50), True), ((90, 10), True)]
    )
    def test_two_layouts_in_one_column(self, counts: tuple[int, int], fails: bool) -> None:
        values = [f"25/{1 + place % 12:02}/2024" for place in range(counts[0])] + [
            f"{1 + place % 12:02}/25/2024" for place in range(counts[1])
        ]
        tally = infer.tallied(pl.Series(values))
        if fails:
            with pytest.raises(DataError, match=r"mixes|most values"):
                dates.survey(tally, "v", "f")
        else:
            assert dates.survey(tally, "v", "f").name == "d/m/y"  # type: ignore[union-attr]
