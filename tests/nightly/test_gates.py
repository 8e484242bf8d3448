"""Gates against the run before, and the account of a run that they have stopped."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from crmkit.nightly.drift import psi
from crmkit.nightly.limits import Expected
from tests.load.running import run
from tests.tool import SALES

SIZES = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


def part(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.csv"
    path.write_text("".join(SALES.read_text().splitlines(keepends=True)[: rows + 1]))
    return path


@given(SIZES, st.randoms())
def test_drift_is_the_sum_of_both_divergences(sizes: list[int], chance: object) -> None:
    others = [size + i * 7 for i, size in enumerate(reversed(sizes))]
    q, p = np.array(sizes), np.array(others)
    before = {str(i): size for i, size in enumerate(sizes)}
    now = {str(i): size for i, size in enumerate(others)}
    assert psi(before, now) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-12)
    assert psi(now, now) == pytest.approx(0, abs=1e-15)


def test_a_group_that_is_gone_drifts_by_a_finite_figure() -> None:
    q, p = np.array([50, 50]) / 100, np.array([0.5, 100]) / 100.5
    assert psi({"a": 50, "b": 50}, {"b": 100}) == pytest.approx(float(((p - q) * np.log(p / q)).sum()))


def test_ranges() -> None:
    assert Expected.of("90%..110%") == Expected("90%..110%", 90, 110, True)
    assert Expected.of("1000..") == Expected("1000..", 1000, math.inf, False)
    for wrong in ("90%", "..", "90%..200", "110%..90%", "a..b"):
        with pytest.raises(ValueError if False else Exception, match="--expect-customers"):
            Expected.of(wrong)


@pytest.mark.parametrize(
    "before", ["rfm.csv", "rfm.parquet", "rfm.ndjson", "rfm.tsv.gz", "run.json", "rfm.json"]
)
def test_the_run_before_may_be_any_export_or_its_account(tmp_path: Path, before: str) -> None:
    out = tmp_path / ("rfm.csv" if before == "run.json" else before)
    assert run("rfm", SALES, "-q", "-o", out, "--summary", tmp_path / "run.json").status == 0
    gates = ["--previous", tmp_path / before, "--expect-customers", "100%..100%", "--max-drift", "0"]
    done = run("rfm", SALES, "-q", "-f", "json", *gates)
    assert done.facts["drift"] == {"r": 0.0, "f": 0.0, "m": 0.0, "segment": 0.0}
    less = run("rfm", part(tmp_path, 1000), "-q", *gates)
    assert less.status == 3
    assert "261" in less.err


def test_drift_from_frozen_borders(tmp_path: Path) -> None:
    cuts = tmp_path / "cuts.json"
    assert run("rfm", SALES, "-q", "--save-cuts", cuts).status == 0
    same = run("rfm", SALES, "-q", "-f", "json", "--cuts", cuts, "--max-drift", "0")
    assert same.facts["drift"] == {"r": 0.0, "f": 0.0, "m": 0.0}
    later = run("rfm", SALES, "-q", "--cuts", cuts, "--max-drift", "0.25", "--as-of", "2025-12-31")
    assert later.status == 3
    assert "--max-drift 0.25: since the borders were frozen the population has moved: r " in later.err
    # Kept again, the borders keep the population that they were found in.
    again = tmp_path / "again.json"
    run("rfm", SALES, "-q", "--cuts", cuts, "--as-of", "2025-12-31", "--save-cuts", again)
    assert again.read_text() == cuts.read_text()


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (["--min-rows", "5000"], "--min-rows 5,000: only 1,968 rows"),
        (["--expect-customers", "..200"], "there are 261 customers"),
        (["--max-age", "2d"], "--max-age 2d"),
        (["--max-rejects", "3"], "--max-rejects 3"),
    ],
)
def test_a_gate_leaves_the_outputs_and_accounts_for_itself(
    tmp_path: Path, gate: list[str], words: str
) -> None:
    out, summary = tmp_path / "out.csv", tmp_path / "run.json"
    out.write_text("old")
    done = run("rfm", SALES, "-q", "-o", out, "--summary", summary, *gate)
    assert (done.status, out.read_text()) == (3, "old")
    assert words in done.err
    told = json.loads(summary.read_text())
    assert (told["status"], told["exit_status"], told["outputs"]) == ("gate", 3, [])
    assert told["gate"] == gate[0].removeprefix("--")
    assert words in told["message"]
    assert told["inputs"][0]["sha256"]
    assert told["start"] <= told["end"]


def ahead(days: int, path: Path) -> Path:
    """A file whose latest row is of so many days from now."""
    day = date.today() + timedelta(days=days)
    path.write_text(f"customer,date,amount\na,2024-01-01,5\nb,{day},7\n")
    return path


@pytest.mark.parametrize(
    ("gate", "status"),
    [
        (["--max-age", "2d"], {-3: 3, -2: 0, 0: 0, 1: 0, 2: 3}),
        (["--max-age", "2d", "--as-of", f"{date.today()}"], {-3: 3, -2: 0}),
        (["--min-rows", "2"], {0: 0}),
        (["--min-rows", "3"], {0: 3}),
        (["--expect-customers", "2..2"], {0: 0}),
        (["--expect-customers", "3.."], {0: 3}),
        (["--expect-customers", "..1"], {0: 3}),
    ],
)
def test_a_gate_stops_at_its_limit_and_not_before(
    tmp_path: Path, gate: list[str], status: dict[int, int]
) -> None:
    for days, wanted in status.items():
        file = ahead(days, tmp_path / "a.csv")
        assert run("customers", file, "-q", *gate).status == wanted, days


def test_shares_of_the_run_before_at_their_limits(tmp_path: Path) -> None:
    before = tmp_path / "before.csv"
    before.write_text("customer,segment\n" + "".join(f"c{n},A\n" for n in range(240)))
    for wanted, limit in ((0, "90%..109%"), (3, "90%..108%"), (0, "108%..120%"), (3, "109%..120%")):
        done = run(
            "rfm", SALES, "-q", "--previous", before, "--expect-customers", limit
        )  # 261 of 240 are 108.75%
        assert done.status == wanted, limit


def test_a_failure_accounts_for_itself_and_never_over_an_input(tmp_path: Path) -> None:
    summary = tmp_path / "run.json"
    assert run("rfm", tmp_path / "nothing.csv", "--summary", summary).status == 1
    told = json.loads(summary.read_text())
    assert (told["status"], told["exit_status"], told["gate"]) == ("failed", 1, None)
    mine = part(tmp_path, 10)
    before = mine.read_bytes()
    assert run("rfm", mine, "--summary", mine).status == 2
    assert mine.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--previous", SALES], "Add one of them"),
        (["--max-drift", "0.1"], "Add --previous FILE"),
        (["--max-drift", "much"], "is no number"),
        (["--expect-customers", "90%..110%"], "Name that with --previous"),
        (["--previous", "{json}", "--max-drift", "1"], "no answer or account"),
        (["--previous", SALES, "--max-drift", "1"], "Add --previous FILE (an export"),
    ],
)
def test_what_cannot_be_compared_is_told(tmp_path: Path, words: list[object], told: str) -> None:
    (tmp_path / "x.json").write_text("{}")
    done = run("rfm", SALES, "-q", *[str(word).format(json=tmp_path / "x.json") for word in words])
    assert done.status in (1, 2)
    assert told in done.err


def test_each_segment_shows_its_change_since_the_run_before(tmp_path: Path) -> None:
    before = tmp_path / "before.csv"
    assert run("rfm", SALES, "--as-of", "2024-09-30", "-o", before).status == 0
    done = run("rfm", SALES, "--previous", before, "--format", "json")
    rows = json.loads(done.out)["tables"]["segments"]
    was = pl.read_csv(before)["segment"].value_counts()
    counts = dict(zip(was["segment"], was["count"], strict=True))
    assert rows
    for row in rows:
        assert row["customers_change"] == row["customers"] - counts.get(row["segment"], 0)
    assert (
        run("rfm", SALES, "--previous", before, "-o", tmp_path / "now.csv").status == 0
    )  # the long table is there still


def test_a_run_before_without_groups_is_refused() -> None:
    done = run("pareto", SALES, "--previous", SALES)
    assert done.status == 2
    assert "Add one of them" in done.err
