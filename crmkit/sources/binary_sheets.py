"""Records of binary workbooks, for what the library that reads their cells does not tell.

After [MS-XLS] and [MS-CFB] (.xls), and [MS-XLSB] (.xlsb).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from itertools import islice
from xml.etree import ElementTree

_END = 0xFFFFFFFC  # sectors from here on are no sectors
_STREAMS = ("Workbook", "Book")
_BOF, _SHEET, _PASSWORD, _ROW = 0x0809, 0x0085, 0x002F, 0x0208
_HIDDEN_ROW = 0x20
_ROW_12, _SHEET_12 = 0, 156
_HIDDEN_ROW_12 = 0x10
_SHORT_12 = range(12, 20)  # cells without a column of their own, which the library passes over


def is_locked(content: bytes) -> bool:
    """Whether a .xls has a password."""
    return any(kind == _PASSWORD for kind, _, _ in islice(_records(_workbook(content)), 10))


def hidden_rows(content: bytes, sheet: int) -> int:
    """How many rows of the sheet with this number (the first is 0) a .xls does not show."""
    book = _workbook(content)
    starts = [struct.unpack_from("<I", body)[0] for kind, _, body in _records(book) if kind == _SHEET]
    if sheet >= len(starts):
        return 0
    rows = (body for kind, _, body in _records(book, starts[sheet]) if kind == _ROW and len(body) > 12)
    return sum(bool(body[12] & _HIDDEN_ROW) for body in rows)


def _records(book: bytes, start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Kind, place and content of each record, to the end of the part that begins there."""
    place, first = start, True
    while place + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, place)
        if kind == _BOF and not first:
            return
        yield kind, place, book[place + 4 : place + 4 + size]
        place, first = place + 4 + size, False


def _workbook(content: bytes) -> bytes:
    """The stream of a compound file that holds the workbook; nothing where there is none."""
    try:
        return _Compound(content).stream()
    except (struct.error, IndexError):
        return b""


class _Compound:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._size = 1 << struct.unpack_from("<H", content, 30)[0]
        (self._folder, self._least, self._small) = struct.unpack_from("<I4xII", content, 48)
        tables = [one for one in struct.unpack_from("<109I", content, 76) if one < _END]
        more = struct.unpack_from("<I", content, 68)[0]
        while more < _END and len(tables) * self._size < len(content):
            *found, more = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            tables += [one for one in found if one < _END]
        self._next = b"".join(map(self._sector, tables))

    def _sector(self, number: int) -> bytes:
        return self._content[(number + 1) * self._size : (number + 2) * self._size]

    def _chain(self, start: int, follow: bytes) -> Iterator[int]:
        for _ in range(len(follow) // 4):
            if start >= _END:
                return
            yield start
            start = struct.unpack_from("<I", follow, start * 4)[0]

    def _whole(self, start: int) -> bytes:
        return b"".join(map(self._sector, self._chain(start, self._next)))

    def stream(self) -> bytes:
        folder = self._whole(self._folder)
        entries = [folder[place : place + 128] for place in range(0, len(folder), 128)]
        named = {one[:64].decode("utf-16-le", "replace").partition("\0")[0]: one for one in entries}
        found = next((named[name] for name in _STREAMS if name in named), None)
        if found is None:
            return b""
        start, size = struct.unpack_from("<II", found, 116)
        if size >= self._least:
            return self._whole(start)[:size]
        held = self._whole(struct.unpack_from("<I", entries[0], 116)[0])
        pieces = self._chain(start, self._whole(self._small))
        return b"".join(held[one * 64 : one * 64 + 64] for one in pieces)[:size]


def in_xlsb(archive: zipfile.ZipFile, sheet: str) -> tuple[int, bool]:
    """How many rows of a sheet a .xlsb does not show, and whether it has cells that the library would pass over."""
    hidden, is_short = 0, False
    part = _part(archive, sheet)
    for kind, body in _records_12(archive.read(part)) if part in archive.namelist() else ():
        is_short = is_short or kind in _SHORT_12
        hidden += kind == _ROW_12 and len(body) > 11 and bool(body[11] & _HIDDEN_ROW_12)
    return hidden, is_short


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The file of a sheet; empty where it is not found."""
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.bin.rels"))
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for kind, body in _records_12(archive.read("xl/workbook.bin")):
        if kind == _SHEET_12:
            link, place = _text(body, 8)
            name, _ = _text(body, place)
            if name == sheet and link in targets:
                return "xl/" + targets[link].removeprefix("/xl/")
    return ""


def _text(body: bytes, place: int) -> tuple[str, int]:
    end = place + 4 + 2 * int(struct.unpack_from("<I", body, place)[0])
    return body[place + 4 : end].decode("utf-16-le", "replace"), end


def _records_12(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record; both kind and size are written in as many bytes as they take."""
    place, end = 0, len(part)
    while place < end:
        kind = part[place]
        place += 1
        if kind & 0x80 and place < end:
            kind = (kind & 0x7F) | (part[place] & 0x7F) << 7
            place += 1
        size = shift = 0
        while place < end:
            byte = part[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, part[place : place + size]
        place += size
