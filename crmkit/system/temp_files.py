"""Temporary files beside the files that they will replace, and what dead runs left of them.

The name holds the process, and a lock on the open file says that its writer lives: process numbers
alone repeat in containers and differ between machines that share a folder.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, NamedTuple, cast

from crmkit.system import descriptors

# What not every system knows does not matter there.
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NAME = re.compile(r"\.crmkit-(\d+)-[0-9a-f]+\.tmp")


class Temp(NamedTuple):
    """A file under its temporary name; the stream stays open, since the lock goes with it."""

    stream: BinaryIO
    path: Path
    target: Path

    def finish(self) -> None:
        """Bring everything to the disk, with the owner and mode of the file to be replaced."""
        self.stream.flush()
        number = self.stream.fileno()
        with suppress(FileNotFoundError):
            old = self.target.stat()
            with suppress(PermissionError, AttributeError):
                os.fchown(number, old.st_uid, old.st_gid)
            with suppress(AttributeError):
                os.fchmod(number, stat.S_IMODE(old.st_mode))
        os.fsync(number)

    def take_place(self) -> None:
        """Become the file that was asked for, in one step: old or new, and nothing between."""
        if not hasattr(os, "fork"):
            self.stream.close()  # such a system renames no open file
        self.path.replace(self.target)

    def discard(self) -> None:
        """Remove the file, if it still has its temporary name."""
        with suppress(OSError):
            self.path.unlink()
        with suppress(OSError):
            self.stream.close()


def create(target: Path) -> Temp:
    """A new locked file in the folder of `target`."""
    # Private while it is filled: the file that it replaces may be so.
    mode = 0o600 if target.exists() else 0o666
    while True:
        path = target.parent / f".crmkit-{os.getpid()}-{token_hex(4)}.tmp"
        number = descriptors.above_standard(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        )
        descriptors.lock(number)
        # Another run may have taken it for a dead one's before it was locked.
        if os.fstat(number).st_nlink:
            return Temp(cast(BinaryIO, os.fdopen(number, "wb")), path, target)
        os.close(number)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of runs that died."""
    for path in folder.iterdir():
        if found := _NAME.fullmatch(path.name):
            with suppress(OSError):
                _remove_if_dead(path, int(found[1]))


def _remove_if_dead(path: Path, pid: int) -> None:
    number = os.open(path, os.O_RDONLY | _NO_LINK)
    try:
        locked = descriptors.lock(number)
    finally:
        os.close(number)
    # Where nothing can be locked, the process number has to do.
    if locked or (locked is None and not _is_alive(pid)):
        path.unlink()


def _is_alive(pid: int) -> bool:
    if not hasattr(os, "fork"):
        return True  # there a signal of 0 would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last; what cannot be synced is whole all the same, old or new."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(number)
        finally:
            os.close(number)
