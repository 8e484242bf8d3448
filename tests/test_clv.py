"""`crmkit clv`: maxima and forecasts of the literature, the choice of a model, groups, files, bad input."""

from __future__ import annotations

import json
import runpy
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crmkit import clv
from crmkit.columns import COLUMNS
from crmkit.errors import DataError, UsageError
from crmkit.forecast import saved_model, selection
from crmkit.history import purchase_histories
from crmkit.models import MBGCNBD, ParetoNBD
from tests.tool import ROOT, SALES, crmkit, dev_data, process

CDNOW = ["--as-of", "1997-09-30", "--horizon", "39w", "--keep-zero"]
DAY_ZERO = date(2024, 1, 1)


@cache
def told(*words: str | Path) -> dict[str, Any]:
    return json.loads(crmkit("clv", *words, "--format", "json"))  # type: ignore[no-any-return]


def whole(*words: str | Path) -> dict[str, Any]:
    """The answer together with the long table, which JSON leaves out unless asked."""
    answer, long = told(*words), told(*words, "--table", "customers")
    return answer | {"tables": answer["tables"] | long["tables"]}


def table(*words: str | Path, name: str = "customers") -> pl.DataFrame:
    return pl.DataFrame(told(*words, "--table", name)["tables"][name], infer_schema_length=None)


def refused(*words: str | Path) -> str:
    done = process("clv", *words)
    assert done.code in (1, 2), done.err
    assert (done.out, "Traceback" in done.err) == (b"", False)
    return done.err


def written(path: Path, rows: list[tuple[Any, ...]], head: str = "customer,date,amount") -> Path:
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def regulars(customers: int = 60, *, every: int = 14, times: int = 6) -> list[tuple[Any, ...]]:
    """Customers who come back at their own steady pace, some of them only once."""
    return [
        (f"c{i:03}", DAY_ZERO + timedelta(days=i % 20 + j * (every + i % 9)), 10 + i % 7 + j)
        for i in range(customers)
        for j in range(1 + i % times)
    ]


FREE = [(who, day, 0) for who, day, _ in regulars()]


# ---- against the literature


@pytest.mark.parametrize(
    ("model", "active", "orders"),
    [
        ("nbd", 2357.0, 2929.82),
        ("bgnbd", 0.813440 * 2357, 1653.4087),
        ("mbgnbd", 0.448721 * 2357, 1576.7283),
        ("paretonbd", 0.446277 * 2357, 1665.5141),
    ],
)
def test_cdnow_by_command(model: str, active: float, orders: float) -> None:
    known = json.loads(dev_data("reference/best_known.json").read_text())["cdnow_sample"]
    answer = told(dev_data("cdnow_sample.parquet"), *CDNOW, "--model", model, "--classic")
    facts, (total,) = answer["facts"], answer["tables"]["summary"]
    best = known[{"paretonbd": "pareto_nbd"}.get(model, model)]
    assert facts["customers"] == facts["model"]["customers"] == 2357
    assert facts["model"]["params"] == pytest.approx(best["params"], rel=1e-6)
    assert facts["model"]["log_likelihood"] >= best["loglik"] - 1e-6
    assert total["expected_active"] == pytest.approx(active, rel=2e-6)
    assert total["expected_purchases"] == pytest.approx(orders, rel=2e-6)
    spend = known["gamma_gamma"]
    assert facts["spend"]["customers"] == 946
    assert facts["spend"]["log_likelihood"] >= spend["loglik"] - 1e-6
    assert list(facts["spend"]["params"].values()) == pytest.approx(list(spend["params"].values()), rel=1e-6)


def test_cdnow_standard_errors_and_customers() -> None:
    path = dev_data("cdnow_sample.parquet")
    errors = told(path, *CDNOW, "--model", "bgnbd")["facts"]["model"]["standard_errors"]
    published = {"r": 0.01255738, "alpha": 0.37822406, "a": 0.18573382, "b": 0.70541426}
    assert errors == pytest.approx(published, rel=1e-5)
    found = table(path, *CDNOW, "--model", "paretonbd").filter(pl.col("x") == 26)
    (row,) = found.rows(named=True)
    assert (row["t_x"], row["T"]) == (216, 217)
    assert row["alive"] == pytest.approx(0.99787341, rel=1e-6)
    assert row["expected_purchases"] == pytest.approx(20.114845, rel=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["nbd", "bgnbd", "mbgnbd", "paretonbd"])
