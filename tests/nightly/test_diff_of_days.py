"""Two days of a history compared: as two exports of those days are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.load.running import run
from tests.tool import SALES

DAYS = ("2024-06-30", "2024-12-31")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days") / "shop.ledger"
    assert run("customers", SALES, "--update", folder, "-q").status == 0
    return folder


@pytest.mark.parametrize(
    ("command", "by"), [("rfm", []), ("pareto", ["--by", "tier"]), ("rfm", ["--by", "r"])]
)
@pytest.mark.parametrize("kind", ["ledger", "file"])
def test_they_are_what_exports_say(
    tmp_path: Path, ledger: Path, kind: str, command: str, by: list[str]
) -> None:
    history = ledger if kind == "ledger" else SALES
    exports = [tmp_path / f"{day}.csv" for day in DAYS]
    for day, export in zip(DAYS, exports, strict=True):
        assert run(command, SALES, "--as-of", day, "-q", "-o", export).status == 0
    of_days = run("diff", *(f"{history}@{day}" for day in DAYS), *by, "-f", "json", "--exit-code")
    of_exports = json.loads(run("diff", *exports, *by, "-f", "json").out)
    found = json.loads(of_days.out)
    assert of_days.status == 1
    assert found["tables"] == of_exports["tables"]
    assert found["tables"]["moves"]
    for name in ("by", "customers_before", "customers", "moves", "drift"):
        assert found["facts"][name] == of_exports["facts"][name]


def test_a_day_is_like_itself(ledger: Path) -> None:
    done = run("diff", f"{ledger}@2024-06-30", f"{ledger}@2024-06-30", "--exit-code")
    assert done.status == 0


def test_the_account_names_the_ledger_once(tmp_path: Path, ledger: Path) -> None:
    account = tmp_path / "run.json"
    assert run("diff", *(f"{ledger}@{day}" for day in DAYS), "-q", "--summary", account).status == 0
    assert len(json.loads(account.read_text())["inputs"]) == 1


@pytest.mark.parametrize(
    ("old", "status", "said"),
    [("{0}", 2, "name days"), ("{0}@someday", 2, "is not a date"), ("{0}@2001-01-01", 1, "no row can be used"),
     ("nowhere.ledger@2024-06-30", 1, "nowhere.ledger@2024-06-30")],
)  # fmt: skip
def test_what_is_no_day(ledger: Path, old: str, status: int, said: str) -> None:
    done = run("diff", old.format(ledger), f"{ledger}@2024-12-31")
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_a_file_may_be_called_so(tmp_path: Path) -> None:
    (tmp_path / "tiers").write_text("x")
    for name in ("tiers@2024-01-01", "tiers@2024-01-02"):
        (tmp_path / name).write_text("customer,tier,revenue\na,A,1.00\n")
    done = run("diff", tmp_path / "tiers@2024-01-01", tmp_path / "tiers@2024-01-02", "-f", "json")
    assert json.loads(done.out)["facts"]["differs"] is False
