"""Golden screens: what a reader sees, wide and narrow, in colour and in plain ASCII."""

from __future__ import annotations

import io
import re
import unicodedata
from decimal import Decimal
from textwrap import dedent
from types import SimpleNamespace
from typing import TextIO
from unittest import mock

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from crmkit.output import columns_on_screen, fitting, screen
from crmkit.output import window as module
from crmkit.output.screen import Window
from crmkit.result import Result

MONEY = pl.Decimal(38, 2)
SEGMENTS = pl.DataFrame(
    {
        "segment": ["Champions", "王小明", "[red]x[/] \x1b[31m", None],
        "customers": [1234, 56, 7, 89012],
        "share": [0.0137, 0.5, 0.0001, None],
        "revenue": pl.Series([Decimal("1234567.5"), Decimal("-0.05"), None, Decimal(3)], dtype=MONEY),
    }
)
GRID = pl.DataFrame({"r": [2, 1], "f1": [10, 0], "f2": [None, 2000]}, schema_overrides={"f2": pl.Int64})
CURVE = pl.DataFrame({"customers_share": [0.0, 0.25, 1.0], "revenue_share": [0.0, 0.75, 1.0]})
SGR = re.compile(r"\x1b\[[0-9;]*m")


def drawn(tables: dict[str, pl.DataFrame], window: Window | None = None, **options: object) -> str:
    limit = options.pop("limit", None)
    result = Result(command="rfm", tables=tables, **options)  # type: ignore[arg-type]
    return screen.page(result, window or Window(), limit=limit).text  # type: ignore[arg-type]


def expected(text: str) -> str:
    return dedent(text).removeprefix("\n")


class TestTables:
    def test_one_table(self) -> None:
        assert drawn({"segments": SEGMENTS}) == expected(
            r"""
            segment                customers    revenue
            ───────────────────────────────────────────
            Champions            1,234  1.4%  1,234,568
            王小明                  56 50.0%          0
            [red]x[/] \x1b[31m       7  0.0%
                                89,012                3
            """
        )

    def test_several_have_titles(self) -> None:
        tables = {"grid": GRID, "cells": GRID.select("r")}
        assert drawn(tables, titles={"grid": "R by \x1bF"}) == expected(
            r"""
            R by \x1bF
            r  f1     f2
            ────────────
            2  10
            1   0  2,000

            cells
            r
            ─
            2
            1
            """
        )

    def test_ascii_where_the_locale_has_no_more(self) -> None:
        assert drawn({"grid": GRID}, Window(ascii_only=True)).splitlines()[1] == "-" * 12

    def test_the_rows_are_limited_and_counted(self) -> None:
        frame = pl.DataFrame({"orders": range(4321)})
        lines = drawn({"t": frame}).splitlines()
        assert (len(lines), lines[-2:]) == (53, ["    49", "50 of 4,321 rows shown"])
        assert drawn({"t": frame}, limit=2).endswith("1\n2 of 4,321 rows shown\n")
        assert drawn({"t": frame}, limit=0).endswith("4,320\n")
        assert "shown" not in drawn({"t": frame.head(50)})

    def test_an_empty_table_says_so(self) -> None:
        assert drawn({"t": SEGMENTS.clear()}).splitlines() == [
            "segment  customers  revenue",
            "─" * 27,
            "no rows",
        ]

    def test_no_tables_are_no_screen(self) -> None:
        assert drawn({}) == ""

    def test_headers_from_data_are_harmless(self) -> None:
        assert drawn({"t": pl.DataFrame({"[b]\x1b[2J\n": ["x"]})}).splitlines()[0] == r"[b]\x1b[2J\x0a"


