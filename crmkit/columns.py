"""The vocabulary: every column that a table may show, what it means and what kind of thing it is.

One word has one meaning everywhere. Number formats, alignment and the data dictionary in the docs
come from here, and a test asks that every column of every table is listed.

Kinds
    text     labels and ids, shown as they are
    date     a calendar day
    count    whole numbers of things
    days     a span of time in days
    money    amounts in the file's currency, exact (Decimal, or minor units inside)
    share    a part of a whole between 0 and 1, shown as a percentage
    ratio    a number without a unit
    times    how many times as large, with two decimals
    score    a small ordinal such as an R, F or M score
    flag     true or false
"""

from __future__ import annotations

from crmkit.vocabulary.campaigns import CAMPAIGNS
from crmkit.vocabulary.column import Column
from crmkit.vocabulary.forecasts import ACCUMULATION, BACKTEST, CLV, VALUE
from crmkit.vocabulary.nights import NIGHTS
from crmkit.vocabulary.people import CHECK, CHURN, DEVIATION, OVER_TIME, PARETO, RFM, TREND
from crmkit.vocabulary.products import TOGETHER

# One row per transaction, after the door.
TRANSACTIONS = {
    "customer": Column("text", "the customer's id, as text"),
    "date": Column("date", "the day of the transaction"),
    "amount": Column("money", "what the row adds to revenue; negative for a refund"),
    "order": Column("text", "the order that the row belongs to"),
    "product": Column("text", "the product sold"),
    "quantity": Column("ratio", "units sold"),
    "cost": Column("money", "what the goods of the row cost us"),
    "channel": Column("text", "where the sale was made"),
    "group": Column("text", "the campaign group of the customer, such as test or control"),
}

# One row per customer: the narrow waist.
CUSTOMERS = {
    "first": Column("date", "day of the first order"),
    "last": Column("date", "day of the last order"),
    "orders": Column("count", "orders with a positive amount, ever"),
    "days": Column("count", "distinct days with an order"),
    "rows": Column("count", "rows with a positive amount"),
    "revenue": Column("money", "all amounts added up, refunds deducted"),
    "refunds": Column("money", "refunded amounts, as a positive number"),
    "first_revenue": Column("money", "revenue of the day of the first order, refunds deducted"),
    "profit": Column("money", "revenue less cost"),
    "recency": Column("days", "days from the last order to the as-of date"),
    "x": Column("count", "repeat purchases: days with an order after the first such day"),
    "t_x": Column("days", "time from the first to the last order"),
    "T": Column("days", "time from the first order to the as-of date"),
}

SHARED = {
    "customers": Column("count", "number of customers"),
    "share": Column("share", "part of all customers, or of the table's total where it lists customers"),
    "customers_share": Column("share", "part of all customers"),
    "revenue_share": Column(
        "share", "part of all revenue; in Pareto tables, of the revenue of those above zero"
    ),
    "cumulative_share": Column("share", "part of the total reached with this row and those above it"),
    "tier": Column("text", "value tier"),
    "segment": Column("text", "RFM segment"),
    "period": Column("text", "calendar period, or its number where a calculation counts from 0"),
    "rank": Column("count", "place, 1 for the largest; equal values share a place"),
}

COLUMNS: dict[str, Column] = {
    **TRANSACTIONS,
    **CUSTOMERS,
    **SHARED,
    **CHECK,
    **ACCUMULATION,
    **VALUE,
    **PARETO,
    **RFM,
    **CHURN,
    **TREND,
    **DEVIATION,
    **OVER_TIME,
    **CLV,
    **BACKTEST,
    **CAMPAIGNS,
    **TOGETHER,
    **NIGHTS,
}


def kind(name: str) -> str:
    """The kind of a column, `text` for one that this module does not know (a user's own column)."""
    return COLUMNS[name].kind if name in COLUMNS else "text"