@pytest.mark.parametrize(("name", "until"), [("orii_2009_2010", "2010-08-31"), ("rfm_orders", "2004-12-04")])
def test_likelihoods_reach_the_best_known(name: str, until: str, model: str, tmp_path: Path) -> None:
    known = json.loads(dev_data("reference/best_known.json").read_text())[name]
    path = dev_data("rfm_orders.csv") if name == "rfm_orders" else _retail(tmp_path)
    facts = told(path, "--as-of", until, "--model", model, "--classic")["facts"]
    reference = pl.read_parquet(dev_data(f"reference/{name}/cbs.parquet"))
    assert facts["model"]["customers"] == reference.height
    best = known[{"paretonbd": "pareto_nbd"}.get(model, model)]["loglik"]
    assert facts["model"]["log_likelihood"] >= best - 1e-3
    assert facts["spend"]["name"] == "gammagamma"
    assert facts["spend"]["log_likelihood"] >= known["gamma_gamma"]["loglik"] - 1e-3


def _retail(folder: Path) -> Path:
    """The rows that the reference kept: known customers, no cancellations, quantity and price above zero."""
    rows = pl.read_parquet(dev_data("online_retail_ii_2009_2010.parquet")).filter(
        pl.col("Customer ID").is_not_null(),
        ~pl.col("Invoice").cast(pl.String).str.starts_with("C"),
        pl.col("Quantity") > 0,
        pl.col("Price") > 0,
    )
    path = folder / "retail.parquet"
    rows.select("Customer ID", "InvoiceDate", amount=pl.col("Quantity") * pl.col("Price")).write_parquet(path)
    return path


# ---- the tables


def test_tables_of_the_sample() -> None:
    answer = whole(SALES)
    assert list(answer["tables"]) == ["summary", "models", "parameters", "calendar", "customers"]
    names = [
        "customer", "x", "t_x", "T", "alive", "expected_purchases", "expected_spend",
        "clv", "clv_low", "clv_high", "p_purchase",
    ]  # fmt: skip
    assert list(answer["tables"]["customers"][0]) == names
    used = {name for rows in answer["tables"].values() for row in rows for name in row}
    assert used <= set(COLUMNS)
    values = [row["clv"] for row in answer["tables"]["customers"]]
    assert values == sorted(values, reverse=True)
    for row in answer["tables"]["customers"]:
        assert 0 <= row["alive"] <= 1
        assert 0 <= row["p_purchase"] <= row["alive"]
        assert row["clv_low"] <= row["clv_high"]
        assert row["t_x"] <= row["T"]


def test_summary_adds_up_the_customers() -> None:
    answer = whole(SALES, "--model", "mbgnbd", "--margin", "30%")
    (total,), rows = answer["tables"]["summary"], pl.DataFrame(answer["tables"]["customers"])
    assert total["customers"] == rows.height == answer["facts"]["customers"]
    assert total["expected_purchases"] == pytest.approx(rows["expected_purchases"].sum())
    assert total["expected_active"] == pytest.approx(rows["alive"].sum())
    assert total["clv"] == pytest.approx(rows["clv"].sum(), abs=0.01 * rows.height)
    revenue = (rows["expected_purchases"] * rows["expected_spend"]).sum()
    assert total["expected_revenue"] == pytest.approx(revenue, rel=1e-3)
    assert 0.3 * total["expected_revenue"] / 1.1 < total["clv"] < 0.3 * total["expected_revenue"]
    for name in ("purchases", "active", "revenue"):
        assert total[f"{name}_low"] < total[f"expected_{name}"] < total[f"{name}_high"]
    assert (
        total["clv_low"] < total["clv"] < total["clv_high"] < total["residual_clv"] < total["residual_high"]
    )


