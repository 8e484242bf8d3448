"""How raw batches become rows in use, and what a pass found: findings of parts of the rows add up.

Nothing in here knows where the rows are or in which order parts come, so the same code runs over a
file on this machine and inside the tasks of a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

import polars as pl

from crmkit.engine import packed_ids
from crmkit.load import infer
from crmkit.load.account import audit as accounts
from crmkit.load.account.audit import EXCLUDED, REASON, SKIP, SKIPS, Audit, Reject
from crmkit.load.infer import Unexpected
from crmkit.load.inputs import ROW, StreamFlags
from crmkit.load.lines import Carry, Once
from crmkit.load.plan import MAX_SCALE, ReadingPlan
from crmkit.load.statuses import ROLE
from crmkit.load.values import dates, numbers
from crmkit.load.values.clean import BAD_AMOUNT, BAD_DATE, clean

_KEPT_SURPRISES = 10_000
_OPTIONAL = ("order", "product", "cost", "channel", "group", "store")


@dataclass
class PassReport:
    """The account of some rows, and what they held that the plan could not know."""

    audit: Audit
    surprises: Unexpected = field(default_factory=Unexpected)

    def add(self, other: PassReport) -> None:
        """Take in the findings of other rows."""
        self.audit.merge(other.audit)
        mine, theirs = self.surprises, other.surprises
        mine.dates = _both(mine.dates, theirs.dates)
        mine.lost_digits = _both(mine.lost_digits, theirs.lost_digits)
        for name in theirs.numbers:
            mine.numbers[name] = _more(mine.numbers.get(name), theirs.numbers[name])
        mine.float_ids |= theirs.float_ids
        mine.not_float_ids |= theirs.not_float_ids


class Part(NamedTuple):
    """Where a batch comes from: the file's name in messages, and raw column → column of the file."""

    file: str
    names: Mapping[str, str]


