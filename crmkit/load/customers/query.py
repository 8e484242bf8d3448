"""The query that makes the customers table where the data lie: what `crmkit customers` does, in SQL of several dialects.

One query is written in DuckDB's words, and sqlglot says it in those of others. What it takes for granted is that the
columns have their types: amounts are exact decimals (`amount * 0` is a zero with as many), days are dates or moments in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from crmkit.errors import UsageError
from crmkit.load.values.numbers import BLANKS
from crmkit.parse import choice

if TYPE_CHECKING:
    from sqlglot import exp

DIALECTS = ("postgres", "duckdb", "bigquery", "snowflake", "spark")
REFUNDS = ("net", "ignore")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_RESERVED = frozenset(
    {"order", "date", "group", "user", "table", "select", "from", "to", "in", "all", "day", "time"}
)

_QUERY = """
WITH rows_read AS (
    SELECT {customer} AS customer, {date} AS day, {order} AS order_id, {amount} AS amount, {earned} AS earned
    FROM input_table
), rows_used AS (
    SELECT * FROM rows_read
    WHERE customer IS NOT NULL AND day IS NOT NULL AND amount IS NOT NULL{more}
), as_of AS (
    SELECT {as_of} AS as_of FROM rows_used
), days AS (
    SELECT customer, day,
        SUM(CASE WHEN amount > 0 THEN 1 ELSE 0 END) AS bought,
        SUM(amount) AS revenue,
        SUM(CASE WHEN amount < 0 THEN -amount ELSE amount * 0 END) AS refunds,
        SUM(earned) AS profit
    FROM rows_used GROUP BY customer, day
), orders AS (
    SELECT customer, COUNT(DISTINCT COALESCE('order ' || order_id, 'day ' || CAST(day AS TEXT))) AS orders
    FROM rows_used WHERE amount > 0 GROUP BY customer
), sums AS (
    SELECT customer,
        MIN(CASE WHEN bought > 0 THEN day END) AS first_day,
        MAX(CASE WHEN bought > 0 THEN day END) AS last_day,
        SUM(CASE WHEN bought > 0 THEN 1 ELSE 0 END) AS days,
        SUM(bought) AS bought, SUM(revenue) AS revenue, SUM(refunds) AS refunds, SUM(profit) AS profit
    FROM days GROUP BY customer
)
SELECT sums.customer AS customer, first_day AS "first", last_day AS "last", CAST(COALESCE(orders.orders, 0) AS BIGINT) AS orders,
    CAST(sums.days AS BIGINT) AS days, CAST(sums.bought AS BIGINT) AS "rows", sums.revenue AS revenue, sums.refunds AS refunds,
    COALESCE(days.revenue, sums.revenue * 0) AS first_revenue{profit},
    DATE_DIFF('day', last_day, as_of.as_of) AS recency,
    CAST(CASE WHEN sums.days > 0 THEN sums.days - 1 END AS BIGINT) AS x,
    DATE_DIFF('day', first_day, last_day) AS t_x,
    DATE_DIFF('day', first_day, as_of.as_of) AS "T"
FROM sums CROSS JOIN as_of
LEFT JOIN orders ON orders.customer = sums.customer
LEFT JOIN days ON days.customer = sums.customer AND days.day = sums.first_day
ORDER BY sums.customer
"""


def text(
    table: str,
    columns: Mapping[str, str],
    dialect: str,
    *,
    refunds: str = "net",
    since: date | None = None,
    as_of: date | None = None,
) -> str:
    """The query for `table`, whose columns play the roles customer, date, amount and perhaps order and cost.

    UsageError for a dialect that is not known, and where sqlglot is not installed.
    """
    choice("--dialect", dialect, DIALECTS)
    choice("--refunds", refunds, REFUNDS)
    try:
        import sqlglot
    except ImportError:
        raise UsageError("crmkit sql needs sqlglot: pip install 'crmkit[sql]'.") from None
    names = {role: _name(column, dialect).sql("duckdb") for role, column in columns.items()}
    amount, cost = names["amount"], names.get("cost")
    more = [] if refunds == "net" else ["amount >= 0"]
    more += [f"day >= CAST('{since}' AS DATE)"] if since else []
    more += [f"day <= CAST('{as_of}' AS DATE)"] if as_of else []
    query = _QUERY.format(
        customer=_id(names["customer"]),
        order=_id(names["order"]) if "order" in names else "CAST(NULL AS TEXT)",
        date=f"CAST({names['date']} AS DATE)",
        amount=amount,
        earned="0" if cost is None else f"{amount} - {cost}",
        more="".join(f" AND {one}" for one in more),
        as_of=f"MAX(CAST('{as_of}' AS DATE))" if as_of else "MAX(day)",
        profit="" if cost is None else ", sums.profit AS profit",
    )
    parsed = sqlglot.parse_one(query, dialect="duckdb")
    for node in parsed.find_all(sqlglot.exp.Table):
        if node.name == "input_table":
            node.replace(_table(table, dialect))
    made: str = parsed.sql(dialect=dialect, pretty=True)
    return made + "\n"


def _id(column: str) -> str:
    """A column as text without blanks around it; what stands for nothing is null."""
    trimmed = f"TRIM(CAST({column} AS TEXT))"
    blank = ", ".join(f"'{word}'" for word in BLANKS)
    return f"CASE WHEN {trimmed} NOT IN ({blank}) THEN {trimmed} END"


def _name(name: str, dialect: str) -> exp.Identifier:
    """A name as it is written; Snowflake folds plain ones to capitals, so there they are quoted only where they must be."""
    from sqlglot import exp

    is_plain = _PLAIN.fullmatch(name) is not None
    if dialect != "snowflake" or not is_plain:
        return exp.to_identifier(name, quoted=True)
    if name.lower() in _RESERVED:
        return exp.to_identifier(name.upper(), quoted=True)
    return exp.to_identifier(name)


def _table(table: str, dialect: str) -> exp.Table:
    from sqlglot import exp

    parts = table.split(".")
    if not all(parts) or len(parts) > 3:
        raise UsageError(
            f"--table {table!r} is no name of a table. Write it like sales, or like shop.public.sales."
        )
    name, *above = [_name(part, dialect) for part in reversed(parts)]
    return exp.Table(this=name, db=above[0] if above else None, catalog=above[1] if len(above) > 1 else None)
