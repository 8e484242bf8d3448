"""Several files of one run, all or none; messages that programs read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.load.running import run
from tests.tool import SALES


def test_one_pass_writes_all_of_them(tmp_path: Path) -> None:
    words = [
        "-o",
        tmp_path / "a-{as_of}.csv",
        "-o",
        tmp_path / "b.parquet",
        "--table",
        f"segments={tmp_path}/s-{{date}}.csv",
    ]
    done = run("rfm", SALES, *words, "--summary", tmp_path / "run.json")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    names = ["a-2024-12-30.csv", "b.parquet", f"s-{today}.csv"]
    assert (done.status, sorted(path.name for path in tmp_path.iterdir())) == (
        0,
        sorted([*names, "run.json"]),
    )
    assert done.err.count("wrote ") == 4
    outputs = json.loads((tmp_path / "run.json").read_text())["outputs"]
    assert [Path(one["file"]).name for one in outputs] == names
    listed = pl.read_csv(tmp_path / names[0], infer_schema=False)["customer"]
    assert listed.equals(pl.read_parquet(tmp_path / "b.parquet")["customer"])
    assert pl.read_csv(tmp_path / names[2]).columns[0] == "segment"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["-o", "{0}/a.csv", "-o", "{0}/nowhere/b.csv"], 1, "does not exist"),
        (["-o", "{0}/a.csv", "--table", "nothing={0}/b.csv"], 2, "There is no table nothing"),
        (["-o", "{0}/a.csv", "-o", "{0}/a.csv"], 2, "Two outputs would go to"),
        (["-o", "{0}/a.csv", "-o", "-"], 2, "goes alone"),
        (["--table", "segments", "--table", "cells"], 2, "one table is shown"),
        (["--table", "segments="], 2, "NAME=FILE"),
        (["-o", "{0}/a.csv", "--table", "segments={0}/b.txt"], 2, "does not say which format"),
        (["-o", "{0}/a.csv", "--max-age", "2d"], 3, "--max-age"),
    ],
)
def test_all_or_none(tmp_path: Path, words: list[str], status: int, told: str) -> None:
    done = run("rfm", SALES, *[word.format(tmp_path) for word in words])
    assert (done.status, list(tmp_path.iterdir())) == (status, [])
    assert told in done.err


def test_messages_have_time_level_code_and_run(tmp_path: Path) -> None:
    done = run(
        "rfm", SALES, "-o", tmp_path / "a.csv", "--log-format", "json", "--summary", tmp_path / "run.json"
    )
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {line["run"] for line in lines} == {json.loads((tmp_path / "run.json").read_text())["run"]}
    for line in lines:
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in ("info", "warning", "error")
    by_code = {line["code"]: line for line in lines}
    assert {"input.columns", "input.account", "note", "output.written"} == set(by_code)
    receipts = [
        (Path(line["file"]).name, line.get("rows")) for line in lines if line["code"] == "output.written"
    ]
    assert receipts == [("a.csv", 261), ("run.json", None)]
    assert [line["rows_used"] for line in lines if "rows_used" in line] == [1968]


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["--max-age", "2d"], "error.gate", 3),
        (["--tz", "Nowhere"], "error.usage", 2),
        (["--as-of", "2000-01-01"], "error.data", 1),
    ],
)
def test_errors_have_codes(words: list[str], code: str, status: int) -> None:
    done = run("rfm", SALES, "--log-format", "json", *words)
    last = json.loads(done.err.splitlines()[-1])
    assert (last["code"], last["exit_status"], done.status) == (code, status, status)


def test_an_account_keeps_no_secrets(tmp_path: Path) -> None:
    words = [
        "--sections",
        "makers",
        "--pseudonyms",
        "GEHEIM",
        "-o",
        tmp_path / "a.html",
        "--summary",
        tmp_path / "a.json",
    ]
    assert run("report", SALES, "-q", *words).status == 0
    told = (tmp_path / "a.json").read_text()
    assert "GEHEIM" not in told
    assert json.loads(told)["options"]["pseudonyms"] == "given"
    missing = tmp_path / "none.csv"
    conf = ["--engine", "spark", "--conf", "spark.hadoop.fs.s3a.secret.key=GEHEIM"]
    run(
        "rfm",
        missing,
        *conf,
        "--previous",
        "postgresql://u:GEHEIM@h/d?password=GEHEIM",
        "--summary",
        tmp_path / "b.json",
    )
    told = (tmp_path / "b.json").read_text()
    assert "GEHEIM" not in told
    assert "s3a.secret.key=***" in told


def test_every_file_has_its_receipt(tmp_path: Path) -> None:
    made = {
        "-o": "a.csv",
        "--plot": "p.svg",
        "--summary": "s.json",
        "--rejects": "r.csv",
        "--save-cuts": "c.json",
    }
    words = [word for option, name in made.items() for word in (option, tmp_path / name)]
    done = run("rfm", SALES, *words)
    said = [
        Path(line.removeprefix("crmkit: wrote ").partition(":")[0]).name
        for line in done.err.splitlines()
        if "wrote " in line
    ]
    assert sorted(said) == sorted(made.values())
    for line in (
        ["sample", "--rows", "9", "--groups", tmp_path / "g.csv", "-o", tmp_path / "b.csv"],
        ["sql", "customers", "--dialect", "duckdb", "--table", "s", "-o", tmp_path / "q.sql"],
        ["config", "init", SALES, "-o", tmp_path / "c.toml"],
    ):
        assert f"wrote {line[-1]}" in run(*line).err
