"""Frames to a file, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow.parquet as pq

from crmkit.errors import UsageError
from crmkit.output import files, formats

FORMATS = ("csv", "tsv", "parquet")


def write(frames: Iterable[pl.DataFrame], path: str | Path = "-") -> int:
    """Write frames as CSV, TSV (also .gz, .zst) or Parquet, all or nothing; `-` is standard output. The number of rows."""
    how = files.layout(path)
    if how.format not in FORMATS:
        raise UsageError(
            f"A sample is not written as {how.format}. Name a file .csv, .csv.gz, .csv.zst, .tsv or .parquet."
        )
    files.check(path)
    heights: list[int] = []
    files.write(path, lambda stream: _fill(_noted(frames, heights), stream, how))
    return sum(heights)


def _noted(frames: Iterable[pl.DataFrame], heights: list[int]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        heights.append(frame.height)
        yield frame


def _fill(frames: Iterator[pl.DataFrame], stream: BinaryIO, how: formats.FileLayout) -> None:
    if how.format == "parquet":
        _fill_parquet(frames, stream)
    else:
        _fill_text(frames, stream, how)


def _fill_text(frames: Iterator[pl.DataFrame], stream: BinaryIO, how: formats.FileLayout) -> None:
    separator = "\t" if how.format == "tsv" else ","
    with formats.packed(stream, how.packing) as target:
        for place, frame in enumerate(frames):
            frame.write_csv(
                target, include_header=place == 0, separator=separator, datetime_format="%Y-%m-%d %H:%M:%S"
            )


def _fill_parquet(frames: Iterator[pl.DataFrame], stream: BinaryIO) -> None:
    """As other programs write it, whose files a sample stands for: PyArrow's own way, without page checksums."""
    oldest = pl.CompatLevel.oldest()
    first = next(frames)
    schema = first.to_arrow(compat_level=oldest).schema
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for frame in chain([first], frames):
            writer.write_table(frame.to_arrow(compat_level=oldest))
