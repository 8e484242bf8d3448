"""Frames to a file, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import IO, Literal

import polars as pl
from polars.io.plugins import register_io_source

from crmkit.errors import UsageError

Compression = Literal["uncompressed", "gzip", "zstd"]
COMPRESSIONS: dict[str, Compression] = {".csv": "uncompressed", ".csv.gz": "gzip", ".csv.zst": "zstd"}


def write(frames: Iterable[pl.DataFrame], target: str | Path | IO[bytes]) -> None:
    """Write frames to a .csv, .csv.gz, .csv.zst or .parquet file, whole or not at all.

    An open file receives CSV.
    """
    rest = iter(frames)
    first = next(rest)
    source = register_io_source(lambda *_: chain([first], rest), schema=first.schema)
    if not isinstance(target, str | Path):
        _sink_csv(source, target, "uncompressed")
        return
    unfinished = Path(f"{target}.part")
    try:
        _sink(source, str(target), unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _sink(source: pl.LazyFrame, name: str, path: Path) -> None:
    if name.endswith(".parquet"):
        source.sink_parquet(path)
        return
    for suffix, compression in COMPRESSIONS.items():
        if name.endswith(suffix):
            _sink_csv(source, path, compression)
            return
    raise UsageError(f"{name} has no ending that is known here. Use .csv, .csv.gz, .csv.zst or .parquet.")


def _sink_csv(source: pl.LazyFrame, target: Path | IO[bytes], compression: Compression) -> None:
    source.sink_csv(
        target, compression=compression, check_extension=False, datetime_format="%Y-%m-%d %H:%M:%S"
    )
