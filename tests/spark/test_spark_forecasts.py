"""All that a forecast learns is the same on a cluster: clock, customers from before the file, scale and spread of spend."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.models.seasons import shop
from tests.spark.compare import same
from tests.spark.runner import Runner


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop in several files, its rows in no order."""
    folder = tmp_path_factory.mktemp("shop")
    frame = shop().sample(fraction=1.0, shuffle=True, seed=2)
    for place in range(3):
        frame[place::3].write_parquet(folder / f"{place}.parquet", row_group_size=500)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["clv", "--model", "mbgnbd"],
        ["clv", "--model", "mbgcnbd", "--k", "2", "--by", "cohort"],
        ["clv", "--model", "paretonbd", "--as-of", "2022-12-31"],  # too short for a clock
        ["churn", "--model", "mbgnbd", "--everyone"],
    ],
    ids=" ".join,
)
def test_what_is_learnt_is_the_same(words: list[str], parts: Path, classic: Runner, tmp_path: Path) -> None:
    command, *rest = words
    here = same(classic, tmp_path, command, parts, *rest)
    facts = here.facts["model"]
    assert "early" in facts["params"]
    if command == "clv":
        assert here.facts["calendar"]["used"] == ("--as-of" not in rest)
        assert "doubling" in here.facts["spend"]["params"]
    else:
        assert facts["calendar"]


def test_a_saved_model_is_the_same_file(parts: Path, classic: Runner, tmp_path: Path) -> None:
    from tests.load.running import run

    kept = [tmp_path / name for name in ("here.json", "there.json")]
    for path, run_ in zip(kept, (run, classic.run), strict=True):
        assert run_("clv", parts, "--model", "mbgnbd", "--save-model", path, "-q").status == 0
    assert kept[0].read_bytes() == kept[1].read_bytes()
    used = ["--use-model", kept[0]]
    same(classic, tmp_path, "clv", parts, *used)
    assert pl.read_parquet(tmp_path / "alone.parquet").height > 1000