@pytest.mark.parametrize("by", ["tier", "segment", "cohort", "channel"])
def test_groups_add_up_to_the_total(by: str) -> None:
    answer = whole(SALES, "--model", "paretonbd", "--by", by)
    groups, (total,) = pl.DataFrame(answer["tables"]["summary"]), answer["tables"]["total"]
    assert groups.columns[0] == by
    for name in (
        "customers",
        "expected_active",
        "expected_purchases",
        "clv",
        "expected_revenue",
        "residual_clv",
    ):
        assert groups[name].sum() == pytest.approx(total[name], abs=0.011 * groups.height)
    labelled = pl.DataFrame(answer["tables"]["customers"]).group_by(by).agg(customers=pl.len().cast(pl.Int64))
    assert dict(labelled.iter_rows()) == dict(groups.select(by, "customers").iter_rows())


def test_groups_stand_in_their_order() -> None:
    tiers = table(SALES, "--model", "nbd", "--by", "tier", name="summary")["tier"].to_list()
    months = table(SALES, "--model", "nbd", "--by", "cohort", name="summary")["cohort"].to_list()
    assert tiers == ["A", "B", "C"]
    assert months == sorted(months)
    assert table(SALES, "--model", "nbd", "--by", "segment", name="summary")["segment"][0] == "Champions"


def test_a_column_counts_as_on_the_day_of_the_first_purchase(tmp_path: Path) -> None:
    rows = [(*row, "later") for row in regulars()]
    rows.sort(key=lambda row: row[1], reverse=True)
    seen: set[str] = set()
    for i in range(len(rows) - 1, -1, -1):
        if rows[i][0] not in seen:
            seen.add(rows[i][0])
            rows[i] = (*rows[i][:3], "web" if rows[i][0] < "c030" else "shop")
    path = written(tmp_path / "sales.csv", rows, "customer,date,amount,place")
    found = table(path, "--model", "nbd", "--by", "place", "--horizon", "8w", name="summary")
    assert found.select("place", "customers").rows() == [("shop", 30), ("web", 30)]


def test_units_change_parameters_and_no_forecast() -> None:
    by_unit = {
        unit: whole(SALES, "--model", "paretonbd", "--unit", unit) for unit in ("day", "week", "month")
    }
    alphas = {unit: answer["facts"]["model"]["params"]["alpha"] for unit, answer in by_unit.items()}
    assert alphas["day"] == pytest.approx(7 * alphas["week"], rel=1e-6)
    assert alphas["day"] == pytest.approx(365 / 12 * alphas["month"], rel=1e-6)
    for name in ("summary", "customers"):
        day, week, month = (pl.DataFrame(answer["tables"][name]) for answer in by_unit.values())
        for column in (c for c in day.columns if day[c].dtype.is_numeric()):
            for other in (week, month):
                assert other[column].to_list() == pytest.approx(day[column].to_list(), rel=1e-5, abs=0.011)


def test_wider_intervals_hold_more() -> None:
    narrow, wide = (
        table(SALES, "--model", "mbgnbd", "--interval", p).sort("customer") for p in ("50%", "95%")
    )
    assert narrow["clv"].to_list() == wide["clv"].to_list()
    assert (wide["clv_low"] <= narrow["clv_low"]).all()
    assert (wide["clv_high"] >= narrow["clv_high"]).all()
    assert (wide["clv_high"] > narrow["clv_high"]).any()


def test_margin_and_discount() -> None:
    plain = told(SALES, "--model", "mbgnbd", "--discount", "0%")
    (total,) = plain["tables"]["summary"]
    assert "residual_clv" not in total
    assert total["clv"] == pytest.approx(total["expected_revenue"], abs=0.01)
    (third,) = told(SALES, "--model", "mbgnbd", "--discount", "0%", "--margin", "25%")["tables"]["summary"]
    assert third["clv"] == pytest.approx(total["clv"] / 4, abs=0.01)
    assert third["expected_revenue"] == total["expected_revenue"]


