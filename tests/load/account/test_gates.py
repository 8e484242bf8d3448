"""What a nightly run relies on: gates, rejects, quiet, JSON logs, the account of the run; all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import polars as pl
import pytest

from tests.load.running import check, run
from tests.load.sales import SALES, account, put, text, with_lines
from tests.thinned import thinned
from tests.tool import process

BAD = [
    ("K17,B,2023-02-30,1.00", "bad date"),
    ("K17,B,2023-05-05,free", "bad amount"),
    ("K17,B", "wrong field count"),
    (",B,2023-05-05,7.25", "no customer id"),
]
CONTENT = text(SALES[:15]) + "".join(line + "\n" for line, _ in BAD) + text(SALES[15:], header=None)
EXPORTS = ("-o", "out.csv", "--rejects", "rejects.csv", "--summary", "run.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    put(tmp_path / "sales.csv", CONTENT)
    for name in ("out.csv", "rejects.csv", "run.json"):
        put(tmp_path / name, f"the {name} of yesterday")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def untouched(folder: Path) -> bool:
    """Whether the files of yesterday are there, but for an account of a run that was stopped."""
    names = ("out.csv", "rejects.csv")
    account = (folder / "run.json").read_text()
    listed = sorted(path.name for path in folder.iterdir())
    return (
        all((folder / name).read_text() == f"the {name} of yesterday" for name in names)
        and listed == sorted([*names, "run.json", "sales.csv"])
        and (account == "the run.json of yesterday" or json.loads(account)["status"] in ("gate", "failed"))
    )


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 0),
        (["--max-rejects", "4"], 0),
        (["--max-rejects", "3"], 3),
        (["--max-rejects", "0"], 3),
        (["--max-rejects", "12%"], 0),
        (["--max-rejects", "11.7%"], 3),
        (["--max-rejects", "0%"], 3),
        (["--max-rejects", "100%"], 0),
        (["--strict"], 3),
        (["--strict", "--max-rejects", "100%"], 3),
        (["--no-customer", "fail"], 3),
        (["--max-rejects", "many"], 2),
        (["--max-rejects", "-1"], 2),
        (["--max-rejects", "101%"], 2),
        (["--max-rejects", "nan"], 2),
        (["--max-rejects", ""], 2),
    ],
)
@pytest.mark.parametrize("command", ["check", "customers", "rfm", "pareto"])
def test_gates(folder: Path, command: str, options: list[str], status: int) -> None:
    exports = EXPORTS if command != "check" else EXPORTS[2:]
    done = run(command, "sales.csv", "--format", "json", *options, *exports)
    assert done.status == status, done.err
    if status:
        assert done.out == ""
        assert done.err.count("\n") == 1
        assert options[0] in done.err
        assert untouched(folder)
    else:
        assert json.loads(done.out)["command"] == command
        assert "yesterday" not in (folder / "run.json").read_text()


def test_more_than_half_broken_is_a_misread_file(folder: Path) -> None:
    put(folder / "sales.csv", "customer,date,amount\n" + "a,2024-01-01,1.00\n" * 10 + "a,b\n" * 11)
    done = run("rfm", "sales.csv", *EXPORTS)
    assert (done.status, done.out) == (1, "")
    assert "more than half of the rows are broken" in done.err
    assert untouched(folder)
    assert check("sales.csv", "--max-rejects", "100%").facts["rows_used"] == 10


def test_what_was_set_aside_can_be_mended_and_fed_again(folder: Path) -> None:
    done = run("customers", "sales.csv", "--rejects", "rejects.csv", "-o", "out.csv")
    assert done.status == 0, done.err
    rejects = pl.read_csv(folder / "rejects.csv", infer_schema=False)
    assert rejects.columns == ["file", "line", "reason", "column", "value", "row"]
    assert rejects["line"].to_list() == ["17", "18", "19", "20"]
    assert rejects["reason"].to_list() == [reason for _, reason in BAD]
    assert rejects["row"].to_list() == [line for line, _ in BAD]
    assert rejects.filter(pl.col("reason") == "bad date").row(0)[3:5] == ("date", "2023-02-30")
    mended = [
        "K17,B,2023-02-28,1.00",
        "K17,B,2023-05-05,2.00",
        "K17,B,2023-05-05,3.00",
        "K18,B,2023-05-05,7.25",
    ]
    put(folder / "mended.csv", text([]) + "\n".join(mended) + "\n")
    whole = check("sales.csv", "mended.csv").facts
    assert whole["rows_used"] == len(SALES) + len(BAD)
    assert round(whole["revenue"] - check("sales.csv").facts["revenue"], 2) == 13.25


@pytest.mark.parametrize("name", ["rejects.csv", "rejects.parquet", "rejects.json", "rejects.ndjson"])
def test_rejects_in_every_format(folder: Path, name: str) -> None:
    assert run("check", "sales.csv", "--rejects", name).status == 0
    assert (folder / name).stat().st_size > 100


def test_rejects_hold_hostile_rows_as_they_are(folder: Path) -> None:
    row = '"=cmd|x\x1b[2J",B,"2023\n-05",[red]'
    put(folder / "sales.csv", text() + row + "\n")
    assert run("check", "sales.csv", "--rejects", "rejects.csv").status == 0
    found = pl.read_csv(folder / "rejects.csv")
    assert found["row"].to_list() == [row]
    assert run("check", "sales.csv", "--rejects", "rejects.csv", "--excel-safe").status == 0


def test_many_rejects_are_told_by_a_few_examples(folder: Path) -> None:
    put(folder / "sales.csv", text(SALES * 10) + "K17,B,2023-02-30,1.00\n" * 40)
    done = check("sales.csv")
    assert done.err.count("bad date: '2023-02-30'") == 5
    assert "… and 35 more: bad date (--rejects FILE keeps them all)" in done.err


def test_quiet(folder: Path) -> None:
    done = run("rfm", "sales.csv", "--quiet", *EXPORTS)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert not untouched(folder)
    done = run("rfm", "sales.csv", "--quiet", "--strict")
    assert done.status == 3
    assert "--strict" in done.err


def test_logs_are_json_line_by_line(folder: Path) -> None:
    done = run("rfm", "sales.csv", "--log-format", "json", "-o", "out.csv")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {line["kind"] for line in lines} >= {"reject", "audit"}
    assert done.err.isascii()
    for words in (
        ["--strict"],
        ["--customer", "nobody"],
        ["--nosuch"],
        ["--as-of", "x"],
        ["--bins", "0"],
        ["--log-format=json", "--strict"],
    ):
        done = run("rfm", "sales.csv", "--log-format", "json", *words)
        assert done.status in (1, 2, 3)
        (line,) = done.err.splitlines()
        assert json.loads(line)["kind"] == "error"
    assert (
        json.loads(run("rfm", "gone.csv", "--log-format=json").err)["message"]
        == "gone.csv: no such file or directory."
    )


def test_the_account_of_a_run(folder: Path) -> None:
    done = run("rfm", "sales.csv", "--as-of", "2024-06-01", *EXPORTS)
    assert done.status == 0, done.err
    told = json.loads((folder / "run.json").read_text())
    assert told["command"] == "rfm"
    assert set(told["versions"]) == {"crmkit", "polars", "python"}
    assert told["options"]["as_of"] == "2024-06-01"
    assert told["inputs"] == [
        {"file": "sales.csv", "bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT.encode()).hexdigest()}
    ]
    assert told["facts"]["rows_read"] == 34
    assert told["facts"]["rejected"] == {
        "wrong field count": 1,
        "no customer id": 1,
        "bad date": 1,
        "bad amount": 1,
    }
    for output in told["outputs"]:
        content = (folder / output["file"]).read_bytes()
        assert output["bytes"] == len(content)
        assert output["sha256"] == hashlib.sha256(content).hexdigest()
    assert {output["file"] for output in told["outputs"]} == {"out.csv", "rejects.csv"}


def test_the_same_run_twice_gives_the_same_bytes(folder: Path) -> None:
    names = ("out.csv", "rejects.csv", "run.json")
    assert run("rfm", "sales.csv", *EXPORTS).status == 0
    first = [_timeless(folder / name) for name in names]
    assert run("rfm", "sales.csv", *EXPORTS).status == 0
    assert [_timeless(folder / name) for name in names] == first


def _timeless(path: Path) -> str:
    """A file without what tells one run from another."""
    lines = path.read_text().splitlines()
    return "\n".join(
        line for line in lines if not line.startswith(('  "run"', '  "start"', '  "end"', '  "duration'))
    )


def test_a_table_of_customers_as_input(folder: Path) -> None:
    assert run("customers", "sales.csv", "-o", "customers.parquet").status == 0
    done = run("rfm", "customers.parquet", "--summary", "run.json", "-o", "out.csv")
    assert done.status == 0, done.err
    told = json.loads((folder / "run.json").read_text())
    assert [source["file"] for source in told["inputs"]] == ["customers.parquet"]
    for words in (["--rejects", "rejects.csv"], ["--strict"]):
        done = run("rfm", "customers.parquet", *words)
        assert (done.status, done.out) == (2, "")
        assert words[0] in done.err


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["-o", "sales.csv"], 2),
        (["-o", "./sales.csv"], 2),
        (["--rejects", "sales.csv"], 2),
        (["--summary", "sales.csv"], 2),
        (["-o", "x.csv", "--rejects", "x.csv"], 2),
        (["-o", "out.doc"], 2),
        (["-o", "."], 2),
        (["-o", "nodir/x.csv"], 1),
        (["--summary", "nodir/run.json"], 1),
        (["-o", ""], 2),
        (["--table", "nosuch"], 2),
        (["--format", "xml"], 2),
        (["--limit", "-1"], 2),
    ],
)
def test_outputs_that_cannot_be(folder: Path, options: list[str], status: int) -> None:
    done = run("rfm", "sales.csv", *options)
    assert (done.status, done.out) == (status, ""), done.err
    assert done.err.splitlines()[-1].startswith("crmkit: ")
    assert (folder / "sales.csv").read_text() == CONTENT
    assert untouched(folder)


def test_an_output_among_the_inputs(folder: Path) -> None:
    for words in (["."], ["*.csv"]):
        done = run("rfm", *words, "-o", "out2.csv")
        assert (done.status, done.out) == (2, ""), done.err
    assert untouched(folder)


@pytest.mark.parametrize(
    "surroundings",
    thinned(
        [
            {"HOME": "/nonexistent"},
            {"HOME": "/proc", "XDG_CONFIG_HOME": "/proc", "XDG_CACHE_HOME": "/proc"},
            {"LANG": "C", "LC_ALL": "C"},
            {"LC_ALL": "nonsense"},
            {"PYTHONIOENCODING": "ascii"},
            {"PYTHONUTF8": "0", "LC_ALL": "C"},
            {"TERM": "dumb", "COLUMNS": "20"},
            {"TERM": "", "COLUMNS": "x"},
            {"TZ": "Asia/Kathmandu"},
            {"TZ": "nonsense"},
            {"PYTHONHASHSEED": "7", "POLARS_MAX_THREADS": "1"},
            {"TMPDIR": "/nonexistent"},
            {"PATH": ""},
        ],
        4,
    ),
    ids=lambda surroundings: " ".join(surroundings),
)
def test_surroundings_change_nothing(tmp_path: Path, surroundings: dict[str, str]) -> None:
    path = put(
        tmp_path / "sales.csv", text(customer=lambda name: f"客{name}é", day=lambda day: f"{day}T23:30:00Z")
    )
    done = process("check", path, "--format", "json", **surroundings)
    assert done.code == 0, done.err
    facts = json.loads(done.out)["facts"]
    assert (facts["rows_used"], facts["customers"], facts["first_date"]) == (30, account()[3], account()[4])
    done = process("customers", path, "-o", tmp_path / "out.csv", **surroundings)
    assert done.code == 0, done.err
    assert "客K17é" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_no_surroundings_at_all(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text())
    names = [name for name in os.environ if name not in ("PYTHONPATH", "VIRTUAL_ENV")]
    assert process("check", path, **dict.fromkeys(names, "")).code == 0


def test_the_line_of_a_row_after_ragged_ones(tmp_path: Path) -> None:
    content = with_lines(
        row2="K1,B-1",
        row3="K1,B-3,2024-02-30,1.00",
        row8="K1",
        row9="a,b,c,d,e",
        row10="K1,B-10,x,1.00",
        row29="K1,B-29,x,1.00",
    )
    done = check(put(tmp_path / "sales.csv", content))
    assert done.account[1] == 6
    for line in (
        "line 5, column date: bad date: '2024-02-30'",
        "line 12, column date: bad date: 'x'",
        "line 31, column date: bad date: 'x'",
    ):
        assert f"sales.csv: {line}" in done.err
