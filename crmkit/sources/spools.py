"""What can be read once only, or was made on the way, is kept: in memory while it is small, else in a file without a name."""

from __future__ import annotations

import io
import tempfile
import threading
from typing import IO, Any, cast

from crmkit.errors import DataError

IN_MEMORY = 64 * 2**20
_ONE_AT_A_TIME = threading.Lock()


class Spool(io.RawIOBase):
    """Bytes that are written once; `lent()` reads them from the start, as often as is wished."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115

    def write(self, data: Any, /) -> int:
        try:
            return cast(int, self._file.write(data))
        except OSError as error:
            raise DataError(
                f"{self._name}: what it says does not fit into the temporary folder {tempfile.gettempdir()} ({error.strerror}). "
                "Set TMPDIR to a larger one, or give a file."
            ) from None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return cast(int, self._file.tell())

    def flush(self) -> None:
        """Nobody reads but by way of `lent`."""

    def lent(self) -> IO[bytes]:
        """The bytes from the start."""
        return cast(IO[bytes], Lent(self._file))


class Lent(io.BufferedIOBase):
    """A file from its start, with a place of its own: a thread may still read what another begins again."""

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
