"""split: the same customer in the same arm anywhere, strata divided exactly, balance as numpy has it."""

from __future__ import annotations

import hashlib
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.campaigns import arms, split
from crmkit.errors import DataError, UsageError
from tests.batched_rows import BatchedRows
from tests.tool import SALES, crmkit


def people(n: int, labels: tuple[str, ...] = ("x",)) -> pl.DataFrame:
    rng = np.random.default_rng(n)
    return pl.DataFrame(
        {
            "customer": [f"c{i}" for i in range(n)],
            "last": [date(2024, 1, 1)] * n,
            "orders": rng.poisson(3, n),
            "recency": rng.integers(0, 400, n),
            "revenue": pl.Series(rng.integers(0, 10**6, n)).cast(pl.Decimal(38, 0)) / 100,
            "segment": [labels[i % len(labels)] for i in range(n)],
        }
    ).with_columns(pl.col("revenue").cast(pl.Decimal(38, 2)))


def test_the_place_is_what_sha256_says() -> None:
    digest = hashlib.sha256("spring24:客户7".encode()).digest()
    assert arms.places("spring24", ["客户7"]) == [int.from_bytes(digest[:8], "big")]


def test_an_arm_is_a_matter_of_name_and_id_alone() -> None:
    whole = split.analyse(people(2000).drop("segment"), name="n", control=Fraction(1, 10)).tables["groups"]
    part = split.analyse(people(2000).drop("segment")[700:900], name="n", control=0.1).tables["groups"]
    assert whole.filter(pl.col("customer").is_in(part["customer"].implode())).equals(part)
    other = split.analyse(people(2000).drop("segment"), name="m").tables["groups"]
    assert 0.75 < (other["group"] == whole["group"]).mean() < 0.89  # type: ignore[operator]
    assert 160 < (whole["group"] == "control").sum() < 240


@settings(max_examples=12)
@given(
    st.integers(40, 300),
    st.integers(1, 5),
    st.sampled_from([(10, 90), (50, 50), (33, 67), (5, 95)]),
    st.randoms(),
)
def test_strata_are_divided_exactly(n: int, kinds: int, parts: tuple[int, int], random: object) -> None:
    labels = tuple(f"s{i}" for i in range(kinds))
    control = Fraction(parts[0], 100)
    frame = people(n, labels)
    try:
        found = split.analyse(frame, name="n", control=control, by="segment")
    except DataError:
        return
    groups = found.tables["groups"]
    for _, one in groups.group_by("segment"):
        assert abs((one["group"] == "control").sum() - one.height * float(control)) < 1
    shuffled = frame.sample(fraction=1, shuffle=True, seed=n)
    assert split.analyse(shuffled, name="n", control=control, by="segment").tables["groups"].equals(groups)
    scattered = split.analyse(BatchedRows.of(shuffled, 37), name="n", control=control, by="segment")
    assert scattered.is_elsewhere
    assert scattered.tables["groups"].select(groups.columns).equals(groups)
    assert not scattered.is_elsewhere
    assert scattered.tables["balance"].equals(found.tables["balance"])


def test_balance_is_the_standardised_mean_difference() -> None:
    frame = people(500).drop("segment")
    found = split.analyse(frame, name="n", control=0.3)
    both = frame.join(found.tables["groups"], on="customer")
    for row in found.tables["balance"].iter_rows(named=True):
        a, b = (
            both.filter(pl.col("group") == arm)[row["measure"]].cast(pl.Float64).to_numpy()
            for arm in ("treated", "control")
        )
        wanted = (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        assert row["smd"] == pytest.approx(wanted, rel=1e-12)


def test_three_arms_get_their_shares() -> None:
    planned = arms.shares(Fraction(1, 10), arms.named("A=60%,B"))
    assert planned == {"control": Fraction(1, 10), "A": Fraction(6, 10), "B": Fraction(3, 10)}
    found = split.analyse(people(20_000).drop("segment"), name="n", arms=arms.named("A=60%,B"))
    assert found.tables["arms"]["share"].to_list() == pytest.approx([0.1, 0.6, 0.3], abs=0.01)


@pytest.mark.parametrize(
    "wrong", ["A=45%,B=40%", "A=45%,A=45%", "control=90%", "=90%", "A=95%", "A=0%,B=90%"]
)
def test_shares_that_do_not_come_to_one_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="--arms"):
        arms.planned_arms("10%", wrong)


def test_an_arm_without_customers_is_refused() -> None:
    with pytest.raises(DataError, match="gets none"):
        split.analyse(people(3).drop("segment"), name="n", control=0.01)


def test_the_command_writes_groups(tmp_path: Path) -> None:
    words = ["split", SALES, "--name", "spring24", "--by", "segment", "-o"]
    crmkit(*words, tmp_path / "1.csv")
    groups = pl.read_csv(tmp_path / "1.csv")
    assert groups.columns == ["customer", "group", "segment", "planned_share"]
    assert groups["customer"].is_sorted() and groups["customer"].is_unique().all()
    crmkit(*words, tmp_path / "2.csv")
    assert (tmp_path / "2.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()


def test_the_command_asks_for_a_name() -> None:
    with pytest.raises(UsageError, match="--name spring24"):
        crmkit("split", SALES)
