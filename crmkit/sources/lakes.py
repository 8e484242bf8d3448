"""Lake tables → columns of Arrow: the rows that the log says count, as of now or of an earlier version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from crmkit.errors import DataError, UsageError
from crmkit.sources.addresses import scheme
from crmkit.sources.columns import Columns
from crmkit.sources.extras import needed

_DELTA, _ICEBERG = "_delta_log", "metadata/*.metadata.json"


def is_lake(word: str) -> bool:
    """Whether this names a table of Delta or Iceberg: its folder, or iceberg:CATALOG/NAMESPACE.TABLE."""
    return scheme(word) == "iceberg" or ("://" not in word and _kind(Path(word)) is not None)


def _kind(folder: Path) -> str | None:
    try:
        if (folder / _DELTA).is_dir():
            return "delta"
        return "iceberg" if next(folder.glob(_ICEBERG), None) is not None else None
    except (OSError, ValueError):
        return None


class Versioned(Columns, Protocol):
    """Rows of a version."""

    @property
    def version(self) -> int:
        """Its number, of Iceberg the snapshot's."""


def table(word: str, version: str | None) -> Versioned:
    """The rows as of a version (its number, or an ISO day or moment in UTC); DataError for what the library cannot read."""
    if scheme(word) != "iceberg" and _kind(Path(word)) == "delta":
        return _Delta(word, version)
    return _Iceberg(word, version)


def _moment(version: str) -> datetime | None:
    """The moment that is meant, of a day its end; None for a number."""
    if version.isdecimal():
        return None
    try:
        found = datetime.fromisoformat(version)
    except ValueError:
        raise UsageError(f"--version {version!r} is neither a number nor a day such as 2024-06-30.") from None
    if len(version) == len("2024-06-30"):
        found = datetime.combine(found, time.max)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _sentence(name: str, error: Exception) -> DataError:
    why = (
        " ".join(str(error).split())[:300].rstrip(".").replace(" --", " ")
    )  # options of the library, not ours
    return DataError(f"{name}: the table cannot be read as it is asked for: {why}.")


class _Delta:
    pointed: frozenset[str] = frozenset()

    def __init__(self, folder: str, version: str | None) -> None:
        library = needed(
            "deltalake", "delta", f"{folder}: a table of Delta, whose log says which files count,"
        )
        self._name = folder
        moment = _moment(version) if version else None
        try:
            made = library.DeltaTable(folder, version=int(version) if version and moment is None else None)
            if moment is not None:
                made.load_as_version(moment)
            self._rows = made.to_pyarrow_dataset()
            self.version = int(made.version())
        except Exception as error:  # the library's own errors, of many kinds
            raise _sentence(folder, error) from None

    @property
    def schema(self) -> pa.Schema:
        return self._rows.schema

    @cached_property
    def rows(self) -> int | None:
        return int(self._rows.count_rows())

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._rows.scanner(
                columns=list(names), batch_size=size, use_threads=False
            ).to_batches()
        except (OSError, pa.ArrowException) as error:
            raise _sentence(self._name, error) from None


class _Iceberg:
    pointed: frozenset[str] = frozenset()

    def __init__(self, word: str, version: str | None) -> None:
        needed("pyiceberg", "iceberg", f"{word}: a table of Iceberg, whose log says which files count,")
        self._name = word
        try:
            self._table = _of_catalogue(word) if scheme(word) == "iceberg" else _of_folder(Path(word))
            self._snapshot = self._asked(version)
        except UsageError:
            raise
        except Exception as error:  # the library's own errors, of many kinds
            raise _sentence(word, error) from None

    @property
    def version(self) -> int:
        """The snapshot; 0 where nothing was ever written."""
        return self._snapshot or 0

    def _asked(self, version: str | None) -> int | None:
        """The snapshot that is meant, which stays the one even where the table goes on."""
        if version is None:
            latest = self._table.current_snapshot()
            return None if latest is None else int(latest.snapshot_id)
        moment = _moment(version)
        if moment is None:
            if self._table.snapshot_by_id(int(version)) is None:
                raise ValueError(f"there is no snapshot {version}")
            return int(version)
        found = self._table.snapshot_as_of_timestamp(int(moment.timestamp() * 1000))
        if found is None:
            raise ValueError(f"there was no snapshot at {version}")
        return int(found.snapshot_id)

    def _scan(self, names: Sequence[str] | None, most: int | None = None) -> Any:
        return self._table.scan(
            selected_fields=("*",) if names is None else tuple(names), snapshot_id=self._snapshot, limit=most
        )

    @cached_property
    def schema(self) -> pa.Schema:
        return self._scan(None, 1).to_arrow_batch_reader().schema

    @cached_property
    def rows(self) -> int | None:
        return int(self._scan(None).count())

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._scan(names, most).to_arrow_batch_reader()
        except Exception as error:  # the library's own errors, of many kinds
            raise _sentence(self._name, error) from None


def _of_catalogue(word: str) -> Any:
    from pyiceberg.catalog import load_catalog

    name, _, table = word.partition(":")[2].lstrip("/").partition("/")
    if not name or not table:
        raise UsageError(f"{word} names no table. Say iceberg:CATALOG/NAMESPACE.TABLE.")
    return load_catalog(name).load_table(table)


def _of_folder(folder: Path) -> Any:
    from pyiceberg.table import StaticTable

    def updated(path: Path) -> tuple[int, str]:
        return int(json.loads(path.read_text(encoding="utf-8"))["last-updated-ms"]), path.name

    return StaticTable.from_metadata(str(max(folder.glob(_ICEBERG), key=updated)))
