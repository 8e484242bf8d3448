"""Values that a shell puts in, asked for as the shells do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import ROOT, SALES


def completed(line: str) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = line.split(" ")
    plain = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "crmkit"],
        capture_output=True,
        text=True,
        env=plain
        | {
            "_CRMKIT_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "PYTHONPATH": str(ROOT),
        },
        check=False,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("crmkit rfm sales.csv --format p", ["parquet"]),
        ("crmkit rfm sales.csv --lang ", ["en", "zh"]),
        ("crmkit rfm sales.csv --table c", ["cells", "customers"]),
        ("crmkit rfm sales.csv --map r", ["rf10", "rfm11"]),
        ("crmkit rfm sales.csv --segment at", ["At", "Risk"]),
        ("crmkit clv sales.csv --model mb", ["mbgnbd", "mbgcnbd"]),
        (f"crmkit pareto {SALES} --customer c", ["customer_id", "cost", "channel"]),
        ("crmkit pareto nothing.csv --customer c", []),
    ],
)
def test_values_are_offered(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_completion_is_installed_for_the_shell_that_is_named(tmp_path: Path) -> None:
    plain = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "crmkit", "--install-completion", "zsh"],
        capture_output=True,
        text=True,
        env=plain,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".zfunc", ".zshrc"]
