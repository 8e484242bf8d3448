"""Files that are there whole or not at all.

A file is written under a temporary name in its own folder, brought to the disk and renamed over
the old one, so that a killed run, a full disk or an error leaves the old file as it was. Several
files are renamed together at the end:

    with Outputs() as files:
        files.write("rejects.csv", fill_rejects)
        files.write("tiers.parquet", fill_tiers)    # the one that others wait for comes last
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shlex
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from crmkit.errors import DataError, UsageError
from crmkit.language.safe_text import safe
from crmkit.output import formats, places, workbook
from crmkit.output.streams import ClosedPipeError, in_place, in_words
from crmkit.sources import addresses
from crmkit.system import signals, temp_files

if TYPE_CHECKING:
    import polars as pl

Fill = Callable[[BinaryIO], object]

_MOST_LINKS = 40
_DESCRIPTOR = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/[^/]+/fd/\d+")


def check(path: str | Path, inputs: Sequence[str | Path] = (), *, others: Sequence[str | Path] = ()) -> None:
    """Refuse, before any data is read, an export that cannot be written or must not be.

    `inputs` are as the user typed them: files, folders, patterns, `-`. `others` are the further
    outputs of the run. UsageError for an unknown extension, an input or a clash; DataError for a
    folder that is not there or may not be written.
    """
    with in_words(safe(path)):
        if places.is_table(path):
            places.check_table(str(path))
            return
        places.refuse_elsewhere(str(path))
        if layout(path).format == "xlsx":
            workbook.library()
    if not places.is_object(path):
        check_place(path, inputs, others=others)


def check_place(
    path: str | Path, inputs: Sequence[str | Path] = (), *, others: Sequence[str | Path] = ()
) -> None:
    """`check` for a file whose format does not follow from its extension."""
    with in_words(safe(path)):
        if is_special(path):
            return
        target = _target(path)
        _check_folder(path, target)
        for source in inputs:
            _refuse_input(path, target, str(source))
    for other in others:
        with in_words(safe(other)):
            if not is_special(other) and _target(other) == target:
                raise UsageError(f"Two outputs would go to {safe(path)}. Give each a name of its own.")


def layout(path: str | Path) -> formats.FileLayout:
    """The layout that the extension asks for; CSV for a device, pipe or `-` without one."""
    try:
        return formats.layout(path)
    except UsageError:
        if is_special(path):
            return formats.FileLayout("csv")
        raise


def _check_folder(path: str | Path, target: Path) -> None:
    folder, shown = target.parent, safe(target.parent)
    if target.is_dir():
        raise UsageError(f"The output {safe(path)} is a folder. Give the name of a file in it.")
    if not folder.is_dir():
        raise DataError(f"The folder {shown} does not exist. Make it first: mkdir -p {shlex.quote(shown)}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"The folder {shown} may not be written. Name another one for {safe(path)}.")
    if target.exists() and not os.access(target, os.W_OK):
        raise DataError(f"The file {safe(path)} is write-protected. Remove it or choose another name.")


def _refuse_input(path: str | Path, target: Path, source: str) -> None:
    if source == "-":
        return
    if Path(source).is_dir():
        if target.is_relative_to(_target(source)):
            raise UsageError(
                f"The output {safe(path)} lies in the folder {safe(source)} that is read. "
                "Write it elsewhere, or the next run would read it."
            )
        return
    files = [source] if Path(source).exists() else glob.glob(source, recursive=True)  # noqa: PTH207
    if any(_is_same(target, file) for file in files):
        raise UsageError(f"The output {safe(path)} is also an input. Choose another name.")
    if source not in files and _fits(target, _absolute(source)):
        raise UsageError(
            f"The output {safe(path)} fits the pattern {safe(source)} that is read. "
            "Choose another name, or the next run would read it."
        )


def _fits(target: Path, pattern: Path) -> bool:
    # Before Python 3.13 pathlib takes ** for *; fnmatch lets any * cross folders.
    return fnmatch.fnmatch(str(target), str(pattern)) if "**" in pattern.parts else target.match(str(pattern))


def _is_same(target: Path, source: str) -> bool:
    with suppress(OSError):
        return target.samefile(source)
    return False


def _target(path: str | Path) -> Path:
    """The file itself, where `path` may be a link to it."""
    return Path(os.path.realpath(path))


def is_special(path: str | Path) -> bool:
    """Whether `path` is `-`, a device, a pipe or a descriptor: written in place, never renamed over."""
    end = _follow(path)
    if str(path) == "-" or _DESCRIPTOR.fullmatch(str(end)):
        return True
    with suppress(OSError):
        mode = end.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _follow(path: str | Path) -> Path:
    """Follow links, but not a descriptor's: a redirected /dev/stdout is a link to a file."""
    end = _absolute(path)
    for _ in range(_MOST_LINKS):
        if _DESCRIPTOR.fullmatch(str(end)) or not end.is_symlink():
            break
        end = _absolute(end.parent / end.readlink())
    return end


