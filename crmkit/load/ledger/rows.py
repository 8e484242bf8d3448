"""The rows of a ledger, for every question that asks transactions.

A line of a batch stands for `rows` rows of one customer, order and day with the same sign. Questions that count single
rows get as many: their sum is exact, and each has the sign that it had, which is all that such questions look at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crmkit.engine.prefetch import ahead
from crmkit.engine.rows import LocalRows, Rows, is_listed
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.load.account.audit import Audit, Reject
from crmkit.load.columns import expression
from crmkit.load.columns.roles import Role
from crmkit.load.found import Found
from crmkit.load.infer import Sample
from crmkit.load.ledger import batch, manifest, standing
from crmkit.load.ledger.manifest import Manifest
from crmkit.load.plan import Options, ReadingPlan
from crmkit.load.reader import Reader
from crmkit.load.streamed import Streamed
from crmkit.load.transactions import Place

_OF_ROW = ("customer", "date", "amount")
_KEPT = (*_OF_ROW, "order", "cost")
# Sums below this are safe in 64 bits, whatever is added up.
_WIDE_FROM = 2.0**62


class Ledger(Streamed):
    """Batches that were added before. Its plan is settled: what could surprise was met when they were added."""

    knows_lines = False

    def __init__(self, folder: Path, held: Manifest, plan: ReadingPlan) -> None:
        super().__init__(str(folder), plan, Sample(pl.DataFrame(), complete=True))
        self.folder = folder
        self.manifest = held

    def _expected_rows(self) -> int:
        return sum(one.rows for one in self.manifest.files)

    def _used(self, reader: Reader, *, singly: bool) -> Iterator[pl.DataFrame]:
        self._findings.audit = _whole(self.manifest, self.plan.scale)
        account = _Account(self._findings.audit, self.plan)
        for lines in ahead(self._lines()):
            used = account.used(lines)
            rows = _one_by_one(used) if singly else used
            yield rows.select(pl.col(name).cast(kind) for name, kind in reader.schema().items())
            if self.on_progress:
                self.on_progress(account.rows)
        account.close()

    def standing_customers(self, wants: Collection[str]) -> Found[Rows] | None:
        """Customers with these measures from the standing table, where it holds what a pass would find."""
        held = standing.fits(self.manifest) if self._asks_all() else None
        asked = [name for name in standing.MEASURES if name in {*wants, "customer", "last", "revenue"}]
        if held is None or not set(wants) <= set(asked):
            return None
        try:
            customers = standing.read(self.folder, held, asked, in_order=is_listed.get())
        except standing.DamagedError:
            return None  # the batches have it all
        self._findings = self._reader().empty()
        self._findings.audit = _whole(self.manifest, self.plan.scale)
        if "orders" in asked:
            # Without a column of orders a pass counts days, each of which is one.
            name = "orders" if "order" in self.plan.roles else "days"
            customers = customers.with_columns(pl.col("orders").cast(pl.Int64)).rename({"orders": name})
        rows = self._until_settled(lambda: LocalRows(customers))
        return Found(rows, self.plan, self.audit)

    def _asks_all(self) -> bool:
        """Whether this question takes all rows, and counts as orders what the standing table does."""
        plan, options = self.plan, self.plan.options
        last = max((one.spans[-1][1] for one in self.manifest.batches if one.spans), default=None)
        later = options.as_of is None or (last is not None and last <= options.as_of)
        left_out = options.since is not None or options.exclude is not None or options.ignore_refunds
        ordered = "order" in plan.roles or not any("order" in one.columns for one in self.manifest.files)
        return ordered and later and not (plan.wide or plan.priced or left_out)

    def _lines(self) -> Iterator[pl.DataFrame]:
        """The lines of all files, their money in units of the ledger's scale."""
        wanted = ["rows", *self.plan.roles]
        for held in self.manifest.files:
            yield from batch.lines(self.folder, held, wanted, self.plan.scale, wide=self.plan.wide)

    def tally(self, raw: str) -> pl.DataFrame:
        raise NotImplementedError("a ledger has no raw columns")

    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        return {}


def opened(
    folder: Path, options: Options, needs: frozenset[str], wants: frozenset[str], held: Manifest | None = None
) -> Ledger:
    """The rows of a ledger with the columns of these roles; UsageError where it has not kept one of them."""
    found = manifest.read(folder) if held is None else held
    _refuse_missing(folder, found, needs, wants, options)
    asked = needs | wants
    known = {name for one in found.files for name in one.columns}
    roles = {
        name: Role(name, expression.column(name), "kept in the ledger")
        for name in _KEPT
        if name in _OF_ROW or (name in asked and name in known)
    }
    absolute = _whole(found, found.scale).absolute
    # How files are read was settled when they were added; what is asked of their rows is not.
    asked_now = Options(
        as_of=options.as_of,
        since=options.since,
        exclude=options.exclude,
        ignore_refunds=options.ignore_refunds,
        tz=options.tz,
    )
    plan = ReadingPlan(
        roles=roles,
        scale=found.scale,
        wide=absolute >= _WIDE_FROM,
        priced="cost" in needs,
        options=asked_now,
    )
    return Ledger(folder, found, plan)


