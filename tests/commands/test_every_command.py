"""No command is forgotten by the tests that go through all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.cli import COMMANDS
from tests.every_command import EVERY, words
from tests.tool import SALES, crmkit


def test_every_command_is_in_the_list() -> None:
    assert set(EVERY) == set(COMMANDS)


@pytest.mark.parametrize("command", EVERY)
def test_it_runs_on_the_sample(command: str, tmp_path: Path) -> None:
    crmkit(*words(command, SALES, tmp_path / "made.csv"))
