"""lift: Hillstrom's published table, naive twins over customers, and what must be refused."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmkit import read
from crmkit.campaigns import adjust, lift, moments, power, segments, sequential, statistics, uplift
from crmkit.campaigns.statistics import Sample
from crmkit.columns import COLUMNS
from crmkit.engine.rows import as_rows
from crmkit.errors import DataError, GateError, UsageError
from tests.batched_rows import BatchedRows
from tests.tool import crmkit, dev_data

FROM, TO = date(2024, 7, 1), date(2024, 8, 29)


def campaign(
    folder: Path, n: int = 600, seed: int = 1, control: float = 0.5
) -> tuple[Path, Path, pl.DataFrame]:
    """Sales, groups, and one row per assigned customer with what happened: money in whole cents, some of them never seen."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(0.6, 1.0, n)
    group = np.where(rng.uniform(size=n) < control, "control", "treated")
    segment = np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    lines: list[tuple[str, date, str, float]] = []
    truth = []
    for i in range(n):
        seen = {
            "customer": f"c{i}",
            "group": group[i],
            "segment": segment[i],
            "revenue": 0,
            "orders": 0,
            "pre": 0,
        }
        for begin, days, times in (
            (FROM - timedelta(200), 200, 4.0),
            (FROM, 60, 1.5 + 0.3 * (group[i] == "treated")),
        ):
            for k in range(rng.poisson(taste[i] * times)):
                day = begin + timedelta(int(rng.integers(0, days)))
                cents = int(rng.lognormal(7, 1))
                lines.append((f"c{i}", day, f"o{i}-{day}-{k}", cents / 100))
                seen["revenue"] += cents * (day >= FROM)
                seen["orders"] += day >= FROM
                seen["pre"] += cents * (FROM - timedelta(60) <= day < FROM)
        truth.append(seen)
    frame = pl.DataFrame(truth)
    sales, groups = folder / "sales.csv", folder / "groups.csv"
    pl.DataFrame(lines, schema=["customer", "date", "order", "amount"], orient="row").write_csv(sales)
    frame.select("customer", "group", "segment").write_csv(groups)
    return sales, groups, frame


def run(sales: Path, groups: Path, *words: str) -> dict[str, Any]:
    days = ["--from", str(FROM), "--to", str(TO)]
    found: dict[str, Any] = json.loads(
        crmkit("lift", sales, "--groups", groups, *days, *words, "--format", "json", "-q")
    )
    return found


def rows(found: dict[str, Any], table: str, **wanted: object) -> list[dict[str, Any]]:
    return [
        row for row in found["tables"][table] if all(row[name] == value for name, value in wanted.items())
    ]


def hillstrom(folder: Path) -> tuple[Path, Path]:
    """The e-mail test as transactions: what was spent in the two weeks after, and the history before."""
    data = pl.read_csv(dev_data("hillstrom.csv")).with_row_index("i")
    data = data.with_columns(customer=pl.format("h{}", pl.col("i")))
    spent = data.filter(pl.col("spend") > 0).select("customer", date=pl.lit(str(FROM)), amount="spend")
    before = data.select("customer", date=pl.lit(str(FROM - timedelta(30))), amount="history")
    pl.concat([before, spent]).write_csv(folder / "sales.csv")
    data.select("customer", "channel", "zip_code", "newbie", "mens", "womens", group="treatment").write_csv(
        folder / "groups.csv"
    )
    return folder / "sales.csv", folder / "groups.csv"


