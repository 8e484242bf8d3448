"""Borders that are kept: tiers by them, and the rule by which they are found anew."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crmkit import pareto
from crmkit.scoring import tier_cuts
from tests.load.running import run
from tests.tool import SALES


def tiers(path: Path) -> dict[str, str]:
    return dict(pl.read_csv(path).select("customer", "tier").iter_rows())


def test_tiers_by_kept_borders_are_those_values(tmp_path: Path) -> None:
    cuts, out = tmp_path / "cuts.json", tmp_path / "tiers.csv"
    assert run("pareto", SALES, "-q", "--as-of", "2024-06-30", "--save-cuts", cuts).status == 0
    kept = json.loads(cuts.read_text())
    assert (kept["frozen"], sum(kept["population"]["tier"].values())) == ("2024-06-30", 218)
    assert run("pareto", SALES, "-q", "--cuts", cuts, "-o", out).status == 0
    a, b = map(Decimal, kept["lowest"])
    revenue = {
        row["customer"]: Decimal(row["revenue"]) for row in pl.read_csv(out, infer_schema=False).to_dicts()
    }
    expected = {
        who: "below zero" if money < 0 else "A" if money >= a else "B" if money >= b else "C"
        for who, money in revenue.items()
    }
    assert tiers(out) == expected
    # In the file in which they were found, they change nothing.
    same, anew = tmp_path / "same.csv", tmp_path / "anew.csv"
    run("pareto", SALES, "-q", "--as-of", "2024-06-30", "--cuts", cuts, "-o", same)
    run("pareto", SALES, "-q", "--as-of", "2024-06-30", "-o", anew)
    assert same.read_bytes() == anew.read_bytes()


def test_a_border_finer_than_the_money_moves_nobody_up() -> None:
    cuts = tier_cuts.TierCuts(
        scheme="abc", names=("A", "B"), cuts=(80, 100), value="revenue", by="customer", lowest=(Decimal("12.345"),)
    )  # fmt: skip
    assert cuts.units(pl.Decimal(38, 2)) == [1235]
    assert cuts.units(pl.Decimal(38, 3)) == [12345]


def test_pareto_takes_them_from_python(tmp_path: Path) -> None:
    first = pareto.analyse(str(SALES))
    path = tmp_path / "cuts.json"
    path.write_text(first.saved["cuts"])
    again = pareto.analyse(str(SALES), cuts=path)
    assert again.tables["tiers"].equals(first.tables["tiers"])
    assert pareto.analyse(str(SALES), cuts=tier_cuts.read(path)).facts == again.facts


@pytest.mark.parametrize("command", ["pareto", "rfm"])
def test_auto_keeps_borders_until_they_are_old_or_drifted(tmp_path: Path, command: str) -> None:
    cuts = tmp_path / "cuts.json"

    def night(day: str, *words: str) -> str:
        done = run(command, SALES, "--as-of", day, "--cuts", "auto", "--save-cuts", cuts, *words)
        assert done.status == 0, done.err
        return done.err

    assert "was not there" in night("2024-06-01")
    first = cuts.read_bytes()
    assert "found anew" not in night("2024-06-02")
    assert cuts.read_bytes() == first
    assert "found anew: they are of 2024-06-01, 212 days ago" in night("2024-12-30")
    assert json.loads(cuts.read_text())["frozen"] == "2024-12-30"
    told = json.loads(cuts.read_text())
    label = "tier" if command == "pareto" else "r"
    told["population"] = {label: dict.fromkeys(told["population"][label], 1) | {"Z": 500}}
    cuts.write_text(json.dumps(told))
    assert f"found anew: {label} has drifted by" in night("2024-12-30")
    assert "Z" not in cuts.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cuts", "{cuts}", "--value", "orders"], "--value orders does not go with saved borders"),
        (["--cuts", "auto"], "Name one: --save-cuts cuts.json"),
        (["--cuts", "nothing.json"], "a list such as 70,90,100, or a file of --save-cuts"),
        (["--cuts", "{rfm}"], "does not hold borders of tiers"),
        (["--scheme", "mvc", "--save-cuts", "{other}"], "--save-cuts does not go with --scheme mvc"),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, words: list[str], told: str) -> None:
    names = {name: tmp_path / f"{name}.json" for name in ("cuts", "rfm", "other")}
    run("pareto", SALES, "-q", "--save-cuts", names["cuts"])
    run("rfm", SALES, "-q", "--save-cuts", names["rfm"])
    done = run("pareto", SALES, *[word.format(**names) for word in words])
    assert (done.status in (1, 2), done.out) == (True, "")
    assert told in done.err
