"""Columns carried along into tables of customers: the latest value by date, ties by row order, blanks do not count."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.load import keep, load
from tests.load.running import run

ROW = st.tuples(st.sampled_from("ABC"), st.integers(1, 3), st.sampled_from(["", "x", "y", "N/A", " z "]))


def put(path: Path, rows: list[tuple[str, int, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["customer", "date", "amount", "name"])
        writer.writerows([who, f"2024-01-0{day}", "5.00", name] for who, day, name in rows)
    return path


@given(rows=st.lists(ROW, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_the_latest_value_is_kept(tmp_path_factory: object, rows: list[tuple[str, int, str]]) -> None:
    path = put(Path(tmp_path_factory.mktemp("keep")) / "sales.csv", rows)  # type: ignore[attr-defined]
    expected: dict[str, tuple[int, str]] = {}
    for who, day, name in rows:
        if name.strip() not in ("", "N/A") and expected.get(who, (0, ""))[0] <= day:
            expected[who] = day, name.strip()
    found = keep.latest(load(str(path)), ["name"])
    assert dict(found.iter_rows()) == {who: name for who, (_, name) in expected.items()}


def test_it_stands_beside_the_id_in_exports(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", [("A", 1, "Ann"), ("B", 2, "Bob"), ("A", 2, "Anne")])
    out = tmp_path / "out.csv"
    assert run("customers", path, "--keep", "Name", "-o", out).status == 0
    rows = list(csv.DictReader(out.open()))
    assert [(row["customer"], row["Name"]) for row in rows] == [("A", "Anne"), ("B", "Bob")]
    assert list(rows[0])[:2] == ["customer", "Name"]


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", [("A", 1, "Ann"), ("B", 9, "Bob")])
    assert "lists no customers" in run("trend", path, "--period", "week", "--keep", "name").err
    assert "Did you mean 'name'" in run("customers", path, "--keep", "nme").err
