"""Whether a run on Spark says and writes what the same run says and writes here."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from tests.load.running import Finished, run
from tests.spark.runner import Runner

# Which rows are shown as examples of those set aside depends on who looks first; receipts name the files.
_EXAMPLE = re.compile(r"crmkit: .*: (line|row) \d+|crmkit: … and .* more:|crmkit: wrote ")


def said(finished: Finished) -> list[str]:
    """The account and the notes, but for the examples of rows that were set aside."""
    lines = finished.err.replace("-part-", "-").splitlines()
    return sorted(line for line in lines if not _EXAMPLE.match(line))


def refused_alike(runner: Runner, *words: str | Path) -> None:
    """Both refuse with the same status and sentence."""
    here, there = run(*words), runner.run(*words)
    assert here.status != 0
    assert there.status == here.status, (there.err, here.err)
    assert said(there) == said(here), (there.err, here.err)


def same(runner: Runner, folder: Path, *words: str | Path, spread: str | Path | None = None) -> Finished:
    """Run both, compare all that comes out, and give what this machine said.

    `words` begin with the command and the input, which is `spread` for Spark if that is given. The
    table of customers is compared where the command writes one.
    """
    command, given, *rest = words
    alone, far = folder / "alone.parquet", folder / "far.parquet"
    asked = [*rest, "--format", "json"]
    here = run(command, given, *asked, "-o", alone)
    there = runner.run(command, spread or given, *asked, "-o", far)
    assert here.status == 0, here.err
    assert there.status == 0, there.err
    assert there.out == here.out, (there.out, here.out)
    assert said(there) == said(here), (there.err, here.err)
    expected, found = pl.read_parquet(alone), pl.read_parquet(far / "*.parquet" if far.is_dir() else far)
    if far.is_dir():
        key = expected.columns[0]
        expected, found = expected.sort(key), found.sort(key)
    assert found.schema == expected.schema
    assert found.equals(expected), _difference(found, expected)
    return here


def _difference(found: pl.DataFrame, expected: pl.DataFrame) -> str:
    if found.columns != expected.columns or found.height != expected.height:
        return f"{found.shape} {found.columns} and {expected.shape} {expected.columns}"
    odd = [name for name in found.columns if not found[name].equals(expected[name])]
    return f"{odd} differ: {found.select(odd).head()} and {expected.select(odd).head()}"
