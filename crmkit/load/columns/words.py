"""Column names as words, and words as meanings: `TransactionAmount (INR)` is a transaction and an amount.

What each word means stands in names.toml. A name is cut where its writer changed case, script or sign, and where
scripts have no blanks, or words were joined, into the fewest words that are known.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

LONGEST = 120  # longer names are text that has strayed into the header
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIGNS = {"#": " number ", "№": " number ", "%": " percent ", "º": "o", "°": "o", "&": " and "}
_ODD_LATIN = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ð": "d"})
_SHORT = frozenset({"id", "no", "nr", "dt", "ts", "cd", "nm", "sk"})  # at the end of joined words
_KNOWN, _JOINED, _STRANGER, _STRANGE_SIGN = 1.0, 1.6, 6.0, 1.5
_MOST_READINGS = 8


class Words(NamedTuple):
    """What a name says: the meanings of its words, as often as they can be read, and the words nobody knows."""

    readings: tuple[frozenset[str], ...]
    strange: tuple[str, ...]


@cache
def table() -> dict[str, Any]:
    """names.toml as it stands."""
    return tomllib.loads(files(__package__).joinpath("names.toml").read_text("utf-8"))


@lru_cache(1 << 16)
def read(name: str) -> Words:
    """The words of a column name."""
    chunks = _chunks(name)
    if not chunks or sum(map(len, chunks)) > LONGEST:
        return Words((frozenset(),), tuple(chunks[:1]))
    meanings, strange = [], []
    for word in _cut(chunks):
        found = _vocabulary().get(word)
        if found is not None:
            meanings.append(found)
        else:
            strange.append(word)
    readings = itertools.islice(itertools.product(*meanings), _MOST_READINGS)
    found_readings = dict.fromkeys(frozenset(reading) - {"nothing"} for reading in readings)
    return Words(tuple(found_readings), tuple(strange))


@cache
def _same() -> dict[int, str]:
    same = table()["same"]
    return dict(zip(map(ord, same["traditional"]), same["simplified"], strict=True))


def fold(text: str) -> str:
    """Text without case, width, accents of Latin letters and variants of Chinese characters."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept: list[str] = []
    latin = False
    for sign in text:
        if not unicodedata.combining(sign):
            latin = "a" <= sign <= "z"
        elif latin:
            continue
        kept.append(sign)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_ODD_LATIN).translate(_same())


@cache
def _meanings() -> list[tuple[str, str]]:
    """(meaning, folded word) of all languages; "_" joins the parts of a word."""
    return [
        (meaning, word)
        for meaning, languages in table()["words"].items()
        for words in languages.values()
        for word in fold(words).split()
    ]


@cache
def _vocabulary() -> dict[str, tuple[str, ...]]:
    """Folded word → its meanings."""
    found: dict[str, list[str]] = {}
    for meaning, word in _meanings():
        known = found.setdefault(word.replace("_", ""), [])
        if meaning not in known:
            known.append(meaning)
    return {word: tuple(meanings) for word, meanings in found.items()}


@cache
def _phrases() -> frozenset[str]:
    """Words that may be written as several."""
    return frozenset(word.replace("_", "") for _, word in _meanings() if "_" in word)


@cache
def _longest() -> int:
    return max(map(len, _vocabulary()))


def tokens(name: str) -> list[str]:
    """The words of a name as they stand, folded."""
    return _chunks(name[:LONGEST])


def _chunks(name: str) -> list[str]:
    """Runs of letters or of digits of one script, folded."""
    for sign, word in _SIGNS.items():
        name = name.replace(sign, word)
    spaced = fold(_CAMEL.sub(" ", unicodedata.normalize("NFKC", name)))
    found: list[str] = []
    before = ""
    for sign in spaced:
        kind = _kind(sign, before)
        if kind and kind == before:
            found[-1] += sign
        elif kind:
            found.append(sign)
        before = kind
    return found


def _kind(sign: str, before: str) -> str:
    category = unicodedata.category(sign)[0]
    if category == "M":
        return before
    if category == "N":
        return "digit"
    if category != "L":
        return ""
    return "spaced" if _is_spaced(sign) else "dense"


def _is_spaced(sign: str) -> bool:
    """Whether words of this script have blanks between them; Korean ones often have not."""
    return sign < "\u0e00" or "\u1e00" <= sign < "\u2000"


def _cut(chunks: list[str]) -> list[str]:
    """The cheapest way to take the chunks apart: few words, known ones, and at the writer's own borders."""
    text = "".join(chunks)
    borders = {0, *itertools.accumulate(map(len, chunks))}
    best: list[tuple[float, int, str]] = [(0.0, 0, "")] + [(float("inf"), 0, "")] * len(text)
    for start in range(len(text)):
        if best[start][0] == float("inf"):
            continue
        for end, cost in _words_from(text, start, borders):
            if best[start][0] + cost < best[end][0]:
                best[end] = (best[start][0] + cost, start, text[start:end])
    return _joined_strangers(_path(best), text)


def _words_from(text: str, start: int, borders: set[int]) -> list[tuple[int, float]]:
    """(end, cost) of each word that may begin here."""
    found = []
    spaced = _is_spaced(text[start])
    for end in range(start + 1, min(len(text), start + _longest()) + 1):
        word = text[start:end]
        if word not in _vocabulary():
            continue
        inside = any(place in borders for place in range(start + 1, end))
        whole = start in borders and end in borders
        if inside and not (whole and word in _phrases()):
            continue
        if whole or not spaced:
            found.append((end, _KNOWN))
        elif len(word) > 2 or (word in _SHORT and end in borders):
            found.append((end, _JOINED))
    if not spaced:
        found.append((start + 1, _STRANGE_SIGN))
    elif start in borders:
        found.append((min(border for border in borders if border > start), _STRANGER))
    return found


def _path(best: list[tuple[float, int, str]]) -> list[str]:
    found, place = [], len(best) - 1
    while place > 0:
        _, before, word = best[place]
        found.append(word)
        place = before
    return found[::-1]


def _joined_strangers(words: list[str], text: str) -> list[str]:
    """Neighbouring signs that mean nothing are one word that nobody knows."""
    found: list[str] = []
    open_ = False
    for word in words:
        strange = word not in _vocabulary()
        if strange and open_ and not _is_spaced(word[0]):
            found[-1] += word
        else:
            found.append(word)
        open_ = strange
    return found