def _absolute(path: str | Path) -> Path:
    """Without `..`, which pathlib keeps."""
    return Path(os.path.abspath(path))  # noqa: PTH100


class Outputs:
    """The files of a run: written one by one, renamed together when the block ends without an error."""

    def __init__(self) -> None:
        self.endpoint: str | None = None  # where an object store is, if it is not the usual place
        self._temps: list[tuple[str, places.Waiting]] = []
        self._handlers: dict[int, Any] = {}
        self._undisturbed = False
        self._late: int | None = None

    def __enter__(self) -> Outputs:
        if threading.current_thread() is threading.main_thread():
            for number in signals.ENDINGS:
                # An ignored signal stays ignored, as under nohup.
                if (old := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                    self._handlers[number] = old
                    signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # A reader of standard output that left early (`| head`) does not cost the files.
            if kind is None or issubclass(kind, ClosedPipeError):
                self._rename_all()
        finally:
            self._discard()
            self._restore_handlers()

    def write(self, path: str | Path, fill: Fill, *, first: bool = False) -> None:
        """Have `fill` write the stream that becomes `path` at the end of the block.

        Files are renamed in the order of writing, `first` before the others. Standard output
        (`-`), devices and pipes are written at once. A failure is a DataError that names the path
        and the reason, and leaves every file as it was.
        """
        with in_words(safe(path)):
            if places.is_object(path):
                self._fill(str(path), places.Object(str(path), self.endpoint), fill)
            elif is_special(path):
                with in_place(Path("/dev/stdout") if str(path) == "-" else _follow(path)) as stream:
                    fill(stream)
            else:
                self._write_temp(path, fill, first)

    def write_table(self, path: str, frames: Iterator[pl.DataFrame]) -> int:
        """Have these rows become a table of a database at the end of the block; say how many there are."""
        with self._signals_wait():
            table = places.Table(path)
            self._temps.append((path, table))
        rows = table.fill(frames)
        table.finish()
        return rows

    def _fill(self, path: str, waiting: places.Object, fill: Fill) -> None:
        self._temps.append((path, waiting))
        fill(waiting.stream)
        waiting.finish()

    def _write_temp(self, path: str | Path, fill: Fill, first: bool) -> None:
        target = _target(path)
        temp_files.remove_leftovers(target.parent)
        with self._signals_wait():
            temp = temp_files.create(target)
            self._temps.insert(0 if first else len(self._temps), (str(path), temp))
        fill(temp.stream)
        temp.finish()

    def waiting(self) -> dict[str, Path]:
        """The files written so far, by the names they were asked for, where they lie until the end."""
        return {path: temp.path for path, temp in self._temps if temp.path is not None}

    def _rename_all(self) -> None:
        # From here a signal comes too late: the run ends well, with all of its files.
        self._undisturbed = True
        signals.come_too_late()
        here = [temp for _, temp in self._temps if isinstance(temp, temp_files.Temp)]
        # What may fail elsewhere goes before what will not fail here.
        for path, temp in sorted(self._temps, key=lambda one: isinstance(one[1], temp_files.Temp)):
            with in_words(safe(addresses.shown(path))):
                temp.take_place()
        for folder in {temp.target.parent for temp in here}:
            temp_files.sync_folder(folder)

    def _discard(self) -> None:
        for _, temp in self._temps:
            temp.discard()
        self._temps.clear()

    @contextmanager
    def _signals_wait(self) -> Iterator[None]:
        """While there is a file that is not yet in the list, a signal is held back."""
        self._undisturbed = True
        try:
            yield
        finally:
            self._undisturbed = False
        if self._late is not None:
            number, self._late = self._late, None
            signal.raise_signal(number)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Clean up before a signal ends the run."""
        old = self._handlers[number]
        if self._undisturbed:
            self._late = number
        elif callable(old):
            old(number, frame)
        else:
            self._discard()
            self._restore_handlers()
            signal.raise_signal(number)

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()


def write(path: str | Path, fill: Fill) -> None:
    """Write one file, all or nothing; `-` is standard output."""
    with Outputs() as files:
        files.write(path, fill)
