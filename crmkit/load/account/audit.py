"""Every row is accounted for: read = used + set aside (by reason) + skipped (by the user's wish)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from crmkit.engine.money import exact
from crmkit.language.catalogue import phrase
from crmkit.load.statuses import MANY

# In this order: a row is set aside for the first reason that applies.
RAGGED = "wrong field count"
REASONS = (
    "",
    "bad characters",
    "no customer id",
    "bad customer id",
    "no date",
    "bad date",
    "date out of range",
    "no amount",
    "bad amount",
    "amount out of range",
    "bad cost",
)
SKIPS = (
    "after the as-of date",
    "before the since date",
    "other currency",
    "excluded status",
    "ignored refund",
    "excluded customer",
    "further line of an order",
)
NO_CUSTOMER = REASONS.index("no customer id")
EXCLUDED = SKIPS.index("excluded customer") + 1
# What a column of the cleaned frame is called; a reason of 0 means that the row is used.
REASON, SKIP = "__reason", "__skip"
# Of each used row: whether digits of its amount were lost, whether its id was trimmed.
FLAGS = ("__rounded", "__trimmed")
EXAMPLES = 5


class Reject(NamedTuple):
    """A row that was set aside: where it stands and which value would not do."""

    file: str
    record: int
    reason: str
    column: str
    value: str


@dataclass
class Audit:
    """Counts of one pass. Money is in minor units of 10**-scale."""

    scale: int = 2
    rows_read: int = 0
    rows_used: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    revenue: int = 0
    revenue_without_customer: int = 0
    revenue_set_aside: int = 0  # readable amounts of rows set aside for other reasons
    revenue_skipped: int = 0
    absolute: float = 0.0  # bounds every sum of amounts; tells whether 64 bits suffice
    refund_rows: int = 0
    refunds: int = 0
    zero_rows: int = 0
    rounded_rows: int = 0
    trimmed_ids: int = 0
    no_cost: int = 0  # used, though what they cost is not known
    shortened_ids: int = 0  # written as 1.23457E+11
    first_date: date | None = None
    last_date: date | None = None
    currencies: set[str] = field(default_factory=set)
    no_currency: int = 0
    excluded: set[str] = field(default_factory=set)
    differing_orders: int = 0  # whose lines do not agree on the order's amount
    # (status role, word) → rows and money, whatever becomes of them; no more is counted once there are many words.
    statuses: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    anonymous_rows: int = 0  # used, though they have no customer id
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keep_all_rejects: bool = False

    def money(self, minor: int) -> Decimal:
        """Minor units as the exact amount."""
        return exact(minor, self.scale)

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def rows_skipped(self) -> int:
        return sum(self.skipped.values())

    def add(self, used: pl.DataFrame) -> None:
        """Count the rows of a batch that are used."""
        if used.height == 0:
            return
        counted = used.select(_COUNTS).row(0, named=True)
        self.rows_read += used.height
        self.rows_used += used.height
        self.rounded_rows += counted["rounded"]
        self.trimmed_ids += counted["trimmed"]
        self._add_money(used["amount"], counted["least"], counted["most"])
        self.anonymous_rows += used["customer"].null_count()
        self.no_cost += used["cost"].null_count() if "cost" in used.columns else 0
        self.first_date = min(filter(None, (counted["first"], self.first_date)), default=None)
        self.last_date = max(filter(None, (counted["last"], self.last_date)), default=None)

    def _add_money(self, amounts: pl.Series, least: int, most: int) -> None:
        """Exact sums, in 64 bits where that is safe; batches without refunds and zeros need no look at every row."""
        if max(-least, most) * len(amounts) >= 2**63:
            amounts = amounts.cast(pl.Int128)
        revenue, refunds = int(amounts.sum()), 0
        if least < 0:
            negative = amounts.filter(amounts < 0)
            self.refund_rows += len(negative)
            refunds = -int(negative.sum())
        if least <= 0 <= most:
            self.zero_rows += int((amounts == 0).sum())
        self.revenue += revenue
        self.refunds += refunds
        self.absolute += revenue + 2 * refunds

    def set_aside(self, others: pl.DataFrame) -> None:
        """Count the rows of a batch that are not used, by the reason for it."""
        self.rows_read += others.height
        summed = others.group_by(REASON, SKIP).agg(
            pl.len().cast(pl.Int64),
            pl.col("amount").cast(pl.Int128).sum(),
            pl.col("amount").cast(pl.Float64).abs().sum().alias("absolute"),
        )
        for reason, skip, rows, amount, absolute in summed.iter_rows():
            self.absolute += absolute
            if reason == 0:
                self.skipped[SKIPS[skip - 1]] = self.skipped.get(SKIPS[skip - 1], 0) + rows
                self.revenue_skipped += amount
                continue
            self.rejected[REASONS[reason]] = self.rejected.get(REASONS[reason], 0) + rows
            if reason == NO_CUSTOMER:
                self.revenue_without_customer += amount
            else:
                self.revenue_set_aside += amount

    def add_refunds(self, back: pl.DataFrame) -> None:
        """Count money that went back as another column of rows says: it belongs to no row of its own."""
        whole = int(back["amount"].cast(pl.Int128).sum())
        self.refund_rows += back.height
        self.revenue += whole
        self.refunds -= whole
        self.absolute -= whole

    def add_statuses(self, name: str, rows: pl.DataFrame) -> None:
        """Count rows and money by the words of a status column; too many words are no statuses."""
        if len(self.statuses) > MANY:
            return
        counted = rows.group_by(name).agg(
            pl.len().cast(pl.Int64).alias("n"), pl.col("amount").cast(pl.Int128).sum()
        )
        for word, number, amount in counted.iter_rows():
            before = self.statuses.get((name, word or ""), [0, 0])
            self.statuses[name, word or ""] = [before[0] + number, before[1] + amount]

    def merge(self, other: Audit) -> None:
        """Take in the account of other rows."""
        for word, (number, amount) in other.statuses.items():
            before = self.statuses.get(word, [0, 0])
            self.statuses[word] = [before[0] + number, before[1] + amount]
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.rejected, other.rejected), (self.skipped, other.skipped)):
            for reason, rows in theirs.items():
                mine[reason] = mine.get(reason, 0) + rows
        self.first_date = min(filter(None, (self.first_date, other.first_date)), default=None)
        self.last_date = max(filter(None, (self.last_date, other.last_date)), default=None)
        self.currencies |= other.currencies
        self.excluded |= other.excluded
        self.notes = sorted({*self.notes, *other.notes})
        self.rejects += [reject for reject in other.rejects if self.wants(reject.reason)]

    def wants(self, reason: str) -> bool:
        """Whether one more example of this reason should be kept."""
        return self.keep_all_rejects or sum(reject.reason == reason for reject in self.rejects) < EXAMPLES

    def ragged(self, file: str, bad: Any) -> None:
        """Count a row that has the wrong number of fields."""
        self.rows_read += 1
        self.rejected[RAGGED] = self.rejected.get(RAGGED, 0) + 1
        if self.wants(RAGGED):
            self.rejects.append(
                Reject(file, bad.record, RAGGED, "", f"{bad.actual} fields, {bad.expected} expected")
            )

    def by_reason(self) -> dict[str, int]:
        """Rows set aside, in the order in which reasons are looked for."""
        return {reason: self.rejected[reason] for reason in (RAGGED, *REASONS) if reason in self.rejected}

    def facts(self, *, has_amount: bool = True) -> dict[str, Any]:
        """The account as single values, in the file's own currency units."""
        rejected = self.by_reason()
        facts: dict[str, Any] = {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "rejected": rejected,
            "skipped": {skip: self.skipped[skip] for skip in SKIPS if skip in self.skipped},
        }
        if has_amount:
            facts |= {
                "refund_rows": self.refund_rows,
                "zero_rows": self.zero_rows,
                "revenue": self.money(self.revenue),
                "refunds": self.money(self.refunds),
                "revenue_without_customer": self.money(self.revenue_without_customer),
                "revenue_set_aside": self.money(self.revenue_set_aside),
                "revenue_skipped": self.money(self.revenue_skipped),
            }
        return facts | {"first_date": self.first_date, "last_date": self.last_date}

    def counted(self) -> dict[str, Any]:
        """The numbers of the line, for logs."""
        facts = self.facts(has_amount=False)
        return {name: facts[name] for name in ("rows_read", "rows_used", "rejected", "skipped")}

    def line(self) -> str:
        """The account in one line: it adds up."""
        parts = [phrase("{n} rows read", n=f"{self.rows_read:,}")]
        facts = self.facts(has_amount=False)
        parts += [f"{count:,} {phrase(reason)}" for reason, count in facts["rejected"].items()]
        skipped = facts["skipped"].items()
        parts += [
            phrase("{n} {reason} (skipped)", n=f"{count:,}", reason=phrase(reason))
            for reason, count in skipped
        ]
        return ", ".join([*parts, phrase("{n} used", n=f"{self.rows_used:,}")])


# What two accounts simply add up.
_ADDED = (
    "rows_read",
    "rows_used",
    "revenue",
    "revenue_without_customer",
    "revenue_set_aside",
    "revenue_skipped",
    "absolute",
    "refund_rows",
    "refunds",
    "zero_rows",
    "rounded_rows",
    "trimmed_ids",
    "shortened_ids",
    "no_cost",
    "no_currency",
    "anonymous_rows",
    "differing_orders",
)
_COUNTS = [
    pl.col("amount").min().alias("least"),
    pl.col("amount").max().alias("most"),
    pl.col("__rounded").sum().cast(pl.Int64).alias("rounded"),
    pl.col("__trimmed").sum().cast(pl.Int64).alias("trimmed"),
    pl.col("date").min().alias("first"),
    pl.col("date").max().alias("last"),
]
