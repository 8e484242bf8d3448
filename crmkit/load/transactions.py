"""The canonical transactions of an input, and what is decided about them while they are read.

`Transactions` settles how columns are read, accounts for rows and says what was found; where the
rows are and how a pass over them runs is the business of those who derive from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
from polars.io.plugins import register_io_source

from crmkit.engine.rows import ByRow, Rows, Shrink
from crmkit.errors import DataError
from crmkit.language.catalogue import label, phrase
from crmkit.load import infer
from crmkit.load.account import freshness, said
from crmkit.load.account.audit import Audit, Reject
from crmkit.load.found import Found
from crmkit.load.infer import Sample
from crmkit.load.inputs import StreamFlags
from crmkit.load.plan import MAX_SCALE, ReadingPlan
from crmkit.load.reader import Part, PassReport, Reader
from crmkit.load.values import dates, numbers, zones

if TYPE_CHECKING:
    from crmkit.load.account.gates import Gate

_WIDE_FROM = 2.0**62
Build = Callable[[pl.LazyFrame], pl.LazyFrame]
Place = tuple[str, int, str]

Answer = TypeVar("Answer")


class Transactions(ABC):
    """Rows that can be asked for again and again; each question is one pass over the input.

    What only a pass can tell (the day as of which customers are looked at, the account) comes with its answer, `Found`;
    after it `audit` and `plan` are those of the last one.
    """

    knows_lines = True
    in_one_stream = True  # a pass sees all rows in the order of the files
    in_parts = False  # they are too many for one query

    def __init__(self, name: str, plan: ReadingPlan, sampled: Sample) -> None:
        self.name = name
        self.plan = plan
        self.keep_all_rejects = False
        self.gate: Gate | None = None
        self.on_progress: Callable[[int], None] | None = None
        self.on_part: Callable[[int, int], None] | None = None
        self._sample = sampled
        # An id that is no number settles that ids are text, whatever else comes.
        self._decided = frozenset({"ids"} if infer.has_text_ids(sampled) else ())
        self._findings = self._reader().empty()

    @property
    def audit(self) -> Audit:
        """The account of the last pass."""
        return self._findings.audit

    @property
    def scale(self) -> int:
        """Decimals of the money: amounts are whole numbers of 10**-scale."""
        return self.plan.scale

    @property
    def has_amount(self) -> bool:
        """Whether the rows say what they are worth."""
        return "amount" in self.plan.roles

    @property
    def counts_only(self) -> bool:
        """Whether the user says that there are no amounts: purchases are counted and not valued."""
        return self.plan.options.count

    def has(self, role: str) -> bool:
        """Whether some column plays this role."""
        return role in self.plan.roles

    def forget(self, role: str) -> None:
        """Read this column no more: it was only needed to see what lines are."""
        self.plan = self.plan.but(roles={name: one for name, one in self.plan.roles.items() if name != role})
        self._sample.frame = self._sample.frame.drop(role)

    def is_text(self, role: str) -> bool:
        """Whether these labels are text while rows stream by; customer ids are in every table."""
        return bool(self._reader().schema()[role] == pl.String)

    def query(self, build: Build, *, key: str = "customer", shrink: Shrink | None = None) -> Found[Rows]:
        """One pass: `by_key`, and what only a pass can tell."""
        return Found(self.by_key(build, key=key, shrink=shrink), self.plan, self.audit)

    def standing_customers(self, wants: Collection[str]) -> Found[Rows] | None:
        """What a pass would find of customers with these measures, where that is kept; None where it is not."""
        return None

    def count(self, build: Build, by: Sequence[str]) -> Found[pl.DataFrame]:
        """One pass: `counts`, and what only a pass can tell."""
        return Found(self.counts(build, by), self.plan, self.audit)

    def by_key(self, build: Build, *, key: str = "customer", shrink: Shrink | None = None) -> Rows:
        """What a query makes of the rows in use, all rows of one key together.

        The query must give the same answer with and without `shrink`.
        """
        return self._until_settled(lambda: self._pass(build, key, shrink))

    def once(self, what: Hashable, make: Callable[[], Answer]) -> Answer:
        """What is made of these rows; rows that are asked often make it once, under the name `what`."""
        return make()

    def made(self, what: Hashable) -> Any:
        """What was made under this name before, if anything is."""
        return None

    def collect(self, build: Build) -> pl.DataFrame:
        """What a query makes of all rows of each customer, brought here."""
        return self.by_key(build).frame()

    def counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        """A small table that adds up: made of all rows of some customers, then summed by some columns."""
        return self._until_settled(lambda: self._pass_of_counts(build, by))

    def scan(self) -> Found[pl.DataFrame]:
        """A pass for its account alone; it finds the number of rows."""
        return self.count(lambda rows: rows.select(pl.len().cast(pl.Int64)), by=())

    def rehearse(self) -> None:
        """A pass over the first rows only: DataError where they cannot be used as planned."""
        self._findings = self._reader().empty()
        self._first(self._findings)
        self._finish()

    def first_rows(self) -> pl.DataFrame:
        """The first rows in use, as they stream by; of no account."""
        return self._first(self._reader().empty())

    def _first(self, findings: PassReport) -> pl.DataFrame:
        frame, reader = self._sample.frame, self._reader()
        if not frame.height:
            return pl.DataFrame(schema=reader.schema())
        part = Part(self.name, {name: name for name in frame.columns})
        return reader.read(frame, findings, part, StreamFlags())

    def taken(self) -> str:
        """Which column was taken for what, and how it was read, in a line."""
        parts = [
            f"{label(name)} {role.formula.text}{self._how(name)}" for name, role in self.plan.roles.items()
        ]
        if self.plan.options.read_as is not None:
            parts.append(phrase("read as {layout}", layout=self.plan.options.read_as.name))
        return " · ".join([*parts, *self._encodings()])

    def _encodings(self) -> list[str]:
        """The encodings that were found rather than given, in words."""
        return []

    def _how(self, role: str) -> str:
        """How a column's text is read, in parentheses; nothing where it is no text."""
        plan, frame = self.plan, self._sample.frame
        said = [style.says() for raw, style in plan.numbers.items() if raw.partition(":")[0] == role]
        if role == "date" and "date" in frame.columns and frame["date"].dtype == pl.String:
            said = [plan.layout.name] + ([f"days in {plan.options.tz}"] if plan.layout == dates.ZONED else [])
        return f" ({', '.join(word for word in said if word)})" if any(said) else ""

    def everything(self, function: ByRow, schema: Mapping[str, Any]) -> Rows:
        """What a function makes of all columns of each raw batch, as they stand: a pass of its own."""
        raise NotImplementedError("`check` reads files on this machine itself")

    @abstractmethod
    def _pass(self, build: Build, key: str, shrink: Shrink | None) -> Rows:
        """One pass; `_findings` are those of all rows afterwards."""

    @abstractmethod
    def _pass_of_counts(self, build: Build, by: Sequence[str]) -> pl.DataFrame:
        """One pass; `_findings` are those of all rows afterwards."""

    @abstractmethod
    def tally(self, raw: str) -> pl.DataFrame:
        """The distinct values of a raw column and their numbers, from a pass of its own."""

    @abstractmethod
    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        """Where these rows stand: (file, record) → (its place in words, line or row from 1, the row's text)."""

    def _reader(self) -> Reader:
        return Reader(
            plan=self.plan,
            raw=dict(self._sample.frame.schema),
            complete=self._sample.complete,
            decided=self._decided,
            keep_all_rejects=self.keep_all_rejects,
        )

    def _until_settled(self, run: Callable[[], Answer]) -> Answer:
        """Run a pass; again only if the sample misled the plan."""
        while True:
            found = run()
            if not self._replanned():
                break
        self._finish()
        return found

    def _replanned(self) -> bool:
        """Decide again what the pass put in doubt; True if the plan changed, so that it must run again."""
        changed = self._changes()
        if changed == self.plan:
            return False
        self.plan = changed
        return True

    def _changes(self) -> ReadingPlan:
        plan, seen = self.plan, self._findings.surprises
        if self.audit.absolute >= _WIDE_FROM:
            plan = plan.but(wide=True)
        if seen.lost_digits is not None and plan.scale < MAX_SCALE:
            plan = plan.but(scale=infer.scale_for(seen.lost_digits, plan.scale + 1))
        if self._sample.complete:
            return plan
        if seen.not_float_ids or seen.float_ids:
            self._decided |= {"ids"} if seen.not_float_ids else set()
            plan = plan.but(float_ids=not seen.not_float_ids)
        changed = self._restyled(self._relaid(plan))
        if (changed.layout, changed.numbers) != (plan.layout, plan.numbers):
            # Decimals and sizes were seen through a reading that is given up.
            return changed.but(scale=ReadingPlan.scale, wide=ReadingPlan.wide)
        return changed

    def _relaid(self, plan: ReadingPlan) -> ReadingPlan:
        """Another layout could win only if it reads what this one does not."""
        odd = self._findings.surprises.dates
        if plan.options.date_format or "dates" in self._decided or odd is None or not dates.readable(odd):
            return plan
        self._decided |= {"dates"}
        tally = self.tally("date")
        name = plan.roles["date"].formula.text
        layout = dates.survey(tally, name, self.name)
        if layout is None:
            raise dates.ambiguous(tally, name, self.name)
        return plan.but(layout=layout)

    def _restyled(self, plan: ReadingPlan) -> ReadingPlan:
        styles = dict(plan.numbers)
        for raw, odd in self._findings.surprises.numbers.items():
            if raw in self._decided or not numbers.readable(odd):
                continue
            self._decided |= {raw}
            role, _, place = raw.partition(":")
            name = plan.roles[role].formula.columns[int(place)]
            values = self.tally(raw)["value"]
            style = numbers.survey(
                values,
                decimal="." if raw in self._sample.pointed else plan.options.decimal,
                name=name,
                file=self.name,
            )
            if style is None:
                raise numbers.ambiguous(values, name, self.name)
            styles[raw] = style
        return plan.but(numbers=styles)

    def _finish(self) -> None:
        self._settle_currency()
        said.refuse_differing(self.audit, self.plan, self.name)
        self.audit.notes += said.of_statuses(self.audit, self.plan)
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
                f"({', '.join(found[:10])}), whose sum would mean nothing. Keep one of them with --currency {found[0]}.",
                options={"currency": found[0]},
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
        place = self.locate([example])[example.file, example.record][0]
        file = f"{example.file}: " if example.file != self.name else ""
        column = f" column {example.column}," if example.column else ""
        return f" For example {file}{place},{column} {example.reason}: {example.value[:40]!r}."

    def _inferences(self) -> list[str]:
        """What was found rather than given, in words."""
        plan, notes = self.plan, list(self.plan.said)
        if plan.options.read_as is not None:
            notes.append(
                f"read as: {plan.options.read_as.name} ({plan.options.read_as_why}); --layout none reads it by names"
            )
        if (
            plan.layout != dates.ISO
            and not plan.options.date_format
            and self._sample.frame.width
            and self._sample.frame["date"].dtype == pl.String
        ):
            what = f" (days in {plan.options.tz}; --tz)" if plan.layout.kind == "zoned" else ""
            notes.append(f"{plan.roles['date'].formula.text} read as {plan.layout.name}{what}")
        notes += self._without_effect()
        for raw, style in plan.numbers.items():
            role, _, place = raw.partition(":")
            if style.says() and not plan.options.decimal:
                notes.append(f"{plan.roles[role].formula.columns[int(place)]}: {style.says()}")
        if self.audit.last_date is not None and self.audit.last_date > date.today():
            notes.append(f"the latest date, {self.audit.last_date}, lies in the future")
        notes += freshness.note(self.audit.last_date, plan.options.as_of)
        if self.audit.anonymous_rows and self.has("customer"):
            notes.append(f"{self.audit.anonymous_rows:,} rows without a customer id take part")
        if self.audit.trimmed_ids:
            notes.append(f"blank space around {self.audit.trimmed_ids:,} customer ids was trimmed")
        if (listed := plan.options.exclude) is not None:
            notes.append(listed.account(len(self.audit.excluded)))
        if self.audit.no_cost:
            notes.append(
                f"{self.audit.no_cost:,} rows name no cost, or none that is a number; their customers' profit is not known"
            )
        if self.audit.shortened_ids:
            notes.append(
                f"{self.audit.shortened_ids:,} customer ids are written like 1.23457E+11, as spreadsheets do: digits are lost, "
                "and different customers may have become one; export the ids as text"
            )
        if plan.float_ids:
            notes.append("customer ids are whole numbers, some written like 12345.0; the .0 was dropped")
        if self.audit.rounded_rows:
            notes.append(f"{self.audit.rounded_rows:,} amounts were rounded to {plan.scale} decimals")
        return notes

    def _without_effect(self) -> list[str]:
        """Options on reading that these rows give nothing to do."""
        plan, frame, notes = self.plan, self._sample.frame, []
        if not frame.width:
            return []
        if self.has("date"):
            days = frame["date"]
            zoned = plan.options.source_tz, plan.options.tz
            notes += zones.notes(plan.layout, days.dtype, *zoned, clocks=zones.has_clocks(days))
            if plan.options.date_format and days.dtype.is_temporal():
                notes.append("--date-format changes nothing: the file holds dates, not texts of them")
        if plan.options.decimal and not plan.numbers:
            notes.append("--decimal changes nothing: the amounts are numbers, not texts of them")
        return notes


def added(parts: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Counts of parts of the rows, made one."""
    return parts.group_by(by).agg(pl.exclude(by).sum()) if by else parts.sum()


def asked_of(build: Build, schema: Mapping[str, Any]) -> set[str]:
    """The columns that the query takes, found out by giving it no rows."""
    asked: set[str] = set()

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        asked.update(columns or schema)
        yield pl.Schema(schema).to_frame().select(columns or list(schema))

    build(register_io_source(rows, schema=pl.Schema(schema))).collect(engine="streaming")
    return asked
