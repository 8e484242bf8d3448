"""Segment maps: a name for every cell of R, F and M, each cell exactly once.

A rule gives a segment the scores that it takes on each axis: `45` is 4 or 5, `1-3` is 1 to 3, and
`*` or nothing is any. A map is sound when every cell has exactly one segment.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from crmkit.errors import DataError, UsageError

REFUND_ONLY = "refund only"
Bins = tuple[int, int, int]


class Rule(NamedTuple):
    """The cells of one segment: the scores it takes on each axis."""

    segment: str
    r: str
    f: str
    m: str = "*"


# What to do for a segment, in a few words.
ACTIONS = {
    "Champions": "thank, early access",
    "Loyal": "ask for reviews, offer more",
    "Potential Loyalist": "invite to the programme",
    "New": "welcome, second order",
    "Promising": "nudge to a second order",
    "Need Attention": "offer for a limited time",
    "About To Sleep": "remind, show bestsellers",
    "At Risk": "win back, personal offer",
    "Can't Lose": "call them yourself",
    "Hibernating": "cheap reminder, or none",
    "Lost": "leave alone",
    "重要价值客户": "thank, early access",
    "重要保持客户": "win back, personal offer",
    "重要发展客户": "invite to the programme",
    "重要挽留客户": "call them yourself",
    "一般价值客户": "ask for reviews, offer more",
    "一般保持客户": "remind, show bestsellers",
    "一般发展客户": "welcome, second order",
    "一般挽留客户": "cheap reminder, or none",
}


class SegmentMap(NamedTuple):
    """Rules, and the numbers of scores they are made for (None: any number; no tuple: whatever fits).

    `actions` say what to do for a segment; a map file may bring its own in a column `action`.
    """

    name: str
    rules: tuple[Rule, ...]
    needs: tuple[int, int, int | None] | None = None
    actions: Mapping[str, str] = ACTIONS

    @property
    def segments(self) -> list[str]:
        """Segment names in the map's own order."""
        return list(dict.fromkeys(rule.segment for rule in self.rules))

    def covers(self, bins: Bins) -> bool:
        """Whether the map is made for so many scores."""
        return self.needs is None or all(need in (None, k) for need, k in zip(self.needs, bins, strict=True))


_RF10 = (
    Rule("Champions", "5", "45"),
    Rule("Loyal", "34", "45"),
    Rule("Potential Loyalist", "45", "23"),
    Rule("New", "5", "1"),
    Rule("Promising", "4", "1"),
    Rule("Need Attention", "3", "3"),
    Rule("About To Sleep", "3", "12"),
    Rule("At Risk", "12", "34"),
    Rule("Can't Lose", "12", "5"),
    Rule("Hibernating", "12", "12"),
)

_RFM11 = {
    "Champions": "555 554 544 545 454 455 445",
    "Loyal": "543 444 435 355 354 345 344 335",
    "Potential Loyalist": "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 "
    "342 341 333 323",
    "New": "512 511 422 421 412 411 311",
    "Promising": "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
    "Need Attention": "535 534 443 434 343 334 325 324",
    "About To Sleep": "331 321 312 221 213 231 241 251",
    "At Risk": "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 125 124",
    "Can't Lose": "155 154 144 214 215 115 114 113",
    "Hibernating": "332 322 233 232 223 222 132 123 122 212 211",
    "Lost": "111 112 121 131 141 151",
}

# Each of R, F and M is high (2) or low (1).
_CN8 = {
    "重要价值客户": "222",
    "重要保持客户": "122",
    "重要发展客户": "212",
    "重要挽留客户": "112",
    "一般价值客户": "221",
    "一般保持客户": "121",
    "一般发展客户": "211",
    "一般挽留客户": "111",
}