def test_discount_is_per_year_whatever_the_horizon_is_counted_in(tmp_path: Path) -> None:
    steady = written(tmp_path / "steady.csv", regulars(times=9))
    for horizon in ("52w", "1y", "12m", "365d"):
        (total,) = told(steady, "--model", "nbd", "--horizon", horizon, "--discount", "21%")["tables"][
            "summary"
        ]
        # Without drop-out orders come evenly, so a year costs (1 - 1/1.21) / log 1.21.
        assert total["clv"] / total["expected_revenue"] == pytest.approx(
            (1 - 1 / 1.21) / np.log(1.21), rel=1e-4
        )


def test_cost_of_winning_a_customer() -> None:
    answer = told(SALES, "--model", "mbgnbd", "--margin", "30%", "--cac", "25")
    (row,) = answer["tables"]["new_customers"]
    assert row["net_clv"] == pytest.approx(row["clv"] - 25, abs=0.001)
    assert row["clv_to_cac"] == pytest.approx(row["clv"] / 25, rel=1e-3)
    assert row["first_value"] < 25 < row["clv"]
    assert 0 < row["payback_days"] < 364
    (dear,) = told(SALES, "--model", "mbgnbd", "--cac", "100000")["tables"]["new_customers"]
    assert dear["payback_days"] is None
    assert dear["net_clv"] < 0


# ---- what counts as a purchase


def test_free_orders_are_signs_of_life(tmp_path: Path) -> None:
    rows = [
        *regulars(),
        ("c000", DAY_ZERO + timedelta(days=130), 0),
        ("free", DAY_ZERO + timedelta(days=3), 0),
    ]
    path = written(tmp_path / "free.csv", rows)
    kept, dropped = (
        whole(path, "--model", "nbd", "--horizon", "8w", "--as-of", "2024-05-31", flag)
        for flag in ("--keep-zero", "--drop-zero")
    )
    assert kept["facts"]["customers"] == dropped["facts"]["customers"] + 1
    once, twice = (
        next(row for row in answer["tables"]["customers"] if row["customer"] == "c000")
        for answer in (dropped, kept)
    )
    assert (twice["x"], twice["t_x"]) == (once["x"] + 1, 130)
    (free,) = (row for row in kept["tables"]["customers"] if row["customer"] == "free")
    assert free["p_purchase"] > 0.5
    assert 0 < float(free["expected_spend"]) < 5
    assert whole(path, "--model", "nbd", "--horizon", "8w", "--as-of", "2024-05-31") == dropped


def test_orders_of_a_day_are_one_purchase(tmp_path: Path) -> None:
    rows = regulars()
    split = [(who, day, part) for who, day, amount in rows for part in (amount - 3, 3)]
    entire, parts = written(tmp_path / "entire.csv", rows), written(tmp_path / "parts.csv", split)
    words = ["--model", "mbgnbd", "--horizon", "8w"]
    assert whole(parts, *words)["tables"] == whole(entire, *words)["tables"]


def test_refunds_lower_spend_and_are_no_purchases(tmp_path: Path) -> None:
    returned = [("c005", DAY_ZERO + timedelta(days=120), -10_000), ("only", DAY_ZERO, -5)]
    path = written(tmp_path / "refunds.csv", [*regulars(), *returned])
    answer = whole(path, "--model", "mbgnbd", "--horizon", "8w", "--as-of", "2024-05-31")
    rows = {row["customer"]: row for row in answer["tables"]["customers"]}
    plain = written(tmp_path / "plain.csv", regulars())
    before = {
        row["customer"]: row
        for row in whole(plain, "--model", "mbgnbd", "--horizon", "8w", "--as-of", "2024-05-31")["tables"][
            "customers"
        ]
    }
    assert rows["c005"]["expected_purchases"] == before["c005"]["expected_purchases"]
    assert rows["c005"]["expected_spend"] < 0.5 * before["c005"]["expected_spend"]
    assert (rows["only"]["x"], rows["only"]["clv"]) == (None, None)
    assert (answer["facts"]["refund_only"], answer["facts"]["spend"]["not_positive"]) == (1, 1)
    said = " ".join(answer["facts"]["warnings"])
    assert "1 customers only ever returned things" in said
    assert "left out of the spend model" in said


