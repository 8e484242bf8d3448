"""Every line that a help page shows runs on the sample, and every command has its man page."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmkit.cli import COMMANDS, build
from crmkit.session.help import manual, topics
from tests.tool import ROOT

LINES = [line for topic in topics().values() for line in topic["examples"]]
_LONG = ("clv", "backtest", "report", "lift", "split", "score", "basket")  # a second each


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("examples")
    for name in ("sales.csv", "groups.csv"):
        shutil.copy(ROOT / "sample_data" / name, made)
    (made / "jobs.toml").write_text('files = "sales.csv"\n[rfm]\noutput = "tiers.csv"\n')
    runs = ("crmkit rfm sales.csv --as-of 2024-06-30 -o yesterday.csv", "crmkit rfm sales.csv -o today.csv")
    for line in (*runs, "crmkit customers sales.csv --update shop.ledger"):
        run(line, made)
    return made


def run(line: str, folder: Path) -> None:
    words = shlex.split(line)[1:]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(build([words[0]]), words)
    assert done.exit_code == 0 or (words[0], done.exit_code) == ("diff", 1), (
        line,
        done.output[-500:],
        done.exception,
    )


def test_every_command_has_two_examples() -> None:
    assert [name for name in COMMANDS if len(topics().get(name, {}).get("examples", [])) < 2] == []


@pytest.mark.parametrize("line", [line for line in LINES if line.split()[1] not in _LONG])
def test_it_runs(line: str, folder: Path) -> None:
    run(line, folder)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in LINES if line.split()[1] in _LONG])
def test_it_runs_too(line: str, folder: Path) -> None:
    run(line, folder)


def test_each_command_has_a_man_page(tmp_path: Path) -> None:
    made = manual(build(), str(tmp_path))
    assert {Path(page).name for page in made} == {"crmkit.1", *(f"crmkit-{name}.1" for name in COMMANDS)}
    page = (tmp_path / "crmkit-rfm.1").read_text(encoding="utf-8")
    assert page.startswith(".TH CRMKIT-RFM 1")
    assert "\\-\\-bins" in page
