"""What is asked of all that a customer bought: offers, what comes next, holdings; by hand, and measured on a real shop."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from crmkit.baskets import holdings, recommend
from crmkit.baskets.null import Null
from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit, dev_data


def tables(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(crmkit("basket", *words, "--format", "json", "--limit", "0"))
    return found["tables"]


def written(folder: Path, lines: list[str]) -> Path:
    path = folder / "sales.csv"
    path.write_text("customer,date,order,product,amount\n" + "\n".join(lines) + "\n")
    return path


def test_weights_are_the_least_squares_of_each_product_from_the_others() -> None:
    draw = np.random.default_rng(2)
    held = (draw.random((60, 5)) < 0.4).astype(float)
    weights = recommend.ease(held.T @ held, 3.0)
    for product in range(5):
        others = [at for at in range(5) if at != product]
        x = held[:, others]
        solved = np.linalg.solve(x.T @ x + 3.0 * np.eye(4), x.T @ held[:, product])
        assert weights[others, product] == pytest.approx(solved)
    assert (np.diag(weights) == 0).all()


def test_offers_are_new_and_told_why_and_what_is_due_comes_again(tmp_path: Path) -> None:
    lines = [
        f"c{at},2024-01-0{1 + n},{at}-{n},{product},5"
        for at in range(30)
        for n, product in enumerate(("tea", "milk"))
    ]
    lines += [f"d{at},2024-01-01,d{at},{product},5" for at in range(30) for product in ("nail", "saw")]
    lines += ["new,2024-01-01,n1,tea,5"]
    lines += [f"again,{date(2024, 1, 1) + timedelta(30 * n)},a{n},beer,5" for n in range(4)]
    lines += ["last,2024-04-28,l,tea,5"]
    path = written(tmp_path, lines)
    rows = tables(path, "--table", "customers")["customers"]
    offers = {row["customer"]: row for row in rows if row["rank"] == 1 and row["kind"] == "new"}
    assert (offers["new"]["product"], offers["new"]["because"]) == ("milk", "goes with tea")
    assert "c1" not in offers or offers["c1"]["product"] not in ("tea", "milk")
    due = [row for row in rows if row["kind"] == "again"]
    assert [(row["customer"], row["product"], row["score"]) for row in due] == [
        ("again", "beer", pytest.approx(28 / 30))
    ]
    assert due[0]["because"] == "every 30.0 days, last 28 days ago"


@pytest.mark.slow
def test_offers_of_a_real_shop_beat_popularity_and_neighbours() -> None:
    path = dev_data("online_retail_ii_2009_2010.parquet")
    rows = tables(path, "--table", "customers", "--evaluate", "2010-09-30", "--max-basket", "9999")[
        "evaluation"
    ]
    found = {row["method"]: row["recall"] for row in rows}
    assert found["ease"] >= 0.116
    assert found["ease"] > found["item neighbours"] > found["popularity"]
    assert found["popularity"] == pytest.approx(0.048, abs=0.001)


def test_which_comes_first(tmp_path: Path) -> None:
    lines = []
    for at in range(20):
        first, then = ("bed", "lamp") if at < 18 else ("lamp", "bed")
        lines += [f"c{at},2024-01-01,{at},{first},5", f"c{at},2024-01-{2 + at % 3:02d},x{at},{then},5"]
    lines += ["same,2024-01-01,s,bed,5", "same,2024-01-01,s,lamp,5"]
    (row,) = tables(written(tmp_path, lines), "--table", "next", "--min-orders", "1")["next"]
    assert (row["product"], row["other"], row["customers"], row["customers_back"]) == ("bed", "lamp", 18, 2)
    assert row["direction"] == 0.9
    assert row["days_between"] == 2
    assert row["p"] == pytest.approx(stats.binomtest(18, 20, 0.5).pvalue)
    short = tables(
        tmp_path / "sales.csv", "--table", "next", "--min-orders", "1", "--within", "1d", "--fdr", "100%"
    )
    assert short["next"][0]["customers"] < 18


def test_holdings_add_up_to_all_customers_and_chance_to_as_many() -> None:
    rows = tables(SALES, "--table", "holdings", "--evaluate", "2024-06-30")["holdings"]
    assert rows[0]["held"] == "1"
    assert sum(row["customers_share"] for row in rows) == pytest.approx(1)
    assert sum(row["customers_by_chance"] for row in rows) == pytest.approx(
        sum(row["customers"] for row in rows), rel=0.02
    )
    assert all(0 <= row["stayed"] <= 1 for row in rows)
    assert rows[-1]["stayed"] > rows[0]["stayed"]


def test_numbers_held_by_chance_are_those_of_a_plain_sum() -> None:
    """Two products with chances p and r: none (1-p)(1-r), both pr."""
    null = Null.fit(np.array([6, 3]), np.array([0.5, 1.5]), np.array([6.0, 4.0]))
    chance = holdings._number_held(null)
    p, r = null.chance[1], null.chance[0]
    assert chance[0] == pytest.approx((1 - p) * (1 - r))
    assert chance[2] == pytest.approx(p * r)
    assert chance.sum(axis=0) == pytest.approx(1)


def test_recall_and_ndcg_by_hand() -> None:
    best = pl.DataFrame({"customer": ["a", "a", "b"], "product": ["x", "y", "z"], "rank": [1, 2, 1]})
    truth = pl.DataFrame({"customer": ["a", "a", "b"], "product": ["y", "q", "w"]})
    found = recommend.judged(best, truth, 10)
    assert found["recall"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["ndcg"] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)) / 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "holdings", "--evaluate", "2030-01-01"], "leaves no day to look at"),
        (["--table", "customers", "--evaluate", "2030-01-01"], "leaves no day to look at"),
        (["--table", "customers", "--min-orders", "99999"], "nothing can be recommended"),
        (["--evaluate", "2024-01-01"], "--evaluate belongs to --table holdings"),
        (["--table", "next", "--within", "soon"], "not a length of time"),
        (["--table", "next", "--target", "Tea 25"], "--target does not go with --table next"),
    ],
)
def test_refusals(words: list[str], message: str) -> None:
    with pytest.raises(CrmkitError, match=message):
        crmkit("basket", SALES, *words)


@pytest.mark.parametrize("table", ["holdings", "next", "customers"])
def test_shuffled_rows_give_the_same_bytes(table: str, tmp_path: Path) -> None:
    head, *rows = SALES.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *sorted(rows, key=lambda row: row[::-1])]) + "\n")
    words = [
        "--table",
        table,
        "--format",
        "csv",
        "--limit",
        "0",
        *(["--fdr", "100%"] if table == "next" else []),
    ]
    assert crmkit("basket", other, *words) == crmkit("basket", SALES, *words)
