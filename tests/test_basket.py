"""`crmkit basket`: published and measured figures of real files, and sentences for what cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmkit.errors import CrmkitError
from tests.load.running import run
from tests.tool import SALES, crmkit, dev_data


def facts(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(crmkit("basket", *words, "--format", "json"))
    return found["facts"]


def test_groceries() -> None:
    """The pairs of a published file of 9,835 orders that sizes and popularity do not explain."""
    found = facts(dev_data("groceries.csv"), "--min-orders", "0.1%")
    expected = {"orders": 9835, "products": 169, "products_tested": 157, "pairs_tested": 12246}
    assert {name: found[name] for name in expected} == expected
    assert found["pairs_found"] == 150


@pytest.mark.slow
def test_online_retail() -> None:
    """Orders without a customer id take part, and refunds do not."""
    words = ["--min-orders", "0.5%", "--max-basket", "9999"]
    found = facts(dev_data("online_retail_ii_2009_2010.parquet"), *words)
    assert found["pairs_tested"] == 893_116
    assert found["pairs_found"] == pytest.approx(77_816, abs=1)


def test_the_sample_has_pairs_and_the_screen_says_how_many() -> None:
    screen = crmkit("basket", SALES)
    assert screen.startswith("Coffee 25 and Tea 25 are bought together 17.1 times as often as chance has it.")
    assert "Products bought in one order more often than chance has it" in screen


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("order,amount\n1,3\n", [], "no product column"),
        ("order,product\n1,tea\n2,tea\n", [], "only one product ('tea')"),
        ("order,product\n1,tea\n1,milk\n", [], "say --min-orders 1"),
        ("product,amount\ntea,1\nmilk,1\n", [], "no column of orders and none of customers"),
        ("order,product,amount\n1,tea,-1\n", [], "Nobody bought anything"),
        ("order,product\n1,tea\n1,milk\n", ["--min-orders", "1", "--exclude-product", "salt"], "which nobody bought"),
        ("order,product\n1,tea\n1,milk\n", ["--min-orders", "1", "--target", "salt"], "--target 'salt' is not among"),
        ("order,product\n1,tea\n1,milk\n", ["--min-orders", "many"], "neither a number of orders"),
        ("order,product\n1,tea\n1,milk\n", ["--fdr", "0"], "--fdr is 0"),
        ("order,product\n1,tea\n1,milk\n", ["--max-basket", "1"], "a pair takes two products"),
        ("order,product\n1,tea\n1,milk\n", ["--unit", "shelf"], "no unit 'shelf'"),
        ("order,product\n1,tea\n1,milk\n", ["--by", "month"], "no date column"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_in_a_sentence(
    text: str, words: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "till.csv"
    path.write_text(text)
    with pytest.raises(CrmkitError, match="(?s)" + message.replace("(", r"\(").replace(")", r"\)")):
        crmkit("basket", path, *words)


def test_quotes_and_emoji_in_names_and_an_order_of_ten_thousand_lines(tmp_path: Path) -> None:
    names = ['"tea ""green"""', "🍵", "'; drop table"]
    lines = [f"{at},{name}" for at in range(30) for name in names[: 2 + at % 2]]
    lines += [f"all,p{at}" for at in range(10_000)]
    path = tmp_path / "till.csv"
    path.write_text("order,product\n" + "\n".join(lines) + "\n")
    found = json.loads(crmkit("basket", path, "--fdr", "100%", "--format", "json"))
    assert found["facts"]["large_orders"] == 1
    pairs = {(row["product"], row["other"]): row["orders"] for row in found["tables"]["pairs"]}
    assert pairs['tea "green"', "🍵"] == 30


def test_shuffled_rows_give_the_same_bytes(tmp_path: Path) -> None:
    head, *rows = SALES.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *sorted(rows, key=lambda row: row[::-1])]) + "\n")
    words = ["--format", "csv", "--limit", "0"]
    assert crmkit("basket", other, *words) == crmkit("basket", SALES, *words)


def test_excluded_products_are_in_no_pair_and_a_target_in_every_one() -> None:
    words = ["--fdr", "100%", "--format", "csv", "--limit", "0"]
    without = crmkit("basket", SALES, *words, "--exclude-product", "Tea 25")
    assert "Tea 25" not in without
    lines = crmkit("basket", SALES, *words, "--target", "Tea 25").splitlines()
    assert len(lines) > 2 and all(line.startswith("Tea 25,") for line in lines[1:])


@pytest.mark.parametrize(
    "words", [["basket"], ["pareto", "--table", "matrix"], ["basket", "--table", "brands"]], ids=" ".join
)
def test_a_level_that_is_not_there(words: list[str]) -> None:
    done = run(words[0], SALES, *words[1:], "--level", "chanel")
    assert (done.status, done.out) == (1, "")
    assert "--level names the column 'chanel'" in done.err
    assert "Did you mean 'channel'?" in done.err
