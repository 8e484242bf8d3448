"""Purchases without amounts: counted, and money left out of every answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import crmkit
from crmkit.load.uncounted import is_of_money
from tests.load.running import check, run
from tests.load.sales import put, text

HEADER = ("member_number", "order_id", "date", "item")


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    return put(tmp_path / "visits.csv", text(header=HEADER, amount=lambda amount: "milk"))


def test_it_is_proposed_where_nothing_could_be_money(visits: Path) -> None:
    done = check(visits)
    assert done.status == 1
    assert done.err.rstrip().endswith(f"Try: crmkit check {visits} --count")


@pytest.mark.parametrize("command", ["check", "customers", "rfm", "cohort", "lifecycle", "churn", "trend"])
def test_money_is_left_out(visits: Path, command: str) -> None:
    done = run(command, visits, "--count", "--format", "json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    shown = [*answer["facts"], *(name for rows in answer["tables"].values() for row in rows for name in row)]
    assert [name for name in shown if is_of_money(name)] == []


def test_orders_and_days_are_those_of_the_same_rows_with_amounts(tmp_path: Path, visits: Path) -> None:
    valued = put(tmp_path / "sales.csv", text(header=(*HEADER[:3], "amount"), amount=lambda amount: "1.00"))
    counted = crmkit.customers.analyse(crmkit.read(str(visits), count=True)).tables["customers"]
    full = crmkit.customers.analyse(crmkit.read(str(valued))).tables["customers"].sort("customer")
    assert counted.sort("customer").equals(full.select(counted.columns))


def test_where_it_means_nothing(visits: Path) -> None:
    assert "pareto is about money" in run("pareto", visits, "--count").err
    assert "Leave one of them out" in run("rfm", visits, "--count", "--amount", "item").err