def _from_codes(codes: Mapping[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(segment, *code) for segment, listed in codes.items() for code in listed.split())


NAMED = {
    "rf10": SegmentMap("rf10", _RF10, (5, 5, None)),
    "rfm11": SegmentMap("rfm11", _from_codes(_RFM11), (5, 5, 5)),
    "cn8": SegmentMap("cn8", _from_codes(_CN8), (2, 2, 2)),
}


def load(name: str) -> SegmentMap:
    """A named map, or the map in a CSV file with the columns segment, r, f and, if it counts, m."""
    if name in NAMED:
        return NAMED[name]
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"There is no segment map {name!r}. Give {', '.join(NAMED)} or a CSV file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return SegmentMap(name, tuple(_rules(text, name)), actions={**ACTIONS, **_actions(text)})
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The segment map {name} cannot be read: {error}.") from error


def cells(segment_map: SegmentMap, bins: Bins) -> dict[int, str]:
    """The segment of each cell, keyed by the digits of R, F and M; DataError on gaps and overlaps."""
    claims: dict[int, list[str]] = {code: [] for code in codes(bins)}
    for rule in segment_map.rules:
        axes = [_scores(text, k, rule, segment_map.name) for text, k in zip(rule[1:], bins, strict=True)]
        for r, f, m in itertools.product(*axes):
            if rule.segment not in claims[100 * r + 10 * f + m]:
                claims[100 * r + 10 * f + m].append(rule.segment)
    _check(segment_map.name, bins, claims)
    return {code: names[0] for code, names in claims.items()}


def codes(bins: Bins) -> list[int]:
    """Every cell as a number of three digits, such as 555."""
    axes = [range(1, k + 1) for k in bins]
    return [100 * r + 10 * f + m for r, f, m in itertools.product(*axes)]


def _check(name: str, bins: Bins, claims: Mapping[int, list[str]]) -> None:
    gaps = [str(code) for code, names in claims.items() if not names]
    overlaps = [f"{code} ({' and '.join(names)})" for code, names in claims.items() if len(names) > 1]
    complaints = [f"{len(gaps)} cells have no segment: {_some(gaps)}."] if gaps else []
    complaints += [f"{len(overlaps)} cells have more than one: {_some(overlaps)}."] if overlaps else []
    if complaints:
        shape = ",".join(map(str, bins))
        raise DataError(
            f"The segment map {name} does not fit {shape} scores of R, F and M. {' '.join(complaints)} "
            "Give every cell to exactly one segment; * stands for any score."
        )


def _some(listed: list[str], most: int = 8) -> str:
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def _scores(text: str, k: int, rule: Rule, name: str) -> list[int]:
    """The scores that one field of a rule names."""
    if text in ("", "*"):
        return list(range(1, k + 1))
    found: set[int] = set()
    for low, high in re.findall(r"([1-9])(?:-([1-9]))?", text):
        found.update(range(int(low), int(high or low) + 1))
    if not re.fullmatch(r"([1-9](-[1-9])?)+", text) or not found or max(found) > k:
        raise DataError(
            f"The segment map {name} gives {rule.segment!r} the scores {text!r}. "
            f"Write scores from 1 to {k}, such as 12 or 1-2, or * for any."
        )
    return sorted(found)


def _actions(text: str) -> dict[str, str]:
    """What a map file says to do for its segments: the first that a segment is given."""
    found: dict[str, str] = {}
    for row in _lines(text):
        action = (row.get("action") or "").strip()
        if action:
            found.setdefault((row.get("segment") or "").strip(), action)
    return found


def _lines(text: str) -> csv.DictReader[str]:
    """The lines of a map file, whose separator is the one its header uses."""
    header = text.split("\n", 1)[0]
    separator = next((mark for mark in ",;\t" if mark in header), ",")
    reader = csv.DictReader(text.splitlines(), delimiter=separator, restkey="rest", restval="")
    reader.fieldnames = [column.strip().lower() for column in reader.fieldnames or ()]
    return reader


def _rules(text: str, name: str) -> Iterable[Rule]:
    """The rules of a CSV text."""
    reader, header = _lines(text), text.split("\n", 1)[0]
    if not {"segment", "r", "f"} <= set(reader.fieldnames or ()):
        raise DataError(
            f"The segment map {name} needs a header with segment, r, f and m; it has {header.strip()!r}."
        )
    for row in reader:
        rule = Rule(*((row.get(column) or "").strip() for column in Rule._fields))
        if rule.segment in ("", REFUND_ONLY):
            raise DataError(
                f"The segment map {name} has a segment called {rule.segment!r} in line {reader.line_num}. "
                f"Every line needs a name, and {REFUND_ONLY!r} is taken."
            )
        yield rule
