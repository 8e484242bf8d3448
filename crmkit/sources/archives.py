"""Zip and tar archives: what lies in them, and each member's bytes as they stream out."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

from crmkit.errors import DataError

Open = Callable[[], IO[bytes]]
ENDS = (".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl", ".parquet", ".pq", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")  # fmt: skip
_PACKED = (".gz", ".zst")
_JUNK = ("__macosx/",)
# Text shrinks to a tenth, and to a fiftieth where lines repeat; what shrinks more is a bomb, or not worth the risk.
_MOST_SHRUNK = 200
_ALWAYS = 256 << 20
_BOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


@dataclass(frozen=True)
class Member:
    """A file in an archive, and how to have its bytes from the start."""

    name: str
    size: int
    open: Open


def holds_workbook(open_: Open, name: str) -> bool:
    """Whether a zip archive is a workbook: their formats are zip archives of XML. DataError for a bomb."""
    with _zip(open_, name) as archive:
        parts = archive.infolist()
        is_book = any(part.filename in _BOOKS for part in parts)
        for part in parts if is_book else ():
            _refuse_bomb(name, part.filename, part.file_size, part.compress_size)
    return is_book


def members(open_: Open, name: str, *, is_tar: bool) -> list[Member]:
    """The files of an archive that could be tables, or all where none is named like one; DataError for none and for bombs."""
    found = list(_in_tar(open_, name) if is_tar else _in_zip(open_, name))
    found = [one for one in found if not _is_junk(one.name)]
    named = [one for one in found if _could_be_table(one.name)]
    if not found:
        raise DataError(f"{name}: the archive is empty; there is no table in it.")
    return named or found


def _is_junk(name: str) -> bool:
    return name.lower().startswith(_JUNK) or name.rpartition("/")[2].startswith((".", "_"))


def _could_be_table(name: str) -> bool:
    lower = name.lower()
    for end in _PACKED:
        lower = lower.removesuffix(end)
    return lower.endswith(ENDS) and not lower.endswith("readme.txt")


def _in_zip(open_: Open, name: str) -> Iterator[Member]:
    with _zip(open_, name) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise DataError(
                    f"{name}: {info.filename} is encrypted; unpack the archive with its password first."
                )
            _refuse_bomb(name, info.filename, info.file_size, info.compress_size)
            yield Member(info.filename, info.file_size, partial(_opened_zip, open_, info.filename, name))


def _refuse_bomb(archive: str, name: str, size: int, stored: int) -> None:
    if size > _ALWAYS and size > _MOST_SHRUNK * max(stored, 1):
        raise DataError(
            f"{archive}: {name} would unpack {stored:,} bytes to {size:,}, as a zip bomb does; no table shrinks "
            f"to less than 1/{_MOST_SHRUNK}. If you trust it, unpack it first."
        )


@contextmanager
def _zip(open_: Open, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with open_() as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise DataError(
            f"{name}: the zip archive is corrupt or truncated ({error}); fetch it again."
        ) from None


def _opened_zip(open_: Open, member: str, name: str) -> IO[bytes]:
    try:
        return cast(IO[bytes], _Whole(zipfile.ZipFile(open_()).open(member)))
    except (NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{name}: {member} cannot be unpacked here ({error}); unpack the archive first."
        ) from None


def _in_tar(open_: Open, name: str) -> Iterator[Member]:
    try:
        with tarfile.open(fileobj=open_(), mode="r|") as archive:
            for info in archive:
                if info.isfile():
                    yield Member(
                        info.name, info.size, partial(_opened_tar, open_, info.offset_data, info.size)
                    )
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"{name}: the tar archive is corrupt or truncated ({error}); fetch it again."
        ) from None


def _opened_tar(open_: Open, start: int, size: int) -> IO[bytes]:
    file = open_()
    if hasattr(file, "seekable") and file.seekable():
        file.seek(start)
    else:
        while start and (chunk := file.read(min(start, 1 << 20))):
            start -= len(chunk)
    return cast(IO[bytes], _Whole(file, size))


class _Whole:
    """A stream of so many bytes, in which what the library raises for a damaged archive is what gzip raises."""

    closed = False

    def __init__(self, file: Any, size: int | None = None) -> None:
        self._file = file
        self._left = size

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        if self._left is not None:
            wanted = self._left if wanted < 0 else min(wanted, self._left)
        try:
            data: bytes = self._file.read(wanted)
        except (zipfile.BadZipFile, zlib.error) as error:
            raise OSError(str(error)) from None
        if self._left is not None:
            if wanted and not data:
                raise EOFError("the archive ends before its file does")
            self._left -= len(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(1 << 16 if size < 0 else size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> _Whole:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