class TestNarrow:
    def page(self, width: int, **tables: pl.DataFrame) -> screen.Page:
        return screen.page(Result(command="rfm", tables=tables), Window(width=width))

    def test_columns_go_from_the_right_and_are_named(self) -> None:
        page = self.page(34, segments=SEGMENTS)
        assert page.text.splitlines()[0] == "segment                customers"
        assert page.hints == ("segments: 1 column hidden (revenue): use --format csv or a wider window",)

    def test_what_just_fits_is_shown(self) -> None:
        assert self.page(43, segments=SEGMENTS).hints == ()
        assert "1 column hidden (revenue)" in self.page(42, segments=SEGMENTS).hints[0]

    def test_headers_are_broken_before_a_column_goes(self) -> None:
        frame = pl.DataFrame({"stage": ["loyal"], "expected_purchases": [1.5], "mean_order_value": [2.5]})
        assert self.page(50, t=frame).text.splitlines()[0] == "stage  expected purchases  mean order value"
        assert self.page(25, t=frame).text == expected(
            """
                               mean
                    expected  order
            stage  purchases  value
            ───────────────────────
            loyal       1.50   2.50
            """
        )
        assert self.page(25, t=frame).hints == ()

    def test_the_first_column_always_stays_whole(self) -> None:
        long = "x" * 300
        page = self.page(20, t=pl.DataFrame({"customer": [long], "orders": [1]}))
        assert long in page.text
        assert "…" not in page.text

    def test_wide_characters_count_twice(self) -> None:
        frame = pl.DataFrame({"customer": ["王" * 10], "orders": [1]})
        assert self.page(27, t=frame).hints
        assert not self.page(28, t=frame).hints

    def test_without_a_window_nothing_is_dropped(self) -> None:
        frame = pl.DataFrame({f"column_{i:03}": ["x" * 50] * 2 for i in range(300)})
        page = screen.page(Result(command="x", tables={"t": frame}), Window())
        assert page.hints == ()
        assert page.text.splitlines()[2].split() == ["x" * 50] * 300

    @given(st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), min_size=1), st.integers(1, 60))
    def test_no_line_is_wider_than_the_window_or_the_first_column(
        self, rows: list[list[str]], width: int
    ) -> None:
        frame = pl.DataFrame(rows, schema=["a", "b", "c"], orient="row")
        lines = self.page(width, t=frame).text.splitlines()
        first = max(cell_len(line) for line in self.page(1, t=frame).text.splitlines()[:-1])
        assert max(map(cell_len, lines)) <= max(width, first, len("no rows"))
        assert not [c for line in lines for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cn", "Co"}]


class TestAnswers:
    RESULT = Result(
        command="rfm",
        tables={"segments": SEGMENTS},
        headline="Champions are 12% of customers and 35% of revenue.",
        context="2023-01-01 to 2024-12-30 · 1,234 customers",
        next=("crmkit rfm sales.csv -o scores.csv", "crmkit pareto 'a b.csv'"),
    )

    def test_the_answer_comes_first_and_what_to_type_last(self) -> None:
        lines = screen.page(self.RESULT, Window()).text.splitlines()
        assert lines[:4] == [
            self.RESULT.headline,
            self.RESULT.context,
            "",
            "segment                customers    revenue",
        ]
        assert lines[-3:] == ["", "next  crmkit rfm sales.csv -o scores.csv", "      crmkit pareto 'a b.csv'"]

    def test_sentences_are_broken_at_blanks_and_lines_to_type_never(self) -> None:
        lines = screen.page(self.RESULT, Window(width=30)).text.splitlines()
        assert lines[:2] == ["Champions are 12% of customers", "and 35% of revenue."]
        assert "next  crmkit rfm sales.csv -o scores.csv" in lines

    def test_one_row_of_many_columns_stands_up_with_its_intervals(self) -> None:
        row = {
            "customers": 261,
            "expected_purchases": 328.5,
            "purchases_low": 261.0,
            "purchases_high": 400.0,
            "clv": 9.0,
        }
        assert drawn({"summary": pl.DataFrame([row])}) == expected(
            """
            customers              261
            expected purchases  328.50  (261.00 to 400.00)
            clv                   9.00
            """
        )

    def test_a_map_stands_beside_its_table_where_there_is_room(self) -> None:
        tables = {"segments": SEGMENTS, "grid": GRID}
        wide = drawn(tables, Window(width=80), pictures={"grid": "heat beside"})
        assert wide.splitlines()[3].endswith("2  10")
        narrow = drawn(tables, Window(width=50), pictures={"grid": "heat beside"})
        assert narrow.endswith("\nmore  --table grid (2 rows)\n")

    @given(
        st.lists(st.tuples(st.text(max_size=8), st.integers()), min_size=1, max_size=20), st.integers(9, 60)
    )
    def test_a_long_listing_looks_as_rich_draws_it(self, rows: list[tuple[str, int]], width: int) -> None:
        drawn = columns_on_screen.columns_of(
            pl.DataFrame(rows, schema=["store name", "customers"], orient="row"), "", "", shaded=False
        )
        with mock.patch.object(fitting, "_LONG", 0):
            chosen, _ = fitting.fitting(drawn, width)
        page = screen._Drawing(Result(command="x", tables={}), Window(), screen._Plan(50))
        page._put(page._rich(chosen))
        plain = "".join(f"{line}\n" for line in columns_on_screen.plain_lines(chosen, rule="─"))
        assert page.text() == plain


class TestPictures:
    def test_a_curve_stands_for_its_table_among_others(self) -> None:
        text = drawn({"curve": CURVE, "grid": GRID}, pictures={"curve": "curve"})
        assert "⠁" in text or "⡇" in text
        assert "3 points: --table curve lists them\n" in text
        assert "       across: customers share, up: revenue share\n" in text
        assert "25.0%" not in text

    def test_alone_it_is_drawn_above_its_rows(self) -> None:
        text = drawn({"curve": CURVE}, Window(ascii_only=True), pictures={"curve": "curve"})
        assert text.startswith(" 100% |")
        assert text.endswith("25.0%          75.0%\n         100.0%         100.0%\n")

    def test_an_empty_curve_is_an_empty_table(self) -> None:
        assert "no rows" in drawn({"curve": CURVE.clear()}, pictures={"curve": "curve"})

    def test_holes_in_a_curve_are_left_out(self) -> None:
        holes = pl.DataFrame({"x": [0.0, None, float("nan"), 1.0], "y": [0.0, 0.5, 0.5, None]})
        assert " 100% " in drawn({"curve": holes}, pictures={"curve": "curve"})

    def test_a_narrow_window_gets_a_small_curve(self) -> None:
        text = drawn({"curve": CURVE}, Window(width=40), pictures={"curve": "curve"})
        assert max(cell_len(line) for line in text.splitlines()[:17]) <= 40

    def test_bars_show_a_share_against_the_largest(self) -> None:
        frame = pl.DataFrame({"segment": ["a", "b", "c", "d"], "share": [0.5, 0.25, None, -0.1]})
        assert drawn({"t": frame}, pictures={"t": "bars"}) == expected(
            """
            segment   share
            ─────────────────────────────────
            a         50.0%  ████████████████
            b         25.0%  ████████
            c
            d        -10.0%
            """
        )

    def test_bars_of_a_named_column_in_ascii(self) -> None:
        frame = pl.DataFrame({"share": [0.5, 0.1], "orders": [10, 5]})
        text = drawn({"t": frame}, Window(ascii_only=True), pictures={"t": "bars orders"})
        assert text.splitlines()[2:] == ["50.0%      10  ################", "10.0%       5  ########"]

    def test_a_bar_that_does_not_fit_is_not_missed(self) -> None:
        frame = pl.DataFrame({"segment": ["a"], "share": [0.5]})
        page = screen.page(Result(command="x", tables={"t": frame}, pictures={"t": "bars"}), Window(width=20))
        assert page.hints == ()
        assert "█" not in page.text

    def test_a_heat_map_is_numbers_on_one_scale_of_colours(self) -> None:
        text = drawn({"grid": GRID}, Window(color_system="truecolor"), pictures={"grid": "heat"})
        assert SGR.sub("", text) == drawn({"grid": GRID}, pictures={"grid": "heat"})
        assert "\x1b[38;2;255;255;255;48;2;0;33;79m10\x1b[0m" in text
        assert "\x1b[38;2;0;0;0;48;2;255;234;70m2,000\x1b[0m" in text
        assert text.count("48;2") == 2  # nothing, and what is not there, have no colour

    @pytest.mark.parametrize("system", [None, "standard"])
    def test_few_colours_are_no_heat(self, system: str | None) -> None:
        text = drawn({"grid": GRID}, Window(color_system=system), pictures={"grid": "heat"})
        assert "2,000" in text
        assert ";48;" not in text

    def test_a_map_of_shares_leaves_the_counts_beside_it_alone(self) -> None:
        frame = pl.DataFrame(
            {"period": ["2024-01"], "customers": [1000], "month 1": [0.25], "month 2": [None]}
        )
        window = Window(color_system="256")
        lines = drawn({"t": frame}, window, pictures={"t": "heat share"}).splitlines()
        assert SGR.sub("", lines[2]).split() == ["2024-01", "1,000", "25.0%"]
        assert lines[2].count("\x1b[0m") == 1

    def test_a_map_without_differences_or_numbers(self) -> None:
        for values in ([1, 1], [None, None]):
            frame = pl.DataFrame({"r": [1, 2], "f1": values}, schema={"r": pl.Int64, "f1": pl.Int64})
            assert drawn({"t": frame}, Window(color_system="256"), pictures={"t": "heat"})


def replace_output(monkeypatch: pytest.MonkeyPatch, stream: TextIO) -> None:
    """Not sys.stdout itself, which pytest puts back between a fixture and its test."""
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdout=stream))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestWindow:
    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("COLORTERM", "LC_ALL", "LANG", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        replace_output(monkeypatch, Terminal())

    @pytest.mark.parametrize(
        ("variables", "color", "system"),
        [
            ({}, "auto", "256"),
            ({"COLORTERM": "truecolor"}, "auto", "truecolor"),
            ({"TERM": "xterm"}, "auto", "standard"),
            ({"TERM": "dumb"}, "auto", None),
            ({"NO_COLOR": "1"}, "auto", None),
            ({"NO_COLOR": ""}, "auto", "256"),
            ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "auto", None),
            ({"NO_COLOR": "1"}, "always", "256"),
            ({"TERM": "dumb"}, "always", "standard"),
            ({"FORCE_COLOR": "1"}, "never", None),
        ],
    )
    def test_colours_on_a_terminal(
        self,
        variables: dict[str, str],
        color: screen.Color,
        system: str | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert screen.window(color).color_system == system

    def test_a_pipe_has_neither_colours_nor_an_edge_whatever_columns_says(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_output(monkeypatch, io.StringIO())
        monkeypatch.setenv("COLUMNS", "40")
        assert screen.window() == Window()
        assert screen.window(width=50).width == 50
        assert screen.window("always").color_system == "256"
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert screen.window() == Window(None, "256")

    def test_columns_is_the_width_of_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "123")
        assert screen.window().width == 123
        assert screen.window(width=50).width == 50

    @pytest.mark.parametrize(
        ("variables", "ascii_only"),
        [
            ({}, False),
            ({"LANG": "C"}, True),
            ({"LANG": "en_GB.UTF-8"}, False),
            ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, True),
            ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
            ({"LANG": "POSIX"}, True),
        ],
    )
    def test_the_locale_decides_on_boxes(
        self, variables: dict[str, str], ascii_only: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert screen.window().ascii_only is ascii_only

    def test_an_encoding_without_boxes_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replace_output(monkeypatch, io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
        assert screen.window().ascii_only


class TestHeight:
    """What a window that is not high shows: fewer lines to type, fewer rows, fewer tables, never less than an answer."""

    ROWS = pl.DataFrame({"period": [f"2024-{month:02}" for month in range(1, 31)], "customers": range(30)})
    PEOPLE = pl.DataFrame({"customer": [f"C{place}" for place in range(10)]})

    def lines(self, height: int, **options: object) -> list[str]:
        given = {"headline": "All is well.", "next": ("crmkit rfm a.csv", "crmkit clv a.csv"), **options}
        result = Result(command="x", tables={"periods": self.ROWS, "customers": self.PEOPLE}, **given)  # type: ignore[arg-type]
        return screen.page(result, Window(80, height=height)).text.splitlines()

    @pytest.mark.parametrize("height", [14, 18, 23, 30, 60])
    def test_a_page_fits(self, height: int) -> None:
        lines = self.lines(height)
        assert len(lines) <= height
        assert lines[0] == "All is well."
        assert "next  crmkit rfm a.csv" in lines

    def test_a_list_of_people_stays_longest(self) -> None:
        lines = self.lines(18, pictures={"customers": "list customer"}, detail="customers")
        assert "C9" in lines
        assert any("--table periods (30 rows)" in line for line in lines)

    def test_a_number_of_rows_that_is_asked_for_is_drawn(self) -> None:
        result = Result(command="x", tables={"periods": self.ROWS})
        assert len(screen.page(result, Window(80, height=10), limit=30).text.splitlines()) == 32


def test_sentences_are_folded_before_a_column_goes() -> None:
    text = (
        "Revenue of the last month is larger than that of the month before it, as customers came more often."
    )
    frame = pl.DataFrame({"section": ["a", "b"], "answer": [text, "Short."], "customers": [1, 2]})
    page = screen.page(Result(command="x", tables={"t": frame}), Window(60))
    assert page.hints == ()
    assert max(map(len, page.text.splitlines())) <= 60
    assert "customers" in page.text


def test_a_narrow_grid_has_numbers_above_its_columns() -> None:
    names = ["Champions", "Hibernating", "Promising"]
    grid = pl.DataFrame({"from": names, **{name: [1, 2, 3] for name in names}})
    page = screen.page(Result(command="x", tables={"t": grid}, pictures={"t": "heat"}), Window(30))
    assert page.text.splitlines()[0].split() == ["from", "1", "2", "3"]
    assert page.text.splitlines()[3].split() == ["2", "Hibernating", "2", "2", "2"]


def test_columns_that_tell_most_stay() -> None:
    frame = pl.DataFrame({name: ["x" * 9] for name in ("period", "aaaa", "bbbb", "cccc")})
    page = screen.page(
        Result(command="x", tables={"t": frame}, pictures={"t": "table first:cccc"}), Window(22)
    )
    assert page.text.splitlines()[0].split() == ["period", "cccc"]
