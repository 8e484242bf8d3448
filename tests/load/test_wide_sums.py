"""Sums beyond 64 bits, in every command that adds up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.load.running import run

COMMANDS = {
    "customers": [], "rfm": ["--bins", "2"], "pareto": [], "cohort": ["--value", "revenue"], "trend": [], "lifecycle": ["--period", "week"],
    "churn": [], "deviation": [],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_sum_wraps_round(tmp_path: Path, command: str) -> None:
    lines = ["customer,date,amount"]
    for place in range(300):
        amount = f"{100_000_000_000 + place % 7}.123456" if place % 11 else "-90000000000.123456"
        lines.append(f"{'abc'[place % 3]},{date(2024, 1, 1) + timedelta(days=place)},{amount}")
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    done = run(command, tmp_path / "sales.csv", *COMMANDS[command], "--format", "json")
    total = sum(int(line.split(",")[2].replace(".", "")) for line in lines[1:])
    assert int(str(done.facts["revenue"]).replace(".", "")) == total
    assert total > 2**63
