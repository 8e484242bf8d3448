"""One input that has been found: how to name it, what it holds, how to open it again and again."""

from __future__ import annotations

import io
import os
import weakref
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from crmkit.errors import DataError
from crmkit.load.find import paths
from crmkit.load.find.gunzip import BrokenError, GzipFile
from crmkit.load.find.signatures import refuse_strangers
from crmkit.sources.columns import Columns

HEAD = 512
# What reading a damaged container raises.
DAMAGED: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, BrokenError)  # type: ignore[assignment]


@dataclass(frozen=True)
class Source:
    """One input: how to name it to the user, what it holds, and how to open it (again and again)."""

    name: str
    kind: str  # csv, parquet, several, or what has columns: table, json, database, …
    compression: str | None = None
    path: Path | None = None
    bytes_: Callable[[], IO[bytes]] | None = field(default=None, compare=False)  # where there is no path
    length: int | None = None  # of those bytes, where it is known without asking them
    hive: paths.Hive = ()
    stamp: tuple[int, ...] = ()
    table: Columns | None = field(default=None, compare=False)
    delimiter: str | None = None  # of text that was made here, as UTF-8
    choices: tuple[Choice, ...] = field(default=(), compare=False)  # the tables in it, of which one is meant
    origin: Source | None = field(default=None, compare=False)  # what it was made from
    notes: tuple[str, ...] = ()  # what should be said of it
    # Which table, version or state of what has that name, for the account of a run.
    which: Mapping[str, str | int] = field(default_factory=dict, compare=False)
    taken: list[Source] = field(default_factory=list, compare=False)  # of the choices, the one that was read
    readers: list[weakref.ref[IO[bytes]]] = field(
        default_factory=list, compare=False
    )  # the latest, if packed
    fresh: Callable[[], None] | None = field(
        default=None, compare=False
    )  # DataError if it has changed elsewhere

    def raw(self) -> IO[bytes]:
        """The bytes as stored, from the start."""
        if self.bytes_ is not None:
            return self.bytes_()
        assert self.path is not None
        self.refuse_changed()
        file = opened(self.path)
        if self.compression is not None:
            self.readers[:] = [weakref.ref(file)]
        return file

    def open(self) -> IO[bytes]:
        """The bytes without their compression, from the start."""
        return _decompressed(self.raw(), self.compression)

    def refuse_changed(self) -> None:
        """DataError if the file is no longer the one that was opened first."""
        if self.origin is not None:
            self.origin.refuse_changed()
        if self.fresh is not None:
            self.fresh()
        if self.path is not None and stamp(paths.status(self.path)) != self.stamp:
            raise DataError(f"{self.name}: the file has changed while it was being read; run again.")

    @property
    def reached(self) -> int:
        """Stored bytes that have been read by whoever reads now; 0 where nobody does."""
        file = self.readers[0]() if self.readers else None
        return 0 if file is None or file.closed else file.tell()

    @property
    def size(self) -> int:
        """Stored bytes."""
        if self.path is not None:
            return self.path.stat().st_size
        return self.raw().seek(0, io.SEEK_END) if self.length is None else self.length


@dataclass
class Choice:
    """A table among several: a sheet of a workbook, a file in an archive, a table of a database."""

    label: str
    make: Callable[[], Source]
    is_hidden: bool = False
    is_empty: bool = False

    @cached_property
    def source(self) -> Source:
        """The table by itself."""
        return self.make()


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file; DataError says why there are none."""
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(paths.sentence(str(path), error)) from None


def stamp(found: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is replaced or written to."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def sniff(head: bytes, name: str) -> tuple[str, str | None]:
    """Kind and compression by the first bytes; DataError for what is neither text nor Parquet."""
    if not head:
        raise DataError(f"{name}: the file is empty (0 bytes).")
    if head.startswith(b"PAR1"):
        return "parquet", None
    if head.startswith(b"\x1f\x8b"):
        return "csv", "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "csv", "zstd"
    refuse_strangers(head, name)
    if name.lower().endswith((".parquet", ".pq")) and b"\x00" in head:
        raise DataError(f"{name}: this is not a Parquet file, or its beginning is corrupt.")
    return "csv", None


def _decompressed(raw: IO[bytes], compression: str | None) -> IO[bytes]:
    if compression == "gzip":
        return GzipFile(fileobj=raw)  # type: ignore[return-value, no-untyped-call]
    if compression == "zstd":
        import pyarrow as pa

        unpacked: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        return unpacked
    return raw
