"""Two runs compared: against a plain loop over dictionaries, from every kind of file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.nightly import diff
from tests.load.running import run
from tests.tool import SALES

SIDE = st.dictionaries(
    st.sampled_from(["a", "00123", "张", "x y", "=1+1", "e"]),
    st.tuples(st.sampled_from("ABC"), st.integers(-500, 9000)),
    min_size=1,
)


def put(path: Path, side: dict[str, tuple[str, int]]) -> str:
    lines = [f"{who},{tier},{Decimal(cents) / 100:.2f}" for who, (tier, cents) in side.items()]
    path.write_text("\n".join(["customer,tier,revenue", *lines]) + "\n")
    return str(path)


@settings(max_examples=40)
@given(SIDE, SIDE)
def test_it_is_what_a_loop_over_both_finds(
    old: dict[str, tuple[str, int]], new: dict[str, tuple[str, int]]
) -> None:
    with TemporaryDirectory() as folder:
        found = diff.analyse(put(Path(folder) / "old.csv", old), put(Path(folder) / "new.csv", new))
    naive = {}
    for who in {*old, *new}:
        (was, before), (now, after) = old.get(who, ("entered", 0)), new.get(who, ("left", 0))
        move = (
            "entered" if who not in old else "left" if who not in new else "stayed" if was == now else "moved"
        )
        naive[who] = (was, now, move, before, after)
    listed = {
        row[0]: (*row[1:4], int(row[4] * 100), int(row[5] * 100))
        for row in found.tables["customers"].iter_rows()
    }
    assert listed == {who: one for who, one in naive.items() if one[2] != "stayed" or one[3] != one[4]}
    changes = {row["move"]: row for row in found.tables["changes"].iter_rows(named=True)}
    for move in diff.CHANGES:
        those = [one for one in naive.values() if one[2] == move]
        assert changes[move]["customers"] == len(those)
        assert changes[move]["revenue_change"] * 100 == sum(one[4] - one[3] for one in those)
    assert found.facts["differs"] == bool(listed)


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "ndjson", "tsv.gz"])
def test_any_export_compares_with_any_other(tmp_path: Path, ending: str) -> None:
    old, new = tmp_path / "old.csv", tmp_path / f"new.{ending}"
    run("rfm", SALES, "-q", "--as-of", "2024-06-30", "-o", old)
    run("rfm", SALES, "-q", "-o", new)
    done = run("diff", old, new, "-f", "json", "--exit-code")
    assert done.status == 1
    moves = json.loads(done.out)["facts"]["moves"]
    assert (moves["entered"], sum(moves.values())) == (43, 261)
    assert run("diff", new, new, "-q", "--exit-code").status == 0
    assert run("diff", old, new, "-q").status == 0


def test_accounts_are_compared_by_their_facts(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    run("rfm", SALES, "-q", "--as-of", "2024-06-30", "--summary", old)
    run("rfm", SALES, "-q", "--summary", new)
    tables = json.loads(run("diff", old, new, "-f", "json").out)["tables"]
    facts = {row["fact"]: (row["before"], row["after"]) for row in tables["facts"]}
    assert facts["as_of"] == ("2024-06-30", "2024-12-30")
    assert sum(row["customers"] for row in tables["groups"] if row["label"] == "segment") == 261
    assert run("diff", old, old, "-q", "--exit-code").status == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("customer,tier,revenue\na,A,1\na,B,2\n", "'a' comes twice"),
        ("customer,tier,revenue\na,A,much\n", "holds what is no amount"),
        ('{"a": 1}', "no answer or account"),
        ("customer,tier\na,A,3,4\n", "is no table that crmkit has written"),
    ],
)
def test_what_is_no_run_is_told(tmp_path: Path, text: str, words: str) -> None:
    good, bad = put(tmp_path / "good.csv", {"a": ("A", 100)}), tmp_path / "bad.csv"
    bad.write_text(text)
    done = run("diff", good, bad)
    assert (done.status, done.out) == (1, "")
    assert words in done.err
    assert run("diff", good, good, "--by", "channel").status == 2
