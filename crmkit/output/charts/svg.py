"""The pieces of an SVG picture: text made harmless, marks, axes, and the frame with its words.

A picture's colours are classes, so that a page (or the style that stands in a picture of its own)
can give them for light, dark and print. What is drawn is also said: `<title>` names the picture and
`<desc>` tells its numbers in words.
"""

from __future__ import annotations

import html
import math
import re
from typing import NamedTuple

from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.output.columns_on_screen import cell_count

_CLASS = re.compile(r"\.[a-z]\w*(?=\{)")
WIDTH = 440
LINE = 18
CHARACTER = 7.2  # of the text of 12 units, on average
_LONGEST = 26

# Okabe and Ito's colours, darkened or lightened until they stand out from the ground by 3 to 1 and more.
STYLE = """
.ink{fill:var(--ink)}.soft{fill:var(--soft)}.text{font:12px system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",
sans-serif;font-variant-numeric:tabular-nums}.one{fill:var(--one)}.two{fill:var(--two)}.grid{stroke:var(--rule)}
.line{fill:none;stroke:var(--one);stroke-width:2}.line2{fill:none;stroke:var(--two);stroke-width:2}
.dash{fill:none;stroke:var(--soft);stroke-dasharray:3 4}.band{fill:var(--two);opacity:.25}
.whisker{stroke:var(--one);stroke-width:2}.flow{fill:var(--one);opacity:.35}
"""
LIGHT = "--ground:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--one:#0072b2;--two:#b35900"
DARK = "--ground:#16181d;--ink:#e8eaed;--soft:#a9b1ba;--rule:#3a4048;--one:#56b4e9;--two:#e69f00"


class Picture(NamedTuple):
    """A picture in the making: `words` say its numbers, `body` draws them in WIDTH × `height` units."""

    title: str
    words: str
    body: str
    height: float


def escaped(text: object) -> str:
    """Text as it may stand in XML, with controls and whatever draws nothing spelt out."""
    return html.escape(safe(text), quote=True)


def short(text: str, room: float = _LONGEST * CHARACTER) -> str:
    """Text that fits so many units; what is cut is in the table beside the picture."""
    if cell_count(text) * CHARACTER <= room + CHARACTER / 2:
        return text
    kept = ""
    for char in text:
        if (cell_count(kept + char) + 1) * CHARACTER > room:
            break
        kept += char
    return kept.rstrip() + "…"


def text_width(text: str) -> float:
    """About the units that a text takes."""
    return cell_count(safe(text)) * CHARACTER


def number(value: float) -> str:
    """A coordinate with the digits that count."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0")
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def text(x: float, y: float, shown: str, *, kind: str = "ink", anchor: str = "start", fill: str = "") -> str:
    """A line of text."""
    ink = f'fill="{fill}"' if fill else ""
    cls = "text" if fill else f"text {kind}"
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{cls}" x="{number(x)}" y="{number(y)}"{place}{" " + ink if ink else ""}>{escaped(shown)}</text>'


def rect(x: float, y: float, width: float, height: float, *, kind: str = "one", fill: str = "") -> str:
    """A filled box."""
    paint = f'fill="{fill}"' if fill else f'class="{kind}"'
    return f'<rect {paint} x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(height)}"/>'


def path(points: list[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    drawn = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f'<path class="{kind}" d="{drawn}"/>'


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>'


def steps(top: float, low: float = 0.0, most: int = 4) -> list[float]:
    """Round numbers from at or below `low` to at or above `top`."""
    span = top - low if top - low > 1e-300 else 1.0  # nothing, or less than a double can divide
    raw = span / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(top / step - 1e-9)
    return [step * place for place in range(first, last + 1)]


def compact(value: float) -> str:
    """A number on an axis: 1,500, 25k, 1.2M."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            shown = value / (1e3 if sign == "k" else unit)
            return f"{shown:,.1f}".removesuffix(".0") + sign
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:,.2g}"


def figure(picture: Picture, name: str) -> str:
    """The picture as an element of a page; `name` is unique there."""
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {number(picture.height)}" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escaped(picture.title)}</title><desc id="{name}-d">{escaped(picture.words)}</desc>'
        f"{picture.body}</svg>"
    )


def document(picture: Picture, *, dark: bool = True, name: str = "") -> str:
    """The picture as a file of its own, which follows the reader's theme; without `dark`, on white.

    With a `name`, which is unique there, it may stand in a page, whose own look it leaves alone.
    """
    here, within = (f"#{name}", f"#{name} ") if name else ("svg", "")
    themed = f"@media(prefers-color-scheme:dark){{{here}{{{DARK}}}}}" if dark else ""
    style = _CLASS.sub(lambda found: within + found[0], f".ground{{fill:var(--ground)}}{STYLE}")
    marks = f' id="{name}"' if name else ""
    title = text(0, 14, short(picture.title, WIDTH))
    height = picture.height + LINE + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{marks} role="img" viewBox="-12 -8 {WIDTH + 24} {number(height + 16)}" '
        f'width="{2 * (WIDTH + 24)}" height="{number(2 * (height + 16))}" aria-labelledby="{name}t {name}d">'
        f'<title id="{name}t">{escaped(picture.title)}</title><desc id="{name}d">{escaped(picture.words)}</desc>'
        f"<style>{here}{{{LIGHT}}}{themed}{style}</style>"
        f"{rect(-12, -8, WIDTH + 24, height + 16, kind='ground')}{title}"
        f'<g transform="translate(0 {LINE + 8})">{picture.body}</g></svg>\n'
    )


def png(drawn: str) -> bytes:
    """A picture of its own as PNG; CSS variables are written out, which the renderer does not know."""
    try:
        import resvg_py
    except ImportError:
        raise UsageError(
            "--plot FILE.png needs a renderer: pip install 'crmkit[png]', or draw FILE.svg, which browsers show."
        ) from None
    for name, colour in (part.removeprefix("--").split(":") for part in LIGHT.split(";")):
        drawn = drawn.replace(f"var(--{name})", colour)
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn))
