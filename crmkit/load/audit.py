"""Every row is accounted for: read = used + set aside (by reason) + skipped (by the user's wish)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from crmkit.load.inputs import ROW

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
SKIPS = ("after the as-of date", "before the since date", "other currency", "other status", "exact duplicate")
NO_CUSTOMER = REASONS.index("no customer id")
# What a column of the cleaned frame is called; a reason of 0 means that the row is used.
REASON, SKIP, VALUE = "__reason", "__skip", "__value"
EXAMPLES = 5


@dataclass(frozen=True)
class Reject:
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
    first_date: date | None = None
    last_date: date | None = None
    currencies: set[str] = field(default_factory=set)
    no_currency: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keep_all_rejects: bool = False

    def money(self, minor: int) -> Decimal:
        """Minor units as the exact amount."""
        return Decimal(minor).scaleb(-self.scale)

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def rows_skipped(self) -> int:
        return sum(self.skipped.values())

    def add(self, frame: pl.DataFrame) -> None:
        """Count a cleaned batch."""
        counted = frame.select(_COUNTS).row(0, named=True)
        self.rows_read += frame.height
        self.rows_used += counted["used"]
        for name in ("revenue", "revenue_without_customer", "revenue_set_aside", "revenue_skipped", "refund_rows", "refunds",
                     "zero_rows", "rounded_rows", "trimmed_ids"):  # fmt: skip
            setattr(self, name, getattr(self, name) + int(counted[name] or 0))
        self.absolute += counted["absolute"] or 0.0
        self._span(counted["first"], counted["last"])
        if counted["used"] < frame.height:
            self._set_aside(frame)

    def _span(self, first: date | None, last: date | None) -> None:
        if first is not None and last is not None:
            self.first_date = first if self.first_date is None else min(first, self.first_date)
            self.last_date = last if self.last_date is None else max(last, self.last_date)

    def _set_aside(self, frame: pl.DataFrame) -> None:
        reasons = frame.filter(pl.col(REASON) > 0)[REASON].value_counts()
        for code, count in reasons.iter_rows():
            self.rejected[REASONS[code]] = self.rejected.get(REASONS[code], 0) + count
        skips = frame.filter((pl.col(REASON) == 0) & (pl.col(SKIP) > 0))[SKIP].value_counts()
        for code, count in skips.iter_rows():
            self.skipped[SKIPS[code - 1]] = self.skipped.get(SKIPS[code - 1], 0) + count

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

    def facts(self, *, has_amount: bool = True) -> dict[str, Any]:
        """The account as single values, in the file's own currency units."""
        rejected = {reason: self.rejected[reason] for reason in (RAGGED, *REASONS) if reason in self.rejected}
        facts: dict[str, Any] = {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "rejected": rejected,
            "skipped": dict(self.skipped),
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

    def line(self) -> str:
        """The account in one line: it adds up."""
        parts = [f"{self.rows_read:,} rows read"]
        parts += [f"{count:,} {reason}" for reason, count in self.facts()["rejected"].items()]
        parts += [f"{count:,} {reason} (skipped)" for reason, count in self.skipped.items()]
        return ", ".join([*parts, f"{self.rows_used:,} used"])


_ok = (pl.col(REASON) == 0) & (pl.col(SKIP) == 0)
_amount = pl.col("amount")
_used_amount = pl.when(_ok).then(_amount)
_COUNTS = [
    _ok.sum().cast(pl.Int64).alias("used"),
    _used_amount.cast(pl.Int128).sum().alias("revenue"),
    pl.when(pl.col(REASON) == NO_CUSTOMER)
    .then(_amount)
    .cast(pl.Int128)
    .sum()
    .alias("revenue_without_customer"),
    pl.when((pl.col(REASON) > 0) & (pl.col(REASON) != NO_CUSTOMER))
    .then(_amount)
    .cast(pl.Int128)
    .sum()
    .alias("revenue_set_aside"),
    pl.when((pl.col(REASON) == 0) & (pl.col(SKIP) > 0))
    .then(_amount)
    .cast(pl.Int128)
    .sum()
    .alias("revenue_skipped"),
    _amount.cast(pl.Float64).abs().sum().alias("absolute"),
    (_used_amount < 0).sum().cast(pl.Int64).alias("refund_rows"),
    pl.when(_ok & (_amount < 0)).then(0 - _amount).cast(pl.Int128).sum().alias("refunds"),
    (_used_amount == 0).sum().cast(pl.Int64).alias("zero_rows"),
    (_ok & pl.col("__rounded")).sum().cast(pl.Int64).alias("rounded_rows"),
    (_ok & pl.col("__trimmed")).sum().cast(pl.Int64).alias("trimmed_ids"),
    pl.when(_ok).then("date").min().alias("first"),
    pl.when(_ok).then("date").max().alias("last"),
]
__all__ = ["EXAMPLES", "RAGGED", "REASON", "REASONS", "ROW", "SKIP", "SKIPS", "VALUE", "Audit", "Reject"]
