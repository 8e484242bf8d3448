"""What must hold of every input, however broken: a sentence, or an account that adds up and that a plain reader confirms."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from crmkit.errors import CrmkitError
from crmkit.load import Audit, Options, Transactions, load
from crmkit.load.find.sources import spooled
from crmkit.load.values.dates import ISO
from tests.load import naive


class BrokenError(Exception):
    """A promise that was not kept; the input is worth keeping."""


@dataclass
class Judged:
    """What came of an input: a refusal in words, or an account."""

    refusal: str = ""
    audit: Audit = field(default_factory=Audit)
    customers: dict[str, Decimal] = field(default_factory=dict)

    @property
    def account(self) -> tuple[int, Mapping[str, int], Decimal, dict[str, Decimal], date | None, date | None]:
        """What a plain reader must come to as well."""
        audit = self.audit
        return (
            audit.rows_read,
            audit.by_reason(),
            audit.money(audit.revenue),
            self.customers,
            audit.first_date,
            audit.last_date,
        )


def judge(data: bytes, name: str = "case.csv", options: Options | None = None) -> Judged:
    """Load these bytes; BrokenError where a promise is not kept."""
    try:
        opened = load([spooled(io.BytesIO(data), name)], options)
        opened.keep_all_rejects = True
        sums = opened.collect(lambda rows: rows.group_by("customer").agg(pl.col("amount").sum(), pl.len()))
    except CrmkitError as error:
        return Judged(refusal=_sentence(str(error), name))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BrokenError(f"{type(error).__name__}: {str(error)[:300]}") from error
    customers = {str(who): opened.audit.money(int(minor)) for who, minor, _ in sums.iter_rows()}
    made = Judged(audit=opened.audit, customers=customers)
    _adds_up(opened, made, sums["len"].sum())
    _plain_reader_agrees(opened, made, data)
    return made


def _sentence(text: str, name: str) -> str:
    wrong = [word for word in ("panicked", "Traceback", "Error(", "src/", ".rs:") if word in text]
    if wrong or len(text) > 2500 or not text.strip() or (name not in text and "--" not in text):
        raise BrokenError(f"no sentence to show: {text[:300]!r}")
    return text


def _adds_up(opened: Transactions, made: Judged, rows: int) -> None:
    audit = made.audit
    if audit.rows_read != audit.rows_used + audit.rows_rejected + audit.rows_skipped:
        raise BrokenError(f"rows do not add up: {audit.line()}")
    if rows != audit.rows_used or sum(made.customers.values()) != audit.money(audit.revenue):
        raise BrokenError(f"customers are not the rows used: {rows} rows, {audit.line()}")
    if len(audit.rejects) != audit.rows_rejected:
        raise BrokenError(f"{len(audit.rejects)} rejects are kept of {audit.rows_rejected}")
    places = opened.locate(audit.rejects)
    if missing := [reject for reject in audit.rejects if (reject.file, reject.record) not in places]:
        raise BrokenError(f"no place was found for {missing[:3]}")


def _plain_reader_agrees(opened: Transactions, made: Judged, data: bytes) -> None:
    if (told := _read_plainly(opened, data)) is None:
        return
    days = (min(told.days, default=None), max(told.days, default=None))
    plain = (told.read, dict(told.rejected), told.revenue, dict(told.customers), *days)
    if not _same(made.account, plain):
        raise BrokenError(f"the plain reader disagrees: {made.account} against {plain}")


def _same(one: Any, other: Any) -> bool:
    """Equal, but for fractions far below a cent (1e-9), which no column of money means."""
    if isinstance(one, tuple):
        return all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return abs(one - other) < Decimal("1e-5") if isinstance(one, Decimal) else one == other


def _read_plainly(opened: Transactions, data: bytes) -> naive.Told | None:
    """What the plain reader makes of it, None where the file is beyond it."""
    dialect, plan = opened.inputs[0].dialect, opened.plan
    if dialect is None or dialect.skip != 1 or dialect.encoding != "utf-8" or data[:2] == b"\x1f\x8b":
        return None
    beyond = (
        plan.layout is not ISO
        or plan.float_ids
        or plan.roles["amount"].formula.tree != ("column", 0)
        or any(not style.plain for style in plan.numbers.values())
        or opened.audit.rounded_rows
        or opened.audit.rows_skipped
    )
    if beyond:
        return None
    names = [plan.roles[role].formula.columns[0] for role in ("customer", "date", "amount")]
    with suppress(UnicodeDecodeError, ValueError):  # or a header with marks of width zero
        return naive.read(data.decode("utf-8-sig"), dialect.delimiter, names)
    return None
