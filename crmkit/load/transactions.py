"""The canonical transactions of an input: a lazy frame, and the account of the pass that fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from crmkit.errors import DataError, GateError
from crmkit.load import audit as accounts
from crmkit.load import batches, dates, numbers, survey
from crmkit.load.audit import REASON, SKIP, Audit, Reject
from crmkit.load.batches import ROW, Input, Watch
from crmkit.load.clean import BAD_AMOUNT, BAD_DATE, clean
from crmkit.load.plan import MAX_SCALE, Plan
from crmkit.load.survey import Sample, Surprises

_KEPT_SURPRISES = 10_000
_WIDE_FROM = 2.0**62
_MOST_REJECTED = 0.5
_OPTIONAL = ("order", "product", "cost", "channel", "group", "store")


class Transactions:
    """Rows that can be asked for again and again; each `collect` is one pass over the files.

    After a pass, `audit` accounts for every row, `plan` holds how the columns were read, and
    `as_of` is the day as of which customers are looked at.
    """

    def __init__(
        self, inputs: Sequence[Input], names: Sequence[dict[str, str]], plan: Plan, sampled: Sample
    ) -> None:
        self.inputs = list(inputs)
        self.plan = plan
        self.audit = Audit(scale=plan.scale)
        self.keep_all_rejects = False
        self.on_progress: Callable[[int], None] | None = None
        self._names = list(names)
        self._sample = sampled
        self._surprises = Surprises()
        self._error: BaseException | None = None
        self._settled: set[str] = set()

    @property
    def scale(self) -> int:
        """Decimals of the money: amounts are whole numbers of 10**-scale."""
        return self.plan.scale

    @property
    def has_amount(self) -> bool:
        """Whether the rows say what they are worth."""
        return "amount" in self.plan.roles

    def has(self, role: str) -> bool:
        """Whether some column plays this role."""
        return role in self.plan.roles

    @property
    def as_of(self) -> date:
        """The user's as-of date, else the latest date among the rows used (known after a pass)."""
        day = self.plan.options.as_of or self.audit.last_date
        if day is None:
            raise DataError("No row could be used, so there is no date to look from.")
        return day

    @property
    def begin(self) -> date:
        """The first day that the rows used cover: the user's since date, else the earliest (known after a pass)."""
        return self.plan.options.since or self.audit.first_date or self.as_of

    @property
    def name(self) -> str:
        """How to call the input in a message."""
        first = self.inputs[0].name
        return first if len(self.inputs) == 1 else f"{first} and {len(self.inputs) - 1} more"

    def collect(
        self,
        build: Callable[[pl.LazyFrame], pl.LazyFrame],
        *,
        combine: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    ) -> pl.DataFrame:
        """Run a query over the rows in use, in one pass; again only if the sample misled the plan.

        `combine` may shrink each batch before the query sees it, where the query gives the same
        answer either way.
        """
        while True:
            self._begin()
            frame = build(self._frame(combine)).collect(engine="streaming")
            if self._error is not None:
                raise self._error
            if not self._replanned():
                break
        self._finish()
        return frame

    def scan(self) -> pl.DataFrame:
        """A pass for its account alone."""
        return self.collect(lambda rows: rows.select(pl.len()))

    def _begin(self) -> None:
        self.audit = Audit(scale=self.plan.scale, keep_all_rejects=self.keep_all_rejects)
        self._surprises = Surprises()
        self._error = None

    def _frame(self, combine: Callable[[pl.DataFrame], pl.DataFrame] | None) -> pl.LazyFrame:
        schema = self._schema()

        def rows(
            columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            # An exception would come out wrapped by the engine; it is kept and raised by `collect`.
            try:
                for frame in self._used() if combine is None else map(combine, self._used()):
                    chosen = frame.select(columns or list(schema))
                    yield chosen if predicate is None else chosen.filter(predicate)
            except BaseException as error:
                self._error = error

        return register_io_source(rows, schema=schema)

    def _schema(self) -> dict[str, Any]:
        money = pl.Int128 if self.plan.wide else pl.Int64
        raw = self._sample.frame.schema
        whole = bool(raw) and raw["customer"].is_numeric() and not raw["customer"].is_decimal()
        schema: dict[str, Any] = {
            "customer": pl.Int64 if whole else pl.String,
            "date": pl.Date,
            "amount": money,
        }
        for name in _OPTIONAL:
            if name in self.plan.roles:
                label = pl.Int64 if name in raw and raw[name].is_integer() else pl.String
                schema[name] = money if name == "cost" else label
        return schema

    def _used(self) -> Iterator[pl.DataFrame]:
        schema = self._schema()
        for opened, names in zip(self.inputs, self._names, strict=True):
            watch = Watch()
            for raw in survey.raw_batches(opened, names, watch):
                cleaned = clean(raw, self.plan, suspicious=watch.nul)
                kept = self._look(raw, cleaned, opened)
                yield kept.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
                if self.on_progress:
                    self.on_progress(cleaned.height)
            self._close(opened, watch)

    def _close(self, opened: Input, watch: Watch) -> None:
        for bad in watch.ragged:
            self.audit.ragged(opened.name, bad)
        if not watch.ends_in_newline:
            self.audit.notes.append(
                f"{opened.name}: the last line has no newline; its last value may be truncated"
            )

    def _look(self, raw: pl.DataFrame, cleaned: pl.DataFrame, opened: Input) -> pl.DataFrame:
        """Account for a cleaned batch; the rows of it that are used."""
        used = (cleaned[REASON] == 0) & (cleaned[SKIP] == 0)
        kept = cleaned if used.all() else cleaned.filter(used)
        self.audit.add(kept)
        if "currency" in cleaned.columns:
            self.audit.currencies |= set(cleaned["currency"].drop_nulls().unique().to_list())
        if kept.height < cleaned.height:
            aside = cleaned.filter(~used)
            self.audit.set_aside(aside)
            if (aside[REASON] > 0).any():
                self._keep_rejects(raw, cleaned, opened)
                self._keep_surprises(raw, cleaned)
        if self.plan.scale < MAX_SCALE and cleaned["__rounded"].any():
            lost = cleaned.filter("__rounded")["__amount"].head(_KEPT_SURPRISES)
            before = self._surprises.lost_digits
            self._surprises.lost_digits = (
                lost if before is None or before.len() > _KEPT_SURPRISES else before.append(lost)
            )
        if raw.schema["customer"] == pl.String and not self._sample.complete:
            self._watch_ids(raw["customer"])
        return kept

    def _keep_surprises(self, raw: pl.DataFrame, cleaned: pl.DataFrame) -> None:
        bad = cleaned[REASON]
        self._surprises.dates += int((bad == BAD_DATE).sum())
        if (bad == BAD_AMOUNT).any():
            for name in self.plan.numbers:
                odd = raw.filter(bad == BAD_AMOUNT)[name].drop_nulls().unique().head(_KEPT_SURPRISES)
                before = self._surprises.numbers.get(name, odd.clear())
                if before.len() < _KEPT_SURPRISES:
                    self._surprises.numbers[name] = before.append(odd)

    def _watch_ids(self, ids: pl.Series) -> None:
        if self.plan.float_ids:
            present = ids.filter(~ids.str.strip_chars().is_in(numbers.BLANKS))
            self._surprises.not_float_ids |= not present.str.contains(survey.DIGITS).all()
        elif "ids" not in self._settled:
            self._surprises.float_ids |= bool(ids.str.ends_with(".0").any())

    def _keep_rejects(self, raw: pl.DataFrame, cleaned: pl.DataFrame, opened: Input) -> None:
        rejected = cleaned.select(ROW, REASON).hstack(raw.drop(ROW)).filter(pl.col(REASON) > 0)
        for code, rows in rejected.group_by(REASON, maintain_order=True):
            reason = accounts.REASONS[code[0]]
            if not self.audit.wants(reason):
                continue
            rows = rows if self.keep_all_rejects else rows.head(accounts.EXAMPLES)
            column, raw_name = self._culprit(reason, opened)
            values = (
                rows[raw_name].cast(pl.String, strict=False).to_list()
                if raw_name in rows.columns
                else [None] * rows.height
            )
            for record, value in zip(rows[ROW].to_list(), values, strict=True):
                self.audit.rejects.append(
                    Reject(opened.name, record, reason, column, "" if value is None else value)
                )

    def _culprit(self, reason: str, opened: Input) -> tuple[str, str]:
        """(the file's name for the column at fault, its raw name)."""
        names = self._names[self.inputs.index(opened)]
        role = next((role for role in ("customer", "date", "amount", "cost") if role in reason), "")
        raws = [raw for raw in names if raw == role or raw.startswith(f"{role}:")] if role else []
        return (names[raws[0]], raws[0]) if len(raws) == 1 else (" * ".join(names[raw] for raw in raws), "")

    def _replanned(self) -> bool:
        """Decide again what the pass put in doubt; True if the plan changed, so that it must run again."""
        changed = self._changes()
        if changed == self.plan:
            return False
        self.plan = changed
        return True

    def _changes(self) -> Plan:
        plan, seen = self.plan, self._surprises
        if self.audit.absolute >= _WIDE_FROM:
            plan = plan.but(wide=True)
        if seen.lost_digits is not None and plan.scale < MAX_SCALE:
            plan = plan.but(scale=survey.scale_for(seen.lost_digits, plan.scale + 1))
        if self._sample.complete:
            return plan
        if seen.not_float_ids or seen.float_ids:
            self._settled |= {"ids"} if seen.not_float_ids else set()
            plan = plan.but(float_ids=not seen.not_float_ids)
        return self._restyled(self._relaid(plan))

    def _relaid(self, plan: Plan) -> Plan:
        given = plan.options.date_format is not None
        if given or "dates" in self._settled or self._surprises.dates == 0:
            return plan
        if plan.layout is dates.ISO and self._surprises.dates * 2 < self.audit.rows_read:
            return plan
        self._settled.add("dates")
        values = survey.all_values(self.full(), "date")
        name = plan.roles["date"].formula.text
        layout = dates.survey(values, name, self.name)
        if layout is None:
            raise dates.ambiguous(values, name, self.name)
        return plan.but(layout=layout)

    def _restyled(self, plan: Plan) -> Plan:
        styles = dict(plan.numbers)
        for raw, odd in self._surprises.numbers.items():
            role, _, place = raw.partition(":")
            name = plan.roles[role].formula.columns[int(place)]
            values = self._sample.frame[raw].drop_nulls().append(odd)
            style = numbers.survey(values, decimal=plan.options.decimal, name=name, file=self.name)
            if style is None:
                raise numbers.ambiguous(values, name, self.name)
            styles[raw] = style
        return plan.but(numbers=styles)

    def full(self) -> list[Iterator[pl.DataFrame]]:
        """Every raw batch of every input, for a survey that a sample cannot settle."""
        return [
            survey.raw_batches(opened, names, Watch())
            for opened, names in zip(self.inputs, self._names, strict=True)
        ]

    def _finish(self) -> None:
        self.audit.notes += self._inferences()
        currencies = self.audit.currencies
        if len(currencies) > 1 and not self.plan.options.currency:
            listed = ", ".join(sorted(currencies)[:10])
            raise DataError(
                f"{self.name}: the column {self.plan.roles['currency'].formula.text!r} holds {len(currencies)} currencies ({listed}), "
                f"whose sum would mean nothing. Keep one of them with --currency {sorted(currencies)[0]}."
            )
        if self.audit.rows_used == 0:
            raise DataError(self._nothing_left())

    def _nothing_left(self) -> str:
        if self.audit.rows_read == 0:
            return f"{self.name}: there are no data rows (0 rows after the header)."
        example = next(iter(self.audit.rejects), None)
        shown = ""
        if example is not None:
            place = self.places([example])[example.file, example.record][0]
            column = f" column {example.column}," if example.column else ""
            shown = f" For example {place},{column} {example.reason}: {example.value[:40]!r}."
        return f"{self.name}: no row can be used: {self.audit.line()}.{shown}"

    def _inferences(self) -> list[str]:
        """What was found rather than given, in words."""
        plan, notes = self.plan, []
        if (
            plan.layout is not dates.ISO
            and not plan.options.date_format
            and self._sample.frame.width
            and self._sample.frame["date"].dtype == pl.String
        ):
            what = " (days in UTC unless --tz)" if plan.layout is dates.ZONED else ""
            notes.append(f"{plan.roles['date'].formula.text} read as {plan.layout.name}{what}")
        for raw, style in plan.numbers.items():
            role, _, place = raw.partition(":")
            if style.says() and not plan.options.decimal:
                notes.append(f"{plan.roles[role].formula.columns[int(place)]}: {style.says()}")
        if self.audit.trimmed_ids:
            notes.append(f"blank space around {self.audit.trimmed_ids:,} customer ids was trimmed")
        if plan.float_ids:
            notes.append("customer ids are whole numbers, some written like 12345.0; the .0 was dropped")
        if self.audit.rounded_rows:
            notes.append(f"{self.audit.rounded_rows:,} amounts were rounded to {plan.scale} decimals")
        return notes

    def places(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], tuple[str, int, str]]:
        """Where these rows stand: (file, record) → (its place in words, line or row from 1, the row's text)."""
        found: dict[tuple[str, int], tuple[str, int, str]] = {}
        for opened in self.inputs:
            wanted = {reject.record for reject in rejects if reject.file == opened.name}
            if opened.dialect is None:
                found |= {(opened.name, record): (f"row {record + 1}", record + 1, "") for record in wanted}
                continue
            for record, line, text in batches.locate(opened) if wanted else ():
                if record in wanted:
                    found[opened.name, record] = (f"line {line}", line, text)
                    wanted.discard(record)
                if not wanted:
                    break
        return found

    def gate(
        self, *, strict: bool = False, max_rejects: float | None = None, percent: float | None = None
    ) -> None:
        """Stop where more rows were set aside than the user allows (GateError), or than can be right (DataError)."""
        rejected = self.audit.rows_rejected
        if strict and rejected:
            raise GateError(f"--strict: {rejected:,} rows were set aside: {self.audit.line()}.")
        limit = max_rejects if percent is None else self.audit.rows_read * percent
        if limit is not None and rejected > limit:
            raise GateError(
                f"--max-rejects: {rejected:,} rows were set aside, more than allowed: {self.audit.line()}."
            )
        broken = rejected - self.audit.rejected.get("no customer id", 0)
        if limit is None and broken > _MOST_REJECTED * self.audit.rows_read:
            raise DataError(
                f"{self.name}: more than half of the rows are broken, so the file is probably misread: {self.audit.line()}. "
                "Run crmkit check, or allow it with --max-rejects 100%."
            )
