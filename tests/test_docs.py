"""The documentation covers what there is, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import crmkit.cli
from tests.tool import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]
COMMANDS = [
    command.name or command.callback.__name__
    for command in crmkit.cli.build().registered_commands
    if command.callback
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_in_the_index_and_help(command: str) -> None:
    assert (ROOT / "docs" / f"{command}.md").exists()
    assert f"[{command}]({command}.md)" in (ROOT / "docs" / "README.md").read_text()
    entry = next(
        one
        for one in crmkit.cli.build().registered_commands
        if (one.name or one.callback.__name__) == command
    )  # type: ignore[union-attr]
    assert (entry.callback.__doc__ or "").strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
