"""The cluster does the work, and crmkit's own code goes there by itself."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.load.running import run
from tests.spark.cluster import Farm
from tests.spark.compare import said, same
from tests.spark.runner import Runner
from tests.tool import ROOT, SALES, process

COMMANDS = {
    "customers": ["customers"],
    "rfm": ["rfm"],
    "pareto": ["pareto"],
    "cohort": ["cohort"],
    "lifecycle": ["lifecycle"],
    "trend": ["trend"],
    "migration": ["migration", "--from", "2024-01-01", "--to", "2024-10-01"],
    "clv": ["clv", "--model", "bgnbd"],
    "clv, regular": ["clv", "--model", "mbgcnbd", "--by", "segment"],
    "clv, as regular as said": ["clv", "--model", "bgcnbd", "--k", "3", "--drop-zero"],
    "churn": ["churn", "--everyone"],
    "churn, judged": ["churn", "--evaluate", "2024-06-30", "--overdue", "1.5"],
    "churn, after so many days": ["churn", "--lapse-days", "90", "--as-of", "2024-06-30", "--since", "2020-01-01"],
    "churn, with a model": ["churn", "--model", "paretonbd"],
    "lifecycle, with stages": ["lifecycle", "--stages"],
    "lifecycle, with other stages": ["lifecycle", "--stages", "--period", "week", "--loyal", "3", "--lapse-days", "60"],
    "rfm, ties parted": ["rfm", "--ties", "first", "--monetary", "average"],
    "pareto, the most valuable": ["pareto", "--scheme", "mvc"],
    "basket": ["basket"],
    "profile": ["profile"],
    "score": ["score"],
    "score, by entropy": ["score", "--weights", "entropy"],
    "returns": ["returns"],
    "split": ["split", "--name", "spring", "--by", "segment"],
    "lift": ["lift", "--groups", str(ROOT / "sample_data" / "groups.csv"), "--from", "2024-07-01", "--to", "2024-12-31"],
}  # fmt: skip
# Their long tables have a row per period or product, or are found here, and come here.
SHORT = {"cohort", "lifecycle", "trend", "profile", "returns", "score", "score, by entropy"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_cluster_says_what_one_machine_says(name: str, classic: Runner, tmp_path: Path) -> None:
    command, *words = COMMANDS[name]
    same(classic, tmp_path, command, SALES, *words)
    # What there is of each customer was written by the executors.
    assert (tmp_path / "far.parquet" / "_SUCCESS").exists() == (name not in SHORT)


@pytest.mark.parametrize("words", [COMMANDS["rfm"], COMMANDS["cohort"], COMMANDS["churn, judged"]])
def test_so_does_spark_connect(words: list[str], connect: Runner, tmp_path: Path) -> None:
    same(connect, tmp_path, words[0], SALES, *words[1:])


ODD = """\
customer,date,amount,note
Ann,2024-01-01,3,a
ann,2024-01-01,3,a
ann,2024-01-01,3,a
unknown,2024-01-02,4,
=x,2024-01-03,4,b
,2024-01-03,4,b
N/A,2024-01-03,4,
bob,2024-01-03,,b
bob,2024-01-03,5,b
"""


@pytest.mark.parametrize("kind", ["sales.csv", "odd.csv", "odd.parquet"])
def test_check_accounts_for_the_same_rows(kind: str, classic: Runner, tmp_path: Path) -> None:
    path = SALES if kind == "sales.csv" else tmp_path / kind
    if kind == "odd.csv":
        path.write_text(ODD)
    elif kind == "odd.parquet":
        pl.read_csv(ODD.encode()).with_columns(parts=[[1, 2]] * 9).write_parquet(path, row_group_size=2)
    here, there = (run_("check", path, "--format", "json") for run_ in (run, classic.run))
    assert there.facts.items() <= here.facts.items()
    assert "duplicate_rows" in there.facts
    assert said(there) == said(here)
    tables = [json.loads(done.out)["tables"] for done in (here, there)]
    assert tables[0]["rows"] == tables[1]["rows"]
    parts, others = (
        [row for row in tables[0]["columns"] if bool(row["role"]) == has] for has in (True, False)
    )
    for full, row in zip(parts, tables[1]["columns"], strict=True):
        assert row.items() <= full.items()
    assert all(row["why"] == "not used" for row in others)


def test_a_short_table_is_written_here(classic: Runner, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.parquet"
    for words in (["cohort", nothing], ["lifecycle", nothing], ["trend", nothing], ["check", nothing]):
        done = classic.run(*words, "-o", tmp_path / "name")
        assert done.status == 2
        assert "name" in done.err and "extension" in done.err and "nothing" not in done.err
    done = classic.run("rfm", nothing, "--summary", tmp_path / "nowhere" / "summary.json")
    assert done.status == 1 and "nowhere" in done.err
    texts = []
    for place, run_ in enumerate((run, classic.run)):
        path = tmp_path / f"{place}.csv"
        assert run_("rfm", SALES, "--table", "segments", "-o", path, "-q").status == 0
        texts.append(path.read_text())
    assert texts[0] == texts[1]


def test_what_needs_all_days_here_is_refused(classic: Runner) -> None:
    done = classic.run("clv", SALES)
    assert done.status == 2
    assert "--model auto" in done.err


def test_a_table_of_customers_belongs_on_one_machine(classic: Runner, tmp_path: Path) -> None:
    people = tmp_path / "people.parquet"
    assert run("customers", SALES, "-o", people, "-q").status == 0
    assert run("pareto", people).status == 0
    done = classic.run("pareto", people)
    assert (done.status, done.out) == (1, "")
    assert "people.parquet is a table of customers" in done.err and "--engine polars" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("words", [["rfm"], ["churn", "--everyone", "--evaluate", "2023-12-31"]])
def test_five_million_rows(words: list[str], classic: Runner, tmp_path: Path) -> None:
    """A tenth of them are one customer's; ids are numbers, or text."""
    folder = tmp_path / "rows"
    folder.mkdir()
    for part in range(8):
        n = pl.int_range(part, 5_000_000, 8)
        pl.select(
            customer=pl.when(n % 10 == 0).then(7).otherwise(n * n % 700_001),
            order_id="o" + (n // 3).cast(pl.String),
            date=pl.date(2021, 1, 1) + pl.duration(days=n * 7919 % 1_400),
            amount=pl.when(n % 23 != 0).then((n * 31 % 90_000 - 4_000) / 100),
        ).write_parquet(folder / f"{part}.parquet")
    same(classic, tmp_path, words[0], folder, *words[1:])


def test_both_executors_work_and_get_the_code(cluster: Farm, sales: Path, tmp_path: Path) -> None:
    log = (
        "spark.eventLog.enabled=true",
        "spark.eventLog.compress=false",
        "spark.eventLog.rolling.enabled=false",
    )
    settings = [word for setting in (*log, f"spark.eventLog.dir={tmp_path}") for word in ("--conf", setting)]
    done = process("rfm", sales, "--engine", "spark", "--master", cluster.master, *settings)
    assert done.code == 0, done.err
    events = [json.loads(line) for line in next(tmp_path.iterdir()).read_text().splitlines()]
    workers = {
        event["Executor ID"]: event["Executor Info"]["Host"]
        for event in events
        if event["Event"] == "SparkListenerExecutorAdded"
    }
    tasks = [
        event["Task Info"]["Executor ID"] for event in events if event["Event"] == "SparkListenerTaskEnd"
    ]
    assert len(workers) == 2
    assert all(tasks.count(executor) >= 3 for executor in workers)
