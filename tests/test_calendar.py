"""clv and backtest on a calendar: what is said, kept, and the same wherever the rows come from."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import crmkit
from crmkit import backtest, clv
from crmkit.errors import UsageError
from crmkit.forecast.scores import normalised_gini, spearman
from tests.models.seasons import shop
from tests.tool import crmkit as crmkit_
from tests.tool import process

BEGIN = date(2022, 1, 1)
DAYS = 800


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers who buy every so many days, and three times as often in the second half of each year."""
    rows = []
    for customer in range(120):
        first, gap, left = customer * 5 % 600, 6 + customer % 25, 120 + 97 * customer % 900
        day = float(first)
        while day < min(DAYS, first + left):
            rows.append((f"c{customer:03}", BEGIN + timedelta(days=int(day)), 10 + customer % 7))
            busy = (BEGIN + timedelta(days=int(day))).month > 6
            day += max(gap * (0.6 if busy else 1.8), 1)
    path = tmp_path_factory.mktemp("calendar") / "sales.parquet"
    pl.DataFrame(rows, schema=["customer", "date", "amount"], orient="row").write_parquet(path)
    return path


def test_a_season_is_seen_and_said(sales: Path) -> None:
    found = clv.analyse(crmkit.read(str(sales)), model="mbgnbd", horizon="26w")
    calendar = found.tables["calendar"]
    assert calendar["ahead"].sum() == 13 and calendar.filter("ahead")["repeat_purchases"].is_null().all()
    assert (calendar["pace_low"] <= calendar["pace"]).all() and (
        calendar["pace"] <= calendar["pace_high"]
    ).all()
    busy = calendar.with_columns(busy=pl.col("from").dt.month().is_between(7, 11))
    paces = dict(busy.group_by("busy").agg(pl.col("pace").mean()).rows())
    assert paces[True] > 1.5 * paces[False]
    assert any("count as" in note and "strongest" in note for note in found.notes)
    assert found.facts["calendar"]["used"] and found.facts["calendar"]["shock"] > 0


def test_a_short_history_keeps_its_forecast_and_doubts_its_total(sales: Path) -> None:
    data = crmkit.read(str(sales), as_of=date(2023, 1, 15))
    told, plain = (clv.analyse(data, model="nbd", calendar=choice) for choice in ("auto", "off"))
    one, other = (found.tables["summary"].row(0, named=True) for found in (told, plain))
    assert one["expected_purchases"] == other["expected_purchases"]
    assert one["purchases_low"] < 0.8 * one["expected_purchases"] < other["purchases_low"]
    assert any("cannot be told from growth" in note for note in told.notes)
    used = clv.analyse(data, model="nbd", calendar="on").facts["calendar"]["used"]
    assert used and not told.facts["calendar"]["used"]


def test_a_saved_model_keeps_its_calendar(sales: Path, tmp_path: Path) -> None:
    data = crmkit.read(str(sales))
    found = clv.analyse(data, model="mbgnbd")
    path = tmp_path / "model.json"
    path.write_text(found.saved["model"])
    again = clv.analyse(data, use_model=path)
    assert again.tables["customers"].equals(found.tables["customers"])
    assert again.tables["summary"].equals(found.tables["summary"])
    later = clv.analyse(crmkit.read(str(sales), as_of=BEGIN + timedelta(days=DAYS + 30)), use_model=path)
    assert later.facts["calendar"]["counts_as_days"] != found.facts["calendar"]["counts_as_days"]
    with pytest.raises(UsageError, match="calendar does not go with"):
        clv.analyse(data, use_model=path, calendar="on")


