"""The rows that were set aside: a few of them in words, or all of them as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.language.safe_text import safe
from crmkit.result import Result

if TYPE_CHECKING:
    from crmkit.load.transactions import Transactions

_EXAMPLES = 5
_VALUE_LENGTH = 80


def lines(transactions: Transactions) -> list[str]:
    """A few rows that were set aside for each reason, with their place: file, line, column, value."""
    said = []
    audit = transactions.audit
    shown = [
        reject
        for reason in audit.by_reason()
        if reason != "no customer id"
        for reject in [r for r in audit.rejects if r.reason == reason][:_EXAMPLES]
    ]
    places = transactions.locate(shown)
    for reject in shown:
        where = f"{reject.file}: {places[reject.file, reject.record][0]}"
        column = f", column {reject.column}" if reject.column else ""
        said.append(f"{where}{column}: {reject.reason}: '{safe(reject.value, limit=_VALUE_LENGTH)}'")
    for reason, count in audit.by_reason().items():
        if reason != "no customer id" and count > _EXAMPLES:
            how = " (--rejects FILE keeps them all)" if transactions.knows_lines else ""
            said.append(f"… and {count - _EXAMPLES:,} more: {reason}{how}")
    return said


def result(transactions: Transactions) -> Result:
    """The rows that were set aside, as a table: file, line, reason, column, value, and the row as it stood."""
    import polars as pl

    rejects = sorted(transactions.audit.rejects, key=lambda reject: (reject.file, reject.record))
    places = transactions.locate(rejects)
    rows = [
        (r.file, places[r.file, r.record][1], r.reason, r.column, r.value, places[r.file, r.record][2])
        for r in rejects
    ]
    schema = {
        "file": pl.String,
        "line": pl.Int64,
        "reason": pl.String,
        "column": pl.String,
        "value": pl.String,
        "row": pl.String,
    }
    return Result(command="rejects", tables={"rejects": pl.DataFrame(rows, schema=schema, orient="row")})
