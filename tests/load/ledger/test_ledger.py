"""A ledger gives what its files would give: any cut into batches, in any order, with replays."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.load.running import Finished, run
from tests.tool import ROOT, SALES, process

HEAD = "customer,date,order,amount,cost\n"
ASKED = (
    ["customers"],
    ["rfm", "--frequency", "rows"],
    ["pareto"],
    ["cohort"],
    ["trend"],
    ["churn"],
    ["lifecycle", "--stages"],
    ["migration", "--from", "2024-01-20"],
    ["customers", "--as-of", "2024-02-10", "--since", "2024-01-05"],
    ["rfm", "--refunds", "ignore"],
)
# A few rows seem to number orders anew each day, or do not, as chance will have it.
PLAIN = ["--max-rejects", "100%", "--orders-restart", "never", "--no-customer-id", "guest"]
ROW = st.tuples(
    st.sampled_from(["a", "b", "00123", "张三", "an id of more than eight bytes", "guest"]),
    st.integers(0, 60),
    st.sampled_from(["1", "2", "3", "ab", "a longer order id", ""]),
    st.sampled_from(["1.00", "2.50", "1.00", "17.125", "-1.00", "-3.5", "0.00", "0.01", "x"]),
    st.sampled_from(["0.50", "1", ""]),
)


def line(row: tuple[str, int, str, str, str]) -> str:
    who, day, order, amount, cost = row
    return f"{who},2024-{1 + day // 28:02d}-{1 + day % 28:02d},{order},{amount},{cost}\n"


def put(path: Path, lines: list[str], head: str = HEAD) -> Path:
    path.write_text(head + "".join(lines), encoding="utf-8")
    return path


def answer(words: list[object], file: Path) -> tuple[int, str]:
    done = run(words[0], file, "-f", "json", "-q", *words[1:])
    assert "fault of crmkit" not in done.err, done.err
    return done.status, done.out


def update(folder: Path, file: Path, *words: str) -> Finished:
    return run("customers", file, "--update", folder, "-q", *words)


CUTS = (
    st.lists(ROW, min_size=3, max_size=40),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
    st.booleans(),
)
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]


def compare(
    rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random, compacted: bool
) -> None:
    lines = [line(row) for row in rows]
    cut = [lines[i::parts] for i in range(parts)] if chance.random() < 0.5 else [
        lines[i * len(lines) // parts : (i + 1) * len(lines) // parts] for i in range(parts)
    ]  # fmt: skip
    with TemporaryDirectory() as name:
        here = Path(name)
        whole, ledger = put(here / "whole.csv", lines), here / "shop.ledger"
        files = [put(here / f"{i}.csv", part) for i, part in enumerate(cut)]
        if any(run("customers", file, "-q", *PLAIN).status for file in [whole, *files]):
            return  # a batch without one row that can be used is refused, as such a file is
        chance.shuffle(files)
        distinct = {file.read_bytes(): file for file in files}
        for file in [*files, files[0]]:
            if distinct[file.read_bytes()] != file:
                return  # twice the same rows are a replay, which is not what the whole file has
            assert update(ledger, file, "--append", *PLAIN).status == 0
        if compacted:
            assert run("ledger", "compact", ledger, "-q").status == 0
            assert update(ledger, files[0], "--append", *PLAIN).status == 0
        assert run("ledger", "verify", ledger, "-q").status == 0
        for words in chance.sample(ASKED, 4):
            assert answer([*words, *PLAIN[:2]], ledger) == answer([*words, *PLAIN], whole), words


@settings(max_examples=5, phases=PHASES)
@given(*CUTS)
def test_any_cut_in_any_order_with_replays_is_the_file(
    rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random, compacted: bool
) -> None:
    compare(rows, parts, chance, compacted)


@pytest.mark.slow
@settings(max_examples=30, phases=PHASES)
@given(*CUTS)
def test_many_cuts(
    rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random, compacted: bool
) -> None:
    compare(rows, parts, chance, compacted)


def test_a_ledger_of_version_1_is_read(tmp_path: Path) -> None:
    kept = Path(__file__).parent / "version-1.ledger"
    rows = ["a,2024-01-01,1,1.50,1\n", "a,2024-01-01,1,2.50,1\n", "b,2024-01-02,2,10.00,4\n"]
    later = ["b,2024-01-03,3,-1.125,0\n", "c,2024-01-03,,5.00,2\n"]
    assert answer(["customers"], kept) == answer(["customers"], put(tmp_path / "whole.csv", rows + later))
    assert run("ledger", "verify", kept, "-q").status == 0


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path]:
    head, *lines = SALES.read_text().splitlines(keepends=True)
    day = head.split(",").index("order_date")
    lines.sort(key=lambda row: row.split(",")[day])
    place = next(i for i, row in enumerate(lines) if row.split(",")[day] > "2024-06-30")
    return put(tmp_path / "one.csv", lines[:place], head), put(tmp_path / "two.csv", lines[place:], head)


@pytest.mark.parametrize(
    "words",
    [
        "rfm",
        "pareto --value profit",
        "clv",
        "deviation",
        "backtest --split 2024-06-30",
        "split --control 10% --name x",
    ],
)
def test_the_sample_by_way_of_a_ledger(tmp_path: Path, halves: tuple[Path, Path], words: str) -> None:
    for file in reversed(halves):
        assert update(tmp_path / "ledger", file).status == 0
    command, *rest = words.split()
    assert answer([command, *rest], tmp_path / "ledger") == answer([command, *rest], SALES)


def test_a_replay_says_so_and_other_rows_of_a_day_are_refused(
    tmp_path: Path, halves: tuple[Path, Path]
) -> None:
    ledger = tmp_path / "ledger"
    for file in halves:
        update(ledger, file)
    before = (ledger / "manifest.json").read_bytes()
    again = run("customers", halves[0], "--update", ledger)
    assert (again.status, (ledger / "manifest.json").read_bytes()) == (0, before)
    assert "these rows are in already, as batch" in again.out
    head, *lines = halves[1].read_text().splitlines(keepends=True)
    other = put(tmp_path / "other.csv", lines[:-1], head)
    refused = update(ledger, other)
    assert (refused.status, (ledger / "manifest.json").read_bytes()) == (1, before)
    assert "has other rows of" in refused.err
    assert "--replace puts these rows in their place" in refused.err
    assert update(ledger, other, "--replace").status == 0
    one = halves[0].read_text() + "".join(lines[:-1])
    whole = tmp_path / "whole.csv"
    whole.write_text(one)
    assert answer(["customers"], ledger) == answer(["customers"], whole)
    # A single day of a larger batch is replaced, and the rest of it stays.
    day = lines[0].split(",")[head.split(",").index("order_date")]
    rows = [row for row in lines[:-1] if day in row]
    assert update(ledger, put(tmp_path / "day.csv", rows[:1], head), "--replace").status == 0
    whole.write_text(halves[0].read_text() + rows[0] + "".join(row for row in lines[:-1] if row not in rows))
    assert (
        answer(["customers"], ledger)[1].split('"tables"')[1]
        == answer(["customers"], whole)[1].split('"tables"')[1]
    )


def test_a_batch_is_dropped_by_the_beginning_of_its_name(tmp_path: Path, halves: tuple[Path, Path]) -> None:
    ledger = tmp_path / "ledger"
    for file in halves:
        update(ledger, file)
    batches = json.loads(run("ledger", "list", ledger, "-f", "json").out)["tables"]["batches"]
    assert run("ledger", "drop", ledger, batches[1]["batch"][:6], "-q").status == 0
    assert answer(["customers"], ledger) == answer(["customers"], halves[0])
    assert run("ledger", "drop", ledger, "zzz").status == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["basket"], "keeps what each customer did"),
        (["pareto", "--by", "product"], "no column product"),
        (["rfm", "--customer", "channel"], "--customer is about how files are read"),
        (["rfm", "--tz", "Asia/Tokyo"], "--tz is about how files are read"),
        (["rfm", "{ledger}"], ""),
    ],
)
def test_what_a_ledger_cannot_do_is_told(
    tmp_path: Path, halves: tuple[Path, Path], words: list[str], told: str
) -> None:
    update(tmp_path / "ledger", halves[0])
    done = run(words[0], tmp_path / "ledger", *[word.format(ledger=halves[1]) for word in words[1:]])
    assert (done.status in (1, 2), done.out) == (True, "")
    assert told in done.err
    assert "fault of crmkit" not in done.err


@pytest.mark.parametrize("fault", ["truncated", "flipped", "missing", "manifest", "newer", "other"])
def test_damage_is_a_sentence(tmp_path: Path, halves: tuple[Path, Path], fault: str) -> None:
    ledger = tmp_path / "ledger"
    update(ledger, halves[0])
    (file,) = ledger.glob("*.parquet")
    manifest = ledger / "manifest.json"
    content = file.read_bytes()
    if fault == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif fault == "flipped":
        file.write_bytes(content[:2000] + bytes([content[2000] ^ 1]) + content[2001:])
    elif fault == "missing":
        file.unlink()
    elif fault == "manifest":
        manifest.write_text(manifest.read_text()[:300])
    elif fault == "newer":
        manifest.write_text(manifest.read_text().replace('"crmkit_ledger": 1', '"crmkit_ledger": 2'))
    else:
        other = tmp_path / "other"
        update(other, halves[1])
        file.write_bytes(next(other.glob("*.parquet")).read_bytes())
    done = run("ledger", "verify", ledger)
    assert (done.status, done.out) == (1, "")
    assert "fault of crmkit" not in done.err
    if fault != "other":
        read = run("churn", ledger)  # which asks the batches, as rfm does not
        assert (read.status, read.out) == (1, "")
        assert "fault of crmkit" not in read.err


def test_files_of_a_killed_update_are_no_part_and_are_swept(
    tmp_path: Path, halves: tuple[Path, Path]
) -> None:
    ledger = tmp_path / "ledger"
    update(ledger, halves[0])
    (file,) = ledger.glob("*.parquet")
    (ledger / "0123456789abcdef.parquet").write_bytes(file.read_bytes())
    assert answer(["customers"], ledger) == answer(["customers"], halves[0])
    update(ledger, halves[1])
    assert len(list(ledger.glob("*.parquet"))) == 2


def test_two_updates_at_once_are_one_and_a_sentence(tmp_path: Path, halves: tuple[Path, Path]) -> None:
    ledger = tmp_path / "ledger"
    update(ledger, halves[0])
    with (ledger / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = process("customers", halves[1], "--update", ledger)
    assert (done.code, done.out) == (1, b"")
    assert "another run is changing this ledger" in done.err
    assert process("customers", halves[1], "--update", ledger, "-q").code == 0


def test_options_of_the_first_batch_are_those_of_the_next(tmp_path: Path) -> None:
    head = "who;ordered;paid\n"
    one = put(tmp_path / "1.csv", ["A;31.12.2024;1,50\n", "B;13.12.2024;2,50\n"], head)
    two = put(tmp_path / "2.csv", ["A;01.01.2025;2,25\n", "C;02.01.2025;3,25\n"], head)
    names = ["--customer", "who", "--date", "ordered", "--amount", "paid", "--date-format", "d.m.y"]
    assert update(tmp_path / "ledger", one, *names).status == 0
    assert update(tmp_path / "ledger", two).status == 0
    whole = put(
        tmp_path / "whole.csv",
        one.read_text().splitlines(True)[1:] + two.read_text().splitlines(True)[1:],
        head,
    )
    assert answer(["customers"], tmp_path / "ledger") == answer(["customers", *names], whole)


def test_settings_for_all_commands_serve_the_update_and_do_not_disturb_the_reading(tmp_path: Path) -> None:
    head = "who;ordered;paid;state;currency\n"
    file = put(tmp_path / "1.csv", ["A;31.12.2024;1,50;ok;EUR\n", "B;13.12.2024;2,50;void;EUR\n"], head)
    config = tmp_path / "crmkit.toml"
    config.write_text(
        'customer = "who"\ndate = "ordered"\namount = "paid"\ndate-format = "d.m.y"\nstatus = "state"\n'
        'exclude-status = "void"\ncurrency = "EUR"\ntz = "Asia/Tokyo"\nproduct = "state"\n'
    )
    words = ["--config", str(config)]
    done = update(tmp_path / "ledger", file, *words)
    assert done.status == 0, done.err
    found = answer(["customers", *words], tmp_path / "ledger")
    assert found == answer(["customers", *words], file)
    assert found[0] == 0


@pytest.mark.slow
def test_a_killed_command_with_its_supervisor_leaves_the_old_ledger_or_the_new(
    tmp_path: Path, halves: tuple[Path, Path]
) -> None:
    update(tmp_path / "old", halves[0])
    old, new = answer(["customers"], halves[0]), answer(["customers"], SALES)
    seen = []
    for place in range(6):
        ledger = tmp_path / f"{place}"
        shutil.copytree(tmp_path / "old", ledger)
        words = [sys.executable, "-m", "crmkit", "customers", halves[1], "--update", ledger, "-q"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True) as running:
            wait_for_any(ledger, place)
            os.killpg(running.pid, signal.SIGKILL)
        with (ledger / ".lock").open("a") as lock:  # until nothing is left of it
            fcntl.flock(lock, fcntl.LOCK_EX)
        found = answer(["customers"], ledger)
        assert found in (old, new)
        seen.append(found == new)
        assert update(ledger, halves[1]).status == 0
        assert answer(["customers"], ledger) == new
        assert not [path for path in ledger.iterdir() if path.name.endswith(".tmp")]
    assert not all(seen)


def wait_for_any(ledger: Path, place: int) -> None:
    """Until the update has got so far: nothing, a file that is being written, or one that is there."""
    wanted = ("*", ".crmkit-*.tmp", "*.parquet")[place % 3]
    least = {"*": 0, ".crmkit-*.tmp": 1, "*.parquet": 2}[wanted]
    end = time.monotonic() + 30
    while len(list(ledger.glob(wanted))) < least and time.monotonic() < end:
        if place % 3 == 1 and len(list(ledger.glob("*.parquet"))) > 1:
            return
        time.sleep(0.001)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, halves: tuple[Path, Path]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, tmp_path / "no" / "where", tmp_path):
        done = update(folder, halves[0])
        assert (done.status in (1, 2), done.out) == (True, "")
        assert "fault of crmkit" not in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"file", "one.csv", "two.csv"}
