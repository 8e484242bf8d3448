"""What an earlier run left: the long table that it wrote, or the account of it (`--summary`)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from crmkit.errors import DataError
from crmkit.language.safe_text import safe
from crmkit.load.find import source
from crmkit.load.find.source import Source

# Columns that put customers into few groups, of which shares can be compared.
LABELS = ("r", "f", "m", "tier", "segment", "stage", "status", "level")
_MOST_GROUPS = 100


@dataclass(frozen=True)
class Export:
    """An earlier run: its rows, the facts of its account, or both; `shares` are customers by label."""

    name: str
    rows: pl.DataFrame | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    shares: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def customers(self) -> int | None:
        """How many customers it had."""
        found = self.facts.get("customers", self.facts.get("items"))
        return found if found is not None or self.rows is None else self.rows.height


def read(name: str) -> Export:
    """What a file of an earlier run holds; DataError where it is none."""
    path = Path(name)
    with source.opened(path) as file:
        kind, compression = source.sniff(file.read(source.HEAD), name)
    if kind == "parquet":
        return _of_rows(name, _table(name, lambda: pl.read_parquet(path)))
    with Source(name, kind, compression, path, stamp=source.stamp(path.stat())).open() as stream:
        content = stream.read()
    if content.lstrip()[:1] != b"{":
        sign = "\t" if b"\t" in content.partition(b"\n")[0] else ","
        return _of_rows(name, _table(name, lambda: pl.read_csv(content, separator=sign, infer_schema=False)))
    try:
        found = json.loads(content, parse_float=str)
    except json.JSONDecodeError:
        lines = io.BytesIO(content)
        return _of_rows(name, _table(name, lambda: pl.read_ndjson(lines, infer_schema_length=None)))
    return _of_json(name, found)


def _table(name: str, read_it: Any) -> pl.DataFrame:
    try:
        frame: pl.DataFrame = read_it()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        first = str(error).split("\n")[0]
        raise DataError(
            f"{safe(name)} is no table that crmkit has written ({safe(first)}). Name an export, or the file of --summary."
        ) from None
    return frame


def _of_json(name: str, found: Any) -> Export:
    if not isinstance(found, dict) or not isinstance(found.get("facts"), dict):
        raise DataError(
            f"{safe(name)} is JSON, but no answer or account of crmkit. Name an export, or the file of --summary."
        )
    tables = found.get("tables") or {}
    long = next((rows for rows in tables.values() if rows and "customer" in rows[0]), None)
    rows = None if long is None else pl.DataFrame(long, infer_schema_length=None)
    told = found.get("shares") or ({} if rows is None else groups(rows))
    return Export(name, rows, found["facts"], str(found.get("command", "")), told)


def _of_rows(name: str, rows: pl.DataFrame) -> Export:
    return Export(name, rows, shares=groups(rows))


def groups(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Label → group → how many rows, for the labels that there are; rows without one are left out."""
    found: dict[str, dict[str, int]] = {}
    for label in LABELS:
        if label in rows.columns:
            named = rows[label].cast(pl.String).drop_nulls()
            counted = named.filter(named != "").value_counts().sort(label)
            if 0 < counted.height <= _MOST_GROUPS:
                found[label] = dict(counted.iter_rows())
    return found


def added(parts: list[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """The groups of parts of the rows, made one."""
    whole: dict[str, dict[str, int]] = {}
    for part in parts:
        for label, sizes in part.items():
            known = whole.setdefault(label, {})
            for group, size in sizes.items():
                known[group] = known.get(group, 0) + size
    return whole
