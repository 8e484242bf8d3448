"""What has changed between two runs: who entered, left or moved to another group, and how much money moved with them.

Both sides are exports of the same command, tables with a row for each customer, or accounts of runs (`--summary`). An
account has no customers: of two of them, facts and the sizes of groups are compared.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from crmkit.engine.counts import ratio
from crmkit.errors import DataError, UsageError
from crmkit.headlines import answered, over_time
from crmkit.language.safe_text import safe
from crmkit.nightly import exports
from crmkit.nightly.drift import drifts
from crmkit.nightly.exports import LABELS, Export
from crmkit.result import Result

ENTERED, LEFT, MOVED, STAYED = "entered", "left", "moved", "stayed"
CHANGES = (ENTERED, LEFT, MOVED, STAYED)
_GROUPS = ("segment", "tier", "stage", "status", "level", "rfm")
_MONEY = ("revenue", "monetary", "value", "profit")
_MEASURES = ("revenue_before", "revenue", "revenue_change")
_FACTS = (
    "rows_read",
    "rows_used",
    "revenue",
    "refunds",
    "first_date",
    "last_date",
    "as_of",
    "customers",
    "items",
)
_KEY, _FROM, _TO = "customer", "from", "to"


@answered(over_time.diff)
def analyse(old: str | Export, new: str | Export, *, by: str | None = None) -> Result:
    """Changes, moves from group to group, and everybody who is in another place or brings another amount.

    Args:
        old, new: files of two runs, or the runs themselves.
        by: the column with the group; default: the first of segment, tier, stage, status and level that both have.

    Raises DataError for files that hold no such runs, or a customer twice.
    """
    before, after = (exports.read(run) if isinstance(run, str) else run for run in (old, new))
    if before.rows is None or after.rows is None:
        if by is not None:
            raise UsageError(
                f"--by {by} needs exports with a row for each customer. Leave it out, or name those."
            )
        return _of_accounts(before, after)
    group = _group(before, after, by)
    amount = next((name for name in _MONEY if name in before.rows and name in after.rows), None)
    joined = _joined(_side(before, group, amount), _side(after, group, amount))
    changed = joined.filter((pl.col("move") != STAYED) | (pl.col("revenue_change") != 0))
    facts: dict[str, Any] = {
        "old": safe(before.name),
        "new": safe(after.name),
        "by": group,
        "differs": changed.height > 0,
    }
    facts |= {"customers_before": before.rows.height, "customers": after.rows.height}
    facts["moves"] = dict(joined["move"].value_counts().sort("move").iter_rows())
    if found := drifts(before.shares, after.shares):
        facts["drift"] = found
    tables = {"changes": _changes(joined), "moves": _moves(joined), "customers": changed}
    if amount is None:
        tables = {name: table.drop(_MEASURES) for name, table in tables.items()}
    titles = {"changes": "Who changed", "moves": "From where to where"}
    titles["customers"] = "Customers with the largest changes"
    pictures = {"customers": f"list {','.join(changed.columns)}"} if changed.height else {}
    return Result(
        command="diff", tables=tables, facts=facts, detail="customers", titles=titles, pictures=pictures
    )


def _group(before: Export, after: Export, by: str | None) -> str | None:
    assert before.rows is not None
    assert after.rows is not None
    for name in [by] if by else _GROUPS:
        if name in before.rows.columns and name in after.rows.columns:
            return name
    if by is not None:
        raise UsageError(
            f"--by {safe(by)}: not both files have this column; {safe(after.name)} has {', '.join(map(safe, after.rows.columns))}."
        )
    return None


def _side(export: Export, group: str | None, amount: str | None) -> pl.DataFrame:
    """Customer, group and money of one run."""
    rows = export.rows
    assert rows is not None
    key = _KEY if _KEY in rows.columns else rows.columns[0]
    label = pl.lit("listed") if group is None else pl.col(group).cast(pl.String).fill_null("none")
    money = pl.lit(Decimal(0)) if amount is None else pl.lit(_money(rows[amount], export.name))
    side = rows.select(pl.col(key).cast(pl.String).alias(_KEY), label.alias("group"), money.alias("money"))
    twice = side.filter(pl.col(_KEY).is_duplicated())[_KEY]
    if twice.len():
        raise DataError(
            f"{safe(export.name)}: {safe(twice[0])!r} comes twice, so this is no list of customers. Name an export with one row each."
        )
    return side


def _money(column: pl.Series, name: str) -> pl.Series:
    """Exact amounts, whatever the file kept them as."""
    if column.dtype.is_decimal():
        return column.cast(pl.Decimal(38, column.dtype.scale))  # type: ignore[attr-defined]
    text = column.cast(pl.String)
    places: Any = text.str.extract(r"\.(\d+)$").str.len_chars().max() or 0
    found = text.str.to_decimal(scale=places).cast(pl.Decimal(38, places))
    if found.null_count() > column.null_count():
        raise DataError(
            f"{safe(name)}: the column {column.name} holds what is no amount. Name an export of crmkit."
        )
    return found


def _joined(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Everybody who is in either, with the groups and the money of both."""
    scale = max(frame.schema["money"].scale for frame in (before, after))  # type: ignore[attr-defined]
    sides = [frame.with_columns(pl.col("money").cast(pl.Decimal(38, scale))) for frame in (before, after)]
    both = sides[0].join(sides[1], on=_KEY, how="full", coalesce=True, suffix="_after")
    was, now = pl.col("group"), pl.col("group_after")
    move = (
        pl.when(was.is_null())
        .then(pl.lit(ENTERED))
        .when(now.is_null())
        .then(pl.lit(LEFT))
        .when(was != now)
        .then(pl.lit(MOVED))
        .otherwise(pl.lit(STAYED))
    )
    money = both.with_columns(pl.col("money", "money_after").fill_null(0))
    made = money.select(
        _KEY,
        was.fill_null(ENTERED).alias(_FROM),
        now.fill_null(LEFT).alias(_TO),
        move.alias("move"),
        pl.col("money").alias("revenue_before"),
        pl.col("money_after").alias("revenue"),
        (pl.col("money_after") - pl.col("money")).alias("revenue_change"),
    )
    return made.sort(pl.col("revenue_change").abs(), _KEY, descending=[True, False])


