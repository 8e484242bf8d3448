"""What a night costs with a ledger beside reading all again: python -m benchmarks.nights --rows 20 --runs 3.

The history is in one file, the night has 200,000 rows of one day more, by customers of the history, some of whose orders go on. In each
turn: the update, `rfm` of the ledger, and `rfm` of both files, whose answers are compared byte by byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import data
from benchmarks.cases import CRMKIT
from benchmarks.data import Data
from benchmarks.measure import ROOT, Cost, median, run

_NIGHT = 200_000
# In a process of its own: what measures must stay small.
_MAKE = """
import sys
import polars as pl
rows = pl.scan_parquet if sys.argv[1].endswith("parquet") else lambda name: pl.scan_csv(name, try_parse_dates=True)
book = rows(sys.argv[1])
total, last = book.select(pl.len(), pl.col("order_date").max()).collect(engine="streaming").row(0)
every = max(1, total // int(sys.argv[3]))
picked = book.gather_every(every).head(int(sys.argv[3])).collect(engine="streaming")
goes_on = pl.int_range(pl.len()) % 50 == 0
order = pl.when(goes_on).then("order_id").otherwise(pl.lit("N") + pl.col("order_id"))
night = picked.with_columns(order_date=pl.lit(last) + pl.duration(days=1), order_id=order)
(night.write_parquet if sys.argv[2].endswith("parquet") else night.write_csv)(sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nights", description=__doc__)
    parser.add_argument("--rows", type=float, default=20, help="millions of rows of history (20)")
    parser.add_argument("--ending", default="parquet", help="of the history's file: parquet or csv")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    history = data.make(Data(rows=int(options.rows * 1e6), ids="str", ending=options.ending, exact=True))
    night = history.with_name(f"night-of-{history.name}")
    if not night.exists():
        words = [sys.executable, "-c", _MAKE, str(history), str(night), str(_NIGHT)]
        subprocess.run(words, check=True, cwd=ROOT)
    before = history.with_suffix(".ledger")
    print("| what | CPU s | wall s | peak MB | of reading all |\n|---|--:|--:|--:|--:|")
    if not before.exists():
        _print("the first update", [_crmkit("customers", history, "--update", before)])
    turns = [_turn(history, night, before) for _ in range(options.runs)]
    names = ("update", "rfm of the ledger", "rfm of both files")
    costs = {name: [turn[place] for turn in turns] for place, name in enumerate(names)}
    whole = median(costs["rfm of both files"]).cpu
    for name, found in costs.items():
        _print(name, found, whole)
    _print("the night: both", [_together(*turn[:2]) for turn in turns], whole)


def _together(one: Cost, other: Cost) -> Cost:
    return Cost(one.cpu + other.cpu, one.wall + other.wall, max(one.memory, other.memory))


def _turn(history: Path, night: Path, before: Path) -> list[Cost]:
    ledger, answers = (
        before.with_name("night.ledger"),
        [data.FOLDER / f"night-{place}.json" for place in (0, 1)],
    )
    shutil.rmtree(ledger, ignore_errors=True)
    shutil.copytree(before, ledger, copy_function=os.link)
    costs = [
        _crmkit("customers", night, "--update", ledger),
        _crmkit("rfm", ledger, "-f", "json", output=answers[0]),
        _crmkit("rfm", history, night, "-f", "json", output=answers[1]),
    ]
    if answers[0].read_bytes() != answers[1].read_bytes():
        raise SystemExit("NOT EQUAL")
    return costs


def _crmkit(*words: str | Path, output: Path | None = None) -> Cost:
    return run([*CRMKIT, *map(str, words), "-q"], limit=3600, output=output)


def _print(name: str, costs: list[Cost], whole: float = 0) -> None:
    cost = median(costs)
    part = f"{cost.cpu / whole:.1%}" if whole else ""
    print(f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.memory:,.0f} | {part} |", flush=True)


if __name__ == "__main__":
    main()
