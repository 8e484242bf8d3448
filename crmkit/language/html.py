"""Answers in a notebook: plain HTML tables, every text of the data escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_MOST = 20


def page(title: str, lines: Iterable[str], tables: Iterable[str]) -> str:
    """A heading, sentences and tables that were made."""
    said = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return f"<div><p><b>{escape(title)}</b></p>{said}{''.join(tables)}</div>"


def table(frame: pl.DataFrame, title: str = "") -> str:
    """The first rows of a table, and how many there are where these are not all."""
    head = "".join(f"<th>{escape(name)}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(value))}</td>" for value in row) + "</tr>"
        for row in frame.head(_MOST).iter_rows()
    )
    named = f"<caption>{escape(title)}</caption>" if title else ""
    more = f"<p>{_MOST} of {frame.height:,} rows</p>" if frame.height > _MOST else ""
    return f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
