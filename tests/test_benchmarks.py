"""The benchmarks compare like with like: what DuckDB is asked for is what crmkit answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.cases import ASKED, CASES
from benchmarks.check import comparable, differences
from benchmarks.data import Data, rearranged
from benchmarks.measure import FailedError, run
from crmkit import sample

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", params=["text.parquet", "numbers.parquet", "text.csv"])
def sales(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sales whose last day has no customer, so that it is none to look from."""
    path = tmp_path_factory.mktemp("sales") / request.param
    book = sample.draw(20_000, seed=3, ids="numbers" if "numbers" in request.param else "short")
    frame = pl.concat(sample.generate(book))
    guest = frame.tail(1).with_columns(
        pl.lit(None, frame.schema["customer_id"]).alias("customer_id"),
        pl.col("order_date").dt.offset_by("3d"),
    )
    sample.write([frame, guest], path)
    return path


@pytest.mark.parametrize("name", [*ASKED, "customers_once"])
def test_sql_by_hand_and_crmkit_export_the_same(sales: Path, tmp_path: Path, name: str) -> None:
    assert _disagreements(sales, tmp_path, name) == []


def _disagreements(sales: Path, folder: Path, name: str, *customer: str) -> list[str]:
    ours, theirs = folder / "ours.parquet", folder / "theirs.parquet"
    script = ROOT / "benchmarks" / "sql" / f"{name}.sql"
    runner = ROOT / "benchmarks" / "peers" / "duckdb_script.py"
    command = name.removesuffix("_once")
    options, columns = ASKED[command]
    mine = ["-m", "crmkit", command, sales, *options, "-o", ours]
    for words in (mine, [runner, script, *customer, sales, theirs]):
        subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)
    return differences(comparable(ours, list(columns)), comparable(theirs, list(columns)))


def test_blanks_around_ids_are_trimmed_and_letters_kept_by_both(tmp_path: Path) -> None:
    frame = pl.concat(sample.generate(sample.draw(20_000, seed=3)))
    written = rearranged(frame, Data(blanks=True))
    assert written["customer_id"].n_unique() > 2 * frame["customer_id"].n_unique()
    assert written["customer_id"].str.strip_chars().n_unique() == frame["customer_id"].n_unique()
    written.write_parquet(tmp_path / "sales.parquet")
    assert _disagreements(tmp_path / "sales.parquet", tmp_path, "rfm", "trim(customer_id)") == []


def test_order_numbers_that_restart_are_counted_by_customer(tmp_path: Path) -> None:
    frame = pl.concat(sample.generate(sample.draw(20_000, seed=3)))
    written = rearranged(frame, Data(restart=True))
    assert written["order_id"].n_unique() == frame["order_id"].n_unique() // 3 + 1
    written.write_parquet(tmp_path / "sales.parquet")
    assert _disagreements(tmp_path / "sales.parquet", tmp_path, "rfm") == []


def test_differences_are_found() -> None:
    frame = pl.DataFrame({"customer": ["a", "b"], "share": [0.25, 0.75], "tier": ["A", None]})
    assert differences(frame, frame) == []
    assert differences(frame, frame.with_columns(share=pl.col("share") * (1 + 1e-14))) == []
    assert differences(frame, frame.with_columns(share=pl.lit(0.25))) == ["share differs for 1 customers"]
    assert differences(frame, frame.with_columns(tier=pl.lit("A"))) == ["tier differs for 1 customers"]
    assert differences(frame, frame.head(1)) == ["2 and 1 customers, not the same ones"]


def test_file_names_say_all_of_their_contents() -> None:
    files = [case.data for case in CASES if case.data]
    assert [Data.named(data.name) for data in files] == files
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_run_is_measured_by_the_kernel() -> None:
    # From a small process: a child's peak counts its parent's size at the start.
    work = "x = bytearray(200_000_000); sum(range(10**6))"
    ask = f"import sys; from benchmarks.measure import run; print(*run([sys.executable, '-c', {work!r}], limit=60))"
    said = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, check=True)
    cpu, wall, memory = map(float, said.stdout.split())
    assert 0 < cpu < wall * 4
    assert 200 < memory < 300


@pytest.mark.parametrize(
    ("code", "limit"), [("raise SystemExit('no such thing')", 60), ("while True: pass", 0.3)]
)
def test_a_run_that_fails_or_takes_too_long_is_said(code: str, limit: float) -> None:
    with pytest.raises(FailedError, match=r"no such thing|too long"):
        run([sys.executable, "-c", code], limit=limit)
