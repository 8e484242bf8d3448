"""Three weak periods: what is usual, who is weak, new and gone, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit


def shop(folder: Path) -> Path:
    """Twelve months: tea steady, hats halved in the last three, mugs new in the last two, ink gone."""
    lines = []
    for month in range(1, 13):
        day = f"2024-{month:02d}-28"
        lines.append(f"a,{day},tea,100")
        lines.append(f"b,{day},hat,{100 if month < 10 else 50}")
        lines += [f"c,{day},mug,5"] if month > 10 else []
        lines += [f"d,{day},ink,8"] if month in (2, 3) else []
    path = folder / "sales.csv"
    path.write_text("customer,date,product,amount\n" + "\n".join(lines) + "\n")
    return path


def levels(*words: str | Path) -> dict[str, dict[str, Any]]:
    found = json.loads(crmkit("trend", *words, "--by", "product", "--format", "json"))
    return {row["product"]: row for row in found["tables"]["levels"]}


def test_the_rule(tmp_path: Path) -> None:
    days = ["--since", "2024-01-01", "--as-of", "2024-12-31"]
    found = levels(shop(tmp_path), *days)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "hat": "three weak periods", "ink": "gone", "tea": "", "mug": "new",
    }  # fmt: skip
    assert (found["hat"]["usual"], found["hat"]["recent_mean"], found["hat"]["weak_periods"]) == (100, 50, 3)
    # Ink began in February, so eight months are its usual ones.
    assert found["ink"]["usual"] == 2
    assert next(iter(found)) == "hat"
    assert levels(shop(tmp_path), *days, "--below", "40%")["hat"]["verdict"] == ""
    new = levels(shop(tmp_path), *days, "--target", "20")
    assert {name for name, row in new.items() if row["verdict"]} == {"ink", "mug"}


def test_what_is_incomplete_does_not_count(tmp_path: Path) -> None:
    """The file ends on the 28th of December, so the last three months are those before."""
    assert levels(shop(tmp_path))["hat"]["weak_periods"] == 2


def test_every_period_of_every_level_is_in_the_long_table() -> None:
    text = crmkit("trend", SALES, "--by", "channel", "--table", "periods", "--format", "csv", "--limit", "0")
    head, *rows = text.splitlines()
    assert head == "channel,period,revenue,orders,customers"
    assert {row.split(",")[0] for row in rows} == {"app", "phone", "store", "web"}


def test_refusals() -> None:
    with pytest.raises(CrmkitError, match="--by 'colour'"):
        crmkit("trend", SALES, "--by", "colour")
    with pytest.raises(CrmkitError, match="--below and --target belong to --by"):
        crmkit("trend", SALES, "--below", "50%")
    with pytest.raises(CrmkitError, match="no store column"):
        crmkit("trend", SALES, "--by", "store")
