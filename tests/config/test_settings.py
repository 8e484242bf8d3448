"""Settings: which of several counts, and that mistakes in them are told with their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmkit.config import settings
from crmkit.config.values import Spec
from tests.load.running import run
from tests.tool import SALES, process


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project, from a folder of which crmkit is run, and a home for the user's file."""
    (tmp_path / "project" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "below")
    monkeypatch.delenv("CRMKIT_NO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "project"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def bins(*words: object) -> object:
    done = run("rfm", SALES, "-f", "json", *words)
    assert done.status == 0, done.err
    return json.loads(done.out)["facts"]["bins"][0]


def test_typed_before_variable_before_project_before_user(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project.parent / "crmkit" / "crmkit.toml", "[rfm]\nbins = 2\n")
    assert bins() == 2
    put(project / "pyproject.toml", "[tool.other]\na = 1\n")
    assert bins() == 2  # it does not speak of crmkit
    put(project / "pyproject.toml", "[tool.crmkit.rfm]\nbins = 3\n")
    assert bins() == 3
    put(project / "crmkit.toml", "bins = 6\n[rfm]\nbins = 4\n")
    assert bins() == 4  # it comes before pyproject.toml, and the section before the top
    monkeypatch.setenv("CRMKIT_BINS", "5")
    assert bins() == 5
    monkeypatch.setenv("CRMKIT_RFM_BINS", "6")
    assert bins() == 6
    assert bins("--bins", "7") == 7
    assert bins("--no-config") == 6
    assert bins("--config", put(project / "other.toml", "")) == 6
    monkeypatch.delenv("CRMKIT_RFM_BINS")
    monkeypatch.delenv("CRMKIT_BINS")
    assert bins("--no-config") == bins("--config", project / "other.toml") == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "quiet = true\n\nmax-agee = 2\n",
            "line 3: max-agee is no option of any command. Did you mean max-age?",
        ),
        ("[rfm]\nquiet = true\nsplit = 1\n", "line 3: split is no option of crmkit rfm."),
        ("[rmf]\nbins = 3\n", "line 1: [rmf] is no command. Did you mean rfm?"),
        ("[clv]\nquiet = 'yes'\n", "line 2: quiet is 'yes', and it must be true or false"),
        ("limit = 'many'\n", "line 1: limit is 'many', and it must be a whole number"),
        ("[rfm]\nbins = true\n", "line 2: bins is True, and it must be text"),
        ("bins = [[1]]\n", "line 1: bins is [1], and it must be text"),
        ("output = 'postgresql://me:hunter2@host/db'\n", "line 1: output holds a password"),
        ("output = 'postgresql://host/db?password=hunter2'\n", "line 1: output holds a password"),
        ("conf = 'spark.hadoop.fs.s3a.secret.key=hunter2'\n", "line 1: conf holds a password"),
        ("max_age = '1d'\nmax-age = '2d'\n", "line 2: max-age is max_age again"),
        ("quiet = \n", "is not TOML"),
        ("format = 'xml'\n", "(--format is set in "),
    ],
)
def test_mistakes_are_told_with_their_place(project: Path, text: str, words: str) -> None:
    put(project / "crmkit.toml", text)
    done = run("rfm", SALES)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "hunter2" not in done.err


def test_what_is_for_all_does_not_disturb_those_who_have_no_use_for_it(project: Path) -> None:
    usual = run("rfm", SALES, "-f", "json", "--no-config").out
    put(project / "crmkit.toml", "product = 'product'\nwindow = 90\n")
    assert run("rfm", SALES, "-f", "json").out == usual
    put(project / "crmkit.toml", "[rfm]\nproduct = 'product'\n")
    assert "--product changes nothing here" in run("rfm", SALES).err


def test_paths_are_those_of_the_folder_of_the_file(project: Path) -> None:
    put(project / "crmkit.toml", f"files = [{json.dumps(str(SALES))}]\n[rfm]\noutput = 'who.csv'\n")
    assert run("rfm", "-q").status == 0
    assert (project / "who.csv").exists()


def test_show_tells_the_source_of_each_and_no_password(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project / "crmkit.toml", "limit = 3\n")
    monkeypatch.setenv("CRMKIT_RFM_CUTS", "postgresql://me:hunter2@host/db")
    done = run("config", "show", "rfm", "-f", "json")
    rows = {
        row["option"]: (row["value"], row["source"]) for row in json.loads(done.out)["tables"]["settings"]
    }
    assert rows["limit"] == ("3", f"{project / 'crmkit.toml'}, line 1")
    assert rows["cuts"] == ("postgresql://me:***@host/db", "the variable CRMKIT_RFM_CUTS")


def test_init_writes_settings_that_read_the_file_and_never_over_another(project: Path) -> None:
    odd = put(project / "odd.csv", "who;ordered;paid;note\nA;31.12.2024;1,50;x\nB;30.12.2024;2,25;y\n")
    assert (
        run(
            "config", "init", odd, "--customer", "who", "--date", "ordered", "-o", project / "crmkit.toml"
        ).status
        == 0
    )
    assert {'customer = "who"', 'decimal = ","'} <= set((project / "crmkit.toml").read_text().splitlines())
    assert run("customers", odd, "-q").status == 0
    again = run("config", "init", odd, "-o", project / "crmkit.toml")
    assert again.status == 2
    assert "is there already" in again.err


def test_messages_follow_the_settings_before_anything_else(project: Path) -> None:
    put(project / "crmkit.toml", "log-format = 'json'\n")
    done = process("rfm", "nothing.csv", XDG_CONFIG_HOME=str(project), CRMKIT_NO_CONFIG="0")
    assert json.loads(done.err.splitlines()[0])["kind"] == "error"


def test_a_variable_is_text_of_the_right_kind() -> None:
    assert Spec("quiet", "flag").from_variable("No", "V") is False
    assert Spec("limit", "whole").from_variable("7", "V") == 7
    with pytest.raises(settings.UsageError, match="V: quiet is 'perhaps'"):
        Spec("quiet", "flag").from_variable("perhaps", "V")


def test_files_behind_other_words_are_sought_beside_the_settings(project: Path) -> None:
    assert run("rfm", SALES, "--save-cuts", project / "kept.json").status == 0
    text = (
        f'[rfm]\ncuts = "kept.json"\noutput = "{project}/all.csv"\ntable = "cells=cells.csv"\nmap = "rfm11"\n'
    )
    put(project / "crmkit.toml", text)
    done = run("rfm", SALES, "-q")
    assert done.status == 0, done.err
    assert {"all.csv", "cells.csv"} <= {path.name for path in project.iterdir()}