def _refuse_missing(
    folder: Path, found: Manifest, needs: frozenset[str], wants: frozenset[str], options: Options
) -> None:
    typed = {name for name, word in options.columns.items() if word}
    missing = sorted(needs - set(_KEPT)) or sorted((wants & ({*found.left_out} | typed)) - set(_KEPT))
    if missing:
        raise UsageError(
            f"{safe(folder)} is a ledger: it keeps what each customer did on each day, and no column {missing[0]}, which this asks for. "
            "Give the files themselves."
        )
    if "customer" not in needs:
        raise UsageError(
            f"{safe(folder)} is a ledger, which has no rows without a customer, and this asks for all rows. Give the files themselves."
        )
    if "cost" in needs and not any("cost" in one.columns for one in found.files):
        raise UsageError(f"{safe(folder)} is a ledger without costs. Give files with a cost column.")


def _whole(found: Manifest, scale: int) -> Audit:
    whole = Audit(scale=scale)
    for one in found.batches:
        whole.merge(manifest.account(one.audit, scale))
    return whole


class _Account:
    """The account of a pass: that of the batches, less what this question leaves out."""

    def __init__(self, audit: Audit, plan: ReadingPlan) -> None:
        self.audit, self.plan, self.rows = audit, plan, 0
        options = plan.options
        self._tests = {
            "excluded customer": options.exclude is not None,
            "after the as-of date": options.as_of is not None,
            "before the since date": options.since is not None,
            "ignored refund": options.ignore_refunds,
        }
        self._days: list[Any] = []
        self._looks = plan.priced or any(self._tests.values())

    def used(self, lines: pl.DataFrame) -> pl.DataFrame:
        """The lines that this question uses; the others are counted by the reason."""
        self.rows += int(lines["rows"].sum())
        if not self._looks:
            return lines
        if self.plan.priced:
            lines = self._without(lines, pl.col("cost").is_null(), "bad cost", self.audit.rejected)
        for reason, is_asked in self._tests.items():
            if is_asked:
                lines = self._without(lines, self._test(reason, lines), reason, self.audit.skipped)
        self._days += [lines["date"].min(), lines["date"].max()]
        return lines

    def _test(self, reason: str, lines: pl.DataFrame) -> pl.Expr:
        options = self.plan.options
        if reason == "excluded customer":
            assert options.exclude is not None
            listed = options.exclude.holds(lines["customer"])
            self.audit.excluded |= set(lines["customer"].filter(listed).unique().to_list())
            return pl.lit(listed)
        if reason == "after the as-of date":
            return pl.col("date") > pl.lit(options.as_of)
        return pl.col("date") < pl.lit(options.since) if "since" in reason else pl.col("amount") < 0

    def _without(
        self, lines: pl.DataFrame, test: pl.Expr, reason: str, counts: dict[str, int]
    ) -> pl.DataFrame:
        aside = lines.filter(test)
        if not aside.height:
            return lines
        rows, revenue = lessen(self.audit, aside)
        counts[reason] = counts.get(reason, 0) + rows
        if counts is self.audit.skipped:
            self.audit.revenue_skipped += revenue
        else:
            self.audit.revenue_set_aside += revenue
        return lines.filter(~test)

    def close(self) -> None:
        """The days of what was used."""
        if self._looks:
            days = [day for day in self._days if day is not None]
            self.audit.first_date = min(days, default=None)
            self.audit.last_date = max(days, default=None)


def lessen(audit: Audit, lines: pl.DataFrame) -> tuple[int, int]:
    """Take lines out of what an account says is used; how many rows they stand for, and their money."""
    amount, n = pl.col("amount").cast(pl.Int128), pl.col("rows")
    told = lines.select(
        rows_used=n.sum(),
        revenue=amount.sum(),
        refund_rows=n.filter(amount < 0).sum(),
        refunds=0 - amount.filter(amount < 0).sum(),
        zero_rows=n.filter(amount == 0).sum(),
    ).row(0, named=True)
    for name, value in told.items():
        setattr(audit, name, getattr(audit, name) - value)
    return told["rows_used"], told["revenue"]


def _one_by_one(lines: pl.DataFrame) -> pl.DataFrame:
    """As many rows as a line stands for, of its sign: all but the first the least amount that there is."""
    if not (lines["rows"] > 1).any():
        return lines
    sign, n = batch.SIGN, pl.col("rows")
    is_first = pl.int_range(pl.len()).over("line") == 0
    rows = lines.with_row_index("line").with_columns(n=n).select(pl.all().repeat_by("n").explode())
    amounts = {"amount": pl.when(is_first).then(pl.col("amount") - sign * (n - 1)).otherwise(sign)}
    if "cost" in lines.columns:
        amounts["cost"] = pl.when(is_first | pl.col("cost").is_null()).then("cost").otherwise(0)
    return rows.with_columns(**amounts)
