"""Small pictures made of characters: a curve in braille, bars in eighths, the colours of a heat map.

The numbers are always printed as well, so that nothing hangs on a colour or a glyph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

# Cividis, which readers of any colour vision see as one scale from dark to light.
_CIVIDIS = (
    (0, 32, 77),
    (0, 51, 111),
    (57, 72, 107),
    (87, 92, 109),
    (112, 113, 115),
    (138, 135, 121),
    (166, 157, 117),
    (196, 181, 108),
    (228, 207, 91),
    (255, 234, 70),
)
_EIGHTHS = " ▏▎▍▌▋▊▉█"
# Bits of a braille cell by row and column of its dots.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

Point = tuple[float, float]


class Shade(NamedTuple):
    """Paper and ink of a heat map's cell, as Rich writes colours."""

    paper: str
    ink: str


def shade(part: float) -> Shade:
    """The colour of `part` (0 to 1) of the scale, with black or white ink, whichever stands out more."""
    place = min(max(part, 0.0), 1.0) * (len(_CIVIDIS) - 1)
    low = min(int(place), len(_CIVIDIS) - 2)
    pairs = zip(_CIVIDIS[low], _CIVIDIS[low + 1], strict=True)
    red, green, blue = (round(a + (b - a) * (place - low)) for a, b in pairs)
    # WCAG: black on a paper of luminance above 0.179 has more contrast than white.
    light = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
    return Shade(f"rgb({red},{green},{blue})", "#000000" if light > 0.179 else "#ffffff")


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def bar(part: float, cells: int = 10, *, ascii_only: bool = False) -> str:
    """A bar that fills `part` (0 to 1) of `cells` characters."""
    part = min(max(part, 0.0), 1.0)
    if ascii_only:
        return "#" * round(part * cells)
    full, rest = divmod(round(part * cells * 8), 8)
    return ("█" * full + _EIGHTHS[rest]).rstrip()


def curve(
    points: Sequence[Point], width: int = 60, height: int = 15, *, ascii_only: bool = False
) -> list[str]:
    """A line through `points` over the diagonal, as lines of text with a percentage scale.

    x runs from 0 to 1; y too, and beyond where the points do (a whale curve rises above 1).
    """
    low = min(0.0, *(y for _, y in points)) if points else 0.0
    high = max(1.0, *(y for _, y in points)) if points else 1.0
    across, up = (1, 1) if ascii_only else (2, 4)
    canvas = _Canvas(width * across, height * up, low, high)
    line = set(canvas.line(points))
    diagonal = {dot for dot in canvas.line([(0.0, 0.0), (1.0, 1.0)]) if dot[0] % (2 * across) == 0}
    rows = _as_ascii(line, diagonal, canvas) if ascii_only else _as_braille(line | diagonal, canvas)
    return _with_scale(rows, low, high, ascii_only)


class _Canvas(NamedTuple):
    """Dots with the origin at the top left."""

    across: int
    down: int
    low: float
    high: float

    def line(self, points: Sequence[Point]) -> Iterator[tuple[int, int]]:
        dots = [self._dot(x, y) for x, y in points]
        yield from dots[:1]
        for (x0, y0), (x1, y1) in pairwise(dots):
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for step in range(1, steps + 1):
                yield x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        part = (y - self.low) / (self.high - self.low)
        return round(min(max(x, 0.0), 1.0) * (self.across - 1)), round((1 - part) * (self.down - 1))


def _as_braille(dots: set[tuple[int, int]], canvas: _Canvas) -> list[str]:
    cells = [[0] * (canvas.across // 2) for _ in range(canvas.down // 4)]
    for x, y in dots:
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells]


def _as_ascii(line: set[tuple[int, int]], diagonal: set[tuple[int, int]], canvas: _Canvas) -> list[str]:
    def mark(x: int, y: int) -> str:
        return "*" if (x, y) in line else "." if (x, y) in diagonal else " "

    return ["".join(mark(x, y) for x in range(canvas.across)) for y in range(canvas.down)]


def _with_scale(rows: list[str], low: float, high: float, ascii_only: bool) -> list[str]:
    side, corner, floor = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    width, middle = len(rows[0]), len(rows) // 2
    marks = {0: high, middle: high - (high - low) * middle / (len(rows) - 1), len(rows) - 1: low}
    labels = [f"{marks[i]:5.0%}" if i in marks else " " * 5 for i in range(len(rows))]
    drawn = [f"{label} {side}{row}".rstrip() for label, row in zip(labels, rows, strict=True)]
    half = width // 2
    scale = "0%".ljust(half - 1) + "50%".ljust(width - half - 3) + "100%"
    return [*drawn, f"{'':5} {corner}{floor * width}", f"{'':7}{scale}"]
