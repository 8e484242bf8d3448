"""What people read, in their language: sentences, labels of columns, names of things.

    phrase("{part} of customers bring {goal} of {value}.", part="31%", goal="80%", value=label("revenue"))

The English text is the key, so a sentence that nobody has translated is read in English. The
catalogue of a language is a file beside this one (`zh.toml`): [sentences] by their English text,
[labels] by the name of the column, segment or table. Formats for machines keep their names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
_HOLE = re.compile(r"\{\w+\}")
_AS_IS = (
    "name",
    "command",
    "file",
    "columns",
    "arm",
    "other",
)  # parts that are names of the user's, or typed
_FILLED = re.compile(r"\\\{(\w+)\\\}")
_LANGUAGE: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Speak this language inside the block and nowhere else; None asks the locale (LC_ALL, LC_MESSAGES, LANG), else English."""
    before = _LANGUAGE.set(language or of_locale())
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def current() -> str:
    """The language that is spoken."""
    return _LANGUAGE.get()


def of_locale() -> str:
    """The language that the environment asks for, if there is a catalogue of it."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    asked = next((name for name in names if name), "")[:2]
    return asked if asked in LANGUAGES else "en"


def phrase(text: str, /, **values: object) -> str:
    """The sentence in the language that is spoken, with its `{values}` filled in."""
    return str(_part("sentences").get(text, text)).format(**values)


def translated(text: str) -> str:
    """A sentence that was made in English, in the language that is spoken, where the catalogue has its pattern."""
    labels = _part("labels")
    for pattern, template in _patterns(_LANGUAGE.get()):
        if (found := pattern.fullmatch(text)) is not None:
            parts = {
                n: part if n in _AS_IS else labels.get(part, part) for n, part in found.groupdict().items()
            }
            if "note" in parts:
                parts["note"] = translated(parts["note"])
            return template.format(**parts)
    return text


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """What says most about a sentence first, as `Customers by {by}` fits many."""
    known = catalogue(language).get("notes", {})
    ranked = sorted(known, key=lambda text: -len(_HOLE.sub("", text)))
    return [(re.compile(_FILLED.sub(r"(?P<\1>.+?)", re.escape(text))), known[text]) for text in ranked]


def sentences(*told: str) -> str:
    """Sentences one after the other; Chinese ones have no blank between."""
    return ("" if _LANGUAGE.get() == "zh" else " ").join(told)


def listed(parts: Iterable[str]) -> str:
    """Several things in one sentence."""
    return ("、" if _LANGUAGE.get() == "zh" else ", ").join(parts)


def counted(number: int, noun: str) -> str:
    """So many of a thing, such as `28 customers`."""
    known = _part("counted").get(noun)
    if known is not None:
        return str(known).format(n=f"{number:,}")
    return f"{number:,} {noun}" if number != 1 else f"{number:,} {noun.removesuffix('s')}"


_UNITS = {"d": "days", "w": "weeks", "m": "months", "y": "years"}


def lasting(duration: str) -> str:
    """A duration such as `52w` in words: 52 weeks."""
    return counted(int(duration[:-1]), _UNITS[duration[-1]])


def label(name: str) -> str:
    """What a column, table or segment is called on a screen: the name itself, unless a better one is known."""
    return str(_part("labels").get(name) or name.replace("_", " "))


def named(value: str) -> str:
    """A word or sentence of ours that stands among data, in the language that is spoken."""
    if value.isidentifier():
        return label(value)
    return str(_part("labels").get(value) or translated(value))


def meaning(name: str, english: str) -> str:
    """What a column means, in the language that is spoken if the catalogue has it."""
    return str(_part("meanings").get(name, english))


def _part(part: str) -> Mapping[str, Any]:
    return catalogue(_LANGUAGE.get()).get(part, {})


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, Any]]:
    """All that is known of a language."""
    import tomllib

    path = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
