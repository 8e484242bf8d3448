"""The canonical transactions of an input: a lazy frame, and the account of the pass that fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import repeat
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from crmkit.errors import DataError
from crmkit.load import audit as accounts
from crmkit.load import dates, delimited, numbers, survey
from crmkit.load.ahead import ahead
from crmkit.load.audit import REASON, SKIP, Audit, Reject
from crmkit.load.clean import BAD_AMOUNT, BAD_DATE, clean
from crmkit.load.gates import Gate
from crmkit.load.inputs import ROW, Input, Watch
from crmkit.load.plan import MAX_SCALE, Plan
from crmkit.load.survey import Sample, Surprises

_KEPT_SURPRISES = 10_000
_WIDE_FROM = 2.0**62
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
        self.gate: Gate | None = None
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
            for raw, cleaned in ahead(self._cleaned(opened, names, watch)):
                kept = self._look(raw, cleaned, opened)
                yield kept.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
                if self.on_progress:
                    self.on_progress(cleaned.height)
            self._close(opened, watch)

    def _cleaned(
        self, opened: Input, names: dict[str, str], watch: Watch
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for raw in survey.raw_batches(opened, names, watch):
            yield raw, clean(raw, self.plan, suspicious=watch.nul)

    def _close(self, opened: Input, watch: Watch) -> None:
        opened.source.refuse_changed()
        for bad in watch.ragged:
            if not bad.is_blank:
                self.audit.ragged(opened.name, bad)
        if not watch.ends_in_newline:
            self.audit.notes.append(
                f"{opened.name}: the last line has no newline; its last value may be truncated"
            )

    def _look(self, raw: pl.DataFrame, cleaned: pl.DataFrame, opened: Input) -> pl.DataFrame:
        """Account for a cleaned batch; the rows of it that are used."""
        used = (cleaned[REASON] == 0) & (cleaned[SKIP] == 0)
        columns = [*self._schema(), *accounts.FLAGS]
        kept = cleaned.select(columns) if used.all() else cleaned.select(columns).filter(used)
        self.audit.add(kept)
        if "currency" in cleaned.columns:
            self.audit.currencies |= set(cleaned["currency"].drop_nulls().unique().to_list())
            self.audit.no_currency += cleaned["currency"].null_count()
        if kept.height < cleaned.height:
            aside = cleaned.filter(~used)
            self.audit.set_aside(aside)
            if (aside[REASON] > 0).any():
                self._keep_rejects(raw, cleaned, opened)
                self._keep_surprises(raw, cleaned)
        if self.plan.scale < MAX_SCALE and cleaned["__rounded"].any():
            lost = cleaned.filter("__rounded")["__amount"]
            self._surprises.lost_digits = _more(self._surprises.lost_digits, lost)
        if not self._sample.complete:
            self._watch(raw)
        return kept

    def _keep_surprises(self, raw: pl.DataFrame, cleaned: pl.DataFrame) -> None:
        bad = cleaned[REASON]
        if (bad == BAD_DATE).any() and raw.schema["date"] == pl.String:
            self._surprises.dates = _more(self._surprises.dates, raw.filter(bad == BAD_DATE)["date"])
        if (bad == BAD_AMOUNT).any():
            for name in self.plan.numbers:
                odd = raw.filter(bad == BAD_AMOUNT)[name]
                self._surprises.numbers[name] = _more(self._surprises.numbers.get(name), odd)

    def _watch(self, raw: pl.DataFrame) -> None:
        """Look for what would have been decided otherwise, had it been in the sample."""
        if raw.schema["customer"] == pl.String:
            self._watch_ids(raw["customer"])
        for name, style in self.plan.numbers.items():
            if not style.proven and name not in self._settled:
                marked = raw[name].filter(raw[name].str.contains("[.,]"))
                self._surprises.numbers[name] = _more(self._surprises.numbers.get(name), marked)

    def _watch_ids(self, ids: pl.Series) -> None:
        if self.plan.float_ids:
            present = ids.filter(~ids.str.strip_chars().is_in(numbers.BLANKS))
            self._surprises.not_float_ids |= not present.str.contains(survey.DIGITS).all()
        elif "ids" not in self._settled:
            odd = ids.filter(ids.str.contains(".0", literal=True))
            self._surprises.float_ids |= bool(odd.str.contains(r"\.0+\s*$").any())

    def _keep_rejects(self, raw: pl.DataFrame, cleaned: pl.DataFrame, opened: Input) -> None:
        if not any(
            self.audit.wants(accounts.REASONS[code]) for code in cleaned[REASON].unique().to_list() if code
        ):
            return
        rejected = cleaned.select(ROW, REASON).hstack(raw.drop(ROW)).filter(pl.col(REASON) > 0)
        for code, rows in rejected.group_by(REASON, maintain_order=True):
            reason = accounts.REASONS[code[0]]
            if not self.audit.wants(reason):
                continue
            rows = rows if self.keep_all_rejects else rows.head(accounts.EXAMPLES)
            column, raws = self._culprit(reason, opened)
            values = zip(*(dates.spelt(rows[raw]) for raw in raws), strict=True) if raws else repeat(("NUL",))
            for record, parts in zip(rows[ROW].to_list(), values, strict=False):
                self.audit.rejects.append(Reject(opened.name, record, reason, column, ", ".join(parts)))

    def _culprit(self, reason: str, opened: Input) -> tuple[str, list[str]]:
        """(the file's name for the column at fault or the formula over several, their raw names)."""
        names = self._names[self.inputs.index(opened)]
        role = next((role for role in ("customer", "date", "amount", "cost") if role in reason), "")
        raws = [raw for raw in names if raw == role or raw.startswith(f"{role}:")] if role else []
        return (
            names[raws[0]] if len(raws) == 1 else self.plan.roles[role].formula.text if raws else "",
            raws,
        )

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
        changed = self._restyled(self._relaid(plan))
        if (changed.layout, changed.numbers) != (plan.layout, plan.numbers):
            # Decimals and sizes were seen through a reading that is given up.
            return changed.but(scale=Plan.scale, wide=Plan.wide)
        return changed

    def _relaid(self, plan: Plan) -> Plan:
        """Another layout could win only if it reads what this one does not."""
        odd = self._surprises.dates
        if plan.options.date_format or "dates" in self._settled or odd is None or not dates.readable(odd):
            return plan
        self._settled.add("dates")
        tally = survey.tally_of_all(self.full(), "date")
        name = plan.roles["date"].formula.text
        layout = dates.survey(tally, name, self.name)
        if layout is None:
            raise dates.ambiguous(tally, name, self.name)
        return plan.but(layout=layout)

    def _restyled(self, plan: Plan) -> Plan:
        styles = dict(plan.numbers)
        for raw, odd in self._surprises.numbers.items():
            if raw in self._settled or not numbers.readable(odd):
                continue
            self._settled.add(raw)
            role, _, place = raw.partition(":")
            name = plan.roles[role].formula.columns[int(place)]
            values = survey.tally_of_all(self.full(), raw)["value"]
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
        self._settle_currency()
        self.audit.notes += self._inferences()
        if self.audit.rows_used == 0:
            raise DataError(self._nothing_left())
        if self.gate is not None:
            self.gate.check(self.audit, self.name, self._example)

    def _settle_currency(self) -> None:
        wanted, found = self.plan.options.currency, sorted(self.audit.currencies)
        if len(found) > 1 and not wanted:
            raise DataError(
                f"{self.name}: the column {self.plan.roles['currency'].formula.text!r} holds {len(found)} currencies "
                f"({', '.join(found[:10])}), whose sum would mean nothing. Keep one of them with --currency {found[0]}."
            )
        if found and not wanted and self.audit.no_currency:
            self.audit.notes.append(
                f"{self.audit.no_currency:,} rows name no currency; they were taken as {found[0]}"
            )
        if (
            wanted
            and "currency" not in self.plan.roles
            and all(style.currency != wanted.upper() for style in self.plan.numbers.values())
        ):
            raise DataError(
                f"{self.name}: --currency {wanted}: no column of currencies was found, so the rows cannot be told apart."
            )

    def _nothing_left(self) -> str:
        if self.audit.rows_read == 0:
            return f"{self.name}: there are no data rows (0 rows after the header)."
        return f"{self.name}: no row can be used: {self.audit.line()}.{self._example()}"

    def _example(self) -> str:
        """A row that was set aside, as a sentence; empty where there is none."""
        example = next(iter(self.audit.rejects), None)
        if example is None:
            return ""
        place = self.places([example])[example.file, example.record][0]
        file = f"{example.file}: " if len(self.inputs) > 1 else ""
        column = f" column {example.column}," if example.column else ""
        return f" For example {file}{place},{column} {example.reason}: {example.value[:40]!r}."

    def _inferences(self) -> list[str]:
        """What was found rather than given, in words."""
        plan, notes = self.plan, []
        if (
            plan.layout is not dates.ISO
            and not plan.options.date_format
            and self._sample.frame.width
            and self._sample.frame["date"].dtype == pl.String
        ):
            what = f" (days in {plan.options.tz}; --tz)" if plan.layout is dates.ZONED else ""
            notes.append(f"{plan.roles['date'].formula.text} read as {plan.layout.name}{what}")
        for raw, style in plan.numbers.items():
            role, _, place = raw.partition(":")
            if style.says() and not plan.options.decimal:
                notes.append(f"{plan.roles[role].formula.columns[int(place)]}: {style.says()}")
        if self.audit.last_date is not None and self.audit.last_date > date.today():
            notes.append(f"the latest date, {self.audit.last_date}, lies in the future")
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
            for record, line, text in delimited.locate(opened) if wanted else ():
                if record in wanted:
                    found[opened.name, record] = (f"line {line}", line, text)
                    wanted.discard(record)
                if not wanted:
                    break
        return found


def _more(before: pl.Series | None, odd: pl.Series) -> pl.Series:
    """Distinct examples, up to a number that is more than enough."""
    odd = odd.drop_nulls()
    return (odd if before is None else before.append(odd)).unique().head(_KEPT_SURPRISES)
