"""Text that is not UTF-8: which encoding it is likely to be in, found from the words of its header and its letters.

A proposal is made from lines that are not ASCII: words that names of columns are made of, letters that languages
with this encoding write, of one script, small letters inside of words. It counts only if the whole file decodes.
"""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from crmkit.errors import DataError
from crmkit.load.columns import words
from crmkit.load.find.source import DAMAGED
from crmkit.load.find.sources import Source

AUTO = "auto"
_BLOCK = 4 << 20
_SAMPLE = 64 << 10  # bytes of lines that are not ASCII
_LEAST = 0.5
_WORDS_COUNT = 2.0  # what a known word in the header adds
_SIGNS = re.compile(r"\w+", re.UNICODE)
# Letters that the languages of an encoding of one byte write; the earlier one is proposed where two fit alike.
_LETTERS = {
    "cp1252": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœÿšž",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžăâîşţőűäöüßç",
    "cp1254": "çğıöşüâîûéİ",
    "cp850": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßÿ",
    "cp1251": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
    "koi8_r": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "cp866": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "cp1253": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋ",
    "cp1256": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
    "cp1255": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "cp874": "",
}
_FREQUENT = {"cp1251": "оеаинтсрвл", "koi8_r": "оеаинтсрвл", "cp866": "оеаинтсрвл"}
# Encodings of two bytes, and the first bytes of their common characters.
_DOUBLE = {
    "cp932": (0x82, 0x97),
    "cp949": (0xB0, 0xC8),
    "big5": (0xA4, 0xC6),
    "gb18030": (0xB0, 0xD7),
    "euc_jp": (0xA4, 0xCF),
}
_SCRIPTS = {
    "cp949": ("HANGUL",),
    "cp932": ("HIRAGANA", "KATAKANA", "CJK"),
    "euc_jp": ("HIRAGANA", "KATAKANA", "CJK"),
}
_KANA = ("HIRAGANA", "KATAKANA")
_SHOWN = {"euc_jp": "euc-jp", "koi8_r": "koi8-r"}


def proposed(source: Source) -> str | None:
    """The encoding in which the whole file is text of one script, most likely; None where nothing fits well."""
    lines = _odd_lines(source)
    ranked = sorted(
        ((_score(lines, name), -place, name) for place, name in enumerate([*_DOUBLE, *_LETTERS])),
        reverse=True,
    )
    for score, _, name in ranked:
        if score >= _LEAST and _decodes(source, name):
            return _SHOWN.get(name, name)
    return None


def found(source: Source) -> str:
    """The encoding for `--encoding auto`; DataError where none can be told."""
    if _decodes(source, "utf-8"):
        return "utf-8"
    name = proposed(source)
    if name is None:
        raise DataError(f"{source.name}: the encoding cannot be told from the file. Say it: --encoding NAME.")
    return codecs.lookup(name).name


def _blocks(source: Source) -> Iterator[bytes]:
    with source.open() as file:
        while block := file.read(_BLOCK):
            yield block


def _odd_lines(source: Source) -> bytes:
    """The first lines with bytes that are not ASCII; the header is among them if it has any."""
    kept: list[bytes] = []
    size, rest = 0, b""
    for block in _blocks(source):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if not line.isascii():
                kept.append(line)
                size += len(line)
        if size > _SAMPLE:
            break
    if not rest.isascii():
        kept.append(rest)
    return b"\n".join(kept)[: 4 * _SAMPLE]


def _decodes(source: Source, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for block in _blocks(source):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    except DAMAGED:
        return False
    return True


def _score(lines: bytes, name: str) -> float:
    """How much this looks like text: 0 to 1 for its letters, and more for each known word of the first line."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(lines)
    except UnicodeError:
        return 0.0
    odd = [sign for sign in text if sign > "\x7f"]
    if not odd:
        return 0.0
    share = _of_two_bytes(odd, name) if name in _DOUBLE else _of_one_byte(text, odd, name)
    return share + _WORDS_COUNT * share * _known_words(text)


def _known_words(text: str) -> float:
    """The share of the words of the first line, but for ASCII, that names of columns are made of."""
    said = [
        words.read(cell) for cell in re.split(r"[,;\t|]", text.split("\n")[0][:2000]) if not cell.isascii()
    ]
    known = sum(bool(any(one.readings) and not one.strange) for one in said)
    return known / len(said) if said else 0.0


def _of_two_bytes(odd: list[str], name: str) -> float:
    first, last = _DOUBLE[name]
    common = [sign for sign in odd if first <= _lead(sign, name) <= last]
    scripts = Counter(unicodedata.name(sign, "").split(" ")[0] for sign in odd if sign.isalpha())
    wanted = _SCRIPTS.get(name, ("CJK",))
    inside = sum(scripts[script] for script in wanted) / max(1, sum(scripts.values()))
    if name in ("cp932", "euc_jp") and not any(scripts[script] for script in _KANA):
        inside *= 0.9  # Japanese without any kana is rare, and may be Chinese
    return len(common) / len(odd) * inside


def _lead(sign: str, name: str) -> int:
    code = sign.encode(name, "ignore")
    return code[0] if len(code) == 2 else 0


def _of_one_byte(text: str, odd: list[str], name: str) -> float:
    letters = _LETTERS[name]
    if not letters:  # Thai, whose letters are all there are
        good = sum("\u0e00" <= sign <= "\u0e7f" for sign in odd)
    else:
        good = sum(sign.casefold() in letters or sign in letters for sign in odd)
    share = good / len(odd) * _inside_words(text)
    if name in _FREQUENT:
        small = [sign for sign in odd if sign.casefold() in letters]
        share *= min(1.0, 2 * sum(sign.casefold() in _FREQUENT[name] for sign in small) / max(1, len(small)))
    return share


def _inside_words(text: str) -> float:
    """The share of words with odd letters that are written as words are: no capital after a small letter."""
    found_words = [word for word in _SIGNS.findall(text) if not word.isascii()]
    odd = sum(bool(re.search(r"[^\W\d_]", word)) and _turns(word) for word in found_words)
    return 1 - odd / len(found_words) if found_words else 0.5


def _turns(word: str) -> bool:
    return any(before.islower() and after.isupper() for before, after in itertools.pairwise(word))
