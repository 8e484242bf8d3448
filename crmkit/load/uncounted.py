"""An answer about purchases that are counted and not valued: what it says of money is left out."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import polars as pl

from crmkit.columns import COLUMNS
from crmkit.result import LongTable, Result

_OF_MONEY = re.compile(
    r"revenue|refund|profit|monetary|spend|money|amount|^m$|^M$|^m_|_m$|^rfm$|average_order|clv|zero_rows|^year_on_year$"
)


def without_money(result: Result) -> Result:
    """The result without columns and facts of money, and without sentences that would speak of it."""
    made: dict[str, pl.DataFrame] = {
        name: _less(result.tables[name]) for name in result.tables if name != result.detail
    }
    tables = {name: table for name, table in made.items() if table.width}
    facts = {name: value for name, value in result.facts.items() if not is_of_money(name)}
    titles = {name: title for name, title in result.titles.items() if "revenue" not in title.lower()}
    result = replace(result, facts=facts, headline="", notes=(), titles=titles)
    rows = result.tables.waiting(result.detail or "") if isinstance(result.tables, LongTable) else None
    if rows is not None:
        return replace(result, tables=LongTable(tables, str(result.detail), rows.map_in_order(_less)))
    if result.detail is not None:
        tables[result.detail] = _less(result.tables[result.detail])
    return replace(result, tables=tables)


def _less(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop([name for name in frame.columns if is_of_money(name)])


@cache
def is_of_money(name: str) -> bool:
    """Whether a column or a fact tells of money."""
    return bool(_OF_MONEY.search(name)) or (name in COLUMNS and COLUMNS[name].kind == "money")
