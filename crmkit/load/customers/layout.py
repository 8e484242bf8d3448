"""Whether an input holds customers, and which of its columns says what of them.

The user's word comes first: `--orders` makes it a table of customers, `--date` or `--amount` with a column
that is nothing of the kind a table of transactions. Else names decide, and where both fit, that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crmkit.columns import CUSTOMERS
from crmkit.errors import DataError
from crmkit.load.columns import names, roles
from crmkit.load.columns.roles import match, normalise
from crmkit.load.plan import Options

REQUIRED = ("customer", "last", "orders", "revenue")
ORDER = ("customer", *CUSTOMERS)
# Names as `normalise` leaves them.
_BOUGHT = r"(?:orders?|ordered|purchased?|visit(?:ed)?|transaction|invoiced?|sale|activity|seen|bought|paid|payment|shopping)"
_PATTERNS = {
    "last": rf"(?:date(?:of)?|dt)?(?:the)?(?:last|latest|mostrecent){_BOUGHT}?(?:date|day|time|at|on|dt|timestamp)?"
    r"|最后(?:购买|消费|下单|交易)(?:日期|时间)?|最近(?:一次)?(?:购买|消费|下单|交易)(?:日期|时间)?",
    "orders": r"(?:number|num|no|nr|n|count|cnt|total|lifetime)(?:of)?(?:orders|purchases|transactions|visits|invoices|trips)"
    r"|(?:orders?|purchases?|transactions?|visits?|invoices?)(?:count|cnt)|orders|purchases|transactions|visits|frequency"
    r"|(?:订单|购买|消费|下单|交易)(?:数|数量|次数|频次|频率)",
    "revenue": r"(?:total|lifetime|sum|net|gross|cumulative)?(?:of)?(?:revenue|sales|spend|spent|spending|amount|amountspent|monetary|"
    r"monetaryvalue|turnover|value|paid)|(?:累计|总)?(?:消费|购买|销售|交易|订单)?(?:金额|总额|额)",
    "recency": r"recency(?:in)?(?:days)?|days(?:since|from)(?:the)?(?:last|latest)" + _BOUGHT + "?|距今天数",
}  # fmt: skip
# In words, and the option that names it.
_MEANT = {
    "customer": ("the customer", "customer"),
    "last": ("the last order's date", "date"),
    "orders": ("the number of orders", "orders"),
    "revenue": ("the revenue", "amount"),
}
_DAY_OF_SALE = (
    r"date|(?:order|invoice|transaction|purchase|sale|sales|trx|tx)(?:date|time|datetime|timestamp)"
)


def columns_of(columns: Sequence[str], options: Options, file: str) -> dict[str, str] | None:
    """What → the column that says it, or None where these are no customers; DataError where that is open."""
    given = options.columns
    if not given.get("orders") and _says_transactions(given):
        return None
    found = {
        what: name
        for what in ("customer", *_PATTERNS)
        if (name := _column(what, columns, given, file)) is not None
    }
    missing = [what for what in REQUIRED if what not in found and not (what == "last" and "recency" in found)]
    if missing and given.get("orders"):
        raise DataError(_missing(missing, columns, file))
    if missing:
        return None
    _refuse_doubt(found, columns, given, file)
    _refuse_repeats(found, columns, file)
    taken = {normalise(name) for name in found.values()}
    return found | {
        what: what for what in ORDER if what in columns and what not in found and what not in taken
    }


def refuse(columns: Sequence[str], options: Options, file: str) -> None:
    """DataError where transactions are needed and this is a table of customers."""
    if columns_of(columns, options, file) is not None:
        raise DataError(
            f"{file} is a table of customers, one row each, and this needs transactions, one row for each purchase. "
            "Give the file that it was made from; pareto, rfm and clv take customers, too."
        )


def _says_transactions(given: Mapping[str, str | None]) -> bool:
    """Whether the user names a column that no table of customers has."""
    kinds = {"date": "last", "amount": "revenue"}
    return any(
        (word := given.get(role)) and word not in ("last", "revenue") and not _is(what, word)
        for role, what in kinds.items()
    )


def _is(what: str, name: str) -> bool:
    return re.fullmatch(_PATTERNS[what], normalise(name)) is not None


def _column(what: str, columns: Sequence[str], given: Mapping[str, str | None], file: str) -> str | None:
    """The user's word, the name that our own table has, or the one name that fits."""
    option = _MEANT[what][1] if what in _MEANT else what
    if word := given.get(option):
        if (named := match(word, columns)) is None:
            raise roles.unknown(word, columns, file, f"--{option}")
        return named
    if what in columns:
        return what
    if what == "customer":
        ranks = {name: names.rank(name, what) for name in columns}
        alike = [name for name in ranks if names.SURE <= ranks[name] == max(ranks.values())]
    else:
        alike = [name for name in dict.fromkeys(columns) if _is(what, name)]
    return alike[0] if len(alike) == 1 else None


def _refuse_doubt(
    found: Mapping[str, str], columns: Sequence[str], given: Mapping[str, str | None], file: str
) -> None:
    days = [
        name for name in columns if re.fullmatch(_DAY_OF_SALE, normalise(name)) and name not in found.values()
    ]
    if days and not given.get("orders") and not given.get("date"):
        raise DataError(
            f"{file} could be transactions (it has {days[0]!r}) or a table of customers (it has "
            f"{found.get('last', found.get('recency'))!r}, {found['orders']!r} and {found['revenue']!r}). "
            f"Say --date '{days[0]}' for transactions, or --orders '{found['orders']}' for customers."
        )


def _refuse_repeats(found: Mapping[str, str], columns: Sequence[str], file: str) -> None:
    """In the tables of some libraries frequency counts repeats only, and recency is the age at the last purchase."""
    if normalise(found["orders"]) == "frequency" and "T" in columns and "last" not in found:
        raise DataError(
            f"{file}: with a column T, frequency counts repeat purchases and recency the time between the first and the last; "
            "such a table has no number of orders. Start from the transactions."
        )


def _missing(missing: Sequence[str], columns: Sequence[str], file: str) -> str:
    what = " and ".join(_MEANT[name][0] for name in missing)
    return (
        f"{file}: --orders says that this is a table of customers, and no column was found for {what}; "
        f"columns found: {', '.join(columns[:30])}. Say {' '.join(f'--{_MEANT[name][1]} COLUMN' for name in missing)}."
    )