def test_without_amounts_orders_are_projected(tmp_path: Path) -> None:
    rows = [(who, day) for who, day, _ in regulars()]
    path = written(tmp_path / "visits.csv", rows, "customer,date")
    answer = whole(path, "--model", "mbgnbd", "--horizon", "8w")
    assert "spend" not in answer["facts"]
    assert "value is missing" in " ".join(answer["facts"]["warnings"])
    assert not any("clv" in name or "revenue" in name for name in answer["tables"]["summary"][0])
    row = answer["tables"]["customers"][0]
    assert row["purchases_low"] <= row["expected_purchases"] <= row["purchases_high"]
    assert "--cac needs" in refused(path, "--model", "mbgnbd", "--horizon", "8w", "--cac", "5")


def test_a_customers_table_gives_the_same(tmp_path: Path) -> None:
    for name in ("customers.parquet", "customers.csv"):
        crmkit("customers", SALES, "-o", tmp_path / name, "--quiet")
        words = ["--model", "paretonbd", "--by", "tier", "--quiet", "--calendar", "off"]
        assert whole(tmp_path / name, *words)["tables"] == whole(SALES, *words, "--drop-zero")["tables"]


def test_a_customers_table_without_days_is_not_enough(tmp_path: Path) -> None:
    crmkit("customers", SALES, "-o", tmp_path / "all.parquet", "--quiet")
    pl.read_parquet(tmp_path / "all.parquet").drop("days", "x").write_parquet(tmp_path / "less.parquet")
    assert "lacks first and days" in refused(tmp_path / "less.parquet")
    assert "is a column of transactions" in refused(tmp_path / "all.parquet", "--by", "channel")


def test_without_first_revenue_all_purchases_tell_the_spend(tmp_path: Path) -> None:
    crmkit("customers", SALES, "-o", tmp_path / "all.parquet", "--quiet")
    frame = pl.read_parquet(tmp_path / "all.parquet")
    frame.drop("first_revenue").write_parquet(tmp_path / "less.parquet")
    facts = told(tmp_path / "less.parquet", "--model", "nbd")["facts"]
    assert facts["spend"]["customers"] == frame.filter(pl.col("revenue") > 0, pl.col("orders") > 0).height


# ---- the choice of a model


def _simulated(model: Any, customers: int, seed: int) -> purchase_histories.Histories:
    rng = np.random.default_rng(seed)
    T = rng.integers(200, 400, customers).astype(float)
    drawn = model.draw(rng, T)
    return purchase_histories.Histories(drawn.x, drawn.t_x, T, None, drawn.x, None)


def test_auto_never_takes_everybody_alive() -> None:
    choice = told(SALES)["tables"]["models"]
    assert {row["model"] for row in choice} == set(selection.AUTO)
    assert [row["model"] for row in choice if row["chosen"]] == [choice[0]["model"]]
    assert not {row["model"] for row in choice if row["chosen"]} & set(selection.EVERYBODY_ALIVE)


def test_lowest_aic_is_taken_where_nothing_can_be_tested() -> None:
    past = _simulated(ParetoNBD(r=0.6, alpha=60.0, s=0.7, beta=60.0), 4000, 1)
    found = selection.choose(past, 7.0, None)
    eligible = [one for one in found.candidates if one.name not in selection.EVERYBODY_ALIVE]
    assert found.fit.aic == min(one.fit.aic for one in eligible)
    assert found.fit.name == "paretonbd"


def test_regular_buyers_are_recognised() -> None:
    past = _simulated(MBGCNBD(r=2.0, alpha=12.0, a=0.8, b=3.0, k=3), 3000, 2)
    found = selection.choose(past, 7.0, None)
    assert found.fit.name == "mbgcnbd"
    assert found.fit.model.stages in (3, 4)


