"""Brands beside the NBD-Dirichlet: a published market, plain sums, a market drawn from the model, and a tiny one by hand."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.optimize import brentq
from scipy.special import betaln

from crmkit.baskets import brands, dirichlet
from crmkit.baskets.dirichlet import Norm
from crmkit.engine.rows import as_rows
from crmkit.errors import CrmkitError
from tests.batched_rows import BatchedRows
from tests.tool import SALES, crmkit


def answer(path: Path, *words: str) -> Any:
    asked = crmkit("basket", path, "--table", "brands", *words, "--format", "json", "--limit", "0")
    return json.loads(asked)


def none_of_by_sum(norm: Norm, share: float, most: int = 4000) -> float:
    """The number of purchases of the category first, then that none of them is of the brand (beta-binomial)."""
    n = np.arange(most)
    bought = stats.nbinom.pmf(n, norm.shape, norm.shape / (norm.shape + norm.mean))
    a, b = norm.strength * share, norm.strength * (1 - share)
    return float(bought @ np.exp(betaln(a, b + n) - betaln(a, b)))


# Toothpaste in Britain, first quarter of 1973 (Goodhardt, Ehrenberg & Chatfield 1984, section 3), as the R package
# NBDdirichlet prints it: M 1.46, K .78, S 1.3.
SHARES = np.array([0.25, 0.19, 0.10, 0.10, 0.09, 0.08, 0.03, 0.02])
PENETRATION = np.array([0.20, 0.17, 0.09, 0.08, 0.08, 0.07, 0.03, 0.02])


def toothpaste() -> Norm:
    mean, buyers = 0.56 * 2.6, 0.56
    shape = brentq(lambda k: (1 + mean / k) ** -k - (1 - buyers), 0.01, 30)
    return Norm(mean, shape, dirichlet.strength(mean, shape, SHARES[:1], PENETRATION[:1] / buyers))


def test_toothpaste_1973() -> None:
    norm = toothpaste()
    assert (round(norm.mean, 2), round(norm.shape, 2), round(norm.strength, 1)) == (1.46, 0.78, 1.3)
    assert norm.buyers == pytest.approx(0.56)
    reach = norm.penetration(SHARES) * 0.56
    assert [round(one, 2) for one in reach] == [0.20, 0.16, 0.09, 0.09, 0.08, 0.07, 0.03, 0.02]
    rates = [round(one, 2) for one in norm.per_buyer(SHARES)]
    assert rates == [1.82, 1.76, 1.68, 1.68, 1.67, 1.66, 1.62, 1.61]
    also = norm.both(SHARES[0], SHARES[1:]) / norm.penetration(SHARES[:1])
    assert [round(one, 2) for one in also] == [0.19, 0.10, 0.10, 0.09, 0.08, 0.03, 0.02]


@pytest.mark.parametrize("shape", [0.2, 0.78, 5.0])
@pytest.mark.parametrize("strength", [0.3, 1.3, 40.0, 101.0, 2_000.0])
def test_chances_are_those_of_a_plain_sum(shape: float, strength: float) -> None:
    norm = Norm(6.0, shape, strength)
    for share in (1e-4, 0.02, 0.4, 0.99):
        assert norm.none_of(np.array([share]))[0] == pytest.approx(none_of_by_sum(norm, share), rel=1e-9)
    # Of two brands that are all there is, whoever does not buy both buys one alone.
    share = np.array([0.3, 0.7])
    reach, both = norm.penetration(share), norm.both(share[:1], share[1:])[0]
    assert norm.sole(share) * reach == pytest.approx(reach - both)
    assert reach.sum() - both == pytest.approx(1.0)
    assert norm.none_of(np.array([1.0]))[0] == pytest.approx(1 - norm.buyers)


def drawn(customers: int, norm: Norm, shares: list[float]) -> tuple[list[str], list[Counter[str]]]:
    """Lines of a file, and what each buyer bought, from the model itself."""
    draw = np.random.default_rng(11)
    rates = draw.gamma(norm.shape, norm.mean / norm.shape, customers)
    lines, bought = [], []
    for at, rate in enumerate(rates):
        chances = draw.dirichlet(norm.strength * np.array(shares))
        products = [f"b{one}" for one in draw.choice(len(shares), draw.poisson(rate), p=chances)]
        lines += [f"c{at},2024-01-01,{at}-{n},{one},5" for n, one in enumerate(products)]
        bought += [Counter(products)] if products else []
    return lines, bought


def written(folder: Path, lines: list[str]) -> Path:
    path = folder / "sales.csv"
    path.write_text("customer,date,order,product,amount\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Counter[str]]]:
    lines, bought = drawn(6000, Norm(3.0, 0.8, 1.5), [0.4, 0.3, 0.2, 0.1])
    return answer(written(tmp_path_factory.mktemp("market"), lines)), bought


def test_a_market_drawn_from_the_model_is_found_again(market: tuple[Any, list[Counter[str]]]) -> None:
    found = market[0]
    facts = found["facts"]
    assert facts["category_mean"] == pytest.approx(3.0, rel=0.06)
    assert facts["category_shape"] == pytest.approx(0.8, rel=0.12)
    assert facts["choice_strength"] == pytest.approx(1.5, rel=0.12)
    for row in found["tables"]["brands"]:
        for name in ("penetration", "per_buyer", "sole_buyers", "duplication"):
            assert row[name] == pytest.approx(row[f"{name}_norm"], rel=0.07), (row["product"], name)
    assert facts["duplication_coefficient"] == pytest.approx(facts["duplication_coefficient_norm"], rel=0.03)


def test_what_was_seen_is_what_a_plain_count_finds(market: tuple[Any, list[Counter[str]]]) -> None:
    found, bought = market
    everything = sum(sum(one.values()) for one in bought)
    names = [row["product"] for row in found["tables"]["brands"]]
    buyers = {name: [one for one in bought if name in one] for name in names}
    assert found["facts"]["customers"] == len(bought)
    assert found["facts"]["purchases"] == everything
    ratios = []
    for row in found["tables"]["brands"]:
        name, mine = row["product"], buyers[row["product"]]
        times = sum(one[name] for one in mine)
        others = [sum(name in one for one in buyers[o]) / len(buyers[o]) for o in names if o != name]
        assert row["customers"] == len(mine)
        assert row["market_share"] == pytest.approx(times / everything)
        assert row["penetration"] == pytest.approx(len(mine) / len(bought))
        assert row["per_buyer"] == pytest.approx(times / len(mine))
        assert row["sole_buyers"] == pytest.approx(sum(len(one) == 1 for one in mine) / len(mine))
        assert row["duplication"] == pytest.approx(np.mean(others))
        assert row["duplication_coefficient"] == pytest.approx(np.mean(others) / row["penetration"])
        ratios.append((np.mean(others), row["penetration"]))
    law = sum(seen for seen, _ in ratios) / sum(reach for _, reach in ratios)
    assert found["facts"]["duplication_coefficient"] == pytest.approx(law)


def test_a_tiny_market_by_hand(tmp_path: Path) -> None:
    """Tea twice in one order is one purchase, a refund none; a and b buy tea, b milk, too, c milk alone, twice."""
    lines = ["a,2024-01-01,1,tea,5", "a,2024-01-01,1,tea,5", "a,2024-01-09,2,tea,5", "b,2024-01-01,3,tea,5"]
    lines += [
        "b,2024-01-02,4,milk,5",
        "c,2024-01-01,5,milk,5",
        "c,2024-01-05,6,milk,5",
        "c,2024-01-06,7,tea,-5",
    ]
    rows = answer(written(tmp_path, lines), "--min-orders", "1")["tables"]["brands"]
    seen = {row["product"]: row for row in rows}
    assert [row["customers"] for row in rows] == [2, 2]
    assert seen["tea"]["market_share"] == seen["milk"]["market_share"] == 0.5
    assert seen["tea"]["per_buyer"] == seen["milk"]["per_buyer"] == 1.5
    assert seen["tea"]["sole_buyers"] == seen["milk"]["sole_buyers"] == 0.5
    assert seen["tea"]["duplication"] == 0.5
    assert seen["tea"]["duplication_coefficient"] == pytest.approx(0.75)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    head, *lines = SALES.read_text().splitlines()
    other = tmp_path / "sales.csv"
    other.write_text("\n".join([head, *itertools.chain(lines[1::2], lines[::2])]) + "\n")
    assert answer(other, "--level", "channel")["tables"] == answer(SALES, "--level", "channel")["tables"]


def test_how_rows_lie_changes_nothing() -> None:
    """As on a cluster, in batches of five customers."""
    lines, _ = drawn(200, Norm(3.0, 0.8, 1.5), [0.4, 0.3, 0.2, 0.1])
    cells = [line.split(",") for line in lines]
    rows = pl.LazyFrame(
        [(who, order, product, 500) for who, _, order, product, _ in cells],
        schema={"customer": pl.String, "order": pl.String, "product": pl.String, "amount": pl.Int64},
        orient="row",
    ).with_columns(date=pl.date(2024, 1, 1))

    def lying(how: Any) -> Any:
        return SimpleNamespace(
            name="sales", has=lambda role: True, by_key=lambda query: how(query(rows).collect())
        )

    here = brands.result(lying(as_rows), min_orders="1", exclude=("b3",))
    there = brands.result(lying(lambda frame: BatchedRows.of(frame, 5)), min_orders="1", exclude=("b3",))
    assert there.tables["brands"].equals(here.tables["brands"])
    assert there.facts == here.facts
    assert "b3" not in here.tables["brands"]["product"]


@pytest.mark.parametrize("words", [("--within", "9d"), ("--evaluate", "2024-01-01"), ("--substitutes",)])
def test_what_would_change_nothing_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(CrmkitError, match="does not go with --table brands"):
        answer(SALES, *words)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["a,2024-01-01,1,tea,5", "b,2024-01-01,2,milk,5"], "everybody bought once"),
        (["a,2024-01-01,1,tea,5", "a,2024-01-02,2,tea,5"], "only one product"),
        (["a,2024-01-01,1,tea,-5", "a,2024-01-02,2,tea,-5"], "Nobody bought anything"),
    ],
)
def test_markets_that_have_no_norm(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(CrmkitError, match=why):
        answer(written(tmp_path, lines), "--min-orders", "1")
