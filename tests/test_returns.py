"""`crmkit returns`: rates and waits against a plain reading of the rows, serial returners, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median_low
from typing import Any

import pytest
from scipy import stats

from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit


def shop(folder: Path) -> Path:
    """Forty customers who keep what they buy but for one in ten, and one who sends nearly all back."""
    lines = []
    for at in range(40):
        lines += [f"c{at},2024-01-{1 + n:02d},tea,web,10" for n in range(5)]
        lines += [f"c{at},2024-02-{1 + at % 20:02d},tea,web,-10"] if at % 10 == 0 else []
    lines += [f"back,2024-03-{1 + n:02d},hat,shop,20" for n in range(6)]
    lines += [f"back,2024-03-{5 + n:02d},hat,shop,-20" for n in range(5)]
    lines.append(",2024-03-01,hat,shop,-20")
    path = folder / "sales.csv"
    path.write_text("customer,date,product,channel,amount\n" + "\n".join(lines) + "\n")
    return path


def answer(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(crmkit("returns", *words, "--format", "json"))
    return found


def test_rates_and_waits(tmp_path: Path) -> None:
    found = answer(shop(tmp_path))
    (total,) = found["tables"]["total"]
    assert (total["sold"], total["returned"], total["return_rate"]) == (206, 10, pytest.approx(10 / 206))
    interval = stats.binomtest(10, 206).proportion_ci(method="wilson")
    assert (total["rate_low"], total["rate_high"]) == pytest.approx((interval.low, interval.high))
    # Tea goes back 27, 37, 37 and 27 days after the last one; hats on the day of the latest hat but for the last few.
    waits = [27, 37, 27, 37, 0, 0, 1, 2, 3]
    assert total["days_to_return"] == median_low(waits)
    hats = next(row for row in found["tables"]["products"] if row["product"] == "hat")
    assert (hats["sold"], hats["returned"], hats["unusual"]) == (6, 6, True)
    assert hats["q"] == pytest.approx(2 * stats.binom.sf(5, 12, 4 / 204) / 1, rel=1e-6)


def test_who_returns_unlike_others(tmp_path: Path) -> None:
    path = shop(tmp_path)
    assert answer(path)["facts"]["serial_returners"] == 1
    rows = json.loads(crmkit("returns", path, "--table", "customers", "--format", "json"))["tables"][
        "customers"
    ]
    assert [row["customer"] for row in rows if row["unusual"]] == ["back"]
    assert len(rows) == 5


def test_nothing_came_back(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("customer,date,amount\na,2024-01-01,3\n")
    with pytest.raises(CrmkitError, match="nothing was returned"):
        crmkit("returns", path)


def test_shuffled_rows_give_the_same_bytes(tmp_path: Path) -> None:
    head, *rows = SALES.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *sorted(rows, key=lambda row: row[::-1])]) + "\n")
    words = ("--format", "markdown", "--no-headline", "--limit", "0")
    assert crmkit("returns", other, *words) == crmkit("returns", SALES, *words)
