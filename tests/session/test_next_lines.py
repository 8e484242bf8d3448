"""Lines to type next lead on: they read the file as this run did, and name no column that the next command would refuse."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.load.running import run
from tests.load.sales import put
from tests.tool import SALES


@pytest.mark.parametrize(
    "words",
    [["check", "--product", "channel", "--cost", "cost", "--order", "order_id", "--source-tz", "Asia/Tokyo"],
     ["pareto", "--by", "product", "--product", "group"]],
)  # fmt: skip
def test_every_next_line_is_accepted(tmp_path: Path, words: list[str]) -> None:
    done = run(words[0], SALES, *words[1:])
    lines = [line.removeprefix("next").strip() for line in done.out.split("\nnext")[1].splitlines()]
    assert lines
    for line in lines:
        _, *typed = shlex.split(line.replace("report.html", str(tmp_path / "report.html")))
        assert run(*typed).status == 0, line


def test_options_of_reading_are_carried_on(tmp_path: Path) -> None:
    path = put(
        tmp_path / "sales.csv", "customer,date,amount,kind\n1,2024-01-01,64,sale\n2,2024-01-02,9,back\n"
    )
    done = run("check", path, "--refund-status", "back", "--no-customer-id", "0", "--status", "kind")
    (line,) = (line for line in done.out.splitlines() if "crmkit pareto" in line)
    assert "--refund-status back" in line
    assert "--no-customer-id 0" in line


def test_pareto_by_store_says_how_a_column_is_named() -> None:
    for command in ("pareto", "trend"):
        done = run(command, SALES, "--by", "store")
        assert (done.status, done.out) == (1, "")
        assert "Say which it is: --by product --product COLUMN." in done.err
        assert run(command, SALES, "--by", "product", "--product", "channel").status == 0


@pytest.mark.parametrize("words", [["pareto"], ["score"], ["accumulation", "--from"]])
def test_counting_is_not_advised_where_money_is_the_subject(tmp_path: Path, words: list[str]) -> None:
    path = put(
        tmp_path / "visits.csv", "customer,date,place\na,2024-01-01,x\nb,2024-01-02,y\na,2024-02-02,y\n"
    )
    done = run(*words, path)
    assert done.status == 1
    assert "no amount column" in done.err
    assert "--count" not in done.err
    assert "--count" in run("rfm", path).err
