"""Which files are meant: paths, globs, folders, pipes and standard input, told apart by content."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from crmkit.errors import DataError
from crmkit.load.find import paths
from crmkit.load.find.signatures import refuse_strangers

SPOOL_IN_MEMORY = 64 * 2**20
_HEAD = 512
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Source:
    """One input: how to name it to the user, what it holds, and how to open it (again and again)."""

    name: str
    kind: str  # csv, parquet or table
    compression: str | None = None
    path: Path | None = None
    spool: Any = field(default=None, compare=False)
    hive: paths.Hive = ()
    stamp: tuple[int, ...] = ()
    table: Any = field(default=None, compare=False)  # of Arrow, in memory already

    def raw(self) -> IO[bytes]:
        """The bytes as stored, from the start."""
        self.refuse_changed()
        if self.path is not None:
            return _open(self.path)
        return cast(IO[bytes], _Lent(self.spool))

    def open(self) -> IO[bytes]:
        """The bytes without their compression, from the start."""
        return _decompressed(self.raw(), self.compression)

    def refuse_changed(self) -> None:
        """DataError if the file is no longer the one that was opened first."""
        if self.path is not None and _stamp(paths.status(self.path)) != self.stamp:
            raise DataError(f"{self.name}: the file has changed while it was being read; run again.")

    @property
    def size(self) -> int:
        """Stored bytes."""
        if self.path is not None:
            return self.path.stat().st_size
        return self.raw().seek(0, io.SEEK_END)


class _Lent(io.BufferedIOBase):
    """A spooled pipe from its start, with a place of its own: a thread may still read what another begins again."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._place = 0

    def read(self, size: int | None = -1, /) -> bytes:
        with _ONE_AT_A_TIME:
            self._file.seek(self._place)
            data: bytes = self._file.read(-1 if size is None else size)
        self._place += len(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(1 << 16 if size < 0 else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        with _ONE_AT_A_TIME:
            self._file.seek(self._place)
            self._place = self._file.seek(offset, whence)
        return self._place

    def tell(self) -> int:
        return self._place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def find(files: Sequence[str | Source]) -> list[Source]:
    """The sources that the arguments name, in an order that does not depend on the file system.

    A pipe can be found once only: what has been found may be given again instead of its name.
    """
    sources = [
        source
        for argument in files
        for source in ([argument] if isinstance(argument, Source) else _expand(argument))
    ]
    paths.refuse_twice(source.path for source in sources if source.path is not None)
    _refuse_mixture(sources)
    return sources


def _expand(argument: str) -> list[Source]:
    if argument == "-":
        return [spooled(_standard_input(), "standard input")]
    return [_from_path(path, hive) for path, hive in paths.expand(argument)]


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(paths.sentence(str(path), error)) from None


def _from_path(path: Path, hive: paths.Hive) -> Source:
    found = paths.status(path)
    if not stat.S_ISREG(found.st_mode):
        return spooled(_open(path), str(path))
    with _open(path) as file:
        try:
            head = file.read(_HEAD)
        except OSError as error:
            raise DataError(paths.sentence(str(path), error)) from None
    kind, compression = sniff(head, str(path))
    return Source(str(path), kind, compression, path, hive=hive, stamp=_stamp(found))


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is replaced or written to."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def spooled(stream: IO[bytes], name: str) -> Source:
    """A pipe can be read once only, and a file must be read twice: keep what it says."""
    _refuse_device(stream, name)
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY)  # noqa: SIM115
    try:
        while chunk := stream.read(1 << 20):
            _keep(spool, chunk, name)
    except OSError as error:
        raise DataError(paths.sentence(name, error)) from None
    spool.seek(0)
    kind, compression = sniff(spool.read(_HEAD), name)
    return Source(name=name, kind=kind, compression=compression, spool=spool)


def _keep(spool: Any, chunk: bytes, name: str) -> None:
    try:
        spool.write(chunk)
    except OSError as error:
        raise DataError(
            f"{name}: what it says does not fit into the temporary folder {tempfile.gettempdir()} ({error.strerror}). "
            "Set TMPDIR to a larger one, or give a file."
        ) from None


def _refuse_device(stream: IO[bytes], name: str) -> None:
    """/dev/zero has no end; a terminal has one, and /dev/null is just empty."""
    try:
        endless = stat.S_ISCHR(os.fstat(stream.fileno()).st_mode) and not stream.isatty()
    except (OSError, ValueError):
        return
    if (
        endless
        and name != os.devnull
        and not os.path.samestat(os.fstat(stream.fileno()), Path(os.devnull).stat())
    ):
        raise DataError(f"{name}: this is a device, not a file or a pipe.")


def _standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise DataError("Standard input is closed; give a file, or pipe the data in.")
    if sys.stdin.isatty():
        print("crmkit: reading from the terminal; Ctrl-D ends the data", file=sys.stderr)
    return sys.stdin.buffer


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
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if compression == "zstd":
        import pyarrow as pa

        unpacked: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        return unpacked
    return raw


def _refuse_mixture(sources: list[Source]) -> None:
    odd = next((source for source in sources if source.kind != sources[0].kind), None)
    if odd is not None:
        raise DataError(
            f"{odd.name} is {odd.kind} and {sources[0].name} is {sources[0].kind}; give one kind of file at a time."
        )
