"""How a CSV file is written: its encoding, delimiter and header line."""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from crmkit.errors import DataError, UsageError
from crmkit.load.sources import Source

HEAD = 1 << 20
MAX_HEADER = 16 << 20
MAX_COLUMNS = 100_000
DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_PREAMBLE_LINES = 10
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """What is needed to read the rows: `skip` counts physical lines up to and including the header."""

    encoding: str
    delimiter: str
    skip: int
    columns: tuple[str, ...]
    note: str = ""


def head(source: Source, size: int = HEAD) -> bytes:
    """The first bytes of the text, whatever it is compressed with."""
    with source.open() as file:
        return guarded_read(file, size, source.name)


def guarded_read(file: IO[bytes], size: int, name: str) -> bytes:
    """Read, and turn what a broken container raises into a sentence."""
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(container_sentence(name, error)) from None


def container_sentence(name: str, error: Exception) -> str:
    """What to say when a compressed file cannot be unpacked to its end."""
    return f"{name}: the compressed file is corrupt or truncated ({error}); fetch it again. (gzip and zstd are checked to the end.)"


def sniff(
    source: Source, *, encoding: str | None, delimiter: str | None, suits: Callable[[Sequence[str]], bool]
) -> Dialect:
    """Find the dialect; `suits` tells whether a line of names could be the header.

    The header is the first of the leading lines that suits under some delimiter; where none does,
    the first line that is not blank counts, so that the caller can say what is missing in it.
    """
    data = head(source)
    chosen = _encoding(data, encoding, source.name)
    text = _decode(data, chosen, source.name)
    _refuse_strangers(text, source.name)
    if len(data) == HEAD and "\n" not in text and "\r" not in text:
        data = head(source, MAX_HEADER)
        text = _decode(data, chosen, source.name)
    return _find_header(text, chosen, delimiter, suits, source.name)


def _encoding(data: bytes, given: str | None, name: str) -> str:
    bom = next((codec for mark, codec in _BOMS if data.startswith(mark)), None)
    if given is not None:
        return _known(given, bom)
    if bom is not None:
        return bom
    if data[:4096].count(b"\x00") > len(data[:4096]) // 4:
        wide = "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"
        raise DataError(
            f"{name}: this looks like UTF-16 without a byte order mark, or binary data; say --encoding {wide} if it is text."
        )
    return "utf-8"


def _known(given: str, bom: str | None) -> str:
    try:
        codec = codecs.lookup(given).name
    except (LookupError, ValueError):
        raise UsageError(
            f"--encoding {given!r} is not an encoding that Python knows; try utf-8, gb18030, cp1252, latin-1 or utf-16."
        ) from None
    if codec in ("utf-8", "utf-8-sig", "ascii"):
        return "utf-8"
    if codec.startswith("utf-16") and bom == "utf-16":
        return "utf-16"
    if codec in ("gbk", "gb2312"):  # GB18030 is their superset: the same bytes mean the same there
        return "gb18030"
    return codec


def _decode(data: bytes, encoding: str, name: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data, final=len(data) < HEAD)
    except (UnicodeDecodeError, UnicodeError) as error:
        raise DataError(encoding_sentence(name, data, encoding, error)) from None
    if not isinstance(text, str):
        raise UsageError(f"--encoding {encoding} does not turn bytes into text.")
    return text.removeprefix("\ufeff")


def encoding_sentence(
    name: str, data: bytes, encoding: str, error: Exception, line: int | None = None
) -> str:
    """Where the text stops being in its encoding, and which encoding it is likely to be in."""
    start = getattr(error, "start", None)
    line = line or data.count(b"\n", 0, start) + 1
    where = "" if start is None else f"byte 0x{data[start]:02X} on line {line} "
    problem = (
        f"{where}is not valid {encoding.upper()}" if where else f"the text is not valid {encoding.upper()}"
    )
    likely = likely_encoding(data)
    return f"{name}: {problem}; it looks like {likely}. Say --encoding {likely} if so."


def likely_encoding(data: bytes) -> str:
    """A suggestion only: Chinese double bytes if they decode cleanly and are many, else Western."""
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data)
    except UnicodeDecodeError:
        return "cp1252"
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in text)
    lone = sum(byte >= 0x80 for byte in data)
    return "gb18030" if chinese * 2 >= lone * 0.8 and chinese > 3 and _common(text) else "cp1252"


def _common(text: str) -> bool:
    """Western accents read as GB18030 give rare characters; Chinese text is mostly GB2312's first level."""
    chinese = [character for character in text if "\u4e00" <= character <= "\u9fff"]
    level1 = sum(0xB0 <= character.encode("gb18030")[0] <= 0xD7 for character in chinese)
    return level1 * 2 >= len(chinese)


def _refuse_strangers(text: str, name: str) -> None:
    start = text[:2000].lstrip()
    if not start:
        raise DataError(f"{name}: the file is empty: it has no header line and no rows.")
    if start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{name}: this is HTML or XML, not CSV (a saved login page?); no customer column can be found in it."
        )
    if start[0] in "{[" and start[1:2] in '"{[ \n\r':
        raise DataError(
            f"{name}: this is JSON, not CSV; convert it first, for example with jq -r '… | @csv'."
        )


def _find_header(
    text: str, encoding: str, delimiter: str | None, suits: Callable[[Sequence[str]], bool], name: str
) -> Dialect:
    delimiters = (_delimiter(delimiter),) if delimiter else DELIMITERS
    fits = [found for sign in delimiters if (found := _first_suiting(text, sign, suits)) is not None]
    if not fits:
        return _fallback(text, encoding, delimiters)
    earliest = min(skip for skip, _, _ in fits)
    skip, sign, columns = max((fit for fit in fits if fit[0] == earliest), key=lambda fit: len(fit[2]))
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"{name}: the header has {len(columns):,} columns; {MAX_COLUMNS:,} is the most that crmkit reads."
        )
    return Dialect(encoding, sign, skip, tuple(columns))


def _first_suiting(
    text: str, sign: str, suits: Callable[[Sequence[str]], bool]
) -> tuple[int, str, list[str]] | None:
    for skip, cells in _leading_records(text, sign):
        if suits(cells):
            return skip, sign, cells
    return None


def _leading_records(text: str, sign: str) -> list[tuple[int, list[str]]]:
    """(physical lines up to the record's end, cells) for the first few records."""
    found = []
    csv.field_size_limit(MAX_HEADER)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((reader.line_num, [cell.strip().strip("\u200b\ufeff") for cell in cells]))
            if len(found) == _PREAMBLE_LINES:
                break
    except csv.Error:
        pass  # an unclosed quote later on; what was read so far is enough to look for the header
    return found


def _fallback(text: str, encoding: str, delimiters: Sequence[str]) -> Dialect:
    candidates = [(sign, records[0]) for sign in delimiters if (records := _leading_records(text, sign))]
    if not candidates:
        return Dialect(encoding, delimiters[0], 1, ())
    sign, (skip, cells) = max(candidates, key=lambda candidate: len(candidate[1][1]))
    note = (
        "" if len(cells) > 1 else "no delimiter was found in the first line (fixed-width text cannot be read)"
    )
    return Dialect(encoding, sign, skip, tuple(cells), note)


def _delimiter(word: str) -> str:
    sign = _DELIMITER_NAMES.get(word.lower(), word)
    if len(sign) != 1 or sign in '"\r\n' or ord(sign) > 127:
        raise UsageError(
            f"--delimiter {word!r} must be one ASCII character, or tab, comma, semicolon or pipe."
        )
    return sign