def test_a_model_that_another_clearly_beats_is_out() -> None:
    rng = np.random.default_rng(3)
    base = -rng.random(1000)
    scores = {"a": base, "b": base + 0.2 * rng.random(1000), "c": base + 0.1 + rng.normal(size=1000) * 5}
    assert selection.beaten(scores) == {"a"}
    assert selection.beaten({"a": base, "b": base.copy()}) == set()


def test_choice_is_explained() -> None:
    answer = told(SALES)
    assert "chosen out of 5 models" in answer["facts"]["warnings"][0]
    assert answer["facts"]["holdout"]["days"] > 0
    assert all(row["holdout_score"] < 0 for row in answer["tables"]["models"])


def test_bgnbd_says_what_it_does_to_one_timers() -> None:
    answer = whole(SALES, "--model", "bgnbd")
    once = [row for row in answer["tables"]["customers"] if row["x"] == 0]
    assert {row["alive"] for row in once} == {1.0}
    assert f"for alive, however long ago: here {len(once)} of" in " ".join(answer["facts"]["warnings"])


def test_k_is_found_or_given() -> None:
    given = told(SALES, "--model", "mbgcnbd", "--k", "2")["facts"]["model"]
    assert given["k"] == 2
    plain = told(SALES, "--model", "mbgnbd")["facts"]["model"]
    one = told(SALES, "--model", "mbgcnbd", "--k", "1")["facts"]["model"]
    assert one["log_likelihood"] == pytest.approx(plain["log_likelihood"], abs=1e-6)
    assert one["params"] == pytest.approx(plain["params"], rel=1e-4)


# ---- saved models


def test_a_saved_model_scores_as_the_fit_did(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    fitted = whole(SALES, "--model", "paretonbd", "--unit", "month", "--save-model", path)
    assert path.stat().st_size < 20_000
    again = whole(SALES, "--use-model", path)
    assert again["facts"]["model"]["params"] == fitted["facts"]["model"]["params"]
    assert again["facts"]["model"]["unit"] == "month"
    for name in ("summary", "customers"):
        ours, theirs = (pl.DataFrame(answer["tables"][name]) for answer in (again, fitted))
        assert ours.equals(theirs)


def test_last_months_model_for_tonights_file(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    told(SALES, "--as-of", "2024-06-30", "--save-model", path)
    tonight = told(SALES, "--use-model", path)["facts"]
    assert tonight["as_of"] == "2024-12-30"
    assert tonight["model"]["learnt"] == "2024-06-30"


def test_a_refused_run_keeps_the_old_model(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("old")
    refused(SALES, "--as-of", "2023-01-05", "--save-model", path)
    refused(SALES, "--model", "nbd", "--table", "nothing", "--save-model", path)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is not a model"),
        ('{"crmkit_model": 3}', "layout is number 3"),
        ('{"crmkit_model": 2, "unit": "eon"}', "its unit is 'eon'"),
        ('{"crmkit_model": 2, "unit": "week", "purchases": {"model": "x"}}', "no model named 'x'"),
    ],
)
def test_files_that_are_no_models(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    assert said in refused(SALES, "--use-model", path)


def test_a_spend_model_is_no_purchase_model(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    told(SALES, "--model", "nbd", "--save-model", path)
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"purchases": saved["spend"]}))
    with pytest.raises(DataError, match="not a model of purchases"):
        saved_model.read(str(path))
    path.write_text(json.dumps(saved | {"spend": saved["purchases"]}))
    with pytest.raises(DataError, match="not a model of spend"):
        saved_model.read(str(path))
    path.write_text(json.dumps(saved | {"spend": None}))
    assert "knows nothing of spend" in refused(SALES, "--use-model", path)


# ---- bad input


