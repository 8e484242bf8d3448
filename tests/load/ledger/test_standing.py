"""The standing table of a ledger never shows: with it, without it or with a damaged one, answers are those of the file."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import customers
from crmkit.load.ledger import standing
from crmkit.nightly import bring_forward
from tests.load.ledger.test_ledger import CUTS, PHASES, PLAIN, ROW, answer, line, put, update
from tests.load.running import run

ASKED = (
    ["rfm"],
    ["rfm", "--frequency", "rows", "--ties", "first"],
    ["rfm", "--as-of", "2024-04-10"],
    ["rfm", "--as-of", "2024-01-20"],
    ["rfm", "--since", "2024-01-20"],
    ["rfm", "--refunds", "ignore"],
    ["rfm", "--table", "customers", "--bins", "2"],
    ["pareto"],
    ["pareto", "--value", "orders", "--table", "customers"],
    ["pareto", "--scheme", "pyramid", "--inactive-after", "30"],
)


@contextmanager
def used() -> Iterator[list[bool]]:
    """Whether each reading of customers was answered by the standing table."""
    seen: list[bool] = []
    read = standing.read

    def watched(*arguments: Any, **options: Any) -> object:
        found = read(*arguments, **options)
        seen.append(True)
        return found

    with mock.patch.object(standing, "read", watched):
        yield seen


def compare(rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random) -> None:
    lines = [line(row) for row in rows]
    cut = [lines[i::parts] for i in range(parts)]
    with TemporaryDirectory() as name:
        here = Path(name)
        ledger, whole = here / "ledger", here / "whole.csv"
        there: list[list[str]] = []
        for i in chance.choices(range(parts), k=parts + 2):  # replays among them
            file = put(here / f"{i}.csv", cut[i])
            if run("customers", file, "-q", *PLAIN).status or any(
                put(here / "x.csv", one).read_bytes() == file.read_bytes() and one is not cut[i]
                for one in there
            ):
                continue
            with mock.patch.object(bring_forward, "_REWRITE", chance.choice([0, 1, 100])):
                assert update(ledger, file, "--append", *PLAIN).status == 0
            there += [cut[i]] * (cut[i] not in there)
            if chance.random() < 0.2:
                assert run("ledger", "compact", ledger, "-q").status == 0
            put(whole, [row for one in there for row in one])
            if run("customers", whole, "-q", *PLAIN).status == 0:
                for words in chance.sample(ASKED, 2):
                    assert answer([*words, *PLAIN[:2]], ledger) == answer([*words, *PLAIN], whole), words


@settings(max_examples=2, phases=PHASES, deadline=None)
@given(st.lists(ROW, min_size=6, max_size=40), *CUTS[1:3])
def test_any_cut_in_any_order_with_replays_is_the_file(
    rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random
) -> None:
    compare(rows, parts, chance)


@pytest.mark.slow
@settings(max_examples=20, phases=PHASES, deadline=None)
@given(st.lists(ROW, min_size=6, max_size=40), *CUTS[1:3])
def test_many_cuts(rows: list[tuple[str, int, str, str, str]], parts: int, chance: random.Random) -> None:
    compare(rows, parts, chance)


@pytest.fixture
def nights(tmp_path: Path) -> list[Path]:
    """Three nights of an order that goes on, a late day, a refund, and an order without an id."""
    rows = (
        [f"c{i:03},2024-01-0{1 + i % 3},o{i},{i + 1}.00,1\n" for i in range(60)],
        ["c001,2024-01-04,o1,5.00,1\n", "c002,2024-01-04,,5.00,1\n", "c003,2024-01-05,o9,-2.00,0\n"],
        ["c001,2023-12-31,o1,5.00,1\n", "a new one,2024-01-06,o2,1.00,1\n", "c005,2024-01-06,o5,1.00,1\n"],
    )
    return [put(tmp_path / f"night{i}.csv", lines) for i, lines in enumerate(rows)]


def added(tmp_path: Path, nights: list[Path]) -> tuple[Path, Path]:
    """The ledger of these nights, and one file of them."""
    for file in nights:
        assert update(tmp_path / "ledger", file).status == 0
    whole = put(
        tmp_path / "whole.csv", [row for file in nights for row in file.read_text().splitlines(True)[1:]]
    )
    return tmp_path / "ledger", whole


def test_the_night_asks_the_standing_table_alone(tmp_path: Path, nights: list[Path]) -> None:
    ledger, whole = added(tmp_path, nights)
    told = json.loads((ledger / "manifest.json").read_text())["standing"]
    assert (told["base"]["rows"], told["changes"]["rows"]) == (60, 5)
    for file in ledger.glob("*.parquet"):
        file.unlink()
    for words in (["rfm"], ["pareto"], ["rfm", "--frequency", "rows", "--as-of", "2024-01-06"]):
        with used() as seen:
            assert answer(words, ledger) == answer(words, whole)
        assert seen == [True]


def test_days_are_orders_where_files_name_none(tmp_path: Path) -> None:
    head = "customer,date,amount\n"
    rows = [f"c{i % 7},2024-01-{1 + i % 5:02},{i}.00\n" for i in range(1, 40)]
    files = [put(tmp_path / f"{i}.csv", rows[i::3], head) for i in range(3)]
    for file in files:
        assert update(tmp_path / "ledger", file, "--append").status == 0
    whole = put(tmp_path / "whole.csv", rows, head)
    for words in (["rfm", "--table", "customers"], ["pareto"]):
        with used() as seen:
            assert answer(words, tmp_path / "ledger") == answer(words, whole)
        assert seen == [True]
    built = [customers.build(str(one), {"orders"}) for one in (tmp_path / "ledger", whole)]
    assert built[0].equals(built[1])


@pytest.mark.parametrize("words", [["rfm"], ["rfm", "--table", "customers"]], ids=" ".join)
def test_a_file_that_is_read_where_it_lies_is_not_written(
    tmp_path: Path, nights: list[Path], words: list[str]
) -> None:
    nights[2] = put(tmp_path / "old ones.csv", ["c001,2024-01-06,o1,1.00,1\n", "c004,2024-01-06,,-1.00,1\n"])
    ledger, whole = added(tmp_path, nights)
    before = {file: file.read_bytes() for file in ledger.glob("*.arrow")}
    assert answer(words, ledger) == answer(words, whole)
    assert before == {file: file.read_bytes() for file in ledger.glob("*.arrow")}


@pytest.mark.parametrize("fault", ["truncated", "flipped", "missing", "version", "probe", "older"])
def test_a_standing_table_that_is_not_right_is_not_used(
    tmp_path: Path, nights: list[Path], fault: str
) -> None:
    ledger, whole = added(tmp_path, nights[:2])
    path = ledger / "manifest.json"
    told = json.loads(path.read_text())
    file = ledger / told["standing"]["base" if fault == "flipped" else "changes"]["name"]
    content = file.read_bytes()
    if fault == "truncated":
        file.write_bytes(content[:-100])
    elif fault == "flipped":
        place = content.index(b"c000c001")
        file.write_bytes(content[:place] + b"b" + content[place + 1 :])
    elif fault == "missing":
        file.unlink()
    elif fault == "older":
        told["standing"] = {"version": 0, "what": "ever"}
    else:
        told["standing"][fault] += 1
    path.write_text(json.dumps(told))
    with used() as seen:
        assert answer(["rfm"], ledger) == answer(["rfm"], whole)
    assert seen == []
    ledger, whole = added(tmp_path, nights)  # which makes it anew
    with used() as seen:
        assert answer(["rfm"], ledger) == answer(["rfm"], whole)
    assert seen == [True]


def test_what_takes_rows_away_takes_the_standing_table_away(tmp_path: Path, nights: list[Path]) -> None:
    ledger, _ = added(tmp_path, nights)
    batches = json.loads(run("ledger", "list", ledger, "-f", "json").out)["tables"]["batches"]
    assert run("ledger", "drop", ledger, batches[1]["batch"], "-q").status == 0
    whole = put(
        tmp_path / "w.csv", [row for i in (0, 2) for row in nights[i].read_text().splitlines(True)[1:]]
    )
    assert answer(["rfm"], ledger) == answer(["rfm"], whole)
    assert not list(ledger.glob("*.arrow")) or run("ledger", "compact", ledger, "-q").status == 0
    assert update(ledger, nights[1]).status == 0
    assert update(ledger, put(tmp_path / "n.csv", ["c001,2024-01-04,o1,6.00,1\n"]), "--replace").status == 0
    rows = [
        row for file in nights for row in file.read_text().splitlines(True)[1:] if "2024-01-04" not in row
    ]
    whole = put(tmp_path / "w.csv", [*rows, "c001,2024-01-04,o1,6.00,1\n"])
    for words in (["rfm"], ["pareto"]):
        with used() as seen:
            found = answer(words, ledger)
        assert seen == [True]
        assert found[1].split('"tables"')[1] == answer(words, whole)[1].split('"tables"')[1]
