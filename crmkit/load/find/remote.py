"""Which objects of a store an address means: one, a glob, or a folder with its `key=value` folders, as on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.errors import DataError
from crmkit.load.find import paths, tables
from crmkit.load.find.inside import UNKNOWN
from crmkit.load.find.source import Source
from crmkit.sources.addresses import is_store, is_web, shown

if TYPE_CHECKING:
    from crmkit.sources.stores import Store


def is_remote(word: str) -> bool:
    """Whether an argument is an address that is read from here."""
    return is_store(word) or is_web(word)


def expand(word: str, endpoint: str | None) -> list[Source]:
    """The sources that an address names, in the order of their names."""
    # Neither is wanted for files, whose runs are counted in tenths of a second.
    if is_web(word):
        from crmkit.sources import web

        got = web.fetched(word)
        return [Source(shown(word), UNKNOWN, bytes_=got.spool.lent, which=got.which, notes=got.notes)]
    from crmkit.sources import stores

    store = stores.store(word, endpoint)
    return [_source(store, path, folder) for path, folder in _members(store)]


def _source(store: Store, path: str, folder: str) -> Source:
    found = store.object(path)
    hive = paths.hive(Path(path), Path(folder)) if folder else ()
    return Source(
        found.name,
        UNKNOWN,
        bytes_=found.open,
        length=found.size,
        hive=hive,
        fresh=found.refuse_changed,
        which=found.which,
    )


def _members(store: Store) -> list[tuple[str, str]]:
    """The objects, each with the folder that was read as a whole."""
    if has_magic(store.path):
        pattern = store.path.split("/")
        head = next(place for place, part in enumerate(pattern) if has_magic(part))
        keys = store.keys("/".join(pattern[:head]))
        found = [(key, "") for key in keys if _fits(key.split("/"), pattern)]
        _refuse_lakes(store, keys, [key for key, _ in found])
        if not found:
            raise DataError(f"{store.name}: no object was found that matches this pattern.")
        return found
    if "/" in store.path and store.is_object():
        return [(store.path, "")]
    keys = store.keys(store.path)
    _refuse_lakes(store, keys, keys)
    below = len(store.path) + 1
    seen = [key for key in keys if not any(part.startswith(("_", ".")) for part in key[below:].split("/"))]
    named = [key for key in seen if paths.is_wanted(key.rpartition("/")[2], paths.SUFFIXES)]
    named = named or [key for key in seen if paths.is_wanted(key.rpartition("/")[2], paths.OTHERS)]
    if not named:
        raise DataError(f"{store.name}: there is no such object, and no folder with CSV or Parquet files.")
    return [(key, store.path) for key in named]


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """`*` is one name, `**` any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _fits(parts, pattern[1:] or ("*",)) or (bool(parts) and _fits(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _refuse_lakes(store: Store, keys: Sequence[str], chosen: Sequence[str]) -> None:
    """DataError where objects lie in a table whose log says which of them count."""
    for mark, name, line in tables.MARKS:
        for key in keys:
            folder = tables.folder_of(key, mark)
            if folder is not None and any(one.startswith(folder) for one in chosen):
                where = f"{store.name.partition('://')[0]}://{folder.rstrip('/')}"
                raise DataError(tables.sentence(where, name, line))
