"""Databases → columns of Arrow: a table or the answer of a query, read in batches, in a transaction that can only read.

A connection sees one state of the database from its first look to its last, so that passes agree.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import quote

import pyarrow as pa

from crmkit.errors import DataError
from crmkit.sources import addresses
from crmkit.sources.addresses import Database
from crmkit.sources.extras import needed

_PREFIX = re.compile(r"^[A-Z_]+: (?:\[libpq\] )?")
# What the driver would hand over as something else: money as cents, a float of four bytes with digits nobody wrote.
_CASTS = {b"money": "::numeric", b"float4": "::text::numeric"}


_SQLITE = (sqlite3.Error, sqlite3.Warning)


class Connection(Protocol):
    """An open database."""

    name: str

    def tables(self) -> list[str]:
        """The tables and views in it that hold a user's rows; `schema.table` outside of the usual schema."""

    def schema(self, relation: str) -> pa.Schema:
        """The columns of a table, or of a query in brackets."""

    def count(self, relation: str) -> int:
        """How many rows that has."""

    def pointed(self, relation: str, schema: pa.Schema) -> frozenset[str]:
        """Columns that come as text and hold only numbers."""

    def batches(
        self, relation: str, schema: pa.Schema, names: Sequence[str], size: int, most: int | None
    ) -> Iterator[pa.RecordBatch]:
        """The rows, of these columns."""


class Relation:
    """A table, or what a query answers."""

    def __init__(self, connection: Connection, relation: str) -> None:
        self._connection = connection
        self._relation = relation

    @cached_property
    def schema(self) -> pa.Schema:
        return self._connection.schema(self._relation)

    @cached_property
    def rows(self) -> int | None:
        return self._connection.count(self._relation)

    @cached_property
    def pointed(self) -> frozenset[str]:
        return self._connection.pointed(self._relation, self.schema)

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        yield from self._connection.batches(self._relation, self.schema, names, size, most)


def quoted(name: str) -> str:
    """A name, or a `schema.name`, as SQL has it."""
    return ".".join(map(addresses.quoted, name.split(".", 1)))


def bracketed(query: str) -> str:
    """A query as a table; a comment at its end ends there."""
    return f"({query.strip().rstrip(';')}\n) AS asked"


def _select(listed: str, relation: str, most: int | None) -> str:
    return f"SELECT {listed} FROM {relation}" + ("" if most is None else f" LIMIT {most}")


def connect(address: Database) -> Connection:
    """An open database; DataError says why there is none."""
    return _KINDS[address.kind](address)


@contextmanager
def in_words(name: str, errors: tuple[type[BaseException], ...]) -> Iterator[None]:
    """What a database says of an error, in a sentence."""
    try:
        yield
    except errors as error:
        raise _sentence(name, cast(Exception, error)) from None


def _sentence(name: str, error: Exception) -> DataError:
    """What a database says, in its own words."""
    lines = [line.strip() for line in _PREFIX.sub("", str(error)).splitlines() if line.strip()]
    said = re.sub(r"^Failed to (?:connect|execute query '.*?'|\S+ \S+): ", "", lines[0] if lines else "")
    fatal = next((line for line in lines if "FATAL:" in line or "ERROR:" in line), said)
    return DataError(f"{name}: the database says: {' '.join(fatal.split())[:300].rstrip('.')}.")


class _Postgres:
    def __init__(self, address: Database) -> None:
        driver = needed("adbc_driver_postgresql.dbapi", "postgres", f"{address.name}: a PostgreSQL database")
        self.name = address.name
        self._errors = (driver.Error, pa.ArrowException, OSError)
        with in_words(self.name, self._errors):
            self._connection = driver.connect(address.target)
        with self._cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Else a scan begins where another one is, and rows come in another order each time.
            cursor.execute("SET LOCAL synchronize_seqscans = off")

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        with in_words(self.name, self._errors), self._connection.cursor() as cursor:
            yield cursor

    def tables(self) -> list[str]:
        found = self._rows(
            "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' "
            "AND n.nspname <> 'information_schema' AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1, 2"
        )
        return [table if schema == "public" else f"{schema}.{table}" for schema, table in found]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def schema(self, relation: str) -> pa.Schema:
        with self._cursor() as cursor:
            cursor.execute(f"SELECT * FROM {relation} LIMIT 0")
            return cursor.fetch_record_batch().schema

    def count(self, relation: str) -> int:
        return int(self._rows(f"SELECT count(*) FROM {relation}")[0][0])

    def pointed(self, relation: str, schema: pa.Schema) -> frozenset[str]:
        return frozenset(
            one.name
            for one in schema
            if getattr(one.type, "type_name", "") == "numeric" or _type_name(one) in _CASTS
        )

    def batches(
        self, relation: str, schema: pa.Schema, names: Sequence[str], size: int, most: int | None
    ) -> Iterator[pa.RecordBatch]:
        listed = ", ".join(_selected(schema, name) for name in names) or "1"
        with self._cursor() as cursor:
            cursor.execute(_select(listed, relation, most))
            yield from _sized(cursor.fetch_record_batch(), size)


