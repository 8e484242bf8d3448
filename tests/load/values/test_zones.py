"""Zones of moments that are written without an offset, against Python's own calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.load.running import run
from tests.load.sales import put

MOMENTS = [datetime(2024, 3, 9, 1, 30) + timedelta(hours=7 * place, minutes=place) for place in range(60)]
WAYS = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "T": "%Y-%m-%dT%H:%M",
    "d.m.y": "%d.%m.%Y %H:%M",
    "am": "%Y/%m/%d %I:%M %p",
    "packed": "%Y%m%d%H%M%S",
}


def days(path: Path, *words: str) -> list[str]:
    done = run("customers", path, "--table", "customers", "-f", "csv", "-n", "0", *words)
    assert done.status == 0, done.err
    return [line.split(",")[1] for line in sorted(done.out.splitlines()[1:])]


@pytest.mark.parametrize("way", [*WAYS, "given", "stored"])
@pytest.mark.parametrize(
    ("source", "tz"), [("UTC", "Asia/Tokyo"), ("America/New_York", "UTC"), ("Europe/Paris", "Europe/Paris")]
)
def test_days_are_those_of_the_zone(tmp_path: Path, way: str, source: str, tz: str) -> None:
    path, words = tmp_path / "sales.csv", ["--source-tz", source, "--tz", tz]
    if way == "stored":
        path = tmp_path / "sales.parquet"
        names = [f"c{place:02}" for place in range(60)]
        pq.write_table(pa.table({"customer": names, "date": MOMENTS, "amount": [1.0] * 60}), path)
    else:
        layout = WAYS.get(way, "%m-%d-%y %H.%M")
        words += ["--date-format", layout] if way == "given" else []
        lines = [f"c{place:02},{moment:{layout}},1" for place, moment in enumerate(MOMENTS)]
        put(path, "\n".join(["customer,date,amount", *lines]))
    expected = [moment.replace(tzinfo=ZoneInfo(source)).astimezone(ZoneInfo(tz)).date() for moment in MOMENTS]
    assert days(path, *words) == list(map(str, expected))


@pytest.mark.parametrize(
    ("day", "words", "told"),
    [
        ("2024-01-05 23:30", ["--tz", "Asia/Tokyo"], "--source-tz"),
        ("2024-01-05", ["--tz", "Asia/Tokyo"], "no times"),
        ("2024-01-05", ["--source-tz", "Asia/Tokyo"], "no times"),
        ("2024-01-05T23:30Z", ["--source-tz", "Asia/Tokyo"], "own offset"),
    ],
)
def test_a_zone_that_changes_nothing_is_a_note(tmp_path: Path, day: str, words: list[str], told: str) -> None:
    path = put(tmp_path / "sales.csv", f"customer,date,amount\na,{day},1\nb,{day},2\n")
    done = run("customers", path, *words)
    assert "changes nothing" in done.err
    assert told in done.err
