"""The score of accounts: ranks, contributions, what is missing, entropy, and aspects against plain readings."""

from __future__ import annotations

import csv
import io
import itertools
import statistics
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmkit import read as crmkit_read
from crmkit.accounts import aspects, score
from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit


def listed(*words: str | Path) -> dict[str, dict[str, str]]:
    text = crmkit("score", *words, "--table", "customers", "--format", "csv", "--limit", "0")
    return {row["customer"]: row for row in csv.DictReader(io.StringIO(text))}


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=20))
def test_percent_ranks(values: list[int | None]) -> None:
    known = [value for value in values if value is not None]
    found = score.percent_rank(pl.Series(values, dtype=pl.Float64)).to_list()
    for value, rank in zip(values, found, strict=True):
        if value is None:
            assert rank is None
        else:
            below, same = (sum(test) for test in ([v < value for v in known], [v == value for v in known]))
            assert rank == pytest.approx((below + same / 2) / len(known))


def test_contributions_add_up_and_what_is_unknown_is_dealt_out(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        "customer,last,orders,revenue,credit_rating\na,2024-01-01,1,10,3\nb,2024-01-02,2,30,\nc,2024-01-03,3,20,1\n"
    )
    rows = listed(path, "--weights", "revenue=30,credit_rating=10")
    assert float(rows["b"]["score"]) == pytest.approx(100 * 5 / 6, abs=1e-4)
    assert float(rows["b"]["coverage"]) == 0.75
    assert float(rows["a"]["score"]) == pytest.approx(100 * (0.75 / 6 + 0.25 * 3 / 4), abs=1e-4)
    assert rows["a"]["rank"] == "3" or float(rows["c"]["score"]) < float(rows["a"]["score"])
    turned = listed(path, "--weights", "-revenue=1")
    assert [turned[name]["rank"] for name in "abc"] == ["1", "3", "2"]


def test_entropy_weighs_by_its_formula() -> None:
    values = np.array([0.2, 0.5, 1.0, 0.0])
    shares = values[values > 0] / values.sum()
    assert score.entropy(values) == pytest.approx(stats.entropy(shares) / np.log(4))
    assert score.entropy(np.ones(3)) == pytest.approx(1)
    assert score.entropy(np.zeros(3)) == 1


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=7), st.integers(0, 3))
def test_growth_is_the_median_of_slopes(values: list[int], late: int) -> None:
    row = np.array([np.nan] * late + values, float)
    pairs = itertools.combinations(range(len(values)), 2)
    expected = statistics.median((values[b] - values[a]) / (b - a) for a, b in pairs)
    assert aspects._slopes(np.stack([row, np.full_like(row, np.nan)]))[0] == pytest.approx(expected)
    assert np.isnan(aspects._slopes(np.stack([row, np.full_like(row, np.nan)]))[1])


def test_steadiness_is_one_less_the_variation_of_gaps(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    days = ["2024-01-01", "2024-01-11", "2024-01-21", "2024-02-20"]
    path.write_text("customer,date,amount\n" + "".join(f"a,{day},5\n" for day in days) + "b,2024-01-01,3\n")
    found = aspects.read(crmkit_read(str(path)), ["steadiness"])
    gaps = [10, 10, 30]
    assert found["steadiness"].to_list() == [
        pytest.approx(1 - statistics.stdev(gaps) / statistics.mean(gaps)),
        None,
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "colour=3"], "None of the aspects colour is there"),
        (["--weights", "revenue"], "Write it like revenue=30"),
        (["--weights", "revenue=0"], "one weight above zero"),
        (["--weights", "revenue=1,revenue=2"], "needs one weight"),
    ],
)
def test_refusals(words: list[str], message: str) -> None:
    with pytest.raises(CrmkitError, match=message):
        crmkit("score", SALES, *words)


def test_shuffled_rows_give_the_same_bytes(tmp_path: Path) -> None:
    head, *rows = SALES.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *sorted(rows, key=lambda row: row[::-1])]) + "\n")
    for words in ([], ["--weights", "entropy"]):
        assert listed(other, *words) == listed(SALES, *words)
