"""Standard output, devices and pipes: written in place, with failures told in sentences."""

from __future__ import annotations

import codecs
import errno
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from crmkit.errors import DataError
from crmkit.language.safe_text import safe

# Polars and PyArrow put the number into the message and leave `errno` empty.
_NUMBER = r"\(os error (\d+)\)|\[Errno (\d+)\]"
_DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)")


class ClosedPipeError(BrokenPipeError):
    """Whoever read standard output has left; nothing is wrong, and `signals.end_by_pipe` is the way to go."""


def reason(error: OSError) -> str:
    """Why, in the operating system's words."""
    number = _errno(error)
    return os.strerror(number) if number else safe(error, limit=200)


def _errno(error: OSError) -> int | None:
    found = re.search(_NUMBER, str(error))
    return error.errno or (int(found[1] or found[2]) if found else None)


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn a failed write into a DataError that says what could not be written and why."""
    try:
        yield
    except ClosedPipeError:
        raise
    except OSError as error:
        raise DataError(f"{what} could not be written: {reason(error)}.") from error


class StandardOutput:
    """Standard output for bytes and text; on a terminal, bytes are shown with their controls spelt out."""

    closed = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        buffer = getattr(stream, "buffer", None)
        self._binary: Any = getattr(buffer, "raw", buffer)  # flushed before, and then by no one else used
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.is_terminal = stream.isatty()

    def write(self, data: bytes) -> int:
        """Write data as they are, unless somebody is looking."""
        if self._binary is None or self.is_terminal:
            lines = self._decoder.decode(bytes(data)).split("\n")
            self.write_text("\n".join(_spelt_out(line) for line in lines))
        else:
            self._write_whole(data)
        return len(data)

    def write_text(self, text: str) -> None:
        """Write text that is safe already; what the encoding lacks is written as `\\uNNNN`."""
        encoding = self._stream.encoding or "utf-8"
        shown = text.encode(encoding, "backslashreplace")
        if self._binary is None:
            self._stream.write(shown.decode(encoding))
        else:
            self._write_whole(shown)

    def _write_whole(self, data: bytes) -> None:
        """The system may take a part only (the disk is full, the reader slow or gone), which is no error of its own."""
        assert self._binary is not None
        rest = memoryview(data)
        while rest:
            taken = self._binary.write(rest)
            if taken is None:  # someone has made it non-blocking
                select.select([], [self._binary], [])
            rest = rest[taken or 0 :]

    def flush(self) -> None:
        """Hand everything to the operating system, so that a failure shows now."""
        self._stream.flush()

    def close(self) -> None:
        """Left to the interpreter."""


def _spelt_out(line: str) -> str:
    """A tab is a separator here, and harmless."""
    return "\t".join(map(safe, line.split("\t")))


@contextmanager
def standard_output() -> Iterator[StandardOutput]:
    """Standard output, flushed at the end; ClosedPipeError or DataError when it cannot be written."""
    if sys.stdout is None:
        raise DataError("Standard output is closed. Open it, or name a file with --output FILE.")
    stream = StandardOutput(sys.stdout)
    sys.stdout.flush()
    try:
        with in_words("Standard output"):
            yield stream
            stream.flush()
    except DataError as error:
        _abandon(sys.stdout)
        if isinstance(error.__cause__, OSError) and _errno(error.__cause__) == errno.EPIPE:
            raise ClosedPipeError from None
        raise


def _abandon(stream: TextIO) -> None:
    """Send what is left in the buffer nowhere, or the interpreter would complain when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


@contextmanager
def in_place(path: Path) -> Iterator[BinaryIO]:
    """A device, a pipe or a descriptor, opened for writing where it is."""
    found = _DESCRIPTOR.fullmatch(str(path))
    number = int(found[1] or found[2]) if found else None
    if number == 1 or str(path) == "/dev/stdout":
        with standard_output() as stream:
            yield cast(BinaryIO, stream)
    elif number is not None:
        # A descriptor is shared, not opened again: its position belongs to whoever passed it on.
        with os.fdopen(os.dup(number), "wb") as shared:
            yield shared
    else:
        with path.open("wb") as opened:
            yield opened