def _type_name(column: pa.Field) -> bytes:
    found = (column.metadata or {}).get(b"POSTGRESQL:type", b"")
    return bytes(found)


def _selected(schema: pa.Schema, name: str) -> str:
    cast = _CASTS.get(_type_name(schema.field(name)), "")
    column = addresses.quoted(name)
    return f"{column}{cast} AS {column}"


def _sized(reader: Any, size: int) -> Iterator[pa.RecordBatch]:
    """Batches of about this size: drivers hand over smaller ones."""
    held, rows = list[pa.RecordBatch](), 0
    for batch in reader:
        held.append(batch)
        rows += len(batch)
        if rows >= size:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()
            held, rows = [], 0
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


class _Sqlite:
    """Any cell of SQLite may be of any type, so all of them are read as text, numbers as SQLite writes them."""

    def __init__(self, address: Database) -> None:
        self.name = address.name
        place = quote(str(Path(address.target).absolute()))
        with in_words(self.name, _SQLITE):
            self._connection = sqlite3.connect(
                f"file:{place}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
            )
            self._connection.text_factory = bytes
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (page,) = self._connection.execute("PRAGMA page_size").fetchone()
        if Path(address.target).stat().st_size % page:  # what is missing from a page would be read as nothing
            raise DataError(f"{self.name}: the file is cut off in the middle of a page; fetch it again.")

    def tables(self) -> list[str]:
        found = self._rows(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        )
        return [name.decode() for (name,) in found]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._fetched(sql, lambda cursor: cursor.fetchall()))

    def _fetched(self, sql: str, fetch: Callable[[sqlite3.Cursor], Any]) -> Any:
        with in_words(self.name, _SQLITE):
            return fetch(self._connection.execute(sql))

    def schema(self, relation: str) -> pa.Schema:
        described = self._fetched(f"SELECT * FROM {relation} LIMIT 0", lambda cursor: cursor.description)
        return pa.schema([(name, pa.large_string()) for name, *_ in described])

    def count(self, relation: str) -> int:
        return int(self._rows(f"SELECT count(*) FROM {relation}")[0][0])

    def pointed(self, relation: str, schema: pa.Schema) -> frozenset[str]:
        texts = ", ".join(
            f"sum(typeof({addresses.quoted(name)}) IN ('text', 'blob'))" for name in schema.names
        )
        (found,) = self._rows(f"SELECT {texts} FROM {relation}")
        return frozenset(name for name, count in zip(schema.names, found, strict=True) if not count)

    def batches(
        self, relation: str, schema: pa.Schema, names: Sequence[str], size: int, most: int | None
    ) -> Iterator[pa.RecordBatch]:
        listed = ", ".join(f"CAST({addresses.quoted(name)} AS TEXT)" for name in names) or "1"
        cursor = self._fetched(_select(listed, relation, most), lambda one: one)
        while rows := self._more(cursor, size):
            columns = [pa.array(column, pa.binary()) for column in zip(*rows, strict=True)][: len(names)]
            yield pa.record_batch(columns or [pa.nulls(len(rows))], names=list(names) or ["1"])

    def _more(self, cursor: sqlite3.Cursor, size: int) -> list[tuple[Any, ...]]:
        with in_words(self.name, _SQLITE):
            return cursor.fetchmany(size)


class _DuckDb:
    def __init__(self, address: Database) -> None:
        duckdb = needed("duckdb", "duckdb", f"{address.name}: a DuckDB database")
        self.name = address.name
        self._errors = (duckdb.Error, pa.ArrowException, OSError)
        if not Path(address.target).is_file():
            raise DataError(f"{address.target}: there is no such file.")
        with in_words(self.name, self._errors):
            # Nothing but this file is read or written, whatever a query says.
            self._connection = duckdb.connect(
                address.target, read_only=True, config={"enable_external_access": "false"}
            )

    def tables(self) -> list[str]:
        found = self._run(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1, 2"
        ).fetchall()
        return [table if schema == "main" else f"{schema}.{table}" for schema, table in found]

    def _run(self, sql: str) -> Any:
        with in_words(self.name, self._errors):
            return self._connection.cursor().execute(sql)

    def schema(self, relation: str) -> pa.Schema:
        return self._run(f"SELECT * FROM {relation} LIMIT 0").to_arrow_reader(1).schema

    def count(self, relation: str) -> int:
        return int(self._run(f"SELECT count(*) FROM {relation}").fetchone()[0])

    def pointed(self, relation: str, schema: pa.Schema) -> frozenset[str]:
        return frozenset()

    def batches(
        self, relation: str, schema: pa.Schema, names: Sequence[str], size: int, most: int | None
    ) -> Iterator[pa.RecordBatch]:
        listed = ", ".join(map(addresses.quoted, names)) or "1"
        with in_words(self.name, self._errors):
            yield from self._run(_select(listed, relation, most)).to_arrow_reader(size)


_KINDS: dict[str, Callable[[Database], Connection]] = {
    "postgresql": _Postgres,
    "sqlite": _Sqlite,
    "duckdb": _DuckDb,
}
