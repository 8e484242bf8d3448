"""Outputs that are no files here: an object of a store, a table of a database. Each is there whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from crmkit.errors import UsageError
from crmkit.sources import addresses
from crmkit.sources.extras import needed

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class Waiting(Protocol):
    """What has been written under another name, or so that nobody sees it yet."""

    @property
    def path(self) -> Path | None:
        """Where its bytes lie until then, if they do here."""

    def finish(self) -> None:
        """Everything was written."""

    def take_place(self) -> None:
        """Become what was asked for, in one step."""

    def discard(self) -> None:
        """Leave nothing, if it has not taken its place."""


def is_table(path: str | Path) -> bool:
    """Whether this is a table of a database."""
    return addresses.is_database(str(path))


def is_object(path: str | Path) -> bool:
    """Whether this is an object of a store."""
    return addresses.is_store(str(path))


def refuse_elsewhere(word: str) -> None:
    """UsageError for a database that is not written to."""
    if addresses.elsewhere(word) is not None:
        raise UsageError(
            f"{addresses.shown(word)}: of databases, tables of PostgreSQL are written. Write a file for its own client: -o table.csv"
        )


def check_table(word: str) -> None:
    """UsageError for a table that cannot be written; DataError where its database cannot be reached."""
    from crmkit.sources import databases

    databases.connect(_target(word)).tables()


class Object:
    """A file in the temporary folder, which becomes an object by one put."""

    def __init__(self, word: str, endpoint: str | None) -> None:
        from crmkit.sources import stores

        self._store = stores.store(word, endpoint)
        self._file = tempfile.NamedTemporaryFile(prefix="crmkit-")  # noqa: SIM115
        self.stream = cast(BinaryIO, self._file)
        self.path: Path | None = Path(self._file.name)

    def finish(self) -> None:
        self._file.flush()

    def take_place(self) -> None:
        assert self.path is not None
        self._store.put(self.path)

    def discard(self) -> None:
        self._file.close()


class Table:
    """A new table in a transaction, which takes the place of the old one by a rename when that ends.

    Whatever ends the run before, the database takes the new one back.
    """

    path: Path | None = None

    def __init__(self, word: str) -> None:
        self._address = _target(word)
        driver = needed(
            "adbc_driver_postgresql.dbapi", "postgres", f"{self._address.name}: a PostgreSQL database"
        )
        self._errors = (driver.Error, OSError)
        schema, _, self._name = str(self._address.table).rpartition(".")
        self._schema = schema or None
        self._new = f"{self._name[:40]}__new"
        with self._in_words():
            self._connection = driver.connect(self._address.target)

    def fill(self, frames: Iterable[pl.DataFrame]) -> int:
        """Write these rows; say how many."""
        import pyarrow as pa

        pieces = (_arrow(frame) for frame in frames)
        first = next(pieces)
        batches = (batch for table in chain([first], pieces) for batch in table.to_batches())
        with self._in_words(), self._connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self._quoted(self._new)}")
            reader = pa.RecordBatchReader.from_batches(first.schema, batches)
            cursor.adbc_ingest(self._new, reader, mode="create", db_schema_name=self._schema)
            cursor.execute(f"SELECT count(*) FROM {self._quoted(self._new)}")
            return int(cursor.fetchone()[0])

    def finish(self) -> None:
        """The rows are there, and nobody sees them yet."""

    def take_place(self) -> None:
        with self._in_words(), self._connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self._quoted(self._name)}")
            cursor.execute(f"ALTER TABLE {self._quoted(self._new)} RENAME TO {addresses.quoted(self._name)}")
            self._connection.commit()

    def discard(self) -> None:
        with suppress(*self._errors):
            self._connection.rollback()
        with suppress(*self._errors):
            self._connection.close()

    def _quoted(self, name: str) -> str:
        table = addresses.quoted(name)
        return table if self._schema is None else f"{addresses.quoted(self._schema)}.{table}"

    def _in_words(self) -> Any:
        from crmkit.sources import databases

        return databases.in_words(self._address.name, self._errors)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    import polars as pl
    import polars.selectors as cs

    return frame.with_columns(cs.by_dtype(pl.Int128).cast(pl.Decimal(38, 0))).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )


def _target(word: str) -> addresses.Database:
    """The database and the table in it: postgresql://host/db/table, or ?table=NAME."""
    found = addresses.database(addresses.with_table(word))
    if found.kind != "postgresql":
        raise UsageError(
            f"{found.name} is read and not written. Write a table of PostgreSQL, or a file such as tiers.parquet."
        )
    if not found.table or found.query:
        raise UsageError(
            f"{found.name} names no table to write. Say it: -o 'postgresql://HOST/DATABASE/TABLE'."
        )
    return found