class Reader(NamedTuple):
    """Everything that a pass needs to know of the plan. `complete`: the sample held all rows."""

    plan: ReadingPlan
    raw: Mapping[str, Any]  # column types of the raw frame
    complete: bool
    decided: frozenset[str] = frozenset()
    keep_all_rejects: bool = False

    def empty(self) -> PassReport:
        """PassReport of no rows."""
        return PassReport(Audit(scale=self.plan.scale, keep_all_rejects=self.keep_all_rejects))

    def schema(self) -> dict[str, Any]:
        """The columns of the rows in use."""
        money = pl.Int128 if self.plan.wide else pl.Int64
        kind = self.raw.get("customer", pl.String)
        whole = kind.is_numeric() and not kind.is_decimal()
        schema: dict[str, Any] = {
            "customer": pl.Int64 if whole else pl.String,
            "date": pl.Date,
            "amount": money,
        }
        for name in _OPTIONAL:
            if name in self.plan.roles:
                whole = name in self.raw and self.raw[name].is_integer()
                label = (
                    pl.Int64 if whole and not (name == "order" and self.plan.lines.restarts) else pl.String
                )
                schema[name] = money if name == "cost" else label
        return schema

    def read(
        self,
        raw: pl.DataFrame,
        findings: PassReport,
        part: Part,
        watch: StreamFlags,
        once: Once | None = None,
    ) -> pl.DataFrame:
        """The rows in use of a raw batch, all of it accounted for in `findings`."""
        cleaned = clean(raw, self.plan, suspicious=watch.nul, visible=watch.visible)
        return self.used_rows(raw, cleaned, findings, part, once)

    def once(self) -> Once | None:
        """What tells further lines of orders in one stream of rows, where that is asked for."""
        return Once() if self.plan.lines.once else None

    def carry(self) -> Carry:
        """What fills in facts of orders in one stream of rows."""
        return Carry(self.plan.lines.carried)

    def used_rows(
        self,
        raw: pl.DataFrame,
        cleaned: pl.DataFrame,
        findings: PassReport,
        part: Part,
        once: Once | None = None,
    ) -> pl.DataFrame:
        """The same from a batch that `clean` has seen; `once` tells further lines of orders."""
        schema, audit = self.schema(), findings.audit
        if once is not None:
            cleaned = _further_skipped(cleaned, once.further(cleaned))
        self._count_statuses(cleaned, audit)
        used = (cleaned[REASON] == 0) & (cleaned[SKIP] == 0)
        columns = [*schema, *accounts.FLAGS]
        kept = cleaned.select(columns) if used.all() else cleaned.select(columns).filter(used)
        audit.add(kept)
        if "currency" in cleaned.columns:
            audit.currencies |= set(cleaned["currency"].drop_nulls().unique().to_list())
            audit.no_currency += cleaned["currency"].null_count()
        audit.shortened_ids += _shortened(raw["customer"])
        if kept.height < cleaned.height:
            aside = cleaned.select(REASON, SKIP, "amount").filter(~used)
            audit.set_aside(aside)
            if self.plan.options.exclude is not None:
                listed = cleaned.filter(pl.col(SKIP) == EXCLUDED, pl.col(REASON) == 0)["customer"]
                audit.excluded |= set(listed.unique().cast(pl.String).to_list())
            reasons = {accounts.REASONS[code] for code in aside[REASON].unique().to_list() if code}
            if any(audit.wants(reason) for reason in reasons):
                self._keep_rejects(raw, cleaned, audit, part)
            if reasons:
                self._keep_surprises(raw, cleaned, findings.surprises)
        if self.plan.scale < MAX_SCALE and cleaned["__rounded"].any():
            lost = cleaned.filter("__rounded")["__amount"]
            findings.surprises.lost_digits = _more(findings.surprises.lost_digits, lost)
        if not self.complete:
            self._watch(raw, findings.surprises)
        rows = kept.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        return (
            self._with_refunds(rows, cleaned.filter(used), audit) if "refunded" in cleaned.columns else rows
        )

    def _with_refunds(self, rows: pl.DataFrame, used: pl.DataFrame, audit: Audit) -> pl.DataFrame:
        """The money that went back, as rows of the same order and day: a refund lowers revenue and is no order."""
        if self.plan.options.ignore_refunds or not (used["refunded"] > 0).any():
            return rows
        went = rows.with_columns((-used["refunded"]).cast(rows.schema["amount"]).alias("amount"))
        back = went.filter(used["refunded"] > 0)
        if "cost" in back.columns:
            back = back.with_columns(pl.lit(0, dtype=back.schema["cost"]).alias("cost"))
        audit.add_refunds(back)
        return pl.concat([rows, back])

    def _count_statuses(self, cleaned: pl.DataFrame, audit: Audit) -> None:
        names = [name for name in cleaned.columns if name.startswith(ROLE)]
        if names:
            further = SKIPS.index("further line of an order") + 1
            rows = cleaned.filter((pl.col(REASON) == 0) & (pl.col(SKIP) != further))
            for name in names:
                audit.add_statuses(name, rows.select(name, "amount"))

    def close(self, watch: StreamFlags, findings: PassReport, part: Part) -> None:
        """Account for what showed while a file streamed by: rows that are no rows, an end that looks cut."""
        for bad in watch.ragged:
            if not bad.is_blank:
                findings.audit.ragged(part.file, bad)
        if not watch.ends_in_newline:
            findings.audit.notes.append(
                f"{part.file}: the last line has no newline; its last value may be truncated"
            )

    def _keep_surprises(self, raw: pl.DataFrame, cleaned: pl.DataFrame, surprises: Unexpected) -> None:
        bad = cleaned[REASON]
        if (bad == BAD_DATE).any() and raw.schema["date"] == pl.String:
            surprises.dates = _more(surprises.dates, raw.filter(bad == BAD_DATE)["date"])
        if (bad == BAD_AMOUNT).any():
            for name in self.plan.numbers:
                odd = raw.filter(bad == BAD_AMOUNT)[name]
                surprises.numbers[name] = _more(surprises.numbers.get(name), odd)

    def _watch(self, raw: pl.DataFrame, surprises: Unexpected) -> None:
        """Look for what would have been decided otherwise, had it been in the sample."""
        if raw.schema["customer"] == pl.String:
            self._watch_ids(raw["customer"], surprises)
        for name, style in self.plan.numbers.items():
            if not style.proven and name not in self.decided:
                marked = raw[name].filter(raw[name].str.contains("[.,]"))
                surprises.numbers[name] = _more(surprises.numbers.get(name), marked)

    def _watch_ids(self, ids: pl.Series, surprises: Unexpected) -> None:
        if self.plan.float_ids:
            present = ids.filter(~ids.str.strip_chars().is_in(numbers.BLANKS))
            surprises.not_float_ids |= not present.str.contains(infer.DIGITS).all()
        elif "ids" not in self.decided and not packed_ids.lacks(ids, "."):
            odd = ids.filter(ids.str.contains(".0", literal=True))
            surprises.float_ids |= bool(odd.str.contains(r"\.0+\s*$").any())

    def _keep_rejects(self, raw: pl.DataFrame, cleaned: pl.DataFrame, audit: Audit, part: Part) -> None:
        rejected = cleaned.select(ROW, REASON).hstack(raw.drop(ROW)).filter(pl.col(REASON) > 0)
        for code, rows in rejected.group_by(REASON, maintain_order=True):
            reason = accounts.REASONS[code[0]]
            if not audit.wants(reason):
                continue
            rows = rows if audit.keep_all_rejects else rows.head(accounts.EXAMPLES)
            column, raws = self._culprit(reason, part.names)
            values = zip(*(dates.spelt(rows[raw]) for raw in raws), strict=True) if raws else repeat(("NUL",))
            for record, parts in zip(rows[ROW].to_list(), values, strict=False):
                audit.rejects.append(Reject(part.file, record, reason, column, ", ".join(parts)))

    def _culprit(self, reason: str, names: Mapping[str, str]) -> tuple[str, Sequence[str]]:
        """(the file's name for the column at fault or the formula over several, their raw names)."""
        role = next((role for role in ("customer", "date", "amount", "cost") if role in reason), "")
        raws = [raw for raw in names if raw == role or raw.startswith(f"{role}:")] if role else []
        return (
            names[raws[0]] if len(raws) == 1 else self.plan.roles[role].formula.text if raws else "",
            raws,
        )


