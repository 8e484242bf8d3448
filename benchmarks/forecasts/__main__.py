"""Run the protocol on files with transactions, and on simulated worlds; print the tables of the README."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import crmkit
from benchmarks.forecasts.worlds import paces, world
from crmkit.errors import CrmkitError
from crmkit.forecast.learning import Asked
from crmkit.forecast.scores import Trial, normalised_gini, spearman
from crmkit.forecast.trials import trials_at
from crmkit.history.purchase_histories import Days, by_day, days, known
from crmkit.load.dataset import transactions_of

FIRST, SHORT_STEP, LONG_STEP, LONG = 182, 61, 91, 803
HORIZONS = (91, 182, 364)
REPEATERS, PURCHASES = 60, 30
SEASONED = 455
MARGIN = 0.01
TOTALS = ("auto", "classic", "constant rate", "last period", "seasonal naive")
RANKS = ("auto", "classic", "orders so far", "revenue so far")


def table_of(source: str) -> Days:
    """The customer-days of a file, or of a world written as `world:NAME:SEED`."""
    if source.startswith("world:"):
        _, name, seed = source.split(":")
        return days(by_day(world(name, int(seed)).lazy(), keep_zero=True).collect(), 2)
    sales = transactions_of(crmkit.read(source), ("customer", "date"), ("amount",))
    return days(sales.collect(partial(by_day, keep_zero=True)), sales.scale)


def cases(table: Days) -> Iterator[tuple[date, int]]:
    """Origins and horizons of the protocol."""
    first, last = table.first, table.rows.filter("bought")["date"].max()
    assert isinstance(last, date)
    span = (last - first).days
    step = SHORT_STEP if span < LONG else LONG_STEP
    for at in range(FIRST, span - min(HORIZONS) + 1, step):
        for horizon in HORIZONS:
            if at + horizon <= span:
                yield first + timedelta(days=at), horizon


def scored(source: str) -> list[dict[str, Any]]:
    """One row for each contender of each forecast."""
    table, rows = table_of(source), []
    for origin, horizon in cases(table):
        people = known(table, origin)
        if int((people["x"] > 0).sum()) < REPEATERS:
            continue
        try:
            said, *thumbs = trials_at(table, origin, (), Asked(days=horizon), level=0.8, money=True)
            classic = trials_at(table, origin, (), Asked(days=horizon, classic=True), level=0.8, money=True)[
                0
            ]
        except CrmkitError as problem:
            print(f"{source} {origin} {horizon}: {problem}", flush=True)
            continue
        if said.actual_purchases.sum() < PURCHASES:
            continue
        named = {"auto": said, "classic": classic} | {trial.model: trial for trial in thumbs}
        place = {
            "set": Path(source).stem.partition(":")[2] or Path(source).stem,
            "origin": origin,
            "history": (origin - table.first).days,
            "horizon": horizon,
        }
        rows += [place | {"contender": name} | scores(trial) for name, trial in named.items()]
    return rows


def scores(trial: Trial) -> dict[str, Any]:
    expected, actual = float(trial.orders.sum()), float(trial.actual_purchases.sum())
    return {
        "model": None if trial.fit is None else trial.fit.name,
        "expected": expected,
        "actual": actual,
        "off": abs(float(np.log(max(expected, 0.5) / actual))),
        "held": trial.holds_total,
        "mae": float(np.abs(trial.orders - trial.actual_purchases).mean()),
        "spearman": spearman(*trial.ranked),
        "gini": normalised_gini(*trial.ranked),
        "log_score": None if trial.log_score is None else float(trial.log_score.mean()),
    }


def report(found: pl.DataFrame) -> Iterator[str]:
    """The tables, in Markdown."""
    for title, part in (
        (f"{SEASONED} days of history and more", pl.col("history") >= SEASONED),
        (f"Fewer than {SEASONED} days", pl.col("history") < SEASONED),
    ):
        rows = found.filter(part)
        if rows.height:
            yield f"\n### {title}\n"
            yield from _totals(rows)
    yield "\n### Ranks by revenue\n"
    yield from _ranks(found)


def _totals(rows: pl.DataFrame) -> Iterator[str]:
    yield (
        "| set | n | "
        + " | ".join(TOTALS)
        + " | worst auto, classic | held auto, classic | MAE auto, classic |"
    )
    yield "|---|--:" + "|--:" * (len(TOTALS) + 3) + "|"
    sets = [*rows["set"].unique(maintain_order=True), None]
    for name in sets:
        own = rows if name is None else rows.filter(set=name)
        by = {c: own.filter(contender=c) for c in (*TOTALS, *RANKS)}
        means = [f"{by[c]['off'].mean():.3f}" if by[c].height else "" for c in TOTALS]
        auto, classic = by["auto"], by["classic"]
        yield (
            f"| {name or 'all'} | {auto.height} | {' | '.join(means)} | {auto['off'].max():.3f}, {classic['off'].max():.3f} | "
            f"{auto['held'].mean():.0%}, {classic['held'].mean():.0%} | {auto['mae'].mean():.3f}, {classic['mae'].mean():.3f} |"
        )
    cells = (
        rows.filter(pl.col("contender").is_in(["auto", "classic"]))
        .group_by("set", "horizon", "contender")
        .agg(pl.col("off").mean(), worst=pl.col("off").max())
        .pivot("contender", index=["set", "horizon"], values=["off", "worst"])
    )
    gain = cells["off_classic"] - cells["off_auto"]
    yield (
        f"\nCells: auto better in {int((gain > MARGIN).sum())}, worse in {int((gain < -MARGIN).sum())} of {cells.height}; "
        f"its worst origin better in {int((cells['worst_auto'] < cells['worst_classic']).sum())}."
    )


def _ranks(found: pl.DataFrame) -> Iterator[str]:
    yield (
        "| set | n | "
        + " | ".join(f"{c}: Spearman, Gini" for c in RANKS)
        + " | auto beats revenue so far in |"
    )
    yield "|---|--:" + "|--:" * (len(RANKS) + 1) + "|"
    for name in [*found["set"].unique(maintain_order=True), None]:
        own = found if name is None else found.filter(set=name)
        by = {c: own.filter(contender=c).sort("set", "origin", "horizon") for c in RANKS}
        pairs = [f"{by[c]['spearman'].mean():.4f}, {by[c]['gini'].mean():.4f}" for c in RANKS]
        wins = [(by["auto"][what] > by["revenue so far"][what]).sum() for what in ("spearman", "gini")]
        yield f"| {name or 'all'} | {by['auto'].height} | {' | '.join(pairs)} | {wins[0]}, {wins[1]} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__)
    parser.add_argument("files", nargs="*", help="files with customer, date and amount")
    parser.add_argument(
        "--worlds", type=int, default=0, metavar="N", help="seeds 1 to N of each simulated world"
    )
    parser.add_argument("--keep", metavar="FILE", help="write every score to this CSV file")
    parser.add_argument("--jobs", type=int, default=1, help="sets at a time")
    options = parser.parse_args()
    sources = [
        *options.files,
        *(f"world:{name}:{seed + 1}" for name in paces() for seed in range(options.worlds)),
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = [row for part in pool.map(scored, sources) for row in part]
    found = pl.DataFrame(rows, infer_schema_length=None)
    if options.keep:
        found.write_csv(options.keep)
    print("\n".join(report(found)))


if __name__ == "__main__":
    main()
