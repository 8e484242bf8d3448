"""Rows dealt by key into parts on the disk, where a query over all of them at once would outgrow memory.

All rows of one key lie in one part, so what a query by key makes of the parts, one after the other,
is what it makes of the whole. The files have no name: whatever ends the run, nothing is left of them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO, Any

import polars as pl
import polars.selectors as selectors
import pyarrow as pa

from crmkit.errors import DataError
from crmkit.load.inputs import Input

# So many rows go through one query; beyond, so many make a part.
WHOLE = 60_000_000
EACH = 10_000_000
_MOST = 256
_AT_ONCE = 1 << 18
_SEED = 3
_PART = "__part"
_LINE = {None: 40, "gzip": 8, "zstd": 8}  # bytes of a short line of CSV, as it is stored
_ROW = 40
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def estimated_rows(inputs: Sequence[Input]) -> int:
    """How many rows the inputs hold: as their footers say, or at most about so many by the bytes of CSV."""
    return sum(
        opened.source.size // _LINE[opened.source.compression] if opened.rows is None else opened.rows
        for opened in inputs
        if opened.rows is not None or opened.source.table is None
    )


@contextmanager
def opened(rows: int, key: str, schema: Mapping[str, Any]) -> Iterator[Parts]:
    """Empty parts for about so many rows of these columns; their files vanish with the block."""
    files = list[IO[bytes]]()
    try:
        try:
            for _ in range(min(_MOST, -(-rows // EACH))):
                files.append(tempfile.TemporaryFile(dir=_folder()))  # noqa: SIM115
        except OSError as error:
            raise _refusal(rows * _ROW, error) from None
        yield Parts(files, key, schema, rows)
    finally:
        for file in files:
            with suppress(OSError):  # what a full disk did not take is not wanted any more
                file.close()


class Parts:
    """What has been dealt, part by part."""

    def __init__(self, files: Sequence[IO[bytes]], key: str, schema: Mapping[str, Any], rows: int) -> None:
        self._files = files
        self._empty = pl.DataFrame(schema=schema)
        self._part = (pl.col(key).hash(_SEED) % len(files)).cast(pl.UInt16).alias(_PART)
        self._expected = rows
        self._dealt = 0

    def deal(self, frames: Iterable[pl.DataFrame]) -> None:
        """Take in all rows, each into the part of its key."""
        arrow = _arrow(self._empty).schema
        writers = [pa.ipc.new_stream(file, arrow, options=_OPTIONS) for file in self._files]
        for frame in _gathered(frame.select(self._empty.columns) for frame in frames):
            pieces = frame.with_columns(self._part).partition_by(_PART, as_dict=True, include_key=False)
            with self._disk():
                for (place, *_), rows in pieces.items():
                    writers[place].write_table(_arrow(rows))
            self._dealt += frame.height
        with self._disk():
            for writer, file in zip(writers, self._files, strict=True):
                writer.close()
                file.flush()

    def _disk(self) -> AbstractContextManager[None]:
        return _disk(self._files, self._dealt, self._expected)

    def __len__(self) -> int:
        return len(self._files)

    def rows(self, place: int) -> Iterator[pl.DataFrame]:
        """The rows of one part, batch by batch."""
        self._files[place].seek(0)
        for batch in pa.ipc.open_stream(self._files[place]):
            yield _frame(batch, self._empty.schema)


class Noted:
    """Rows of about that number, kept in their order in one file without a name, to be read as often as wanted."""

    def __init__(self, schema: Mapping[str, Any], expected: int) -> None:
        self._schema = dict(schema)
        self._expected, self._rows = expected, 0
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=_folder())  # noqa: SIM115
        except OSError as error:
            raise _refusal(expected * _ROW, error) from None

    def fill(self, frames: Iterable[pl.DataFrame]) -> None:
        """Take in all rows."""
        arrow = _arrow(pl.DataFrame(schema=self._schema)).schema
        writer = pa.ipc.new_file(self._file, arrow, options=_OPTIONS)
        for frame in _gathered(frame for frame in frames if frame.height):
            with _disk([self._file], self._rows, self._expected):
                writer.write_table(_arrow(frame))
            self._rows += frame.height
        with _disk([self._file], self._rows, self._expected):
            writer.close()
            self._file.flush()
        self._stored = pa.ipc.open_file(self._file)  # one for all readers, who take turns at the file

    def batches(self) -> Iterator[pl.DataFrame]:
        """The rows, batch by batch; any number of readers may be under way."""
        for place in range(self._stored.num_record_batches):
            yield _frame(self._stored.get_batch(place), self._schema)


@contextmanager
def _disk(files: Sequence[IO[bytes]], rows: int, expected: int) -> Iterator[None]:
    """Say what a full disk means, and how large it should have been: so many rows are written of those expected."""
    try:
        yield
    except OSError as error:
        written = sum(os.fstat(file.fileno()).st_size for file in files)
        raise _refusal(int(expected * (written / rows if rows else _ROW)), error) from None


def _arrow(frame: pl.DataFrame) -> pa.Table:
    # Text without its buffers' other rows, which views would drag along; Arrow has no whole numbers of 128 bits.
    plain = frame.with_columns(selectors.by_dtype(pl.Int128).cast(pl.Decimal(38, 0)))
    return plain.to_arrow(compat_level=pl.CompatLevel.oldest())


def _frame(batch: pa.RecordBatch, schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(batch)).cast(dict(schema))  # type: ignore[arg-type]


def _gathered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Fewer and larger frames, so that what each part gets of one is worth writing."""
    held, rows = list[pl.DataFrame](), 0
    for frame in frames:
        held.append(frame)
        rows += frame.height
        if rows >= _AT_ONCE:
            yield pl.concat(held)
            held, rows = [], 0
    if held:
        yield pl.concat(held)


def _folder() -> str:
    """TMPDIR, else /var/tmp: /tmp is memory on many systems."""
    return os.environ.get("TMPDIR") or ("/var/tmp" if os.access("/var/tmp", os.W_OK) else "/tmp")


def _refusal(size: int, error: OSError) -> DataError:
    return DataError(
        f"So many rows are dealt into parts on the disk, for which the temporary folder {_folder()} does not do "
        f"({error.strerror or error}). They need about {max(size / 1e9, 0.1):,.1f} GB: name a folder with so much "
        "room with TMPDIR."
    )
