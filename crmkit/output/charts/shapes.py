"""Six shapes: bars, a line with a band, a curve, a map of heat, dots with intervals, and a flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from crmkit.output.charts.svg import (
    CHARACTER,
    LINE,
    WIDTH,
    Picture,
    compact,
    path,
    rect,
    rule,
    short,
    steps,
    text,
    text_width,
)
from crmkit.output.pictures import shade

_ROW = 22
_PLOT = 180
_FOOT = 22


class Bar(NamedTuple):
    """A bar: its name, its length, and the number as it is written."""

    name: str
    value: float
    shown: str


def bars(title: str, words: str, rows: Sequence[Bar]) -> Picture:
    """Horizontal bars, names to the left and numbers to the right; below zero in the other colour."""
    left = min(max((text_width(row.name) for row in rows), default=0) + 8, 178)
    right = max((text_width(row.shown) for row in rows), default=0) + 8
    top = max((abs(row.value) for row in rows), default=0.0) or 1.0
    body = []
    for place, row in enumerate(rows):
        y = place * _ROW
        length = abs(row.value) / top * (WIDTH - left - right)
        body += [
            text(left - 8, y + 15, short(row.name, left - 8), anchor="end"),
            rect(left, y + 3, length, _ROW - 6, kind="one" if row.value >= 0 else "two"),
            text(left + length + 6, y + 15, row.shown),
        ]
    return Picture(title, words, "".join(body), len(rows) * _ROW)


class Frame(NamedTuple):
    """A place for points: x from 0 to 1, y on a scale of round numbers."""

    left: float
    marks: list[float]

    def x(self, part: float) -> float:
        return self.left + part * (WIDTH - self.left - 8)

    def y(self, value: float) -> float:
        low, high = self.marks[0], self.marks[-1]
        return 8 + _PLOT - (value - low) / ((high - low) or 1.0) * _PLOT

    def drawn(self, labels: Sequence[str]) -> str:
        """The grid with its numbers."""
        lines = []
        for mark, label in zip(self.marks, labels, strict=True):
            lines += [
                rule(self.left, self.y(mark), WIDTH - 8, self.y(mark)),
                text(self.left - 6, self.y(mark) + 4, label, kind="soft", anchor="end"),
            ]
        return "".join(lines)


def _frame(values: Sequence[float], *, percent: bool = False) -> tuple[Frame, list[str]]:
    marks = steps(max([*values, 0.0]), min([*values, 0.0]))
    labels = [f"{mark:.0%}" if percent else compact(mark) for mark in marks]
    return Frame(max(map(text_width, labels)) + 8, marks), labels


def line(
    title: str,
    words: str,
    names: Sequence[str],
    values: Sequence[float | None],
    band: Sequence[tuple[float, float, float] | None] = (),
) -> Picture:
    """Values over periods; `band` holds (expected, low, high) of the periods at the end that are forecast."""
    bands = [ends for ends in band if ends is not None]
    known = [value for value in values if value is not None]
    frame, labels = _frame([*known, *(end for ends in bands for end in ends)])
    last = max(len(names) - 1, 1)
    points = [(frame.x(i / last), frame.y(v)) for i, v in enumerate(values) if v is not None]
    drawn = [frame.drawn(labels)]
    if bands:
        places = [frame.x(i / last) for i, ends in enumerate(band) if ends is not None]
        upper = [(x, frame.y(ends[2])) for x, ends in zip(places, bands, strict=True)]
        lower = [(x, frame.y(ends[1])) for x, ends in zip(places, bands, strict=True)]
        drawn.append(path([*upper, *reversed(lower)], "band"))
        drawn.append(
            path([*points[-1:], *zip(places, (frame.y(ends[0]) for ends in bands), strict=True)], "line2")
        )
    if points:
        drawn.append(path(points, "line"))
    drawn += _below(names, frame)
    return Picture(title, words, "".join(drawn), _PLOT + 8 + _FOOT)


def _below(names: Sequence[str], frame: Frame) -> list[str]:
    """As many names below the axis as have room, the first and the last among them."""
    room = max(map(text_width, names), default=0) + 14
    fit = max(int((WIDTH - frame.left) // room), 1)
    last = max(len(names) - 1, 1)
    every = max(-(-len(names) // max(fit - 1, 1)), 1)
    # Counted from the end, which is what a reader looks for.
    places = list(range(len(names) - 1, -1, -every))[::-1] if fit > 1 else [len(names) - 1]
    drawn = []
    for place in places:
        x = frame.x(place / last)
        anchor = "end" if x > WIDTH - room / 2 else "start" if x < room / 2 else "middle"
        drawn.append(text(x, _PLOT + 8 + LINE, names[place], kind="soft", anchor=anchor))
    return drawn


def curve(title: str, words: str, points: Sequence[tuple[float, float]], axes: tuple[str, str]) -> Picture:
    """A curve of parts of two wholes over the diagonal of equality."""
    frame, labels = _frame([*(y for _, y in points), 1.0], percent=True)
    drawn = [
        frame.drawn(labels),
        path([(frame.x(0), frame.y(0)), (frame.x(1), frame.y(1))], "dash"),
        path([(frame.x(x), frame.y(y)) for x, y in _thinned(points)], "line"),
        text(frame.x(0), _PLOT + 8 + LINE, "0%", kind="soft"),
        text(frame.x(0.5), _PLOT + 8 + LINE, axes[0], kind="soft", anchor="middle"),
        text(frame.x(1), _PLOT + 8 + LINE, "100%", kind="soft", anchor="end"),
        text(frame.x(0) + 6, 20, axes[1], kind="soft"),
    ]
    return Picture(title, words, "".join(drawn), _PLOT + 8 + _FOOT)


def _thinned(points: Sequence[tuple[float, float]], step: float = 1 / 300) -> list[tuple[float, float]]:
    """No more points than a picture can show."""
    kept = list(points[:1])
    for before, point in pairwise(points):
        if point[0] - kept[-1][0] >= step or abs(point[1] - kept[-1][1]) >= step or point is points[-1]:
            kept.append(point)
        del before
    return kept


def heat(
    title: str,
    words: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    shown: Sequence[Sequence[str]],
) -> Picture:
    """Cells on one scale of colours, each with its number; nothing is no colour."""
    left = min(max(map(text_width, rows), default=0) + 8, 150)
    width = (WIDTH - left) / max(len(columns), 1)
    known = [value for row in values for value in row if value]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    body = [
        text(left + (i + 0.5) * width, 13, short(name, width), kind="soft", anchor="middle")
        for i, name in enumerate(columns)
    ]
    for place, name in enumerate(rows):
        y = (place + 1) * _ROW - 4
        body.append(text(left - 8, y + 15, short(name, left - 8), anchor="end"))
        for i, (value, written) in enumerate(zip(values[place], shown[place], strict=True)):
            x = left + i * width
            if value:
                colours = shade((value - low) / span)
                body.append(rect(x + 1, y + 1, width - 2, _ROW - 2, fill=_hex(colours.paper)))
                body.append(
                    text(x + width / 2, y + 15, _fitting(written, width), anchor="middle", fill=colours.ink)
                )
            elif value is not None:
                body.append(
                    text(x + width / 2, y + 15, _fitting(written, width), kind="soft", anchor="middle")
                )
    return Picture(title, words, "".join(body), (len(rows) + 1) * _ROW)


def _fitting(written: str, width: float) -> str:
    """A number that fits its cell, without its decimals if need be."""
    if text_width(written) + 2 <= width:
        return written
    stem, dot, rest = written.partition(".")
    return stem + ("%" if dot and rest.endswith("%") else "")


def _hex(colour: str) -> str:
    """`rgb(1,2,3)` as #010203."""
    return "#" + "".join(
        f"{int(part):02x}" for part in colour.removeprefix("rgb(").removesuffix(")").split(",")
    )


