"""Days of a history as runs: `shop.ledger@2024-12-31` is what the list of customers said on that day."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from crmkit import parse
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.load import dataset
from crmkit.load.reading import Reading
from crmkit.nightly.exports import Export, groups

# Which list has which groups; without a choice, segments.
_LISTS = {"tier": "pareto"}
_USUAL = "rfm"


def parted(given: str) -> tuple[str, str | None]:
    """A path, and the day behind its @; a file that is called so is a file."""
    path, _, day = given.rpartition("@")
    return (path, day) if path and not Path(given).exists() and Path(path).exists() else (given, None)


def run_of(given: str, by: str | None) -> str | Export:
    """The run that a history's day stands for, or the path of an export as it is.

    UsageError for a ledger without a day; DataError where nobody had bought by then.
    """
    path, day = parted(given)
    if day is None:
        if Path(given).is_dir():
            raise UsageError(
                f"{safe(given)} is a folder, and not one run. Of a ledger, name days: {safe(given)}@2024-12-30 {safe(given)}@2024-12-31."
            )
        return given
    return _listed(given, path, day, _LISTS.get(by or "", _USUAL))


def _listed(given: str, path: str, day: str, command: str) -> Export:
    data = dataset.read(path, Reading(as_of=parse.day(f"the day of {safe(path)}:", day)))
    result = import_module(f"crmkit.{command}").analyse(data)
    rows: Any = result.tables[result.detail or "customers"]
    assert isinstance(rows, pl.DataFrame)
    return Export(given, rows, result.facts, command, groups(rows))