@pytest.mark.parametrize(
    ("rows", "words", "said"),
    [
        (
            [("a", "2024-01-01", 5), ("b", "2024-01-01", 7)],
            [],
            "None of the 2 customers bought on a second day",
        ),
        (
            [("a", "2024-01-01", 5), ("b", "2024-03-01", 7)],
            [],
            "None of the 2 customers bought on a second day",
        ),
        ([("a", "2024-01-01", -5), ("b", "2024-03-01", -7)], [], "No customer has an order"),
        (regulars(11), ["--horizon", "8w"], "of 11 customers bought on a second day, too few"),
        (regulars(), ["--horizon", "9y"], "more than 10 times the"),
        (FREE, ["--horizon", "8w", "--keep-zero"], "no spend to learn from"),
        (FREE, ["--horizon", "8w"], "No customer has an order"),
    ],
    ids=[
        "one date",
        "nobody repeats",
        "only refunds",
        "few repeat",
        "far horizon",
        "no money",
        "all is free",
    ],
)
def test_what_cannot_be_forecast(
    rows: list[tuple[Any, ...]], words: list[str], said: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert said in refused(written(tmp_path / "sales.csv", rows), *words, "-o", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "prophet"], "no model 'prophet'"),
        (["--k", "2"], "--k belongs to"),
        (["--model", "mbgcnbd", "--k", "0"], "stages of a gap, from 1"),
        (["--unit", "year"], "--unit 'year'"),
        (["--horizon", "soon"], "not a length of time"),
        (["--interval", "100%"], "--interval"),
        (["--margin", "-5%"], "--margin"),
        (["--by", "nothing"], "--by names the column 'nothing'"),
        (["--use-model", "m.json", "--model", "nbd"], "--model does not go with --use-model"),
    ],
)
def test_wrong_options(words: list[str], said: str) -> None:
    assert said in refused(SALES, *words)


def test_doubtful_forecasts_come_with_a_warning(tmp_path: Path) -> None:
    few = told(written(tmp_path / "few.csv", regulars(40)), "--horizon", "8w")["facts"]["warnings"]
    assert any("customers bought again; the parameters are little more than a guess" in said for said in few)
    far = told(SALES, "--horizon", "3y", "--model", "nbd")["facts"]["warnings"]
    assert any("longer than the 729 days of history" in said for said in far)
    stale = told(SALES, "--as-of", "2025-06-30", "--model", "mbgnbd")["facts"]["warnings"]
    assert any("Nobody bought in the 182 days before 2025-06-30" in said for said in stale)


# ---- the pages


@pytest.mark.slow
@pytest.mark.parametrize("page", ["clv.md", "backtest.md"])
def test_pages_show_what_is_printed(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    with ThreadPoolExecutor(2) as screens:
        assert runpy.run_path(str(ROOT / "docs" / "refresh.py"))["refreshed"](text, screens) == text


# ---- in Python


def test_analysis_without_the_command_line() -> None:
    import crmkit as package

    customers = package.customers.build(package.read(str(SALES)))
    result = clv.analyse(customers, model="mbgnbd", horizon="26w", margin=0.3)
    assert result.facts["horizon_days"] == 182
    assert result.tables["customers"].height == customers.height
    with pytest.raises(UsageError, match="--unit"):
        selection.unit_days("moon")


def test_a_residual_without_end_is_said(tmp_path: Path) -> None:
    """Everybody comes every month and nobody has left: what lies beyond the horizon is not known from that."""
    rows = [
        (f"c{i}", DAY_ZERO + timedelta(days=i % 30 + 30 * j), 5 + i % 3) for i in range(90) for j in range(12)
    ]
    words = (written(tmp_path / "steady.csv", rows), "--model", "mbgnbd")
    answer = whole(*words)
    assert any(
        "90 of 90 customers are taken for active" in note and "knows of no end" in note
        for note in answer["facts"]["warnings"]
    )
    assert {round(float(row["expected_spend"]), 2) for row in answer["tables"]["customers"]} == {5, 6, 7}
    half = [row for row in rows if int(row[0][1:]) % 2 or row[1] < DAY_ZERO + timedelta(days=150)]
    left = told(written(tmp_path / "left.csv", half), "--model", "mbgnbd")
    assert not any("knows of no end" in note for note in left["facts"]["warnings"])