def _further_skipped(cleaned: pl.DataFrame, further: pl.Series) -> pl.DataFrame:
    """Further lines of orders that were counted are neither used nor broken."""
    skip = SKIPS.index("further line of an order") + 1
    aside = pl.lit(further)
    return cleaned.with_columns(
        pl.when(aside).then(pl.lit(0, dtype=pl.UInt8)).otherwise(REASON).alias(REASON),
        pl.when(aside & (pl.col(SKIP) == 0)).then(pl.lit(skip, dtype=pl.UInt8)).otherwise(SKIP).alias(SKIP),
        pl.when(aside).then(pl.lit(0, dtype=cleaned.schema["amount"])).otherwise("amount").alias("amount"),
    )


def _shortened(ids: pl.Series) -> int:
    """How many ids a spreadsheet has turned into numbers of few digits."""
    if ids.dtype != pl.String or packed_ids.lacks(ids, "E"):
        return 0
    # They begin with a digit or a blank, which is seen in a tenth of the time of a look at all of each text.
    suspects = ids.filter((ids < ":") | (ids >= "\x80"))
    if not suspects.str.contains("E+", literal=True).any():
        return 0
    return int(suspects.str.contains(r"^\s*[0-9](?:[.,][0-9]+)?E\+[0-9]{1,2}\s*$").sum())


def _more(before: pl.Series | None, odd: pl.Series) -> pl.Series:
    """Distinct examples, up to a number that is more than enough."""
    odd = odd.drop_nulls()
    return (odd if before is None else before.append(odd)).unique().head(_KEPT_SURPRISES)


def _both(mine: pl.Series | None, theirs: pl.Series | None) -> pl.Series | None:
    return mine if theirs is None else _more(mine, theirs)
