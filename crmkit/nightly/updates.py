"""`customers --update` and `ledger`: what is said of a ledger and its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.language.safe_text import safe
from crmkit.load import Files
from crmkit.load.columns import assignment
from crmkit.load.ledger import batch, manifest
from crmkit.load.ledger.manifest import Batch, Manifest
from crmkit.load.transactions import Transactions
from crmkit.nightly import ledgers
from crmkit.nightly.ledgers import Change
from crmkit.result import Result

# Roles that a ledger does not keep: who asks for one that the files had is told so.
_LEFT_OUT = frozenset({"product", "channel", "group", "store"})
# About one run, and not about how files of this kind are read.
_OF_RUN = frozenset(
    {"strict", "max_rejects", "max_age", "min_rows", "rejects", "keep", "sheet", "no_customer"}
)
_REFUSED = ("as_of", "since", "exclude", "count", "keep")


def reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options on reading that later batches take over; UsageError for those that would leave out rows for one question."""
    for name in _REFUSED:
        if given.get(name):
            raise UsageError(
                f"--{name.replace('_', '-')} does not go with --update: a ledger keeps all rows with their money, and each question asks "
                "what it wants of them. Leave it out here."
            )
    return {name: value for name, value in given.items() if name not in _OF_RUN}


def update(
    sales: Transactions,
    folder: Path,
    found: Manifest,
    *,
    given: Mapping[str, Any],
    replaced: bool,
    appended: bool,
) -> Change:
    """The ledger with the rows of these transactions (`ledgers.add`)."""
    if not isinstance(sales, Files):
        raise UsageError("--update takes files of transactions on this machine. Give those.")
    roles = assignment.assign_roles(sales.inputs, sales.plan.options, frozenset(), _LEFT_OUT)
    left_out = tuple(sorted({name for one in roles for name in one} & _LEFT_OUT))
    told = reading(given) | ({"orders_restart": "daily"} if sales.plan.lines.restarts else {})
    return ledgers.add(
        sales, folder, found, reading=told, left_out=left_out, replaced=replaced, appended=appended
    )


def told(change: Change) -> Result:
    """What a change has done, and what there is now."""
    table = _table(change.manifest, [change.batch] if change.batch else [])
    facts = _facts(change.folder, change.manifest)
    facts |= {"changed": change.is_change, "batch": change.batch.id if change.batch else None}
    tables = (
        {"batch": table} if change.batch else {"batches": _table(change.manifest, change.manifest.batches)}
    )
    return Result(
        command="ledger", tables=tables, facts=facts, headline=f"{safe(change.folder)}: {change.said}."
    )


def listing(folder: Path, found: Manifest) -> Result:
    """The batches of a ledger, in the order in which they were added."""
    table = _table(found, found.batches)
    return Result(command="ledger", tables={"batches": table}, facts=_facts(folder, found), detail=None)


def _facts(folder: Path, found: Manifest) -> dict[str, Any]:
    days = [day for one in found.batches for span in one.spans for day in span]
    return {
        "ledger": safe(folder),
        "batches": len(found.batches),
        "files": len(found.files),
        "rows_read": sum(one.rows for one in found.batches),
        "lines": sum(one.rows for one in found.files),
        "first_date": min(days, default=None),
        "last_date": max(days, default=None),
        "reading": dict(found.reading),
    }


def _table(found: Manifest, batches: Sequence[Batch]) -> pl.DataFrame:
    rows = [
        {
            "batch": one.short,
            "added": one.added[:19].replace("T", " "),
            "source": safe(one.source),
            "first": one.spans[0][0] if one.spans else None,
            "last": one.spans[-1][1] if one.spans else None,
            "days": manifest.count(one.spans),
            "rows_read": one.rows,
            "rows_used": int(one.audit["rows_used"]),
            "revenue": audit.money(audit.revenue),
        }
        for one in batches
        for audit in [manifest.account(one.audit, found.scale)]
    ]
    dates = dict.fromkeys(("first", "last"), pl.Date)
    counts = dict.fromkeys(("days", "rows_read", "rows_used"), pl.Int64)
    texts = dict.fromkeys(("batch", "added", "source"), pl.String)
    schema: dict[str, Any] = {**texts, **dates, **counts, "revenue": pl.Decimal(38, found.scale)}
    return pl.DataFrame(rows, schema=schema)


def verify(folder: Path, found: Manifest) -> Result:
    """Every file read again and counted; DataError where one is not what was written."""
    wrong = [text for one in found.files if (text := _fault(folder, found, one.name))]
    wrong += _differing(found)
    if wrong:
        more = f" And {len(wrong) - 1:,} more." if len(wrong) > 1 else ""
        raise DataError(
            f"{safe(folder)}: {wrong[0]}{more} Bring the file back from a backup, or drop the batch and add its rows again."
        )
    said = f"{len(found.files):,} files hold what was added in {len(found.batches):,} batches"
    return told(Change(folder, found, said))


def _fault(folder: Path, found: Manifest, name: str) -> str:
    held = next(one for one in found.files if one.name == name)
    try:
        lines = ledgers.whole_file(folder, found, name)
    except DataError as error:
        return str(error)
    if lines.height != held.rows or not name.startswith(batch.name_of(lines, held.scale)[: ledgers.DIGITS]):
        return f"{name} holds other rows than were added."
    return ""


def _differing(found: Manifest) -> list[str]:
    named = {one.name for one in found.files}
    return [f"batch {one.short} has no file." for one in found.batches if one.file not in named]
