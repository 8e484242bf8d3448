"""The same rows give the same bytes on a cluster: kinds of ids, money and moments, files, tables, crooked data."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from tests import ledgers
from tests.load.running import run
from tests.spark.compare import same
from tests.spark.runner import Runner

N = 3_000
BEGIN = date(2022, 3, 1)


def _frame(**columns: Any) -> pl.DataFrame:
    """Rows of some five hundred customers; `columns` replace or add to what they have."""
    places = range(N)
    plain: dict[str, Any] = {
        "customer": [f"c{place * place % 487}" for place in places],
        "order_id": [f"o{place // 2}" if place % 5 else None for place in places],
        "date": [BEGIN + timedelta(days=place * 7919 % 700) for place in places],
        "amount": [(place * 7 % 90_000 - 4_000) / 100 for place in places],
    }
    return pl.DataFrame(plain | columns)


def _moments(zone: str | None, unit: str = "us") -> pl.Series:
    """Moments of all hours of the day, so that the zone decides about the day."""
    begin = datetime(2022, 3, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=place * 7919 % 1_000_000) for place in range(N)]
    series = pl.Series("date", moments, dtype=pl.Datetime("us", "UTC")).cast(pl.Datetime(unit, "UTC"))  # type: ignore[arg-type]
    return series.dt.replace_time_zone(None) if zone is None else series.dt.convert_time_zone(zone)


def _ids(make: Callable[[int], Any]) -> list[Any]:
    return [make(place * place % 487) for place in range(N)]


FRAMES: dict[str, Callable[[], pl.DataFrame]] = {
    "text ids, refunds, orders missing": _frame,
    "integer ids": lambda: _frame(customer=_ids(lambda n: 10**12 + n)),
    "small integer ids": lambda: _frame(customer=pl.Series(_ids(lambda n: n), dtype=pl.Int16)),
    "float ids": lambda: _frame(customer=_ids(lambda n: float(n) if n % 9 else None)),
    "decimal ids": lambda: _frame(customer=pl.Series(_ids(Decimal), dtype=pl.Decimal(20, 0))),
    "null ids": lambda: _frame(customer=_ids(lambda n: f"c{n}" if n % 3 else None)),
    "one id, and a few": lambda: _frame(customer=["whale" if place % 50 else f"c{place}" for place in range(N)]),
    "decimals": lambda: _frame(amount=pl.Series([Decimal(n * 7 - 900).scaleb(-3) for n in range(N)], dtype=pl.Decimal(18, 3))),
    "whole amounts": lambda: _frame(amount=[n * 7 % 900 - 40 for n in range(N)]),
    "amounts as text": lambda: _frame(amount=[f"€ {n % 700},{n % 100:02}" for n in range(N)]),
    "amounts of 128 bits": lambda: _frame(amount=[8e14 + n for n in range(N)]),
    "dates as text": lambda: _frame(date=[f"{n % 28 + 1}/{n % 12 + 1}/2022" for n in range(N)]),
    "naive moments": lambda: _frame(date=_moments(None)),
    "moments in milliseconds": lambda: _frame(date=_moments(None, "ms")),
    "columns of other types": lambda: _frame(
        cost=[n % 50 / 10 for n in range(N)],
        seen=pl.Series([n * 10**9 for n in range(N)], dtype=pl.Duration("us")),
        tags=[["a", "b"][: n % 3] for n in range(N)],
        label=pl.Series([f"l{n % 4}" for n in range(N)], dtype=pl.Categorical),
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_kinds_of_columns(make: Callable[[], pl.DataFrame], classic: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    make().write_parquet(path, row_group_size=700)
    same(classic, tmp_path, "customers", path)


@pytest.mark.parametrize("kind", ["integer ids", "null ids", "one id, and a few", "amounts of 128 bits"])
def test_days_of_all_kinds(kind: str, classic: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    FRAMES[kind]().write_parquet(path, row_group_size=700)
    same(classic, tmp_path, "churn", path, "--everyone", "--evaluate", "2023-06-30")


def test_files_with_columns_of_their_own(classic: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    frame = _frame()
    frame[:1000].write_parquet(folder / "a.parquet")
    others = frame[1000:].with_columns(note=pl.lit("of no interest"))
    others.select(reversed(others.columns)).write_parquet(folder / "b.parquet")
    same(classic, tmp_path, "rfm", folder)
    # Without orders, too: rows of the same orders without amounts would look like further lines of them.
    frame[:50].drop("amount", "order_id").write_parquet(folder / "c.parquet")
    facts = classic.run("check", folder, "--format", "json").facts
    assert (facts["rows_read"], facts["rejected"]) == (N + 50, {"no amount": 50})


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["us", "ns"])
def test_moments_become_days(zone: str | None, unit: str, classic: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    _frame(date=_moments(zone, unit)).write_parquet(path)
    same(classic, tmp_path, "customers", path, "--tz", "Asia/Kolkata")


def test_moments_become_days_through_connect(connect: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    _frame(date=_moments("Europe/Berlin", "ns")).write_parquet(path)
    same(connect, tmp_path, "rfm", path, "--tz", "America/New_York")


def _rows() -> list[list[str]]:
    return [["" if value is None else str(value) for value in row] for row in _frame().iter_rows()]


def _plain(rows: list[list[str]], path: Path) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["customer", "order_id", "date", "amount"], *rows])


def _crooked(folder: Path) -> list[Path]:
    """Quoted line breaks, fields too few and too many, blank lines, an empty quoted id, a date that is none."""
    rows = _rows()
    for place in range(0, N, 100):
        rows[place][0] = f'multi\nline "{place}"'
        rows[place + 1] = rows[place + 1][:3]
        rows[place + 2].append("too much")
        rows[place + 3][0] = ""
        rows[place + 4][2] = "soon"
        rows[place + 5] = []
    paths = [folder / name for name in ("a.csv", "b.csv", "c.csv.gz")]
    for place, path in enumerate(paths):
        _plain(rows[place::3], path)
    paths[2].write_bytes(gzip.compress(paths[2].read_bytes()))
    return paths


def test_a_folder_of_text_files(classic: Runner, connect: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    _crooked(folder)
    for number, runner in enumerate((classic, connect)):
        place = tmp_path / str(number)
        place.mkdir()
        same(runner, place, "rfm", folder)


def test_a_table(classic: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    _frame().write_parquet(path)
    made = classic.run("customers", path, "-o", "table:people", "-q")
    assert made.status == 0, made.err
    again = classic.run("customers", path, "-o", "table:people", "-q")
    assert again.status == 1
    assert (
        again.err
        == "crmkit: The output table:people is there already. With --engine spark, name a new one.\n"
    )
    rows = classic.run("customers", path, "--table", "customers", "--format", "csv", "--limit", "0", "-q")
    assert (
        rows.out
        == run("customers", path, "--table", "customers", "--format", "csv", "--limit", "0", "-q").out
    )
    refused = classic.run("pareto", "table:people")
    assert refused.status == 1 and "is a table of customers" in refused.err
    # A table of customers has what transactions need, if columns are named that say it holds these.
    named = ["--customer", "customer", "--date", "first", "--amount", "revenue"]
    people = tmp_path / "people.parquet"
    run("customers", path, "-o", people, "-q")
    same(classic, tmp_path, "pareto", people, *named, spread="table:people")


LATE = 30_000


def _late(**columns: Any) -> pl.DataFrame:
    """More rows than the sample has; `columns` say what comes after it."""
    plain = {
        "customer": [f"{n % 900}" for n in range(LATE)],
        "date": [f"{n % 12 + 1}/{n % 11 + 1}/2022" for n in range(LATE)],
        "amount": [f"{n % 700}.{n % 10}0" for n in range(LATE)],
    }
    late = 25_000
    merged = {name: values[:late] + columns.get(name, values)[late:] for name, values in plain.items()}
    return pl.DataFrame(merged)


CHANGES = {
    "the order of day and month": {"date": [f"{n % 28 + 1}/{n % 12 + 1}/2022" for n in range(LATE)]},
    "the number of decimals": {
        "amount": [f"{n % 700}.{n % 1000:03}5" for n in range(LATE)],
        "date": ["28/1/2022"] * LATE,
    },
    "ids like 12.0": {"customer": [f"{n % 900}.0" for n in range(LATE)], "date": ["28/1/2022"] * LATE},
    "another layout of dates": {"date": [f"2022-01-{n % 28 + 1:02}" for n in range(LATE)]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_shows_late(change: dict[str, list[str]], ending: str, classic: Runner, tmp_path: Path) -> None:
    path = tmp_path / f"sales.{ending}"
    frame = _late(**change)
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path, row_group_size=8_000)
    here = run("customers", path, "--format", "json")
    there = classic.run("customers", path, "--format", "json")
    assert (there.status, there.out) == (here.status, here.out)


@given(rows=ledgers.sales())
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_ledger(
    rows: list[ledgers.Sale], classic: Runner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    path = folder / "sales.parquet"
    money = (pl.col("amount").cast(pl.Decimal(20, 2)) / 100).alias("amount")
    ledgers.frame(rows).with_columns(money).collect().write_parquet(path)
    same(classic, folder, "customers", path)
