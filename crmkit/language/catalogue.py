"""What people read, in their language: sentences, labels of columns, names of things.

    phrase("{part} of customers bring {goal} of {value}.", part="31%", goal="80%", value=label("revenue"))

The English text is the key, so a sentence that nobody has translated is read in English. The
catalogue of a language is a file beside this one (`zh.toml`): [sentences] by their English text,
[labels] by the name of the column, segment or table. Formats for machines keep their names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
_LANGUAGE: ContextVar[str] = ContextVar("language", default="en")


def use(language: str | None) -> None:
    """Speak this language from here on; None asks the locale (LC_ALL, LC_MESSAGES, LANG), else English."""
    _LANGUAGE.set(language or of_locale())


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


def sentences(*told: str) -> str:
    """Sentences one after the other; Chinese ones have no blank between."""
    return ("" if _LANGUAGE.get() == "zh" else " ").join(told)


def counted(number: int, noun: str) -> str:
    """So many of a thing, such as `28 customers`."""
    known = _part("counted").get(noun)
    if known is not None:
        return str(known).format(n=f"{number:,}")
    return f"{number:,} {noun}" if number != 1 else f"{number:,} {noun.removesuffix('s')}"


def label(name: str) -> str:
    """What a column, table or segment is called on a screen: the name itself, unless a better one is known."""
    return str(_part("labels").get(name) or name.replace("_", " "))


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
