"""What was asked for is what is done: options given twice, cuts as shares and percentages, and a full account of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmkit.errors import UsageError
from crmkit.parse import percentages
from tests.load.running import run
from tests.tool import SALES


def test_an_option_that_holds_one_value_is_given_once(tmp_path: Path) -> None:
    done = run("rfm", SALES, "--plot", tmp_path / "a.svg", "--plot", tmp_path / "b.svg")
    assert (done.status, list(tmp_path.iterdir())) == (2, [])
    assert "--plot is given twice" in done.err
    assert run("rfm", SALES, "--segment", "Champions", "--segment", "Hibernating", "-q", "-q").status == 0


@pytest.mark.parametrize("cuts", ["70,90", "70%,90%", "0.7,0.9", "0.7,90%", "70, 90, 100", "0.7,0.9,1"])
def test_cuts_are_the_same_however_they_are_written(cuts: str) -> None:
    assert run("pareto", SALES, "--cuts", cuts, "-f", "json").facts["cuts"] == [70.0, 90.0, 100.0]


def test_percentages_below_one_need_their_sign() -> None:
    assert [float(cut) for cut in percentages("0.5%,1%", "--cuts")] == [0.5, 1]
    assert [float(cut) for cut in percentages("0.5,1,2", "--cuts")] == [0.5, 1, 2]
    with pytest.raises(UsageError, match="not a number"):
        percentages("a,b", "--cuts")


def test_the_account_of_a_run_tells_all_its_options(tmp_path: Path) -> None:
    words = ["--segment", "Champions", "--frequency", "days", "--summary", tmp_path / "run.json", "-q"]
    assert run("rfm", SALES, *words).status == 0
    options = json.loads((tmp_path / "run.json").read_text())["options"]
    assert (options["segment"], options["frequency"], options["map"]) == (["Champions"], "days", "rf10")
