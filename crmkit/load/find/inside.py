"""What lies inside of a file: text, Parquet, JSON, or one of several tables of a workbook or an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from crmkit.errors import DataError, UsageError
from crmkit.load.find.source import DAMAGED, HEAD, Choice, Source, sniff
from crmkit.sources import addresses
from crmkit.sources.addresses import Database
from crmkit.sources.spools import Spool

if TYPE_CHECKING:
    from crmkit.sources.archives import Member
    from crmkit.sources.databases import Connection
    from crmkit.sources.workbooks import Sheet

UNKNOWN, SEVERAL = "unknown", "several"
_MOST_NAMED = 12
_OLD = b"\xd0\xcf\x11\xe0"  # a workbook of the years before 2007
# First bytes of databases that are one file, where they stand, and of which kind it is.
_FILES = ((b"SQLite format 3\x00", 0, "sqlite"), (b"DUCK", 8, "duckdb"))


class Where(NamedTuple):
    """What the user said about where the rows are: the sheet of a workbook, or what is its like elsewhere."""

    sheet: str | None = None
    query: str | None = None  # SQL for a database
    version: str | None = None  # of a lake table
    endpoint: str | None = None  # where a store is, if it is not the usual place


EVERYTHING = Where()


def tables(source: Source, where: Where = EVERYTHING) -> Iterator[Source]:
    """The tables that a source holds, known by its first bytes: mostly itself; one of `several` where that is open.

    DataError for what is no table.
    """
    if source.kind not in (UNKNOWN, SEVERAL):
        yield source
        return
    found = _recognised(source, where) if source.kind == UNKNOWN else source
    if not found.choices:
        yield found
    elif where.sheet is not None:
        yield from _named(found, where.sheet)
    else:
        full = [choice for choice in found.choices if not choice.is_empty]
        shown = [choice for choice in full if not choice.is_hidden] or full
        yield shown[0].source if len(shown) == 1 else replace(found, choices=tuple(shown))


def _named(source: Source, sheet: str) -> Iterator[Source]:
    exact = [choice for choice in source.choices if choice.label == sheet]
    full = (choice for choice in source.choices if not choice.is_empty)
    fits = exact or [choice for choice in full if fnmatchcase(choice.label, sheet)]
    if not fits:
        raise DataError(
            f"{source.name} holds no {sheet!r}; it holds {listed([choice.label for choice in source.choices])}."
        )
    for choice in fits:
        yield choice.source


def listed(labels: Sequence[str]) -> str:
    """Their names, for people."""
    names = ", ".join(map(repr, labels[:_MOST_NAMED]))
    return names + (f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else "")


def of_database(word: str, where: Where) -> Source:
    """The tables of a database, or what a query answers; DataError for a table that is not there."""
    from crmkit.sources import databases

    address = addresses.database(word)
    return _of_connection(databases.connect(address), address, where)


def _of_connection(
    connection: Connection, address: Database, where: Where, origin: Source | None = None
) -> Source:
    from crmkit.sources import databases

    query = where.query or address.query
    if query is not None:
        if address.table is not None:
            raise UsageError("A query says itself from which table it reads. Give a query or a table.")
        table = databases.Relation(connection, databases.bracketed(query))
        import hashlib  # not for files

        which = {"query_sha256": hashlib.sha256(query.encode()).hexdigest()}
        return Source(connection.name, "database", table=table, origin=origin, which=which)
    found = connection.tables()
    if address.table is not None:
        wanted = address.table.removeprefix("public.").removeprefix("main.")
        if wanted not in found:
            raise DataError(f"{connection.name} holds no table {address.table!r}; it holds {listed(found)}.")
        return _relation(connection, origin, wanted)
    if not found:
        raise DataError(f"{connection.name} holds no tables, or none that you may read.")
    choices = tuple(Choice(name, partial(_relation, connection, origin, name)) for name in found)
    return Source(connection.name, SEVERAL, choices=choices, origin=origin)


def _relation(connection: Connection, origin: Source | None, name: str) -> Source:
    from crmkit.sources.databases import Relation, quoted

    table = Relation(connection, quoted(name))
    shown = f"{connection.name} ({name})"
    return Source(shown, "database", table=table, origin=origin, which={"table": name})


def _is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _is_tar(head: bytes) -> bool:
    """By its first bytes, unpacked."""
    return head[257:262] == b"ustar"


def _holds_workbook(source: Source) -> bool:
    from crmkit.sources import archives

    return archives.holds_workbook(source.raw, source.name)


def _recognised(source: Source, where: Where = EVERYTHING) -> Source:
    with source.raw() as file:
        try:
            head = file.read(HEAD)
        except (OSError, EOFError) as error:
            why = getattr(error, "strerror", None)
            raise DataError(
                f"{source.name}: {why}." if why else _broken(source.name, error, "archive")
            ) from None
    if head.startswith(_OLD) or (_is_zip(head) and _holds_workbook(source)):
        return _workbook(source)
    for mark, place, kind in _FILES:
        if head[place:].startswith(mark) and source.path is not None:
            from crmkit.sources import databases

            address = Database(kind, str(source.path), source.name)
            return _of_connection(databases.connect(address), address, where, source)
    if _is_zip(head) or _is_tar(head):
        return _archive(source, is_tar=not _is_zip(head))
    kind, compression = sniff(head, source.name)
    found = replace(source, kind=kind, compression=compression)
    inner = head if compression is None else _unpacked(found)
    return _of_text(found, inner) if kind == "csv" else found


def _of_text(source: Source, head: bytes) -> Source:
    """What looks like text may be packed, or JSON."""
    from crmkit.sources import json_rows

    if _is_tar(head):
        return _archive(source, is_tar=True)
    return _of_json(source) if json_rows.is_json(head) else source


def _unpacked(source: Source) -> bytes:
    """The first bytes under a compression; a damaged one is for the reader to say."""
    with suppress(*DAMAGED), source.open() as file:
        return file.read(HEAD)
    return b""


def _broken(name: str, error: Exception, what: str) -> str:
    """What to say of bytes that cannot be read to their end."""
    from crmkit.sources import stores  # not for files that are well

    said = stores.lost(name, error)
    return said or f"{name}: the {what} is corrupt or truncated ({error}); fetch it again."


def _of_json(source: Source) -> Source:
    from crmkit.sources import json_rows

    try:
        with source.open() as file:
            table = json_rows.columns(file, source.name)
    except DAMAGED as error:
        raise DataError(_broken(source.name, error, "compressed file")) from None
    return Source(source.name, "json", hive=source.hive, table=table, origin=source)


def _workbook(source: Source) -> Source:
    from crmkit.sources import workbooks

    found = workbooks.sheets(source.raw, source.name)
    choices = tuple(
        Choice(sheet.name, partial(_sheet, source, sheet), sheet.is_hidden, sheet.is_empty) for sheet in found
    )
    return Source(source.name, SEVERAL, hive=source.hive, choices=choices, origin=source)


def _sheet(book: Source, sheet: Sheet) -> Source:
    spool, hidden = sheet.text(), sheet.hidden_rows()
    rows = "1 hidden row" if hidden == 1 else f"{hidden:,} hidden rows"
    notes = [f"{book.name}: {rows} of the sheet {sheet.name} counted, too"] if hidden else []
    return Source(
        f"{book.name} ({sheet.name})",
        "csv",
        bytes_=spool.lent,
        hive=book.hive,
        delimiter=",",
        origin=book,
        notes=tuple(notes),
        which={"sheet": sheet.name},
    )


def _archive(source: Source, *, is_tar: bool) -> Source:
    from crmkit.sources import archives

    found = archives.members(source.open, source.name, is_tar=is_tar)
    choices = tuple(Choice(member.name, partial(_member, source, member)) for member in found)
    return Source(source.name, SEVERAL, choices=choices, origin=source)


def _member(archive: Source, member: Member) -> Source:
    """A file of an archive; text is read where it lies, and what must be read here and there is unpacked first."""
    name = f"{archive.name} ({member.name})"
    lying = Source(
        name, UNKNOWN, bytes_=member.open, length=member.size, origin=archive, which={"member": member.name}
    )
    with suppress(*DAMAGED), member.open() as file:
        head = file.read(HEAD)
        if _is_zip(head) or head.startswith((b"PAR1", _OLD)):
            spool = Spool(name)
            spool.write(head)
            while chunk := file.read(1 << 20):
                spool.write(chunk)
            lying = replace(lying, bytes_=spool.lent)
    inner = _recognised(lying)
    if inner.choices and len(inner.choices) == 1:
        return inner.choices[0].source
    if inner.choices:
        raise DataError(f"{name} holds several tables itself; unpack the archive first.")
    return inner
