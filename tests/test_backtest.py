"""`crmkit backtest`: forecasts of the past against what happened."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crmkit import backtest
from crmkit.columns import COLUMNS
from crmkit.errors import UsageError
from crmkit.forecast.scores import BASELINES, captured
from crmkit.history import purchase_histories
from crmkit.models import ParetoNBD
from tests.tool import SALES, crmkit, dev_data, process

START = date(2023, 1, 1)


@cache
def told(*words: str | Path) -> dict[str, Any]:
    return json.loads(crmkit("backtest", *words, "--format", "json"))  # type: ignore[no-any-return]


def frame(*words: str | Path, name: str = "models") -> pl.DataFrame:
    return pl.DataFrame(told(*words, "--table", name)["tables"][name], infer_schema_length=None)


def refused(*words: str | Path) -> str:
    done = process("backtest", *words)
    assert done.code in (1, 2), done.err
    assert (done.out, "Traceback" in done.err) == (b"", False)
    return done.err


def simulated(folder: Path, customers: int = 3000, days: int = 420, seed: int = 1) -> Path:
    """Transactions of customers who behave as Pareto/NBD says, with amounts that differ between them."""
    rng = np.random.default_rng(seed)
    begin = rng.integers(0, days // 2, customers)
    rate, leaves = rng.gamma(0.8, 1 / 25, customers), rng.gamma(0.9, 1 / 90, customers)
    life = np.minimum(rng.exponential(1 / leaves), days - begin)
    who = np.repeat(np.arange(customers), rng.poisson(rate * life))
    when = begin[who] + np.ceil(rng.random(len(who)) * life[who]).astype(int)
    who, when = np.concatenate([np.arange(customers), who]), np.concatenate([begin, when])
    amount = np.round(rng.gamma(5, 1, len(who)) * (1 + who % 5), 2) + 0.01
    table = pl.DataFrame({"customer": who, "day": when, "amount": amount}).filter(pl.col("day") <= days)
    made = table.select(
        pl.format("c{}", "customer").alias("customer"),
        date=pl.lit(START) + pl.duration(days="day"),
        amount="amount",
    )
    path = folder / "simulated.csv"
    made.write_csv(path)
    return path


# ---- against the literature


def test_cdnow_holdout() -> None:
    path = dev_data("cdnow_sample.parquet")
    rows = {row["model"]: row for row in frame(path, "--split", "1997-09-30", "--keep-zero").rows(named=True)}
    published = {
        "paretonbd": (1665.5141, 0.754523, 1.602848),
        "bgnbd": (1653.4087, 0.785454, 1.607982),
        "mbgnbd": (1576.7283, 0.764779, 1.607183),
    }
    for model, (orders, mae, rmse) in published.items():
        assert rows[model]["actual_purchases"] == 1882
        assert rows[model]["customers"] == 2357
        assert rows[model]["expected_purchases"] == pytest.approx(orders, rel=1e-6)
        assert (rows[model]["mae"], rows[model]["rmse"]) == pytest.approx((mae, rmse), rel=2e-6)
    assert rows["nbd"]["mae"] == pytest.approx(1.04102, rel=1e-5)
    assert rows["nbd"]["expected_purchases"] == pytest.approx(2929.82, rel=1e-6)


def test_cdnow_money_and_ranking() -> None:
    path = dev_data("cdnow_sample.parquet")
    row = frame(path, "--split", "1997-09-30", "--model", "paretonbd").row(0, named=True)
    rows = pl.read_parquet(path).filter(pl.col("date") > date(1997, 9, 30))
    spent = rows.group_by("customer_id").agg(pl.col("amount").sum())["amount"].sort(descending=True)
    assert row["actual_revenue"] == pytest.approx(spent.sum(), abs=0.005)
    assert 0.4 < row["top_decile"] < spent.head(236).sum() / spent.sum()


# ---- the tables


def test_tables_of_the_sample() -> None:
    answer = told(SALES, "--origins", "3")
    assert list(answer["tables"]) == ["models", "origins", "calibration"]
    used = {name for rows in answer["tables"].values() for row in rows for name in row}
    assert used | set(frame(SALES, name="tracking").columns) <= set(COLUMNS)
    models = answer["tables"]["models"]
    assert {row["model"] for row in models if row["log_score"] is None} <= set(BASELINES)
    scores = [row["log_score"] for row in models if row["log_score"] is not None]
    assert scores == sorted(scores, reverse=True)
    assert [row["best"] for row in models] == [True] + [False] * (len(models) - 1)
    assert answer["facts"]["best"] == models[0]["model"]
    assert len(answer["facts"]["origins"]) == 3


def test_origins_add_up_to_the_models() -> None:
    answer = told(SALES, "--origins", "3", "--model", "mbgnbd")
    parts = pl.DataFrame(answer["tables"]["origins"], infer_schema_length=None)
    for row in answer["tables"]["models"]:
        own = parts.filter(pl.col("model") == row["model"])
        assert own.height == 3
        for name in ("customers", "expected_purchases", "actual_purchases"):
            assert own[name].sum() == pytest.approx(row[name])
    ends, starts = parts["end"].unique().sort().to_list(), parts["origin"].unique().sort().to_list()
    assert ends[:-1] == starts[1:]


def test_what_happened_is_counted_from_the_file() -> None:
    rows = pl.read_csv(SALES, try_parse_dates=True).drop_nulls("customer_id").filter(pl.col("amount") > 0)
    split = date(2024, 3, 31)
    known = rows.filter(pl.col("order_date") <= split).select("customer_id").unique()
    later = rows.filter(pl.col("order_date") > split).join(known, on="customer_id", how="semi")
    row = frame(SALES, "--split", "2024-03-31", "--model", "nbd").row(0, named=True)
    assert row["customers"] == known.height
    assert row["actual_purchases"] == later.select("customer_id", "order_date").unique().height
    calibration = frame(SALES, "--split", "2024-03-31", "--model", "nbd", name="calibration")
    assert calibration["customers"].sum() == known.height
    assert calibration["actual_purchases"].sum() == row["actual_purchases"]
    assert (calibration["bought"] * calibration["customers"]).sum() == pytest.approx(
        later["customer_id"].n_unique()
    )


def test_tracking_runs_to_the_last_whole_week() -> None:
    found = frame(SALES, "--split", "2024-10-01", "--model", "paretonbd", name="tracking")
    model = found.filter(pl.col("model") == "paretonbd")
    assert model["week"].to_list() == list(range(1, 13))
    assert model["date"].to_list()[-1] == "2024-12-24"
    for name in ("expected", "actual"):
        assert model[f"{name}_purchases"].cum_sum().to_list() == pytest.approx(
            model[f"cumulative_{name}"].to_list()
        )
        assert model[f"cumulative_{name}"].is_sorted()
    total = frame(SALES, "--split", "2024-10-01", "--horizon", "84d", "--model", "paretonbd")
    total = total.filter(model="paretonbd")
    assert model["cumulative_expected"][-1] == pytest.approx(total["expected_purchases"][0])
    assert model["cumulative_actual"][-1] == total["actual_purchases"][0]


def test_rules_of_thumb_by_hand(tmp_path: Path) -> None:
    rows = ["customer,date,amount"]
    for i in range(12):
        rows += [f"c{i},{START + timedelta(days=day)},{10 + i}" for day in (0, 10, 20, 50, 70)]
    path = tmp_path / "steady.csv"
    path.write_text("\n".join([*rows, f"end,{START + timedelta(days=80)},1"]) + "\n")
    found = frame(path, "--split", str(START + timedelta(days=40)), "--model", "nbd")
    rate, last = (found.row(by_predicate=pl.col("model") == name, named=True) for name in BASELINES[:2])
    # Two repeats in 40 days are two more in the next 40; the 40 days before the split held two without the first.
    assert rate["expected_purchases"] == pytest.approx(24)
    assert last["expected_purchases"] == pytest.approx(24)
    assert rate["actual_purchases"] == 24
    assert (rate["bias"], last["rmse"]) == pytest.approx((0, 0))
    assert (
        float(last["expected_revenue"]) == float(last["actual_revenue"]) == 2 * sum(10 + i for i in range(12))
    )


def test_what_the_top_tenth_brought() -> None:
    actual = np.array([50.0, 30, 0, 0, 0, 0, 0, 0, 10, 10])
    assert captured(np.arange(10.0)[::-1], actual) == pytest.approx(0.5)
    assert captured(np.arange(10.0), actual) == pytest.approx(0.1)
    assert captured(np.ones(10), actual) == pytest.approx(0.1)
    assert captured(np.ones(10), -actual) is None


# ---- does it tell the truth?


@pytest.mark.slow
def test_true_models_are_calibrated(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    answer = told(path, "--origins", "2")
    models = {row["model"]: row for row in answer["tables"]["models"]}
    best = models["paretonbd"]
    assert abs(best["bias"]) < 0.08
    assert best["interval_coverage"] == pytest.approx(best["interval_mass"], abs=0.03)
    rules = BASELINES[:-1]  # there is no year before for the seasonal one
    assert BASELINES[-1] not in models
    assert best["rmse"] < min(models[name]["rmse"] for name in rules)
    for row in answer["tables"]["calibration"]:
        room = 4 * (row["p_purchase"] * (1 - row["p_purchase"]) / row["customers"]) ** 0.5 + 0.03
        assert abs(row["bought"] - row["p_purchase"]) < room
    assert "better than the rules of thumb" in answer["facts"]["warnings"][0]


def test_a_season_is_owned_up_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = ["customer,date,amount"]
    for i in range(200):
        early = sorted(rng.choice(150, size=int(rng.integers(1, 6)), replace=False))
        late = sorted(150 + rng.choice(150, size=int(rng.integers(8, 20)), replace=False))
        rows += [f"c{i},{START + timedelta(days=int(day))},5" for day in [*early, *late]]
    path = tmp_path / "season.csv"
    path.write_text("\n".join(rows) + "\n")
    said = told(path, "--split", str(START + timedelta(days=149)), "--model", "mbgnbd")["facts"]["warnings"]
    assert any("held 0 of 1 totals" in line for line in said)
    assert any("too sure of itself" in line for line in said)


def test_without_amounts(tmp_path: Path) -> None:
    rows = pl.read_csv(SALES, infer_schema=False).select("customer_id", "order_date")
    rows.write_csv(tmp_path / "visits.csv")
    found = frame(tmp_path / "visits.csv", "--model", "nbd")
    assert not any("revenue" in name for name in found.columns)
    assert found["top_decile"].null_count() == 0


# ---- the plan


def test_plans() -> None:
    first, last = date(2023, 1, 1), date(2023, 12, 31)
    half = backtest.BacktestPlan.of(first, last)
    assert (half.origins, half.days) == ((date(2023, 7, 2),), 182)
    three = backtest.BacktestPlan.of(first, last, count=3)
    assert three.days == 60
    assert three.origins == tuple(date(2023, 7, 2) + timedelta(days=60 * i) for i in range(3))
    late = backtest.BacktestPlan.of(first, last, count=2, days=30)
    assert late.origins == (date(2023, 11, 1), date(2023, 12, 1))
    given = backtest.BacktestPlan.of(first, last, split=date(2023, 3, 1), days=30)
    assert (given.origins, given.days) == ((date(2023, 3, 1),), 30)
    for wrong in ({"split": last}, {"split": first}, {"count": 0}, {"days": 400}, {"count": 40, "days": 30}):
        with pytest.raises(UsageError):
            backtest.BacktestPlan.of(first, last, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "2029-01-01"], "do not fit into the history"),
        (["--split", "2023-02-01"], "only 6 customers had bought on a second day"),
        (["--origins", "0"], "--origins is 0"),
        (["--split", "yesterday"], "--split"),
        (["--model", "prophet"], "no model 'prophet'"),
        (["--horizon", "3y"], "do not fit into the history"),
    ],
)
def test_wrong_options(words: list[str], said: str) -> None:
    assert said in refused(SALES, *words)


def test_bad_input(tmp_path: Path) -> None:
    crmkit("customers", SALES, "-o", tmp_path / "customers.parquet", "--quiet")
    assert "is a table of customers" in refused(tmp_path / "customers.parquet")
    (tmp_path / "refunds.csv").write_text("customer,date,amount\na,2024-01-01,-5\nb,2024-02-01,-1\n")
    assert "Nobody has bought anything" in refused(tmp_path / "refunds.csv")
    rows = [
        "customer,date,amount",
        *(f"c{i},{START + timedelta(days=day)},5" for i in range(20) for day in (0, 9)),
    ]
    rows.append(f"new,{START + timedelta(days=90)},5")
    (tmp_path / "over.csv").write_text("\n".join(rows) + "\n")
    assert "there is nothing to compare" in refused(tmp_path / "over.csv")


def test_a_later_purchase_changes_nothing_before_it() -> None:
    rows = pl.read_csv(SALES, infer_schema=False)
    amount = pl.col("amount").cast(pl.Float64)
    found = rows.select(
        customer=pl.col("customer_id"),
        date=pl.col("order_date").str.to_date(),
        amount=(amount * 100).round().cast(pl.Int64),
    ).drop_nulls("customer")
    day = date(2024, 3, 31)
    whole = purchase_histories.days(purchase_histories.by_day(found.lazy(), keep_zero=True).collect(), 2)
    early = found.filter(pl.col("date") <= day)
    part = purchase_histories.days(purchase_histories.by_day(early.lazy(), keep_zero=True).collect(), 2)
    assert purchase_histories.known(whole, day).equals(purchase_histories.known(part, day))
    assert purchase_histories.repeats(whole, day).log_gaps == purchase_histories.repeats(part, day).log_gaps


def test_parameters_are_those_of_the_fit() -> None:
    facts = told(SALES, "--split", "2024-06-30", "--model", "paretonbd")["facts"]
    answer = json.loads(
        crmkit("clv", SALES, "--as-of", "2024-06-30", "--model", "paretonbd", "--format", "json")
    )
    assert facts["params"] == answer["facts"]["model"]["params"]
    assert ParetoNBD(**facts["params"]).title == "Pareto/NBD"
