"""Sentences, labels and figures: English by itself, Chinese from the catalogue, the locale in between."""

from __future__ import annotations

import pytest

from crmkit.language import catalogue
from crmkit.language.figures import money, percent


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0.0, "0%"),
        (0.0001, "<0.1%"),
        (0.004, "0.4%"),
        (0.0934, "9%"),
        (0.31, "31%"),
        (0.994, "99.4%"),
        (0.99999, "99.9%"),
        (1.0, "100%"),
        (-0.2, "-20%"),
        (12.5, "1,250%"),
    ],
)
def test_parts_keep_the_digits_that_tell_something(part: float, text: str) -> None:
    assert percent(part) == text


def test_large_amounts_have_no_hundredths() -> None:
    assert [money(amount) for amount in (42795.314, 99_999.99, 100_000, -1_234_567.8)] == [
        "42,795.31",
        "99,999.99",
        "100,000",
        "-1,234,568",
    ]


def test_a_sentence_without_translation_is_read_in_english() -> None:
    with catalogue.speaking("zh"):
        assert catalogue.phrase("Nobody translated {this}.", this="x") == "Nobody translated x."
        assert catalogue.phrase("as of {day}", day="2024-12-31") == "截至 2024-12-31"
    assert catalogue.current() == "en"


@pytest.mark.parametrize(
    ("names", "language"),
    [
        ({"LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses(names: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    with catalogue.speaking(None):
        assert catalogue.current() == language
