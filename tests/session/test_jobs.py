"""Jobs that run together: the bytes of each command alone, one read, all files or none."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.every_command import READING, words
from tests.load.running import Finished, run
from tests.tool import ROOT, SALES

# `check` makes its account of the files themselves; a report is a page.
OUT = {"report": "html"}
MEMBERS = [command for command in READING if command != "run"]
LONG = {"report", "clv", "backtest", "basket", "lift", "score", "profile", "split", "lifecycle"}


def section(command: str, folder: Path, file: Path = SALES) -> list[str]:
    """The section of a job that does what `tests.every_command` has for a command."""
    lines, asked = [f"[[{command}]]"], words(command, file)[2:]
    for place, word in enumerate(asked):
        if word.startswith("--"):
            value = (
                asked[place + 1] if place + 1 < len(asked) and not asked[place + 1].startswith("--") else None
            )
            lines.append(f"{word[2:]} = {'true' if value is None else json.dumps(value)}")
    out, told = folder / f"{command}.{OUT.get(command, 'csv')}", folder / f"{command}.json"
    return [*lines, f"output = {json.dumps(str(out))}", f"summary = {json.dumps(str(told))}"]


def account(path: Path) -> dict[str, Any]:
    """What a job and a command alone must agree on."""
    told = json.loads(path.read_text())
    same = {name: told[name] for name in ("command", "facts", "notes", "shares", "inputs", "status")}
    return same | {"outputs": [one["sha256"] for one in told["outputs"]]}


def both(commands: list[str], file: Path, folder: Path, *further: str) -> tuple[int, list[str]]:
    """Run commands together and each alone: how often the files were read, and the files that differ."""
    together, alone = folder / "together", folder / "alone"
    together.mkdir()
    alone.mkdir()
    jobs = folder / "jobs.toml"
    text = [line for command in commands for line in section(command, together, file)]
    jobs.write_text("\n".join(text))
    done = run("run", jobs, file, "-f", "json", "--no-headline", *further)
    assert done.status == 0, done.err
    for command in commands:
        out = alone / f"{command}.{OUT.get(command, 'csv')}"
        said = ["-o", out, "--summary", alone / f"{command}.json", "-q", *further]
        assert run(*words(command, file), *said).status == 0
    names = {path.name for path in alone.iterdir()}
    assert names == {path.name for path in together.iterdir()}
    odd = [
        name
        for name in names
        if not name.endswith(".json") and (together / name).read_bytes() != (alone / name).read_bytes()
    ]
    odd += [
        name for name in names if name.endswith(".json") and account(together / name) != account(alone / name)
    ]
    return json.loads(done.out)["facts"]["reads"], odd


def test_commands_say_and_write_what_they_do_alone(tmp_path: Path) -> None:
    reads, odd = both([one for one in MEMBERS if one not in LONG], SALES, tmp_path)
    assert odd == []
    assert reads == 3  # one with rows of no customer, and one without rows of no cost


@pytest.mark.slow
def test_every_command_says_and_writes_what_it_does_alone(tmp_path: Path) -> None:
    reads, odd = both(MEMBERS, SALES, tmp_path)
    assert (reads, odd) == (3, [])


def broken(folder: Path, *further: str) -> Path:
    """The sample with what makes reading differ from column to column: blanks, more decimals, odd dates."""
    head, *rows = SALES.read_text().splitlines()
    chance = random.Random(5)
    names = head.split(",")
    made = []
    for row in rows:
        cells = row.split(",")
        place = chance.randrange(len(cells))
        if chance.random() < 0.05:
            cells[place] = chance.choice(["", "x", "1.2345", "2024-13-40", *further])
        made.append(",".join(cells))
    assert "cost" in names
    path = folder / "broken.csv"
    path.write_text("\n".join([head, *made]))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("further", [[], ["\x00"]], ids=["blanks", "NULs"])
def test_broken_rows_are_accounted_for_as_alone(further: list[str], tmp_path: Path) -> None:
    file, some = broken(tmp_path, *further), [one for one in MEMBERS if one not in LONG]
    reads, odd = both(some, file, tmp_path, "--max-rejects", "50%")
    assert odd == []
    assert (reads == 3) == (not further)  # a NUL in a column that is read makes a row unusable


def put(folder: Path, text: str) -> Path:
    path = folder / "jobs.toml"
    path.write_text(text, encoding="utf-8")
    return path


def go(folder: Path, text: str, *words: object) -> Finished:
    return run("run", put(folder, text), *map(str, words))


TWO = f"""files = "{SALES}"
max-rejects = "3%"

