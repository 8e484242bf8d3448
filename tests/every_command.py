"""Every command with the words that exercise it: the one list that tests of all commands go through.

`{file}` is a file of transactions like the sample's, `{middle}` a day in the middle of it, `{groups}` who
was in which arm of the sample's campaign, `{out}` a file to be written. A new command is a line here; `tests/commands/test_every_command.py` asks for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.tool import ROOT

LEDGER = ROOT / "tests" / "load" / "ledger" / "version-1.ledger"  # made by the first version that had any
TIERS = ROOT / "tests" / "nightly" / "tiers.csv"  # an export of `pareto` with a few customers
JOBS = ROOT / "tests" / "jobs.toml"
GROUPS = ROOT / "sample_data" / "groups.csv"


class Exercise(NamedTuple):
    """How a command is tried."""

    words: str
    same_bytes: bool = True  # the rows alone decide, in whatever order and container they come
    hungry: bool = False  # keeps every order of every customer at once


EVERY = {
    "check": Exercise("{file}", same_bytes=False),  # an account of files: names and lines are its subject
    "customers": Exercise("{file}"),
    "ledger": Exercise(f"list {LEDGER}", same_bytes=False),
    "layouts": Exercise("", same_bytes=False),
    "pareto": Exercise("{file} --value profit"),
    "rfm": Exercise("{file}"),
    "basket": Exercise("{file}"),
    "profile": Exercise("{file} --by segment"),
    "score": Exercise("{file}", hungry=True),
    "returns": Exercise("{file}", hungry=True),
    "report": Exercise(
        "{file}", same_bytes=False, hungry=True
    ),  # its output is a page, with the files' names
    "run": Exercise(f"{JOBS} {{file}}", same_bytes=False),  # its files are those of other commands
    "clv": Exercise("{file} --by channel"),
    "backtest": Exercise("{file} --split {middle}"),
    "migration": Exercise("{file} --from {middle}"),
    "cohort": Exercise("{file}"),
    "lifecycle": Exercise("{file} --stages", hungry=True),
    "churn": Exercise("{file}", hungry=True),
    "trend": Exercise("{file}"),
    "deviation": Exercise("{file}", hungry=True),
    "diff": Exercise(f"{TIERS} {TIERS}", same_bytes=False),
    "split": Exercise("{file} --control 10% --name spring"),
    "lift": Exercise("{file} --groups {groups} --from 2024-08-05 --to 2024-12-31 --cost 0.10"),
    "accumulation": Exercise("--from {file} --store channel", same_bytes=False, hungry=True),
    "value": Exercise("--spend 40 --every 1w --years 30 --retention 90%", same_bytes=False),
    "sql": Exercise("customers --dialect duckdb --table sales", same_bytes=False),
    "config": Exercise("show rfm", same_bytes=False),
    "sample": Exercise("--rows 2000 --customers 200 -o {out}", same_bytes=False),
}
READING = tuple(name for name, exercise in EVERY.items() if exercise.words.startswith("{file}"))


def words(command: str, file: Path, out: Path | None = None) -> list[str]:
    """The command line, ready to be run."""
    filled = EVERY[command].words.format(file=file, middle="2024-06-30", groups=GROUPS, out=out)
    return [command, *filled.split()]
