"""JSON → columns of text: objects one after the other, a line each or in an array, with numbers as they are written.

A double would make 12345678901234567.89 another number and 1.10 a shorter one, so the digits are kept as text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

import pyarrow as pa

from crmkit.errors import DataError
from crmkit.sources.columns import Spooled, keep
from crmkit.sources.spools import Spool

_BEGIN = re.compile(rb'\s*(?:\[\s*)?\{\s*(?:["}]|$)|\s*\[\s*\]?\s*$')
_BETWEEN = re.compile(r"[\s,]*")
_CHUNK = 4 << 20
_ROWS = 1 << 16
_LONGEST = 64 << 20  # of one object, in characters
_FARTHEST = 60  # digits that an exponent may write out


class Number(str):
    """A number as it is written."""

    __slots__ = ()


_LEAVES = {str, Number, type(None)}


def is_json(head: bytes) -> bool:
    """Whether a text begins as JSON with objects does, and as no header of a CSV would."""
    return _BEGIN.match(head.removeprefix(codecs.BOM_UTF8)) is not None


def columns(stream: IO[bytes], name: str) -> Spooled:
    """The objects as rows: nested objects as `outer.inner`, lists as their JSON; DataError for what is no such text."""
    spool, told, texts, count = Spool(name), dict[str, None](), set[str](), 0
    for rows in _gathered(_objects(stream, name)):
        values = _by_key(rows)
        texts |= {key for key, column in values.items() if str in set(map(type, column))}
        try:
            arrays = [pa.array(map(_plain, column), pa.large_string()) for column in values.values()]
        except (UnicodeError, pa.ArrowException):
            raise DataError(f"{name}: a text holds half a character (\\ud800); mend it first.") from None
        if values:
            keep(spool, pa.record_batch(arrays, names=list(values)))
        told |= dict.fromkeys(values)
        count += len(rows)
    if not told:
        raise DataError(f"{name}: the JSON holds no objects with values, so there are no rows to read.")
    return Spooled(spool, list(told), count, frozenset(told) - texts)


def _by_key(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The values of each key; where some are nested, of each path to a leaf."""
    keys = dict.fromkeys(key for row in rows for key in row)
    values = {key: [row.get(key) for row in rows] for key in keys}
    if all(set(map(type, column)) <= _LEAVES for column in values.values()):
        return values
    return _by_key([dict(_leaves(row, "")) for row in rows])


def _plain(value: Any) -> Any:
    """Text as it is; numbers without an exponent, which no amount in a CSV has."""
    if type(value) is Number and ("e" in value or "E" in value):
        number = Decimal(value)
        return format(number, "f") if abs(number.adjusted()) < _FARTHEST else str(value)
    return value


def _gathered(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _ROWS:
            yield held
            held = []
    yield held


def _objects(stream: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    """One object after the other; an array around them, or one object around one array, does not matter."""
    values = _values(stream, name)
    first = list(islice(values, 2))
    wrapped = _wrapped(first[0]) if len(first) == 1 else None
    for place, value in enumerate(wrapped or chain(first, values), start=1):
        if type(value) is not dict:
            raise DataError(
                f"{name}: record {place:,} of the JSON is {json.dumps(value, ensure_ascii=False)[:60]}, and every record "
                'must be an object such as {"customer": "A1", "date": "2024-05-01", "amount": 9.90}.'
            )
        yield value


def _wrapped(value: Any) -> list[Any] | None:
    """The rows of `{"orders": [{…}, …]}`, as web services answer."""
    lists = [inner for inner in value.values() if type(inner) is list] if type(value) is dict else []
    rows = lists[0] if len(lists) == 1 else []
    return rows if rows and all(type(row) is dict for row in rows) else None


def _leaves(row: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if type(value) is dict:
            yield from _leaves(value, f"{before}{key}.")
        elif value is None or isinstance(value, str):
            yield before + key, value
        else:
            yield before + key, json.dumps(value, ensure_ascii=False)


def _values(stream: IO[bytes], name: str) -> Iterator[Any]:
    """The values of a text, one after the other; an array at the top is opened, and so read piece by piece."""
    decode = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_constant).raw_decode
    pieces, held, place, seen, opened = _text(stream, name), "", 0, 0, False
    for piece in pieces:
        held, place = held[place:] + piece, 0
        is_last = not piece
        while True:
            place = _BETWEEN.match(held, place).end()  # type: ignore[union-attr]
            if seen == 0 and not opened and held[place : place + 1] == "[":
                opened, place = True, place + 1
                continue
            if opened and held[place : place + 1] == "]":
                opened, place = False, place + 1
                continue
            if place == len(held):
                break
            try:
                value, place = decode(held, place)
            except (ValueError, RecursionError) as error:
                if is_last or len(held) - place > _LONGEST or isinstance(error, RecursionError):
                    raise _broken(name, seen, held[place:], is_last) from None
                break
            seen += 1
            yield value
    if opened:
        raise _broken(name, seen, "", True)


def _constant(word: str) -> str | None:
    """NaN is how Python writes that there is no number."""
    return None if word == "NaN" else word


def _text(stream: IO[bytes], name: str) -> Iterator[str]:
    """The text piece by piece, and an empty one at its end."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while chunk := stream.read(_CHUNK):
            if text := decoder.decode(chunk):
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: byte 0x{error.object[error.start]:02X} is not valid UTF-8, which JSON is written in; convert it first."
        ) from None
    yield ""


def _broken(name: str, seen: int, rest: str, is_last: bool) -> DataError:
    after = f"after {seen:,} records" if seen else "at its beginning"
    what = "ends in the middle of a record" if is_last and not rest[:1].isspace() else "cannot be read"
    shown = f" ({rest.splitlines()[0][:60]!r})" if rest.strip() else ""
    return DataError(f"{name}: the JSON {what} {after}{shown}; it is cut off or damaged: fetch it again.")