def test_no_order_of_rows_matters(sales: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.parquet"
    pl.read_parquet(sales).sample(fraction=1.0, shuffle=True, seed=5).write_parquet(mixed)
    one, other = (clv.analyse(crmkit.read(str(path)), model="nbd") for path in (sales, mixed))
    assert one.saved == other.saved
    assert all(one.tables[name].equals(other.tables[name]) for name in one.tables)


def test_backtest_tells_what_clv_would_have_said(sales: Path) -> None:
    data = crmkit.read(str(sales))
    found = backtest.analyse(data, model="nbd", origins=2, horizon="13w")
    models = found.tables["models"]
    assert set(models["model"]) >= {"auto", "nbd", "last period", "revenue so far", "seasonal naive"}
    classic = backtest.analyse(data, model="nbd", origins=2, horizon="13w", classic=True).tables["models"]
    same = [name for name in classic.columns if name not in ("model", "best")]
    pair = classic.filter(pl.col("model").is_in(["auto", "nbd"])).select(same)
    assert pair.row(0) == pair.row(1)
    assert models.filter(model="auto")["tests"].item() == 2
    split = BEGIN + timedelta(days=DAYS - 1 - 91)
    said = clv.analyse(crmkit.read(str(sales), as_of=split), model="nbd", horizon="13w").tables["summary"]
    last = (
        backtest.analyse(data, model="nbd", split=split, horizon="13w").tables["models"].filter(model="auto")
    )
    assert last["expected_purchases"].item() == pytest.approx(said["expected_purchases"].item(), rel=1e-12)


def test_the_last_period_counts_no_first_purchases(sales: Path) -> None:
    found = backtest.analyse(crmkit.read(str(sales)), model="nbd", horizon="26w").tables["models"]
    frame = pl.read_parquet(sales).unique(["customer", "date"]).sort("date")
    repeats = frame.filter(pl.col("date") > pl.col("date").min().over("customer"))
    end = frame["date"].max() - timedelta(days=182)
    window = repeats.filter((pl.col("date") > end - timedelta(days=182)) & (pl.col("date") <= end))
    assert found.filter(model="last period")["expected_purchases"].item() == window.height


def test_ranks_are_those_of_scipy_and_of_a_plain_gini() -> None:
    stats = pytest.importorskip("scipy.stats")
    forecast = [3.0, 1, 1, 2, 0, 0, 0, 5]
    actual = [4.0, 0, 1, 0, 0, 0, 2, 9]
    import numpy as np

    f, a = np.array(forecast), np.array(actual)
    assert spearman(f, a) == pytest.approx(stats.spearmanr(f, a).statistic)
    assert spearman(f, np.ones(8)) is None
    assert normalised_gini(a, a) == pytest.approx(1) and normalised_gini(-a, a) < 0
    assert normalised_gini(np.ones(8), a) == pytest.approx(0, abs=1e-12)
    plain = np.cumsum(a[np.argsort(-a, kind="stable")]) / a.sum()
    best = (plain.sum() + np.r_[0, plain[:-1]].sum()) / 8 - 1
    order = np.array([8.0, 7, 6, 5, 4, 3, 2, 1])
    by = np.cumsum(a[np.argsort(-order)]) / a.sum()
    assert normalised_gini(order, a) == pytest.approx(((by.sum() + np.r_[0, by[:-1]].sum()) / 8 - 1) / best)


def test_threads_decide_nothing(tmp_path: Path) -> None:
    """With all that is learnt: a clock, customers from before the file, and amounts that grow with frequency."""
    path, outputs = tmp_path / "shop.parquet", set()
    shop(900).write_parquet(path)
    for threads in ("1", "7"):
        out, kept = (tmp_path / f"{threads}.{ending}" for ending in ("parquet", "json"))
        words = ["clv", path, "--model", "mbgnbd", "-o", out, "--save-model", kept, "--quiet"]
        done = process(*words, POLARS_MAX_THREADS=threads, OMP_NUM_THREADS=threads)
        assert done.code == 0, done.err
        outputs.add((out.read_bytes(), kept.read_bytes()))
    assert len(outputs) == 1
    learnt = json.loads(kept.read_text())
    assert "early" in json.dumps(learnt) and "doubling" in json.dumps(learnt)


def test_the_calendar_has_a_picture_of_its_own(sales: Path, tmp_path: Path) -> None:
    calendar, worth = (tmp_path / name for name in ("calendar.svg", "worth.svg"))
    words = ["clv", sales, "--model", "mbgnbd", "--quiet", "--plot"]
    crmkit_(*words, calendar, "--table", "calendar")
    crmkit_(*words, worth)
    drawn = calendar.read_text()
    assert drawn.count('class="band"') == 1 and "average days" in drawn
    assert "average days" not in worth.read_text()