[[rfm]]
bins = 4
output = ["a-{{as_of}}.csv", "a.parquet"]
table = "cells=s.csv"

[[rfm]]
output = "b.csv"
"""


def test_options_of_all_of_one_and_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = go(tmp_path, TWO, "-f", "json", "--as-of", "2024-06-30", "--summary", tmp_path / "{as_of}")
    (tmp_path / "2024-06-30").unlink()
    facts = json.loads(done.out)["facts"]
    assert (facts["jobs"], facts["files"], facts["reads"]) == (2, 4, 1)
    assert [facts["answers"][name]["bins"] for name in ("rfm 1", "rfm 2")] == [[4] * 3, [5] * 3]
    assert {path.name for path in tmp_path.iterdir()} == {
        "jobs.toml",
        "a-2024-06-30.csv",
        "a.parquet",
        "s.csv",
        "b.csv",
    }
    assert done.err.count("wrote ") == 5
    assert done.err.count("2,000 rows read") == 1  # what all have in common is said once
    monkeypatch.setenv("CRMKIT_RFM_BINS", "3")
    bins = json.loads(go(tmp_path, TWO, "-f", "json").out)["facts"]["answers"]
    assert [bins[name]["bins"][0] for name in bins] == [4, 3]  # the file of jobs stands above variables
    strict = go(tmp_path, TWO, "--max-rejects", "0")
    assert strict.status == 3


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("", 2, "has no jobs"),
        ("[[rfm]]\noutput = 'a.csv'\nsummary = 'jobs.toml'\n", 2, "jobs.toml is also an input"),
        ("a,b", 2, "crmkit run takes a file of jobs first"),
        ("[[rfn]]\n", 2, "line 1: [rfn] is no command that can be a job. Did you mean rfm?"),
        ("[[diff]]\n", 2, "line 1: [diff] is no command"),
        ("[[rfm]]\nbinz = 3\n", 2, "line 2: binz is no option of crmkit rfm. Did you mean bins?"),
        ('[[rfm]]\noutput = "a.csv"\n\n[[rfm]]\nbinz = 3\n', 2, "line 5: binz"),
        ("period = 3\n[[rfm]]\n", 2, "line 1: period is no option of any job here"),
        ("[[rfm]]\nbins = true\n", 2, "line 2: bins is True, and it must be text"),
        ("[[rfm]]\nmin-rows = 'many'\n", 2, "line 2: min-rows is 'many', and it must be a whole number"),
        ("[[rfm]]\n", 2, "line 1: the job rfm writes nothing"),
        ("output = 'a.csv'\n[[rfm]]\n", 2, "line 1: output is of one job"),
        ("[[rfm]]\noutput = '-'\n", 2, "line 2: a job has no standard output"),
        ("[[rfm]]\nformat = 'json'\n", 2, "line 2: format has no place in a job"),
        ("[[customers]]\nupdate = 'a.ledger'\n", 2, "line 2: update has no place in a job"),
        ("[[rfm]]\noutput = 'a.csv'\n[[churn]]\noutput = 'a.csv'\n", 2, "line 3 (churn): Two outputs would go to"),
        ("[[rfm]]\noutput = 'a.csv'\n[[migration]]\noutput = 'b.csv'\n", 2, "(migration): Missing option '--from'"),
        ("[[rfm]]\noutput = 'a.csv'\n[[churn]]\noutput = 'no/b.csv'\n", 1, "(churn): The folder"),
        ("[[rfm]]\noutput = 'a.csv'\n[[churn]]\nmax-age = '2d'\noutput = 'b.csv'\n", 3, "line 3 (churn): --max-age 2d"),
        ("[[rfm]]\noutput = 'a.csv'\n[[churn]]\noutput = 'b.csv'\ntable = 'nothing'\n", 2, "(churn): There is no table nothing"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place_and_change_nothing(
    tmp_path: Path, text: str, status: int, told: str
) -> None:
    done = go(tmp_path, text, SALES)
    assert (done.status, [path.name for path in tmp_path.iterdir()]) == (status, ["jobs.toml"]), done.err
    assert told in done.err


def test_a_run_that_a_gate_stops_accounts_for_itself(tmp_path: Path) -> None:
    text = 'summary = "run.json"\n' + TWO.replace("bins = 4", "bins = 4\nmax-age = '2d'\nsummary = 'a.json'")
    assert go(tmp_path, text).status == 3
    assert {path.name for path in tmp_path.iterdir()} == {"jobs.toml", "run.json", "a.json"}
    whole, one = (json.loads((tmp_path / name).read_text()) for name in ("run.json", "a.json"))
    assert (whole["command"], whole["status"], whole["gate"], whole["exit_status"]) == (
        "run",
        "gate",
        "max-age",
        3,
    )
    assert (one["command"], one["status"], one["gate"], whole["run"]) == (
        "rfm",
        "gate",
        "max-age",
        one["run"],
    )
    assert whole["inputs"][0]["sha256"] == one["inputs"][0]["sha256"]


def test_accounts_and_logs_of_a_run(tmp_path: Path) -> None:
    done = go(tmp_path, 'summary = "run.json"\nlog-format = "json"\n' + TWO)
    assert done.status == 0, done.err
    whole = json.loads((tmp_path / "run.json").read_text())
    assert [Path(one["file"]).name for one in whole["outputs"]] == [
        "a-2024-12-30.csv",
        "a.parquet",
        "s.csv",
        "b.csv",
    ]
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {line["run"] for line in lines} == {whole["run"]}
    receipts = [(line["job"], line["rows"]) for line in lines if "job" in line and "file" in line]
    assert receipts == [("rfm 1", 261), ("rfm 1", 261), ("rfm 1", 36), ("rfm 2", 261)]


def test_a_pipe_and_a_ledger_and_customers_are_read_as_alone(tmp_path: Path) -> None:
    text = "quiet = true\n[[rfm]]\noutput = 'r.csv'\n[[pareto]]\noutput = 'p.csv'\n"
    plain = [(tmp_path / name) for name in ("r.csv", "p.csv")]
    done = go(tmp_path, text, SALES)
    assert (done.status, done.out, done.err) == (0, "", "")
    wanted = [path.read_bytes() for path in plain]
    assert run("run", put(tmp_path, text), "-", stdin=SALES.read_bytes()).status == 0
    assert [path.read_bytes() for path in plain] == wanted
    ledger, table = tmp_path / "shop.ledger", tmp_path / "customers.csv"
    assert run("customers", SALES, "--update", ledger).status == 0
    assert run("customers", SALES, "-o", table).status == 0
    for source in (ledger, table):
        done = go(tmp_path, text, source)
        assert done.status == 0, done.err
        assert [path.read_bytes() for path in plain] == wanted


@pytest.mark.slow
def test_a_killed_run_leaves_whole_files_of_the_old_run_or_the_new(tmp_path: Path) -> None:
    text = f'files = "{SALES}"\nquiet = true\n' + "".join(
        f'[[{name}]]\noutput = "{name}.csv"\n' for name in ("rfm", "pareto")
    )
    states = []
    for day in ("2024-06-30", "2024-12-30"):
        assert go(tmp_path, text, "--as-of", day).status == 0
        states.append({name: (tmp_path / name).read_bytes() for name in ("rfm.csv", "pareto.csv")})
    old, new = states
    for least in (0, 1, 2):
        for name, content in old.items():
            (tmp_path / name).write_bytes(content)
        line = [sys.executable, "-m", "crmkit", "run", str(tmp_path / "jobs.toml")]
        with subprocess.Popen(line, cwd=ROOT, start_new_session=True) as running:
            end = time.monotonic() + 60
            while len(list(tmp_path.glob(".crmkit-*.tmp"))) < least and time.monotonic() < end:
                if running.poll() is not None:
                    break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
        for name in old:
            assert (tmp_path / name).read_bytes() in (old[name], new[name])
        assert go(tmp_path, text).status == 0
        assert {path.name for path in tmp_path.iterdir()} == {"jobs.toml", *old}
        assert {name: (tmp_path / name).read_bytes() for name in old} == new


def test_a_full_disk_leaves_all_files_as_they_were(tmp_path: Path) -> None:
    text = 'files = "{0}"\nsummary = "run.json"\n[[rfm]]\noutput = "a.csv"\n[[customers]]\noutput = "/dev/full"\n'
    (tmp_path / "a.csv").write_text("old")
    done = go(tmp_path, text.format(SALES))
    assert (done.status, (tmp_path / "a.csv").read_text()) == (1, "old")
    assert "line 5 (customers): /dev/full could not be written: No space left on device." in done.err
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "failed"


def test_without_room_for_the_rows_jobs_read_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    done = go(tmp_path, TWO, "-f", "json")
    assert json.loads(done.out)["facts"]["reads"] == 2


@pytest.mark.parametrize("text", [TWO, "[[rfn]]\n", "[[rfm]]\noutput = 'a.csv'\nmax-age = '2d'\n", ""])
def test_no_account_is_written_over_an_input(tmp_path: Path, text: str) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_bytes(SALES.read_bytes())
    done = go(tmp_path, text, mine, "--summary", mine)
    assert done.status in (2, 3)
    assert mine.read_bytes() == SALES.read_bytes()
