"""The same rows give the same bytes: in any order, in any container, cut into any number of files."""

from __future__ import annotations

import gzip
import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from tests.every_command import EVERY, words
from tests.thinned import thinned
from tests.tool import SALES, crmkit, process

COMMANDS = {
    **{name: words(name, SALES) for name, exercise in EVERY.items() if exercise.same_bytes},
    "rfm-first": ["rfm", str(SALES), "--ties", "first", "--monetary", "average"],
    "migration-tiers": ["migration", str(SALES), "--from", "2024-01-01", "--to", "2024-10-01"],
    "backtest-twice": ["backtest", str(SALES), "--origins", "2"],
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


VARIANTS = [_shuffled, *thinned([_parquet, _in_pieces, _packed, _columns_reversed], 4)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_rows_alone_decide(line: list[str], variant: object, tmp_path: Path) -> None:
    files = variant(tmp_path)  # type: ignore[operator]
    other = _answer((line[0], *map(str, files), *line[2:]), tmp_path / "other.csv")
    assert other == _plain(tuple(line))
    assert len(other[1]) > 100


@cache
def _plain(line: tuple[str, ...]) -> tuple[list[str], bytes]:
    with TemporaryDirectory() as folder:
        return _answer(line, Path(folder) / "plain.csv")


def _answer(line: tuple[str, ...], path: Path) -> tuple[list[str], bytes]:
    """The screen, but for the lines that name files to go on with, and the export."""
    screen = crmkit(*line, "-o", path).splitlines()
    return [text for text in screen if "crmkit " not in text], path.read_bytes()


@pytest.mark.parametrize("line", [COMMANDS["rfm"], COMMANDS["customers"], COMMANDS["clv"]])
def test_threads_and_hash_seeds_decide_nothing(line: list[str], tmp_path: Path) -> None:
    outputs = set()
    for threads, seed in (("1", "0"), ("2", "1"), ("8", "2")):
        path = tmp_path / f"{threads}.parquet"
        done = process(*line, "-o", path, "--quiet", POLARS_MAX_THREADS=threads, PYTHONHASHSEED=seed)
        assert done.code == 0, done.err
        outputs.add(path.read_bytes())
    assert len(outputs) == 1