def test_hillstrom_to_all_published_digits(tmp_path: Path) -> None:
    found = run(
        *hillstrom(tmp_path),
        "--control-arm",
        "No E-Mail",
        "--margin",
        "40%",
        "--cost",
        "0.10",
        "--by",
        "channel",
    )
    assert found["facts"]["sample_ratio"]["chi2"] == pytest.approx(0.2025, abs=5e-5)
    assert found["facts"]["sample_ratio"]["p"] == pytest.approx(0.9037, abs=5e-5)

    def one(arm: str, metric: str, method: str = "plain") -> dict[str, Any]:
        return rows(found, "effects", group=arm, metric=metric, method=method)[0]

    mens = one("Mens E-Mail", "revenue")
    assert (mens["control_mean"], mens["mean"]) == pytest.approx((0.652789, 1.422617), abs=5e-7)
    assert (mens["effect"], mens["effect_low"], mens["effect_high"]) == pytest.approx(
        (0.769827, 0.485140, 1.054515), abs=5e-7
    )
    assert (mens["statistic"], mens["p"], mens["df"]) == pytest.approx(
        (5.300140, 1.1638e-7, 36671.2), rel=2e-5
    )
    assert (mens["relative"], mens["relative_low"], mens["relative_high"]) == pytest.approx(
        (1.1793, 0.6284, 1.9165), abs=5e-5
    )
    bought = one("Mens E-Mail", "bought")
    assert (bought["control_mean"], bought["mean"]) == pytest.approx((0.005726, 0.012531), abs=5e-7)
    assert (bought["effect_low"], bought["effect_high"]) == pytest.approx((0.005014, 0.008641), abs=5e-7)
    assert (bought["statistic"], bought["p"]) == pytest.approx((7.385114, 1.5232e-13), rel=5e-5)
    adjusted = one("Mens E-Mail", "revenue", "adjusted")
    assert (adjusted["effect"], adjusted["effect_low"], adjusted["effect_high"]) == pytest.approx(
        (0.767438, 0.482813, 1.052064), abs=1e-6
    )
    value = one("Mens E-Mail", "order_value")
    assert (value["effect"], value["effect_low"], value["effect_high"]) == pytest.approx(
        (-0.4758, -23.07, 22.12), abs=5e-3
    )
    womens = one("Womens E-Mail", "revenue")
    assert (womens["effect"], womens["effect_low"], womens["effect_high"], womens["p"]) == pytest.approx(
        (0.424412, 0.168957, 0.679868, 0.0011294), abs=5e-7
    )
    bought = one("Womens E-Mail", "bought")
    assert (bought["effect_low"], bought["effect_high"]) == pytest.approx((0.001502, 0.004745), abs=5e-7)
    (money,) = rows(found, "money", group="Mens E-Mail", method="plain")
    assert (money["incremental_revenue"], money["profit"]) == (16402.71, 4430.38)
    assert (money["roi"], money["roi_low"], money["roi_high"]) == pytest.approx((2.08, 0.94, 3.22), abs=5e-3)


@pytest.mark.slow
def test_hillstroms_segments_do_not_differ(tmp_path: Path) -> None:
    groups = hillstrom(tmp_path)
    raw, kept = [], []
    for by in ("newbie", "channel", "zip_code", "mens", "womens"):
        found = run(*groups, "--control-arm", "No E-Mail", "--by", by)
        raw += [row["p"] for row in rows(found, "segments", group="Mens E-Mail")]
        assert found["facts"]["heterogeneity"]["Mens E-Mail"]["p"] > 0.18
    kept = [p for p in segments.holm(raw) if p < 0.05]
    assert len(raw) == 12 and len(kept) >= 6


