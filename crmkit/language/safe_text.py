"""Text that came from outside, made harmless for a terminal."""

from __future__ import annotations

import os
import unicodedata

# Letters and symbols by category that nevertheless draw nothing: fillers and the empty braille cell.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Control, format (bidi, zero-width), surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe(text: object, *, limit: int | None = None, lines: bool = False) -> str:
    r"""`text` with every character that draws nothing, or moves what is drawn, spelt out.

    Ids, headers, file names and messages of libraries pass through here before they reach a
    terminal: C0 and C1 controls, DEL, bidi controls, zero-width and unassigned characters become
    `\xNN`, `\uNNNN` or `\UNNNNNNNN`. `limit` cuts what is longer than so many characters;
    `lines` lets newlines stand.

    >>> safe("\x1b[31mred\u202e")
    '\\x1b[31mred\\u202e'
    """
    shown = os.fsdecode(text) if isinstance(text, os.PathLike) else str(text)
    if limit is not None and len(shown) > limit:
        shown = shown[:limit] + "..."
    if shown.isprintable() and _BLANK.isdisjoint(shown):
        return shown
    return "".join(c if _is_seen(c) or (lines and c == "\n") else _spelt_out(c) for c in shown)


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN and char not in _BLANK


def _spelt_out(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
