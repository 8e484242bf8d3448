"""What comes from outside cannot act on a terminal."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.language.safe_text import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller & Søn 王小明 [red]x[/red] 👍🏽 é", "Müller & Søn 王小明 [red]x[/red] 👍🏽 é"),
        ("full\u3000width and no\xa0break", "full\u3000width and no\xa0break"),
        ("\x1b[31m\x07\x00\r\n\t", r"\x1b[31m\x07\x00\x0d\x0a\x09"),
        ("\x7f\x80\x9b31m\x9f", r"\x7f\x80\x9b31m\x9f"),
        ("\u202eabc\u2066\u200e\u061c", r"\u202eabc\u2066\u200e\u061c"),
        ("a\u200bb\u200dc\ufeff\u2060\u00ad", r"a\u200bb\u200dc\ufeff\u2060\xad"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\u3164\u115f\u2800\uffa0", r"\u3164\u115f\u2800\uffa0"),
        ("\U000e0041\ue000\udcff", r"\U000e0041\ue000\udcff"),
        (None, "None"),
        (Path("a\nb"), r"a\x0ab"),
    ],
)
def test_only_what_draws_nothing_is_spelt_out(text: object, shown: str) -> None:
    assert safe(text) == shown


def test_long_text_is_cut_before_it_is_spelt_out() -> None:
    assert safe("\n" * 100, limit=3) == r"\x0a\x0a\x0a..."
    assert safe("abc", limit=3) == "abc"


def test_lines_may_stand() -> None:
    assert safe("a\nb\r", lines=True) == "a\nb\\x0d"


@given(st.text())
def test_whatever_comes_only_visible_characters_leave(text: str) -> None:
    shown = safe(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert safe(shown) == shown
