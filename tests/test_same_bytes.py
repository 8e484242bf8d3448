"""The same rows give the same bytes: in any order, in any container, cut into any number of files."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import polars as pl
import pytest

from tests.tool import SALES, crmkit, process

COMMANDS = {
    "customers": ["customers"],
    "pareto": ["pareto", "--value", "profit"],
    "rfm": ["rfm"],
    "rfm-first": ["rfm", "--ties", "first", "--monetary", "average"],
    "migration": ["migration", "--from", "2024-01-01", "--to", "2024-10-01"],
    "cohort": ["cohort"],
    "lifecycle": ["lifecycle"],
    "churn": ["churn"],
    "trend": ["trend"],
    "deviation": ["deviation"],
    "clv": ["clv", "--by", "channel"],
    "backtest": ["backtest", "--origins", "2"],
}


def _shuffled(folder: Path) -> list[Path]:
    head, *rows = SALES.read_text().splitlines()
    random.Random(7).shuffle(rows)
    return [_written(folder / "shuffled.csv", head, rows)]


def _written(path: Path, head: str, rows: list[str]) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def _in_pieces(folder: Path) -> list[Path]:
    head, *rows = SALES.read_text().splitlines()
    return [_written(folder / f"piece{i}.csv", head, rows[i::3]) for i in (2, 0, 1)]


def _packed(folder: Path) -> list[Path]:
    path = folder / "sales.csv.gz"
    path.write_bytes(gzip.compress(SALES.read_bytes()))
    return [path]


def _columns_reversed(folder: Path) -> list[Path]:
    frame = pl.read_csv(SALES, infer_schema=False)
    frame.select(reversed(frame.columns)).write_csv(folder / "reversed.csv", separator=";")
    return [folder / "reversed.csv"]


def _parquet(folder: Path) -> list[Path]:
    frame = pl.read_csv(SALES, infer_schema=False)
    typed = frame.with_columns(
        pl.col("order_date").str.to_date(),
        *(pl.col(name).cast(pl.Float64) for name in ("unit_price", "amount", "cost")),
    )
    typed.sample(fraction=1, shuffle=True, seed=3).write_parquet(folder / "sales.parquet", row_group_size=500)
    return [folder / "sales.parquet"]


VARIANTS = [_shuffled, _in_pieces, _packed, _columns_reversed, _parquet]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_rows_alone_decide(words: list[str], variant: object, tmp_path: Path) -> None:
    files = variant(tmp_path)  # type: ignore[operator]
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    screen = crmkit(words[0], SALES, *words[1:], "-o", plain)
    assert crmkit(words[0], *files, *words[1:], "-o", other) == screen
    assert other.read_bytes() == plain.read_bytes()
    assert plain.stat().st_size > 100


@pytest.mark.parametrize("words", [COMMANDS["rfm"], COMMANDS["customers"], COMMANDS["clv"]])
def test_threads_and_hash_seeds_decide_nothing(words: list[str], tmp_path: Path) -> None:
    outputs = set()
    for threads, seed in (("1", "0"), ("2", "1"), ("8", "2")):
        path = tmp_path / f"{threads}.parquet"
        done = process(*words, SALES, "-o", path, "--quiet", POLARS_MAX_THREADS=threads, PYTHONHASHSEED=seed)
        assert done.code == 0, done.err
        outputs.add(path.read_bytes())
    assert len(outputs) == 1