def test_the_effects_are_those_of_the_customers(tmp_path: Path) -> None:
    sales, groups, truth = campaign(tmp_path)
    found = run(sales, groups, "--margin", "30%", "--by", "segment")
    for row in rows(found, "effects", metric="revenue", method="plain"):
        a, b = (
            truth.filter(pl.col("group") == one)["revenue"].to_numpy() / 100 for one in ("treated", "control")
        )
        test = stats.ttest_ind(a, b, equal_var=False)
        interval = test.confidence_interval()
        wanted = (test.statistic, test.pvalue, test.df, interval.low, interval.high)
        assert tuple(
            row[name] for name in ("statistic", "p", "df", "effect_low", "effect_high")
        ) == pytest.approx(wanted, rel=1e-10)
    (winsorised,) = rows(found, "effects", method="winsorised")
    spent = truth.filter(pl.col("revenue") > 0)["revenue"].sort()
    cap = spent[math.ceil(0.99 * spent.len()) - 1]
    assert found["facts"]["winsorised_at"] == pytest.approx(cap / 100)
    clipped = truth.group_by("group").agg(pl.col("revenue").clip(upper_bound=cap).mean() / 100)
    assert winsorised["mean"] == pytest.approx(dict(clipped.iter_rows())["treated"], rel=1e-12)
    largest = truth.sort("revenue", descending=True)["customer"][:10].implode()
    means = [
        dict(one.group_by("group").agg(pl.col("revenue").mean()).iter_rows())
        for one in (
            truth,
            truth.with_columns(
                revenue=pl.when(~pl.col("customer").is_in(largest)).then("revenue").otherwise(0)
            ),
        )
    ]
    whole, rest = (one["treated"] - one["control"] for one in means)
    assert found["facts"]["top_ten_share"]["treated"] == pytest.approx((whole - rest) / whole)
    for row in found["tables"]["segments"]:
        part = truth.filter(pl.col("segment") == row["segment"])
        means = dict(part.group_by("group").agg(pl.col("revenue").mean() / 100).iter_rows())
        assert row["effect"] == pytest.approx(means["treated"] - means["control"])
    assert found["facts"]["variance_removed"]["treated"]["revenue"] > 0.05
    assert {column for table in found["tables"].values() for row in table for column in row} <= set(COLUMNS)


def test_customers_who_never_bought_are_zeros(tmp_path: Path) -> None:
    sales, groups, truth = campaign(tmp_path)
    found = run(sales, groups)
    arms = {row["group"]: row for row in found["tables"]["arms"]}
    for arm, part in truth.group_by("group"):
        row = arms[arm[0]]
        assert row["customers"] == part.height > row["in_file"]
        assert row["buyers"] == (part["orders"] > 0).sum() and row["orders"] == part["orders"].sum()
        assert round(float(row["revenue"]) * 100) == part["revenue"].sum()
    assert found["facts"]["not_in_file"] == truth.height - sum(row["in_file"] for row in arms.values())