class Dot(NamedTuple):
    """An expected value with its interval."""

    name: str
    value: float
    low: float
    high: float
    shown: str


def dots(title: str, words: str, rows: Sequence[Dot], axis: Callable[[float], str] = compact) -> Picture:
    """Values with their intervals, one below the other."""
    left = min(max((text_width(row.name) for row in rows), default=0) + 12, 150)
    marks = steps(max((row.high for row in rows), default=1.0), min([0.0, *(row.low for row in rows)]), 3)
    low, span = marks[0], (marks[-1] - marks[0]) or 1.0

    def x(value: float) -> float:
        return left + (value - low) / span * (WIDTH - left - 24)

    bottom = len(rows) * 2 * LINE
    body = []
    for mark in marks:
        body += [
            rule(x(mark), 0, x(mark), bottom),
            text(x(mark), bottom + 16, axis(mark), kind="soft", anchor="middle"),
        ]
    for place, row in enumerate(rows):
        y = place * 2 * LINE + 24
        body += [
            text(left - 10, y + 4, short(row.name, left - 10), anchor="end"),
            rule(x(row.low), y, x(row.high), y, "whisker"),
            f'<circle class="one" cx="{x(row.value):.1f}" cy="{y}" r="5"/>',
            text(min(x(row.value), WIDTH - text_width(row.shown) / 2), y - 9, row.shown, anchor="middle"),
        ]
    return Picture(title, words, "".join(body), bottom + _FOOT)


