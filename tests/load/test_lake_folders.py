"""Folders whose log says which files count: refused, however they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.running import refused, run
from tests.load.sales import put, text

MARKS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/v1.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("asked", ["", "*.csv", "part-0.csv", "year=2024/part-0.csv", "../", "../**/*.csv"])
def test_tables_with_a_log_are_refused(tmp_path: Path, name: str, asked: str) -> None:
    folder = tmp_path / "lake" / "sales"
    put(folder / MARKS[name], "{}")
    for part in ("part-0.csv", "year=2024/part-0.csv"):
        put(folder / part, text())
    # The folder itself is read by the table's own library, which finds nothing in this log, or is not here.
    is_read = asked == "" and name != "Hudi"
    words = ("table",) if is_read else (f"table of {name}", "present rows first")
    refused(run("check", folder / asked), *words)


def test_folders_without_a_log_are_read(tmp_path: Path) -> None:
    put(tmp_path / "sales" / "part-0.csv", text())
    put(tmp_path / "sales" / "metadata" / "about.json", "{}")
    put(tmp_path / "sales" / "_SUCCESS", "")
    assert run("check", tmp_path / "sales").status == 0