def test_the_answer_is_the_same_in_any_order_and_by_batches(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    text = crmkit(
        "lift", sales, "--groups", groups, "--from", str(FROM), "--to", str(TO), "--format", "json", "-q"
    )
    frame = pl.read_csv(sales, infer_schema=False).sample(fraction=1, shuffle=True, seed=3)
    frame.write_csv(sales)
    pl.read_csv(groups).sample(fraction=1, shuffle=True, seed=3).write_csv(groups)
    assert (
        crmkit(
            "lift", sales, "--groups", groups, "--from", str(FROM), "--to", str(TO), "--format", "json", "-q"
        )
        == text
    )


def test_returns_after_the_window_are_deducted_up_to_a_day(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    with sales.open("a") as file:
        file.write(
            f"c0,{TO + timedelta(5)},r0,-20.00\nc0,{TO + timedelta(50)},r1,-7.00\nc1,{TO + timedelta(5)},x,9.00\n"
        )
    plain, less = run(sales, groups), run(sales, groups, "--returns-until", str(TO + timedelta(10)))
    before, after = (sum(float(row["revenue"]) for row in one["tables"]["arms"]) for one in (plain, less))
    assert round(before - after, 2) == 20.00


def test_unequal_arms_stop_it(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path, n=2000)
    with groups.open("a") as file:
        file.writelines(f"n{i},treated,a\n" for i in range(250))
    words = ["--planned", "control=50%,treated=50%"]
    with pytest.raises(GateError, match="Sample ratio mismatch"):
        run(sales, groups, *words)
    assert run(sales, groups, *words, "--accept-srm")["facts"]["sample_ratio"]["p"] < 1e-3


def test_bad_groups_are_refused(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    good = groups.read_text()
    for text, words, said in (
        (good + "c0,treated,a\nc0,control,a\n", [], "more than one group"),
        (good, ["--control-arm", "nobody"], "--control-arm NAME"),
        (
            "customer,group\n" + "".join(f"c{i},{'control' if i < 3 else 'treated'}\n" for i in range(50)),
            ["--accept-srm"],
            "3 customers",
        ),
        (
            "customer,group\n" + "".join(f"z{i},{'control' if i % 2 else 'treated'}\n" for i in range(50)),
            [],
            "None of the 50",
        ),
        ("customer,group\n" + "".join(f"c{i},treated\n" for i in range(50)), [], "'treated'"),
        ("customer,what\nc1,treated\n", [], "no group column"),
        (good, ["--by", "age"], "--by"),
    ):
        groups.write_text(text)
        with pytest.raises(DataError, match=said):
            run(sales, groups, *words)
    groups.write_text(good)
    for words, said in (
        (["--spend", "5", "--cost", "1"], "--spend"),
        (["--returns-until", "2024-01-01"], "--returns-until"),
    ):
        with pytest.raises(UsageError, match=said):
            run(sales, groups, *words)
    with pytest.raises(DataError, match="not within the file"):
        crmkit("lift", sales, "--groups", groups, "--from", "2030-01-01", "--to", "2030-02-01")
    for words in ([], ["--from", str(FROM), "--to", str(TO)]):
        with pytest.raises(UsageError, match=r"crmkit split|--from"):
            crmkit("lift", sales, *words)


@pytest.mark.parametrize("seed", range(5))
def test_the_adjustment_is_least_squares_and_never_wider(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, share = 400, [0.5, 0.2, 0.1, 0.5, 0.3][seed]
    group = np.where(np.arange(n) < n * share, "control", "treated")
    x = rng.integers(0, 1000, (n, 2))
    y = (x @ [3, -1] + 500 * rng.standard_normal(n)).astype(int)
    frame = pl.DataFrame({"group": group, "y": y, "a": x[:, 0], "b": x[:, 1]})
    found = moments.of(as_rows(frame), ["y", "a", "b"], ["group"])
    assert moments.of(BatchedRows.of(frame, 7), ["y", "a", "b"], ["group"]) == found
    arms = found["treated",], found["control",]
    theta = adjust.slopes(arms, "y", ["a", "b"], (1.0, 1.0))
    wanted = np.linalg.lstsq(np.column_stack([np.ones(n), x]), y, rcond=None)[0][1:]
    assert theta == pytest.approx(wanted, rel=1e-9)
    best = adjust.slopes(arms, "y", ["a", "b"], adjust.weights(arms))
    plain = statistics.difference(arms[0].sample("y"), arms[1].sample("y"))
    less = statistics.difference(*adjust.samples(arms, "y", ["a", "b"], best))
    assert plain.high and plain.low and less.high and less.low
    assert less.high - less.low <= 1.01 * (plain.high - plain.low)
    residual = y - x @ best
    test = stats.ttest_ind(residual[group == "treated"], residual[group == "control"], equal_var=False)
    assert (less.value, less.statistic, less.df) == pytest.approx(
        (residual[group == "treated"].mean() - residual[group == "control"].mean(), test.statistic, test.df),
        rel=1e-9,
    )


def test_sequences_have_the_published_width() -> None:
    """GrowthBook's equations 9 and 161, with n observations of N* planned."""
    for n in (10, 400, 1000, 3000):
        planned, alpha, se = 1000, 0.05, 0.3
        rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned)
        square = se * se * n
        wanted = math.sqrt(square) * math.sqrt(
            2 * (n * rho**2 + 1) * math.log(math.sqrt(n * rho**2 + 1) / alpha) / (n * rho) ** 2
        )
        assert se * sequential.factor(n / planned) == pytest.approx(wanted, rel=1e-12)


def test_an_arm_without_variance_has_no_interval() -> None:
    found = statistics.difference(Sample(20, 1.0, 0.0), Sample(20, 2.0, 0.0))
    assert found == statistics.Estimate(-1.0)


def test_the_last_day_is_the_whole_campaign_and_looks_hold_together(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    found = run(sales, groups)
    days = found["tables"]["days"]
    (plain,) = rows(found, "effects", metric="revenue", method="plain")
    assert len(days) == 60 and days[-1]["date"] == str(TO)
    for name in ("effect", "effect_low", "effect_high"):
        assert days[-1][name] == pytest.approx(plain[name], rel=1e-12)
    assert all(day["valid_low"] < day["effect_low"] < day["effect_high"] < day["valid_high"] for day in days)


def test_qini_as_published_and_by_hand(tmp_path: Path) -> None:
    frame = pl.read_csv(dev_data("hillstrom.csv")).filter(pl.col("treatment") != "Mens E-Mail")
    frame = frame.select(group="treatment", score=pl.col("womens").cast(pl.Float64), y="visit")
    found = moments.of(as_rows(frame), ["y"], ["group", "score"])
    area = uplift.areas(uplift.steps(found, "Womens E-Mail", "No E-Mail", "y", 1.0))
    assert area.q.value == pytest.approx(0.0038556, abs=5e-8)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=6, max_size=60))
def test_the_curve_puts_equal_scores_together(people: list[tuple[bool, int, int]]) -> None:
    people = [*people, (True, 2, 1), (False, 2, 1), (True, 1, 0), (False, 1, 2)]
    frame = pl.DataFrame(
        {
            "group": ["t" if one[0] else "c" for one in people],
            "score": [float(one[1]) for one in people],
            "y": [one[2] for one in people],
        }
    )
    x, gain, n = [0], [0.0], len(people)
    for score in sorted({one[1] for one in people}, reverse=True):
        best = [one for one in people if one[1] >= score]
        treated, control = ([one[2] for one in best if one[0] == side] for side in (True, False))
        x.append(len(best))
        gain.append(sum(treated) - (sum(control) * len(treated) / len(control) if control else 0.0))
    area = sum((x[i + 1] - x[i]) * (gain[i + 1] + gain[i]) / 2 for i in range(len(x) - 1))
    found = uplift.areas(
        uplift.steps(moments.of(as_rows(frame), ["y"], ["group", "score"]), "t", "c", "y", 1.0)
    )
    assert found.auuc.value == pytest.approx(area / n**2, abs=1e-12)
    assert found.q.value == pytest.approx((area - gain[-1] * n / 2) / n**2, abs=1e-12)


def test_a_score_is_judged_and_the_top_alone_priced(tmp_path: Path) -> None:
    sales, groups, truth = campaign(tmp_path)
    scores = pl.Series("score", np.random.default_rng(0).integers(0, 50, truth.height))
    pl.read_csv(groups).with_columns(scores).write_csv(groups)
    found = run(sales, groups, "--score", "score", "--top", "20%", "--margin", "30%", "--cost", "0.1")
    both = truth.with_columns(scores)
    top = both.filter(scores.rank("min", descending=True) <= 0.2 * truth.height)
    means = dict(top.group_by("group").agg(pl.col("revenue").mean() / 100).iter_rows())
    (row,) = rows(found, "targeting", method="top 20%")
    n = top.filter(pl.col("group") == "treated").height
    assert row["customers"] == n
    assert float(row["incremental_revenue"]) == pytest.approx(
        (means["treated"] - means["control"]) * n, abs=0.005
    )
    assert float(row["costs"]) == pytest.approx(0.1 * n, abs=0.005)
    assert (
        sum(row["customers"] + row["control_customers"] for row in found["tables"]["tenths"]) == truth.height
    )
    with pytest.raises(UsageError, match="--score"):
        run(sales, groups, "--top", "20%")


def test_the_plan_is_what_the_customers_did(tmp_path: Path) -> None:
    sales, _, truth = campaign(tmp_path)
    words = [
        "--as-of",
        str(TO),
        "--for",
        "60d",
        "--effect",
        "10%",
        "--control",
        "20%",
        "--format",
        "json",
        "-q",
    ]
    found = json.loads(crmkit("split", sales, "--plan", *words))
    known = pl.read_csv(sales, try_parse_dates=True).filter(pl.col("date") < FROM)["customer"].unique()
    spent = truth.filter(pl.col("customer").is_in(known.implode()))["revenue"].to_numpy() / 100
    plain, adjusted = rows(found, "size", metric="revenue")
    assert (plain["customers"], plain["mean"], plain["sd"]) == pytest.approx(
        (len(spent), spent.mean(), spent.std(ddof=1))
    )
    z = stats.norm.ppf(0.975)
    se = spent.std(ddof=1) * math.sqrt(1 / (0.8 * len(spent)) + 1 / (0.2 * len(spent)))
    shift = 0.1 * spent.mean() / se
    assert plain["power"] == pytest.approx(stats.norm.sf(z - shift) + stats.norm.cdf(-z - shift))
    assert plain["detectable"] == pytest.approx((z + stats.norm.ppf(0.8)) * se)
    assert adjusted["sd"] < plain["sd"] and adjusted["customers_needed"] < plain["customers_needed"]
    with pytest.raises(DataError, match="--for"):
        crmkit("split", sales, "--plan", "--for", "2y")


def test_hillstroms_sample_size() -> None:
    """For +10 % of spend with a chance of 80 %: 494,679 in each arm."""
    mean, variance = 13908.33 / 21306, 11.5903**2
    assert power.customers(0.1 * mean, variance, 0.5) / 2 == pytest.approx(494_679, rel=1e-3)
    n = power.customers(0.1 * mean, variance, 0.3)
    assert power.power(0.1 * mean, variance, 0.7 * n, 0.3 * n) == pytest.approx(0.8, abs=1e-4)
    assert power.detectable(variance, 0.7 * n, 0.3 * n) == pytest.approx(0.1 * mean)


def test_segments_of_the_day_before_where_the_groups_have_none(tmp_path: Path) -> None:
    sales, groups, truth = campaign(tmp_path)
    found = run(sales, groups, "--by", "tier")
    assert {"A", "B", "C"} <= {row["tier"] for row in found["tables"]["segments"]}
    assert (
        sum(row["customers"] + row["control_customers"] for row in found["tables"]["segments"])
        == truth.height
    )


def without(sales: Path, *words: str) -> dict[str, Any]:
    days = ["--from", str(FROM), "--to", str(TO), "--format", "json", "-q"]
    found: dict[str, Any] = json.loads(crmkit("lift", sales, *days, *words))
    return found


def test_before_and_after_is_called_no_effect(tmp_path: Path) -> None:
    sales, _, truth = campaign(tmp_path)
    found = without(sales, "--before-after")
    now, before = found["tables"]["periods"][:2]
    assert found["facts"]["is_effect"] is False and len(found["tables"]["periods"]) == 4
    assert round(float(now["revenue"]) * 100) == truth["revenue"].sum()
    assert round(float(before["revenue"]) * 100) == truth["pre"].sum()
    assert now["change_share"] == pytest.approx(truth["revenue"].sum() / truth["pre"].sum() - 1)
    theirs = truth.filter(pl.col("pre") > 0)
    assert now["buyers_before"] == theirs.height
    assert now["their_change"] == pytest.approx(theirs["revenue"].sum() / theirs["pre"].sum() - 1)


def test_a_group_column_knows_of_buyers_only(tmp_path: Path) -> None:
    sales, groups, truth = campaign(tmp_path)
    with pytest.raises(DataError, match="--groups FILE"):
        without(sales, "--buyers-only")
    pl.read_csv(sales).join(pl.read_csv(groups), on="customer").drop("segment").write_csv(sales)
    with pytest.raises(UsageError, match="buyers only"):
        without(sales)
    found = without(sales, "--buyers-only")
    (row,) = found["tables"]["effects"]
    value = {arm: one["revenue"].sum() / one["orders"].sum() / 100 for (arm,), one in truth.group_by("group")}
    assert row["metric"] == "order_value" and set(found["tables"]) == {"effects"}
    assert row["effect"] == pytest.approx(value["treated"] - value["control"], rel=1e-9)


def test_the_report_has_a_section_for_the_campaign(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    words = [
        "--groups",
        groups,
        "--from",
        str(FROM),
        "--to",
        str(TO),
        "--margin",
        "30%",
        "--sections",
        "makers,campaign",
    ]
    told = json.loads(crmkit("report", sales, *words, "-o", tmp_path / "r.html", "--format", "json", "-q"))
    assert "lift" in told["facts"]["headlines"]
    page = (tmp_path / "r.html").read_text()
    assert "Did the campaign pay" in page and "treated brought" in page
    with pytest.raises(UsageError, match="--from"):
        crmkit("report", sales, "--groups", groups)
    assert "Did the campaign pay" not in crmkit("report", sales, "--sections", "makers,campaign", "-q")


def test_from_python_groups_may_be_a_frame(tmp_path: Path) -> None:
    sales, groups, _ = campaign(tmp_path)
    frame = pl.read_csv(groups).with_columns(score=pl.int_range(pl.len()) % 7)
    one = lift.analyse(read(sales), groups=frame, from_=FROM, to=TO, by="segment", score="score", margin=0.3)
    assert one.tables["segments"]["segment"].to_list() == ["a", "b", "c"] and "tenths" in one.tables
    found = run(sales, groups, "--margin", "30%")
    assert one.tables["effects"].to_dicts() == found["tables"]["effects"]
    with pytest.raises(DataError, match="no column 'age'"):
        lift.analyse(read(sales), groups=frame, from_=FROM, to=TO, by="age")


@pytest.mark.slow
def test_nothing_is_seldom_taken_for_something() -> None:
    """A/A tests of skewed money: false alarms at the end, on any of thirty days, and what the intervals hold."""
    rng, n, runs = np.random.default_rng(5), 4000, 400
    group = np.arange(n) < n // 2
    ends, looks, fixed = 0, 0, 0
    for _ in range(runs):
        times = rng.poisson(rng.gamma(0.5, 1.2, n))
        spent = np.zeros((n, 30))
        who = np.repeat(np.arange(n), times)
        np.add.at(spent, (who, rng.integers(0, 30, len(who))), rng.lognormal(3, 1.2, len(who)))
        so_far = spent.cumsum(axis=1)
        pair = [
            Sample(n // 2, part.mean(), part.var(ddof=1)) for part in (so_far[group, -1], so_far[~group, -1])
        ]
        one = statistics.difference(*pair)
        ends += one.p is not None and one.p < 0.05
        away = so_far[group].mean(0) - so_far[~group].mean(0)
        variance = (so_far[group].var(0, ddof=1) + so_far[~group].var(0, ddof=1)) / (n // 2)
        factors = np.array([sequential.factor(part) for part in variance / variance[-1]])
        looks += bool((abs(away) > factors * variance**0.5).any())
        fixed += bool((abs(away) > 1.96 * variance**0.5).any())
    assert 0.02 < ends / runs < 0.08  # 5 % give or take three standard errors
    assert looks / runs <= 0.05 < 0.15 < fixed / runs
