"""Which files are meant: paths, globs, folders, pipes and standard input, told apart by content."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from crmkit.errors import DataError, UsageError
from crmkit.load.find import inside, paths, remote
from crmkit.load.find.inside import EVERYTHING, Where
from crmkit.load.find.source import Source, opened, sniff, stamp
from crmkit.load.ledger import MANIFEST, is_ledger
from crmkit.sources import addresses, lakes
from crmkit.sources.spools import Spool

LEDGER = "a ledger"
LAKE = "lake table"
__all__ = ["LEDGER", "Source", "Where", "find", "ledger", "sniff", "spooled"]


def find(files: Sequence[str | Source], where: Where = EVERYTHING) -> list[Source]:
    """The sources that the arguments name, in an order that does not depend on the file system.

    A pipe can be found once only: what has been found may be given again instead of its name.
    """
    addresses.refuse_twice([argument for argument in files if isinstance(argument, str)])
    found = [
        source
        for argument in files
        for source in ([argument] if isinstance(argument, Source) else _expand(argument, where))
    ]
    paths.refuse_twice(source.path for source in found if source.path is not None)
    sources = [table for source in found for table in inside.tables(source, where)]
    if where.query is not None and not any(source.kind == "database" for source in sources):
        raise UsageError("--query is a question to a database, and there is none here. Leave it out.")
    if where.version is not None and not any(source.kind == LAKE for source in sources):
        raise UsageError(
            "--version is one of a table of Delta or Iceberg, and there is none here. Leave it out."
        )
    _refuse_mixture(sources)
    return sources


def _expand(argument: str, where: Where) -> list[Source]:
    if addresses.is_database(argument):
        return [inside.of_database(argument, where)]
    if lakes.is_lake(argument):
        rows = lakes.table(argument, where.version)
        return [Source(argument, LAKE, table=rows, which={"version": rows.version})]
    if remote.is_remote(argument):
        return remote.expand(argument, where.endpoint)
    if argument == "-":
        return [spooled(_standard_input(), "standard input")]
    if is_ledger(Path(argument)):
        path = Path(argument) / MANIFEST
        return [Source(argument, LEDGER, path=path, stamp=stamp(paths.status(path)))]
    return [_from_path(path, hive) for path, hive in paths.expand(argument)]


def ledger(found: Sequence[Source]) -> Path:
    """The folder of a ledger; UsageError where several were given."""
    path = found[0].path
    if len(found) > 1 or path is None:
        raise UsageError(f"{found[0].name} is a ledger, and ledgers are read one at a time. Give one.")
    return path.parent


def _from_path(path: Path, hive: paths.Hive) -> Source:
    found = paths.status(path)
    if not stat.S_ISREG(found.st_mode):
        return spooled(opened(path), str(path))
    return Source(str(path), inside.UNKNOWN, path=path, hive=hive, stamp=stamp(found))


def spooled(stream: IO[bytes], name: str) -> Source:
    """A pipe can be read once only, and a file must be read twice: keep what it says."""
    _refuse_device(stream, name)
    spool = Spool(name)
    try:
        while chunk := stream.read(1 << 20):
            spool.write(chunk)
    except OSError as error:
        raise DataError(paths.sentence(name, error)) from None
    return Source(name, inside.UNKNOWN, bytes_=spool.lent)


def _refuse_device(stream: IO[bytes], name: str) -> None:
    """/dev/zero has no end; a terminal has one, and /dev/null is just empty."""
    try:
        endless = stat.S_ISCHR(os.fstat(stream.fileno()).st_mode) and not stream.isatty()
    except (OSError, ValueError):
        return
    if (
        endless
        and name != os.devnull
        and not os.path.samestat(os.fstat(stream.fileno()), Path(os.devnull).stat())
    ):
        raise DataError(f"{name}: this is a device, not a file or a pipe.")


def _standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise DataError("Standard input is closed; give a file, or pipe the data in.")
    if sys.stdin.isatty():
        print("crmkit: reading from the terminal; Ctrl-D ends the data", file=sys.stderr)
    return sys.stdin.buffer


def _refuse_mixture(sources: list[Source]) -> None:
    known = [source for source in sources if source.kind != inside.SEVERAL]
    odd = next((source for source in known if source.kind != known[0].kind), None)
    if odd is not None:
        raise DataError(
            f"{odd.name} is {odd.kind} and {known[0].name} is {known[0].kind}; give one kind of file at a time."
        )
