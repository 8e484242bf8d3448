"""Addresses of databases and stores, as they are typed and as they may be shown: never with a secret."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from crmkit.errors import UsageError

STORES = ("s3", "gs", "az")
DATABASES = ("postgresql", "postgres", "sqlite", "duckdb")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
_SECRETS = ("password", "sslpassword", "passfile_password")
_SIGNED = re.compile(r"\?.*", re.DOTALL)


def scheme(word: str) -> str:
    """What stands before the colon of an address, in small letters; empty for a path."""
    found = _SCHEME.match(word)
    return found[1].lower() if found else ""


def is_database(word: str) -> bool:
    """Whether this names a database."""
    return scheme(word) in DATABASES


# Databases that cannot be tested here, each with a line in which its own client writes the rows.
_ELSEWHERE = {
    "mysql": (
        "mysql -h {host} -B -e 'SELECT * FROM sales' {name} | crmkit check -",
        " -P ",
    ),
    "mssql": (
        "sqlcmd -S {host} -d {name} -W -s '|' -Q 'SET NOCOUNT ON; SELECT * FROM sales' | sed 2d | crmkit check -",
        ",",
    ),
}
_ALSO = {"mariadb": "mysql", "sqlserver": "mssql"}


def elsewhere(word: str) -> str | None:
    """What to type for a database that is not read from here; None for any other address."""
    kind = scheme(word).partition("+")[0]
    line, sign = _ELSEWHERE.get(_ALSO.get(kind, kind), ("", ""))
    if kind in DATABASES and "+" in scheme(word):
        return f"{shown(word)}: say {kind}:{shown(word).partition(':')[2]}, without the name of a driver."
    if not line:
        return None
    parts = urlsplit(word)
    _, colon, port = parts.netloc.rpartition("@")[2].partition(":")
    host = shlex.quote(parts.hostname or "HOST") + (sign + shlex.quote(port) if colon else "")
    name = shlex.quote(parts.path.strip("/").partition("/")[0] or "DATABASE")
    return (
        f"{shown(word)}: of databases, PostgreSQL, SQLite and DuckDB are known here. Let its own client hand over the rows: "
        f"{line.format(host=host, name=name)}"
    )


def is_store(word: str) -> bool:
    """Whether this is an address in an object store."""
    return scheme(word) in STORES and "://" in word


def is_web(word: str) -> bool:
    """Whether this is an address of the web."""
    return scheme(word) in ("http", "https") and "://" in word


class Database(NamedTuple):
    """A database, what is asked of it, and how it may be shown."""

    kind: str  # postgresql, sqlite or duckdb
    target: str  # what its driver opens: an address without our words, or a path
    name: str
    table: str | None = None
    query: str | None = None


def database(word: str) -> Database:
    """The parts of an address such as postgresql://host/db?table=NAME; UsageError for one with a password in it."""
    kind = {"postgres": "postgresql"}.get(scheme(word), scheme(word))
    plain, query = _without_query(word)
    plain, table = _without_table(plain)
    if kind == "postgresql":
        return Database(kind, *_server(plain), table, query)
    path = plain.partition(":")[2]
    path = path[2:] if path.startswith("//") else path
    if not path:
        raise UsageError(f"{word} names no file. Say {kind}:FILE, such as {kind}:shop.db.")
    return Database(kind, path, f"{kind}:{path}", table, query)


def _without_query(word: str) -> tuple[str, str | None]:
    """Our `query=` is the last word, so that it may hold whatever SQL holds."""
    found = re.search(r"[?&]query=", word)
    if found is None:
        return word, None
    query = word[found.end() :]
    return word[: found.start()], query if re.search(r"\s", query) else unquote(query)


def _without_table(word: str) -> tuple[str, str | None]:
    base, sign, given = word.partition("?")
    pairs = parse_qsl(given, keep_blank_values=True)
    table = next((value for key, value in pairs if key == "table"), None)
    rest = [(key, value) for key, value in pairs if key != "table"]
    return base + (f"?{urlencode(rest, quote_via=quote)}" if sign and rest else ""), table


def with_table(word: str) -> str:
    """An address whose table is the last part of its path, such as postgresql://host/db/sales, with it as `?table=`."""
    base, sign, rest = word.partition("?")
    head, _, last = base.rpartition("/")
    if base.count("/") < 4 or not last:
        return word
    return f"{head}?table={quote(unquote(last))}" + (f"&{rest}" if sign else "")


def _server(word: str) -> tuple[str, str]:
    """The address for the driver, and host and database only for people."""
    parts = urlsplit(word)
    given = dict(parse_qsl(parts.query))
    host = parts.netloc.rpartition("@")[2] or given.get("host", "")
    name = f"postgresql://{host}{parts.path}"
    if parts.password is not None or any(key in given for key in _SECRETS):
        raise UsageError(
            f"The address of {name} holds a password, which others can read as long as the command runs. Leave it out: "
            "PGPASSWORD, ~/.pgpass and service files are looked at."
        )
    return word.replace("postgres://", "postgresql://", 1), name


def quoted(name: str) -> str:
    """A name as SQL has it, dots included."""
    return '"' + name.replace('"', '""') + '"'


def shown(word: str) -> str:
    """An address without users, passwords, signatures and queries; a path as it is."""
    if scheme(word) in ("postgresql", "postgres"):
        parts = urlsplit(_without_query(word)[0])
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if "://" in word:
        head, _, rest = word.partition("://")
        place, slash, path = rest.partition("/")
        return f"{head}://{place.rpartition('@')[2]}{slash}{_SIGNED.sub('', path)}"
    return word


def refuse_twice(words: Sequence[str]) -> None:
    """The same address twice would count its rows twice; UsageError."""
    for place, word in enumerate(words):
        if ":" in word and word in words[:place]:
            raise UsageError(f"{shown(word)} is given twice; its rows would count twice. Give it once.")
