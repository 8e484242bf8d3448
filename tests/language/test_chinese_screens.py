"""A Chinese screen holds no English sentence: neither the answer nor what is said beside it."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from crmkit.cli import build
from tests.every_command import EVERY, words
from tests.tool import SALES

# Fits take long.
_SLOW = {"clv", "backtest", "report", "accumulation", "lift", "split"}
_QUICK = ("check", "pareto", "rfm", "basket", "returns", "migration", "cohort", "lifecycle", "churn", "trend")
_SENTENCE = re.compile(r"(?:\b[A-Za-z]{2,}[,;:]? ){4,}[A-Za-z]{2,}")
_TYPED = re.compile(r"(?:下一步|^ +) +crmkit .*|crmkit (?:rfm|split|clv|config) [^。]*|--[\w-]+(?: \S+)?")


def english(command: str) -> list[str]:
    line = [*words(command, SALES), "--lang", "zh"]
    done = CliRunner().invoke(build([command]), line)
    assert done.exit_code == 0, done.output
    return [
        found[0] for line in done.output.splitlines() if (found := _SENTENCE.search(_TYPED.sub("", line)))
    ]


@pytest.mark.parametrize("command", _QUICK)
def test_no_english_sentence_is_left(command: str) -> None:
    assert english(command) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(_SLOW & set(EVERY)))
def test_nor_where_models_are_fitted(command: str) -> None:
    assert english(command) == []


def test_a_language_is_spoken_in_its_run_alone() -> None:
    from crmkit.language import catalogue

    line = shlex.split(f"pareto {SALES} --lang zh")
    assert "客户" in CliRunner().invoke(build(["pareto"]), line).stdout
    assert catalogue.current() == "en"


def test_patterns_fill_their_parts_and_leave_names_alone() -> None:
    from crmkit.language import catalogue

    with catalogue.speaking("zh"):
        assert (
            catalogue.translated("32 rows without a customer id take part") == "32 行无客户编号，也参与计算"
        )
        assert "“product”" in catalogue.translated("found by its name, 'product'")
        assert catalogue.translated("Nobody knows this one.") == "Nobody knows this one."
    assert catalogue.translated("32 rows without a customer id take part").startswith("32 rows")
