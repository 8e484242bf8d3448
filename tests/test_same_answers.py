"""Whatever two commands both say of a file is equal: rows, revenue, orders, x, tiers, segments and chances."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.load.running import run
from tests.tool import SALES

Rows = dict[str, dict[str, str]]


def put(folder: Path, seed: int) -> Path:
    """Sales with all that ever made two commands differ: blank costs, free orders, refunds, ids that look like days."""
    chance = Random(seed)
    lines = ["customer,date,amount,order_id,cost"]
    for place in range(400):
        day = date(2024, 1, 1) + timedelta(days=chance.randrange(300))
        order = chance.choice(["", str(day), f"B{place // 2}", str(day + timedelta(days=1))])
        amount = chance.choice(
            ["0", "-4.50", f"{chance.randrange(100, 9000) / 100}", f"{chance.randrange(100, 9000) / 100}"]
        )
        lines.append(f"c{chance.randrange(30)},{day},{amount},{order},{chance.choice(['', '1.25', 'none'])}")
    path = folder / "sales.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def listed(command: str, path: Path, *words: str) -> Rows:
    done = run(command, path, "--table", "customers", "-f", "csv", "-n", "0", *words)
    assert done.status == 0, done.err
    return {row["customer"]: row for row in csv.DictReader(io.StringIO(done.out))}


def same(one: Rows, name: str, other: Rows, its_name: str | None = None) -> None:
    """Equal for everybody who is in both."""
    both = [who for who in one if who in other and other[who][its_name or name] != ""]
    assert both
    assert {who: one[who][name] for who in both} == {who: other[who][its_name or name] for who in both}


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_customers_are_the_same_everywhere(tmp_path: Path, seed: int) -> None:
    path = put(tmp_path, seed)
    customers, rfm, pareto = (listed(name, path) for name in ("customers", "rfm", "pareto"))
    churn, clv = (
        listed("churn", path, "--everyone", "--model", "mbgnbd"),
        listed("clv", path, "--model", "mbgnbd"),
    )
    same(rfm, "frequency", customers, "orders")
    same(rfm, "monetary", customers, "revenue")
    same(rfm, "recency", customers)
    same(pareto, "revenue", customers)
    for name in ("x", "t_x", "T"):
        same(clv, name, customers)
    same(churn, "orders", customers)
    same(churn, "last", customers)
    same(churn, "tier", pareto)
    same(churn, "segment", rfm)
    same(churn, "alive", clv)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_accounts_are_the_same_everywhere(tmp_path: Path, seed: int) -> None:
    path = put(tmp_path, seed)
    told: dict[str, Any] = {}
    for command in (
        "check",
        "customers",
        "rfm",
        "pareto",
        "cohort",
        "trend",
        "lifecycle",
        "churn",
        "deviation",
        "clv",
    ):
        facts = run(command, path, "-f", "json", *(["--model", "mbgnbd"] if command == "clv" else [])).facts
        told[command] = {
            name: facts[name]
            for name in ("rows_read", "rows_used", "rejected", "revenue", "refunds", "last_date")
        }
    assert all(facts == told["check"] for facts in told.values()), told


@pytest.mark.parametrize(
    "words",
    [
        ["auto"],
        ["paretonbd"],
        *(
            pytest.param([model, *more], marks=pytest.mark.slow)
            for model in ("bgcnbd", "mbgcnbd", "bgnbd", "mbgnbd")
            for more in ([], ["--classic"])
        ),
    ],
    ids=" ".join,
)
def test_chances_are_the_same(words: list[str]) -> None:
    """Here a season is learnt, since the file holds two years."""
    churn = listed("churn", SALES, "--everyone", "--model", *words)
    same(churn, "alive", listed("clv", SALES, "--model", *words))


def test_an_order_id_that_looks_like_a_day_is_an_order_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "customer,date,amount,order_id\nA,2024-01-05,10,2024-01-05\nA,2024-01-05,20,\nA,2024-02-05,20,\n"
    )
    assert listed("customers", path)["A"]["orders"] == "3"
    cohort = run("cohort", path, "--value", "orders", "--include-partial", "-f", "csv").out.splitlines()
    assert [line.split(",")[3] for line in cohort[1:]] == ["2", "1"]


def test_a_blank_cost_leaves_no_row_out(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("customer,date,amount,cost\na,2024-01-05,70,\na,2024-01-06,70,20\nb,2024-02-05,20,5\n")
    found = listed("customers", path)
    assert (found["a"]["revenue"], found["a"]["profit"], found["b"]["profit"]) == ("140.00", "", "15.00")
    assert (
        run("pareto", path, "-f", "json").facts["revenue"]
        == run("check", path, "-f", "json").facts["revenue"]
        == 160.0
    )
    assert run("pareto", path, "--value", "profit", "-f", "json").facts["rejected"] == {"bad cost": 1}
    assert "1 rows name no cost" in run("customers", path).err


def test_without_amounts_nothing_is_ranked_by_money(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(
        "\n".join(",".join(line.split(",")[:3:2]) for line in SALES.read_text().splitlines()[:800])
    )
    done = run("clv", path, "--by", "tier", "--model", "mbgnbd")
    assert (done.status, done.out) == (2, ""), done.err
    assert "revenue" not in run("clv", path, "--model", "mbgnbd", "--horizon", "4w").err.replace(
        "no amounts", ""
    )


def test_small_amounts_keep_their_decimals(tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    lines = [line.split(",") for line in SALES.read_text().splitlines()]
    small = [f"{line[0]},{line[2]},{float(line[6]) / 10_000:.6f}" for line in lines[1:] if line[0]]
    path.write_text("\n".join(["customer,date,amount", *small]) + "\n")
    few = listed("clv", path, "--model", "mbgnbd")
    many = listed("clv", SALES, "--model", "mbgnbd")
    for who, row in few.items():
        assert float(row["clv"]) == pytest.approx(float(many[who]["clv"]) / 10_000, abs=2e-6)
    tested = run("backtest", path, "--model", "mbgnbd", "-f", "csv").out.splitlines()
    assert (
        len(
            dict(zip(tested[0].split(","), tested[1].split(","), strict=True))["actual_revenue"].split(".")[1]
        )
        > 2
    )


@pytest.mark.parametrize("name", ["clv", "customers"])
def test_a_column_to_add_up_by_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sales.csv"
    lines = [line.split(",") for line in SALES.read_text().splitlines()]
    made = [f"{line[0]},{line[2]},{line[6]},{line[8]}" for line in lines[1:] if line[0]]
    path.write_text("\n".join([f"customer,date,amount,{name}", *made]) + "\n")
    words = [path, "--customer", "customer", "--model", "mbgnbd", "--by", name, "-f", "csv"]
    done = run("clv", *words)
    assert done.status == 0, done.err
    usual = run("clv", SALES, "--model", "mbgnbd", "--by", "channel", "-f", "csv").out
    assert [line.split(",")[0] for line in done.out.splitlines()[1:]] == [
        line.split(",")[0] for line in usual.splitlines()[1:]
    ]
