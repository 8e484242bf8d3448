"""Which files an argument means: a path, a glob or a folder, in an order that no file system decides.

Nothing that could hold data is passed over in silence: a folder that may not be read, a link that
leads nowhere and a file that is reached twice are errors.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

from crmkit.errors import DataError, UsageError
from crmkit.load.find import tables
from crmkit.sources import addresses

SUFFIXES = (
    ".csv",
    ".tsv",
    ".txt",
    ".csv.gz",
    ".tsv.gz",
    ".txt.gz",
    ".csv.zst",
    ".tsv.zst",
    ".txt.zst",
    ".parquet",
    ".pq",
)
# Where a folder holds none of them, it is what it holds; beside them these are notes and reports.
OTHERS = (
    ".json",
    ".ndjson",
    ".jsonl",
    ".json.gz",
    ".ndjson.gz",
    ".jsonl.gz",
    ".xlsx",
    ".xlsm",
    ".xlsb",
    ".xls",
    ".ods",
    ".zip",
)
_HIDDEN = ("_", ".")  # markers and work in progress
Hive = tuple[tuple[str, str], ...]


def expand(argument: str) -> list[tuple[Path, Hive]]:
    """The files of one argument, with the `key=value` folders on the way to each."""
    _check(argument)
    if os.path.lexists(argument):
        return _expanded(Path(argument))
    return [found for path in _globbed(argument) for found in _expanded(path)]


def _check(argument: str) -> None:
    if not argument:
        raise UsageError("The file name is empty; give a path, a glob, a folder or - for standard input.")
    if (said := addresses.elsewhere(argument)) is not None:
        raise DataError(said)
    if "://" in argument:
        raise DataError(
            f"{addresses.shown(argument)} is an address that crmkit does not know. Those that it reads are postgresql://, sqlite:, "
            "duckdb:, s3://, gs://, az:// and https://; what else can be fetched may be piped: … | crmkit … -"
        )


def _expanded(path: Path) -> list[tuple[Path, Hive]]:
    if not stat.S_ISDIR(status(path).st_mode):
        tables.refuse(path.parent)
        return [(path, ())]
    tables.refuse(path)
    members = sorted(_walk(path, SUFFIXES)) or sorted(_walk(path, OTHERS))
    if not members:
        raise DataError(f"{path}: this folder (directory) holds no CSV or Parquet files; none was found.")
    return [(member, hive(member, path)) for member in members]


def status(path: Path) -> os.stat_result:
    """The status of a path; DataError says why there is none."""
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise DataError(sentence(str(path), error)) from None


def sentence(name: str, error: Exception) -> str:
    """What the system says of a file, as a sentence."""
    shown = name if len(name) <= 200 else name[:200] + "…"
    reason = getattr(error, "strerror", None) or str(error)
    return f"{shown}: {reason[:1].lower()}{reason[1:]}."


def _globbed(pattern: str) -> list[Path]:
    if not glob.has_magic(pattern):
        status(Path(pattern))
    path = Path(pattern)
    parts = path.parts[1:] if path.anchor else path.parts
    paths = sorted(set(_matching(Path(path.anchor or "."), parts)))
    if not paths:
        raise DataError(f"{pattern}: no file was found that matches this pattern.")
    return paths


def _matching(folder: Path, pattern: Sequence[str]) -> Iterator[Path]:
    """What lies under a folder and matches; unlike `glob`, no folder that may not be read is passed over."""
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        yield from _matching(folder, rest or ("*",))
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(_HIDDEN):
                yield from _matching(folder / entry.name, pattern)
        return
    names = [entry.name for entry in _entries(folder)] if glob.has_magic(head) else [head]
    for name in names:
        path = folder / name
        if name != head and (
            not fnmatchcase(name, head) or (name.startswith(_HIDDEN) and name[0] != head[0])
        ):
            continue
        if rest and path.is_dir():
            yield from _matching(path, rest)
        elif not rest and _is_there(path):
            yield path


def _is_there(path: Path) -> bool:
    """DataError where that cannot be known, since its folder may not be looked into."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise DataError(sentence(str(path), error)) from None
    return True


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(sentence(str(folder), error)) from None


def _walk(folder: Path, ends: tuple[str, ...]) -> Iterator[Path]:
    """The data files of a folder, links followed, each folder once."""
    seen: set[tuple[int, int]] = set()

    def fail(error: OSError) -> None:
        raise DataError(sentence(str(error.filename or folder), error))

    for where, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        tables.refuse(Path(where))
        folders[:] = sorted(name for name in folders if _is_new(Path(where) / name, seen))
        for name in files:
            if is_wanted(name, ends):
                path = Path(where) / name
                if not stat.S_ISREG(status(path).st_mode):
                    raise DataError(
                        f"{path}: this is no regular file, so the folder cannot be read as a whole."
                    )
                yield path


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    if folder.name.startswith(_HIDDEN):
        return False
    found = status(folder)
    key = (found.st_dev, found.st_ino)
    new = key not in seen
    seen.add(key)
    return new


def is_wanted(name: str, ends: tuple[str, ...]) -> bool:
    """Whether a member of a folder is read, by its name."""
    lower = name.lower()
    return not lower.startswith(_HIDDEN) and lower.endswith(ends) and not lower.endswith("readme.txt")


def hive(path: Path, folder: Path) -> Hive:
    """What the `key=value` folders on the way to a file say."""
    parts = path.relative_to(folder).parts[:-1]
    pairs = (part.partition("=") for part in parts if "=" in part)
    return tuple((unquote(key), unquote(value)) for key, _, value in pairs)


def refuse_twice(paths: Iterable[Path]) -> None:
    """The same file under two names would count its rows twice."""
    seen: dict[tuple[int, int], Path] = {}
    for path in paths:
        found = status(path)
        key = (found.st_dev, found.st_ino)
        if key in seen:
            same = "" if seen[key] == path else f", as {seen[key]} too"
            raise UsageError(f"{path} is given twice{same}; its rows would count twice. Give it once.")
        seen[key] = path
