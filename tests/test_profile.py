"""`crmkit profile`: planted differences are found, chance is not, and nobody can be made out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit


def shop(folder: Path, customers: int = 60) -> Path:
    """The VIPs buy by phone, and more often; everybody buys tea."""
    lines, groups = ["customer,date,order,product,channel,amount"], ["customer,vip"]
    for at in range(customers):
        vip = at % 3 == 0
        groups.append(f"c{at},{'yes' if vip else 'no'}")
        for n in range(3 if vip else 1):
            channel = "phone" if vip and n else "web"
            lines.append(f"c{at},2024-0{1 + n}-1{at % 9},{at}-{n},tea,{channel},{10 + at % 7}")
    (folder / "groups.csv").write_text("\n".join(groups) + "\n")
    path = folder / "sales.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def tables(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(crmkit("profile", *words, "--format", "json"))
    return found["tables"]


def test_a_group_of_a_file_is_told_by_what_it_does(tmp_path: Path) -> None:
    found = tables(shop(tmp_path), "--by", f"{tmp_path / 'groups.csv'}:vip")
    assert {row["segment"]: row["customers"] for row in found["groups"]} == {"yes": 20, "no": 40}
    phone = next(row for row in found["labels"] if row["level"] == "phone")
    assert (phone["segment"], phone["customers"], phone["share"], phone["share_elsewhere"]) == (
        "yes",
        20,
        1,
        0,
    )
    assert not any(row["level"] == "tea" for row in found["labels"])
    orders = next(row for row in found["numbers"] if row["measure"] == "orders" and row["segment"] == "yes")
    assert (orders["median"], orders["median_elsewhere"], orders["auc"]) == (3, 1, 1)
    assert not orders["by_definition"]


def test_what_defines_a_tier_is_marked() -> None:
    found = tables(SALES, "--by", "tier")["numbers"]
    assert {row["measure"] for row in found if row["by_definition"]} == {"revenue"}


def test_small_groups_and_cells_are_merged(tmp_path: Path) -> None:
    path, groups = shop(tmp_path), tmp_path / "groups.csv"
    groups.write_text(groups.read_text().replace("c1,no", "c1,secret"))
    found = tables(path, "--by", f"{groups}:vip")
    assert {row["segment"] for row in found["groups"]} == {"yes", "no", "other"}
    assert all(row["customers"] >= 10 for row in found["labels"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by", "colour"], "Choose one of segment, tier, cohort"),
        (["--by", "{folder}/groups.csv:vipp"], "Did you mean 'vip'"),
        (["--min-cell", "0"], "--min-cell is 0"),
        (["--fdr", "0"], "--fdr is 0"),
        (["--by", "{folder}/groups.csv:vip", "--min-cell", "100"], "in one group"),
    ],
)
def test_refusals(words: list[str], message: str, tmp_path: Path) -> None:
    path = shop(tmp_path)
    with pytest.raises(CrmkitError, match=message):
        crmkit("profile", path, *(word.replace("{folder}", str(tmp_path)) for word in words))


def test_customers_that_the_file_does_not_know_are_a_group(tmp_path: Path) -> None:
    path, groups = shop(tmp_path), tmp_path / "groups.csv"
    groups.write_text("\n".join(groups.read_text().splitlines()[:40]) + "\n")
    found = tables(path, "--by", f"{groups}:vip")["groups"]
    assert {row["segment"] for row in found} == {"yes", "no", "none"}


def test_shuffled_rows_give_the_same_bytes(tmp_path: Path) -> None:
    head, *rows = SALES.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *sorted(rows, key=lambda row: row[::-1])]) + "\n")
    words = ("--format", "markdown", "--no-headline")
    assert crmkit("profile", other, *words) == crmkit("profile", SALES, *words)