def _changes(joined: pl.DataFrame) -> pl.DataFrame:
    sums = joined.group_by("move").agg(customers=pl.len().cast(pl.Int64), **_sums())
    table = pl.DataFrame({"move": CHANGES}).join(sums, on="move", how="left", maintain_order="left")
    table = table.with_columns(pl.exclude("move").fill_null(0))
    return table.select(
        "move", "customers", ratio(pl.col("customers"), pl.col("customers").sum()).alias("share"), *_MEASURES
    )


def _moves(joined: pl.DataFrame) -> pl.DataFrame:
    """Each move that happened, the one with most money first."""
    moved = joined.filter(pl.col("move") != STAYED)
    sums = moved.group_by(_FROM, _TO).agg(customers=pl.len().cast(pl.Int64), **_sums())
    return sums.sort(
        pl.max_horizontal("revenue_before", "revenue"), _FROM, _TO, descending=[True, False, False]
    )


def _sums() -> dict[str, pl.Expr]:
    return {name: pl.col(name).sum() for name in _MEASURES}


def _of_accounts(before: Export, after: Export) -> Result:
    """Facts that both accounts have, and the groups whose sizes they tell."""
    names = [name for name in _FACTS if name in before.facts or name in after.facts]
    facts = [
        {"fact": name, "before": _text(before.facts.get(name)), "after": _text(after.facts.get(name))}
        for name in names
    ]
    table = pl.DataFrame(facts, schema=dict.fromkeys(("fact", "before", "after"), pl.String))
    groups = [
        {
            "label": label,
            "group": group,
            "customers_before": was.get(group, 0),
            "customers": now.get(group, 0),
        }
        for label in LABELS
        if label in before.shares and label in after.shares
        for was, now in [(before.shares[label], after.shares[label])]
        for group in sorted({*was, *now})
    ]
    kinds = {"label": pl.String, "group": pl.String, "customers_before": pl.Int64, "customers": pl.Int64}
    sizes = pl.DataFrame(groups, schema=kinds)
    differs = any(row["before"] != row["after"] for row in facts) or any(
        row["customers_before"] != row["customers"] for row in groups
    )
    told: dict[str, Any] = {"old": safe(before.name), "new": safe(after.name), "differs": differs}
    told |= {"customers_before": before.customers, "customers": after.customers}
    if found := drifts(before.shares, after.shares):
        told["drift"] = found
    tables = {"facts": table} | ({"groups": sizes} if groups else {})
    titles = {"facts": "Facts of both runs", "groups": "Customers by group"}
    return Result(command="diff", tables=tables, facts=told, titles=titles)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
