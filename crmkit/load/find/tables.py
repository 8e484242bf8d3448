"""Folders that are tables: which of their files count is written in a log, and reading all of them would count old rows again."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from crmkit.errors import DataError

# What lies in the folder of such a table, what it is called, and how to get its present rows.
_COPY = "duckdb -c \"COPY (FROM {scan}('{folder}')) TO 'sales.parquet'\""
MARKS = (
    ("_delta_log", "Delta", _COPY.replace("{scan}", "delta_scan")),
    ("metadata/*.metadata.json", "Iceberg", _COPY.replace("{scan}", "iceberg_scan")),
    (".hoodie", "Hudi", "spark.read.format('hudi').load('{folder}').write.parquet('sales.parquet')"),
)


def refuse(folder: Path) -> None:
    """DataError where this folder, or one that it lies in by way of `key=value` folders, is such a table."""
    while True:
        for mark, name, line in MARKS:
            if next(folder.glob(mark), None) is not None:
                raise DataError(sentence(str(folder), name, line))
        if "=" not in folder.name and folder.name != "data":
            return
        folder = folder.parent


def folder_of(key: str, mark: str) -> str | None:
    """The folder that this object marks as such a table, with a slash at its end; None where it marks none."""
    first, _, last = mark.partition("/")
    before, sign, after = f"/{key}".partition(f"/{first}/")
    if not sign or (last and not fnmatchcase(after, last)):
        return None
    return f"{before[1:]}/"


def sentence(folder: str, name: str, line: str) -> str:
    """What to say of a table, with what to type."""
    return (
        f"{folder}: this folder is a table of {name}, whose log says which files count; read as plain Parquet, old and deleted "
        f"rows would count, too. Write its present rows first: {line.replace('{folder}', folder)}"
    )
