"""How a CSV file is written: its encoding, delimiter and header line."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO

from crmkit.errors import DataError, UsageError
from crmkit.load.csv import encodings
from crmkit.load.find import texts
from crmkit.load.find.signatures import refuse_strangers
from crmkit.load.find.source import DAMAGED
from crmkit.load.find.sources import Source

HEAD = 1 << 20
BLOCK = 4 << 20  # the longest row, and so the longest header line
MAX_COLUMNS = 20_000
DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_PREAMBLE_LINES = 20
_LOOKED_AT = 2_000  # rows
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROLS = 8
# These decode text too, but nobody exports sales in them, and some would change what the text says.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "charmap"})


@dataclass(frozen=True)
class Dialect:
    """What is needed to read the rows: `skip` counts physical lines up to and including the header."""

    encoding: str
    delimiter: str
    skip: int
    columns: tuple[str, ...]
    note: str = ""
    blanks: bool = False  # between a delimiter and a quote, where they are no part of a field


def head(source: Source, size: int = HEAD) -> bytes:
    """The first bytes of the text, whatever it is compressed with."""
    with source.open() as file:
        return guarded_read(file, size, source.name)


def guarded_read(file: IO[bytes], size: int, name: str) -> bytes:
    """Read, and turn what a broken container raises into a sentence."""
    try:
        return file.read(size)
    except DAMAGED as error:
        raise DataError(container_sentence(name, error)) from None


def container_sentence(name: str, error: Exception) -> str:
    """What to say when a compressed file cannot be unpacked to its end."""
    from crmkit.sources import stores  # not for files that are well

    if (lost := stores.lost(name, error)) is not None:
        return lost
    return f"{name}: the compressed file is corrupt or truncated ({error}); fetch it again. (gzip and zstd are checked to the end.)"


def sniff(
    source: Source,
    *,
    encoding: str | None,
    delimiter: str | None,
    suits: Callable[[Sequence[str]], bool],
    header: tuple[str, ...] = (),
) -> Dialect:
    """Find the dialect; `suits` tells whether a line of names could be the header, `header` names the columns of a file without.

    The header is the first of the leading lines that suits under some delimiter; where none does,
    the first line that is not blank counts, so that the caller can say what is missing in it.
    """
    data = head(source)
    refuse_strangers(data[:512], source.name, unpacked=source.compression is not None)
    chosen = encodings.found(source) if _is_auto(data, encoding) else _encoding(data, encoding, source.name)
    text = _decode(data, chosen, source, whole=len(data) < HEAD)
    texts.refuse_strangers(text, source.name)
    if len(data) == HEAD and not _has_line_end(text):
        data = head(source, BLOCK)
        text = _decode(data, chosen, source, whole=len(data) < BLOCK)
        if len(data) == BLOCK and not _has_line_end(text):
            raise DataError(
                f"{source.name}: the first line goes on for more than {BLOCK >> 20} MB; a header has {MAX_COLUMNS:,} columns "
                "at most, so this is no CSV file that crmkit can read."
            )
    find = partial(_headless, names=header) if header else partial(_find_header, suits=suits)
    found = find(text, chosen, delimiter, file=source.name)
    return replace(found, blanks=_has_blanks(text, found.delimiter), columns=_told_apart(text, found))


def _first_rows(text: str, sign: str) -> list[list[str]]:
    """The cells of the first rows, up to a quote that is never closed."""
    csv.field_size_limit(BLOCK)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows.extend(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=sign), _LOOKED_AT))
    return rows


def _told_apart(text: str, found: Dialect) -> tuple[str, ...]:
    """The names of the columns; a column that stands there twice, as a join leaves it, is the same one under another name."""
    names = found.columns
    if len(set(names)) == len(names):
        return names
    rows = [row for row in _first_rows(text, found.delimiter) if len(row) == len(names)]
    told = list(names)
    for place, name in enumerate(names):
        first = names.index(name)
        if name and first < place and all(row[first] == row[place] for row in rows):
            told[place] = f"{name} ({names[: place + 1].count(name)})"
    return tuple(told) if len(set(told)) > len(set(names)) else names


def _has_blanks(text: str, sign: str) -> bool:
    """Whether some of the first fields are quoted behind a blank, as hand-made exports write them."""
    if f'{sign} "' not in text:
        return False
    cells = (cell for row in _first_rows(text, sign) for cell in row)
    return any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for cell in cells)


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text


def _is_auto(data: bytes, given: str | None) -> bool:
    """Whether the encoding is to be found; a byte order mark tells it."""
    marked = any(data.startswith(mark) for mark, _ in _BOMS) or _wide(data[:64]) is not None
    return given == encodings.AUTO and not marked


def _encoding(data: bytes, given: str | None, name: str) -> str:
    bom = next((codec for mark, codec in _BOMS if data.startswith(mark)), None)
    wide = _wide(data[:64])
    if given == encodings.AUTO:
        return bom or wide or "utf-8"
    if given is not None:
        return _agreed(_known(given), bom, wide, name)
    if bom is not None:
        return bom
    if wide is not None:
        raise DataError(
            f"{name}: this looks like {wide[:6].upper()} without a byte order mark, or binary data; "
            f"say --encoding {wide} if it is text."
        )
    return "utf-8"


def _wide(start: bytes) -> str | None:
    """The encoding of two or four bytes a character that the zero bytes of the first line speak of."""
    zeros = [sum(byte == 0 for byte in start[place::4]) for place in range(4)]
    each = len(start) // 4
    if each and min(zeros[2], zeros[3]) >= each > zeros[0]:
        return "utf-32-le"
    if each and min(zeros[0], zeros[1]) >= each > zeros[3]:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if min(even, odd) > 0 or max(even, odd) < 3:
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _known(given: str) -> str:
    try:
        codec = codecs.lookup(given).name
        if codec.replace("_", "-") in _NO_CHARSETS:
            raise LookupError
        "a".encode(codec)  # LookupError where the codec is for something else than text
    except (LookupError, ValueError):
        raise UsageError(
            f"--encoding {given!r} is not a text encoding that Python knows; try utf-8, gb18030, cp1252, latin-1 or utf-16."
        ) from None
    return codec


def _agreed(given: str, bom: str | None, wide: str | None, name: str) -> str:
    """The user's encoding in the light of the file's first bytes."""
    if bom is not None and not given.startswith((bom, "ascii")):
        raise DataError(
            f"{name}: the file begins with the byte order mark of {bom.upper()}, so it is not {given}; leave --encoding away."
        )
    if given in ("utf-16", "utf-32") and bom is None:
        return wide or given
    if bom is not None:
        return bom
    if given in ("utf-8-sig", "ascii"):
        return "utf-8"
    return "gb18030" if given in ("gbk", "gb2312") else given  # the superset: the same bytes mean the same


def _decode(data: bytes, encoding: str, source: Source, *, whole: bool) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data, final=whole)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = data[:start].decode(encoding, "ignore").count("\n") + 1
        raise encoding_error(source, encoding, error, line) from None
    return text.removeprefix("\ufeff")


def encoding_error(source: Source, encoding: str, error: UnicodeError | None, line: int) -> DataError:
    """Where the text stops being in its encoding, and which encoding it is likely to be in."""
    name = source.name
    if not isinstance(error, UnicodeDecodeError):
        return _in_another(source, f"{name}: the text is not valid {encoding.upper()}")
    if "truncated" in error.reason or "unexpected end" in error.reason or "incomplete" in error.reason:
        return DataError(
            f"{name}: the text ends in the middle of a {encoding.upper()} character, on line {line}: "
            "the file is truncated, or in another encoding (--encoding)."
        )
    where = f"byte 0x{error.object[error.start]:02X} on line {line} is not valid {encoding.upper()}"
    if len(_BINARY.findall(error.object[:4096])) > _MOST_CONTROLS:
        return DataError(f"{name}: this is binary data, not CSV ({where}).")
    return _in_another(source, f"{name}: {where}")


def _in_another(source: Source, what: str) -> DataError:
    likely = encodings.proposed(source)
    if likely is None:
        return DataError(f"{what}. Say in which encoding it is: --encoding NAME, such as gb18030 or cp1252.")
    return DataError(
        f"{what}. It could be {likely}: say --encoding {likely}, or the encoding that it is in.",
        options={"encoding": likely},
    )


def _find_header(
    text: str, encoding: str, delimiter: str | None, suits: Callable[[Sequence[str]], bool], file: str
) -> Dialect:
    delimiters = (_delimiter(delimiter),) if delimiter else DELIMITERS
    fits = [found for sign in delimiters if (found := _first_suiting(text, sign, suits)) is not None]
    if not fits:
        return _fallback(text, encoding, delimiters)
    widest = max(len(columns) for _, _, columns in fits)
    if widest > MAX_COLUMNS:
        raise DataError(
            f"{file}: the header has {widest:,} columns; {MAX_COLUMNS:,} is the most that crmkit reads."
        )
    earliest = min(skip for skip, _, _ in fits)
    skip, sign, columns = max((fit for fit in fits if fit[0] == earliest), key=lambda fit: len(fit[2]))
    return Dialect(encoding, sign, skip, tuple(columns))


def _headless(text: str, encoding: str, delimiter: str | None, names: tuple[str, ...], file: str) -> Dialect:
    """The delimiter under which the first row has as many fields as there are names."""
    delimiters = (_delimiter(delimiter),) if delimiter else DELIMITERS
    widths = {sign: len(records[0][1]) for sign in delimiters if (records := _leading_records(text, sign))}
    sign = next((sign for sign, width in widths.items() if width == len(names)), None)
    if sign is None:
        raise DataError(
            f"{file}: --header names {len(names)} columns, and the first row has {max(widths.values(), default=0)}."
        )
    return Dialect(encoding, sign, 0, names)


def _first_suiting(
    text: str, sign: str, suits: Callable[[Sequence[str]], bool]
) -> tuple[int, str, list[str]] | None:
    for skip, cells in _leading_records(text, sign):
        if len(cells) > MAX_COLUMNS or suits(cells):
            return skip, sign, cells
    return None


def _leading_records(text: str, sign: str) -> list[tuple[int, list[str]]]:
    """(physical lines up to the record's end, cells) for the first few records."""
    found = []
    csv.field_size_limit(BLOCK)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, skipinitialspace=True)
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
    missing = "no delimiter was found in the first line; if it is another sign, say --delimiter (text of fixed width cannot be read)"
    note = "" if len(cells) > 1 else missing
    return Dialect(encoding, sign, skip, tuple(cells), note)


def _delimiter(word: str) -> str:
    sign = _DELIMITER_NAMES.get(word.lower(), word)
    if len(sign) != 1 or sign in '"\r\n' or ord(sign) > 127:
        raise UsageError(
            f"--delimiter {word!r} must be one ASCII character, or tab, comma, semicolon or pipe."
        )
    return sign