def told(title: str, words: str) -> Picture:
    """A sentence where there is nothing to draw."""
    return Picture(title, words, text(0, LINE, words, kind="soft"), 2 * LINE)


class Flow(NamedTuple):
    """So many moved from one place to another."""

    source: str
    target: str
    size: float
    shown: str


def flow(title: str, words: str, flows: Sequence[Flow]) -> Picture:
    """Ribbons from the places on the left to those on the right, as wide as what moved."""
    sources = list(dict.fromkeys(one.source for one in flows))
    targets = list(dict.fromkeys(one.target for one in flows))
    left = min(max(map(text_width, sources), default=0) + 10, 140)
    right = min(max(map(text_width, targets), default=0) + 10, 140)
    total = sum(one.size for one in flows) or 1.0
    gaps = max(len(sources), len(targets), 1) - 1
    height = max(_PLOT, 20.0 * (gaps + 1))
    scale = (height - 8.0 * gaps) / total
    starts, ends = _tops(flows, sources, scale, 0), _tops(flows, targets, scale, 1)
    body = [
        text(left - 10, top + size / 2 + 4, short(name, left - 10), anchor="end")
        for name, (top, size) in starts.items()
    ]
    body += [
        text(WIDTH - right + 10, top + size / 2 + 4, short(name, right - 10))
        for name, (top, size) in ends.items()
    ]
    here = {name: top for name, (top, _) in starts.items()}
    there = {name: top for name, (top, _) in ends.items()}
    for one in flows:
        deep = one.size * scale
        body.append(_ribbon(left, here[one.source], WIDTH - right, there[one.target], deep))
        here[one.source] += deep
        there[one.target] += deep
    bottom = max(top + size for places in (starts, ends) for top, size in places.values())
    return Picture(title, words, "".join(body), bottom + 12)


def _tops(
    flows: Sequence[Flow], names: Sequence[str], scale: float, side: int
) -> dict[str, tuple[float, float]]:
    """Where each place begins and how high it is; a thin one still has room for its name."""
    found, y = {}, 4.0
    for name in names:
        size = sum(one.size for one in flows if one[side] == name) * scale
        found[name] = (y, size)
        y += max(size, CHARACTER * 2) + 8
    return found


def _ribbon(x1: float, y1: float, x2: float, y2: float, deep: float) -> str:
    half = (x1 + x2) / 2
    return (
        f'<path class="flow" d="M{x1:.1f} {y1:.1f}C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}'
        f'V{y2 + deep:.1f}C{half:.1f} {y2 + deep:.1f} {half:.1f} {y1 + deep:.1f} {x1:.1f} {y1 + deep:.1f}Z"/>'
    )
