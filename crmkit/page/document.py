"""Sections as one self-contained HTML page: no script, nothing fetched, light, dark and print."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from crmkit.language.catalogue import current, phrase
from crmkit.output.charts import svg
from crmkit.output.charts.svg import Picture, escaped
from crmkit.output.columns_on_screen import columns_of

if TYPE_CHECKING:
    import polars as pl


class Table(NamedTuple):
    """A table with its caption; a `folded` one is opened by whoever wants its numbers, a `long` one stands alone."""

    caption: str
    frame: pl.DataFrame
    folded: bool = False
    long: bool = False


class Figure(NamedTuple):
    """A number at the top of the page, and how it has changed."""

    name: str
    shown: str
    change: str = ""


class Section(NamedTuple):
    """One question, answered: `answer` is the sentence, `todo` what follows from it."""

    name: str
    title: str
    answer: str
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    todo: str = ""
    changes: Sequence[str] = ()
    notes: Sequence[str] = ()


class Page(NamedTuple):
    """Everything on the page; `terms` are the words it uses, and what they mean."""

    title: str
    about: str
    figures: Sequence[Figure]
    sections: Sequence[Section]
    terms: Mapping[str, str]


_STYLE = """
:root{LIGHT;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{DARK}}
@media print{:root{LIGHT}section{break-inside:avoid}nav{display:none}body{max-width:none;padding:0}
details>*{display:block}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--ground);color:var(--ink);
font:1rem/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.25rem;margin:0 0 .25rem}
a{color:var(--one)}.about,.note,figcaption,caption,dt{color:var(--soft)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem;margin:1rem 0}
.figures div{border-left:3px solid var(--one);padding-left:.6rem;display:flex;flex-direction:column;justify-content:flex-end}
.figures dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}
.figures .change{font-size:.85rem;color:var(--soft)}
section{border-top:1px solid var(--rule);padding:1.25rem 0}
.answer{font-size:1.1rem;font-weight:600;margin:.25rem 0 1rem}
.todo{border-left:3px solid var(--two);padding-left:.6rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem 2rem;align-items:start}
figure{margin:0;max-width:34rem}figure svg{width:100%;height:auto;display:block;overflow:visible}
figcaption,caption{font-size:.9rem;text-align:left;padding:.2rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--rule);vertical-align:top;font-weight:400;
white-space:nowrap}
thead th{color:var(--soft);vertical-align:bottom;white-space:normal}.n{text-align:right}tbody .n{white-space:pre}tbody th{font-weight:500}
summary{cursor:pointer;margin:.5rem 0}dl.terms{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;
gap:.1rem 1rem;font-size:.9rem}
dl.terms dd{margin:0}
"""


def html(page: Page) -> str:
    """The page; the same sections give the same bytes."""
    style = (_STYLE + svg.STYLE).replace("LIGHT", svg.LIGHT).replace("DARK", svg.DARK).strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sections = "\n".join(_section(section) for section in page.sections)
    return f"""<!DOCTYPE html>
<html lang="{"zh-CN" if current() == "zh" else "en"}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(page.title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{escaped(page.title)}</h1>
<p class="about">{escaped(page.about)}</p>
{_figures(page.figures)}
<nav aria-label="{escaped(phrase("Sections"))}"><ul>{_links(page)}</ul></nav>
</header>
<main>
{sections}
{_terms(page.terms)}
</main>
</body>
</html>
"""


def _links(page: Page) -> str:
    return "".join(f'<li><a href="#{one.name}">{escaped(one.title)}</a></li>' for one in page.sections)


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    parts = []
    for one in figures:
        change = f'<dd class="change">{escaped(one.change)}</dd>' if one.change else ""
        parts.append(f"<div><dt>{escaped(one.name)}</dt><dd>{escaped(one.shown)}</dd>{change}</div>")
    return f'<dl class="figures">{"".join(parts)}</dl>'


def _section(section: Section) -> str:
    pictures = "".join(
        f"<figure>{svg.figure(picture, f'{section.name}-{place}')}"
        f"<figcaption>{escaped(picture.title)}</figcaption></figure>"
        for place, picture in enumerate(section.pictures)
    )
    shown = "".join(_table(table) for table in section.tables if not (table.folded or table.long))
    long = "".join(_table(table) for table in section.tables if table.long)
    folded = "".join(_folded(table) for table in section.tables if table.folded)
    changes = "".join(f"<li>{escaped(change)}</li>" for change in section.changes)
    return "\n".join(
        part
        for part in (
            f'<section aria-labelledby="{section.name}">',
            f'<h2 id="{section.name}">{escaped(section.title)}</h2>',
            f'<p class="answer">{escaped(section.answer)}</p>' if section.answer else "",
            f'<ul class="changes">{changes}</ul>' if changes else "",
            f'<div class="pair">{pictures}{shown}</div>' if pictures or shown else "",
            long,
            f'<p class="todo">{escaped(section.todo)}</p>' if section.todo else "",
            *(f'<p class="note"{_tongue(note)}>{escaped(note)}</p>' for note in section.notes),
            folded,
            "</section>",
        )
        if part
    )


def _tongue(note: str) -> str:
    """What could not be said in the language of the page is marked, so that a screen reader says it as it is."""
    return ' lang="en"' if current() != "en" and note.isascii() else ""


def _folded(table: Table) -> str:
    return f"<details><summary>{escaped(table.caption)}</summary>{_table(table)}</details>"


def _table(table: Table) -> str:
    drawn = columns_of(table.frame, "", "", shaded=False)
    heads = "".join(
        f'<th scope="col"{_aligned(column.right)}>{escaped(column.header)}</th>' for column in drawn
    )
    rows = []
    for place in range(table.frame.height):
        first, *others = drawn
        cells = "".join(f"<td{_aligned(c.right)}>{escaped(c.texts[place])}</td>" for c in others)
        rows.append(
            f'<tr><th scope="row"{_aligned(first.right)}>{escaped(first.texts[place])}</th>{cells}</tr>'
        )
    caption = f"<caption>{escaped(table.caption)}</caption>"
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(table.caption)}"><table>{caption}'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _aligned(right: bool) -> str:
    return ' class="n"' if right else ""


def _terms(terms: Mapping[str, str]) -> str:
    if not terms:
        return ""
    listed = "".join(
        f"<dt>{escaped(name)}</dt><dd>{escaped(meaning)}</dd>" for name, meaning in terms.items()
    )
    title = escaped(phrase("What the words mean"))
    return (
        f'<section aria-labelledby="terms"><h2 id="terms">{title}</h2>'
        f'<dl class="terms">{listed}</dl></section>'
    )
