"""Which files are meant: paths, globs, folders, pipes and standard input, told apart by content."""

from __future__ import annotations

import glob
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from crmkit.errors import DataError, UsageError

SUFFIXES = (
    ".csv",
    ".tsv",
    ".txt",
    ".csv.gz",
    ".tsv.gz",
    ".txt.gz",
    ".csv.zst",
    ".tsv.zst",
    ".parquet",
    ".pq",
)
SPOOL_IN_MEMORY = 64 * 2**20

# Files that people mistake for CSV: first bytes, what they are, what to do.
_STRANGERS = (
    (b"PARE", "an encrypted Parquet file", "decrypt it first"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"SQLite format 3\x00", "an SQLite database (binary)", "export the table as CSV"),
    (b"%PDF", "a PDF", "export the data as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (binary)", "save the sheet as CSV"),
    (b"BZh", "compressed with bzip2", "recompress it with gzip or zstd"),
    (b"\xfd7zXZ", "compressed with xz", "recompress it with gzip or zstd"),
    (b"ORC", "an ORC file", "convert it to Parquet"),
    (b"Obj\x01", "an Avro file", "convert it to Parquet"),
    (b"ARROW1", "an Arrow file", "convert it to Parquet"),
)


@dataclass(frozen=True)
class Source:
    """One input: how to name it to the user, what it holds, and how to open it (again and again)."""

    name: str
    kind: str  # csv or parquet
    compression: str | None = None
    path: Path | None = None
    spool: Any = field(default=None, compare=False)
    hive: tuple[tuple[str, str], ...] = ()

    def raw(self) -> IO[bytes]:
        """The bytes as stored, from the start."""
        if self.path is not None:
            return _open(self.path, self.name)
        self.spool.seek(0)
        return cast(IO[bytes], _Unclosable(self.spool))

    def open(self) -> IO[bytes]:
        """The bytes without their compression, from the start."""
        return _decompressed(self.raw(), self.compression)

    @property
    def size(self) -> int:
        """Stored bytes."""
        if self.path is not None:
            return self.path.stat().st_size
        return self.spool.seek(0, io.SEEK_END)


class _Unclosable(io.BufferedIOBase):
    """Lends out a spooled pipe without letting the borrower close it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def find(files: Sequence[str]) -> list[Source]:
    """The sources that the arguments name, in an order that does not depend on the file system."""
    sources = [source for argument in files for source in _expand(argument)]
    _refuse_mixture(sources)
    return sources


def _expand(argument: str) -> list[Source]:
    if argument == "-":
        return [_spooled(_standard_input(), "standard input")]
    _check_argument(argument)
    if not os.path.lexists(argument):
        return [_from_path(Path(found)) for found in _globbed(argument)]
    path = Path(argument)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(_os_sentence(argument, error)) from None
    if stat.S_ISDIR(mode):
        return _from_folder(path)
    if stat.S_ISREG(mode):
        return [_from_path(path)]
    return [_spooled(_open(path, argument), argument)]


def _check_argument(argument: str) -> None:
    if not argument:
        raise UsageError("The file name is empty; give a path, a glob, a folder or - for standard input.")
    if "://" in argument:
        raise DataError(
            f"{argument} is an address, not a local path: crmkit reads local files only. "
            "Download it first, or pipe it: curl … | crmkit … -"
        )


def _globbed(pattern: str) -> list[str]:
    # Path.glob would need the pattern cut into an anchor and a rest.
    found = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []  # noqa: PTH207
    found = [path for path in found if Path(path).is_file()]
    if found:
        return found
    if glob.has_magic(pattern):
        raise DataError(f"{pattern}: no file was found that matches this pattern.")
    try:
        Path(pattern).stat()
    except (OSError, ValueError) as error:
        raise DataError(_os_sentence(pattern, error)) from None
    raise DataError(f"{pattern}: no such file.")


def _os_sentence(name: str, error: Exception) -> str:
    shown = name if len(name) <= 200 else name[:200] + "…"
    reason = getattr(error, "strerror", None) or str(error)
    return f"{shown}: {reason[:1].lower()}{reason[1:]}."


def _open(path: Path, name: str) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(_os_sentence(name, error)) from None


def _from_folder(folder: Path) -> list[Source]:
    members = sorted(path for path in folder.rglob("*") if path.is_file() and _wanted(path, folder))
    if not members:
        raise DataError(f"{folder}: this folder (directory) holds no CSV or Parquet files; none was found.")
    return [_from_path(path, hive=_hive(path, folder)) for path in members]


def _wanted(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(("_", ".")) for part in parts)
    return (
        not hidden and path.name.lower().endswith(SUFFIXES) and not path.name.lower().endswith("readme.txt")
    )


def _hive(path: Path, folder: Path) -> tuple[tuple[str, str], ...]:
    parts = path.relative_to(folder).parts[:-1]
    return tuple((part.partition("=")[0], part.partition("=")[2]) for part in parts if "=" in part)


def _from_path(path: Path, hive: tuple[tuple[str, str], ...] = ()) -> Source:
    with _open(path, str(path)) as file:
        try:
            head = file.read(64)
        except OSError as error:
            raise DataError(_os_sentence(str(path), error)) from None
    kind, compression = _sniff(head, str(path))
    return Source(name=str(path), kind=kind, compression=compression, path=path, hive=hive)


def _spooled(stream: IO[bytes], name: str) -> Source:
    """A pipe can be read once only, and a file must be read twice: keep what it says."""
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY)  # noqa: SIM115
    try:
        shutil.copyfileobj(stream, spool, 1 << 20)
    except OSError as error:
        raise DataError(_os_sentence(name, error)) from None
    spool.seek(0)
    kind, compression = _sniff(spool.read(64), name)
    return Source(name=name, kind=kind, compression=compression, spool=spool)


def _standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise DataError("Standard input is closed; give a file, or pipe the data in.")
    if sys.stdin.isatty():
        print("crmkit: reading from the terminal; Ctrl-D ends the data", file=sys.stderr)
    return sys.stdin.buffer


def _sniff(head: bytes, name: str) -> tuple[str, str | None]:
    if not head:
        raise DataError(f"{name}: the file is empty (0 bytes).")
    if head.startswith(b"PAR1"):
        return "parquet", None
    if head.startswith(b"\x1f\x8b"):
        return "csv", "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "csv", "zstd"
    for magic, what, remedy in _STRANGERS:
        if head.startswith(magic):
            raise DataError(f"{name}: this is {what}, not CSV or Parquet; {remedy}.")
    if name.lower().endswith((".parquet", ".pq")) and b"\x00" in head:
        raise DataError(f"{name}: this is not a Parquet file, or its beginning is corrupt.")
    return "csv", None


def _decompressed(raw: IO[bytes], compression: str | None) -> IO[bytes]:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if compression == "zstd":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    return raw


def _refuse_mixture(sources: list[Source]) -> None:
    kinds = {source.kind for source in sources}
    if len(kinds) > 1:
        odd = min(kinds, key=lambda kind: sum(source.kind == kind for source in sources))
        name = next(source.name for source in sources if source.kind == odd)
        raise DataError(f"{name} is {odd} and the other files are not; give one kind of file at a time.")
