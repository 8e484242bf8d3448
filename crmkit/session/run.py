"""What every command does around its analysis: check the outputs, read, account, write, print.

    with Session("rfm", common) as session:
        session.finish(rfm.analyse(session.data()))

Messages go to standard error in the form the user chose; tables leave through `report.py`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from datetime import date
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from crmkit.errors import CrmkitError, UsageError
from crmkit.nightly.limits import Limits
from crmkit.output.messages import say
from crmkit.output.progress import Stages, clear
from crmkit.session import advice, idle, said, targets, together
from crmkit.session.next_lines import typed
from crmkit.session.options import Shared, reading_of
from crmkit.session.progress import show_progress
from crmkit.session.together import Together
from crmkit.session.written import Fill, Receipt, Writing
from crmkit.system import signals

if TYPE_CHECKING:
    import polars as pl

    from crmkit.load import Options
    from crmkit.load.account.audit import Audit
    from crmkit.load.dataset import Dataset
    from crmkit.load.find.sources import Source
    from crmkit.load.transactions import Transactions
    from crmkit.output.report import Outputs
    from crmkit.result import Result

# Questions that mean something where purchases are counted and not valued.
_COUNTED = (
    *("check", "customers", "rfm", "cohort", "lifecycle"),
    *("churn", "migration", "trend", "clv", "backtest"),
)


class Session:
    """One run of one command."""

    def __init__(
        self,
        command: str,
        common: Shared,
        *,
        also: Iterable[str | None] = (),
        by_customer: bool = True,
        group: Together | None = None,
    ) -> None:
        """`also` are further files that the run may write: they are checked with the others.

        `by_customer`: the long table has a row per customer, so that it stays on a cluster. `group` are commands that
        this one leads.
        """
        self.command = command
        self.common = common
        self.transactions: Transactions | None = None
        self._also = [path for path in also if path]
        self._group = group or together.current.get()
        self._is_member = self._group is not None and group is None
        self._job = "" if self._group is None else self._group.name
        self._by_customer = by_customer
        self._extra: list[tuple[str, Fill]] = []
        if common.count and command not in (*_COUNTED, "run"):
            raise UsageError(
                f"--count leaves money out, and {command} is about money. It goes with {', '.join(_COUNTED)}."
            )
        reading = reading_of(common)
        self._load_options, self._where = reading.options(), reading.where()
        self._gate = replace(reading.gate(), sheet=targets.sheet(command, common))
        self._limits = Limits.of(common.previous, common.expect_customers, common.max_drift)
        self._notes: list[str] = []
        self.frozen: Mapping[str, Mapping[str, int]] | None = None  # the groups when borders were frozen
        self._open = ExitStack()
        self._start = time.monotonic()
        self._found: Sequence[Source] | None = None
        self._reading: dict[str, Any] = {}
        self._columns: Mapping[str, str] = {}
        if not gc.isenabled():
            gc.freeze()  # the libraries are there, and stay
            gc.enable()

    def __enter__(self) -> Session:
        from crmkit.engine.rows import is_listed
        from crmkit.load import door

        self._check_outputs()  # first: where it refuses, nothing closes what was opened
        self._open.callback(door.is_typed.reset, door.is_typed.set(True))
        self._open.callback(is_listed.reset, is_listed.set(targets.may_list(self.common)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.transactions is not None and self.transactions.on_progress is not None:
            clear()
        if isinstance(error, CrmkitError) and error.options and self._reading and not self.is_spread:
            error.line = advice.line(error, self._attempt, sys.argv[1:])
            if self.command not in _COUNTED:
                from crmkit.load.columns.finding import WITHOUT_AMOUNTS

                error.args = (str(error).replace(WITHOUT_AMOUNTS, ""),)
        self._open.__exit__(kind, error, trace)

    def _attempt(self, options: Mapping[str, str]) -> CrmkitError | None:
        """What goes wrong with these options, as far as the first rows can tell."""
        from crmkit.load import load

        if "count" in options and self.command not in _COUNTED:
            return UsageError(f"{self.command} is about money.")
        given: dict[str, Any] = {name: value or True for name, value in options.items()}
        changed = replace(self.common, **given)
        try:
            tried = load(
                self.sources(), _with_columns(reading_of(changed).options(), self._columns), **self._reading
            )
            tried.gate = self._gate
            tried.rehearse()
        except CrmkitError as error:
            return error
        return None

    def _check_outputs(self) -> None:
        """Refuse what cannot be written before anything is read."""
        from crmkit.output import files

        common = targets.named(self.common)
        written = [path for path, _ in targets.of(common)]
        if self.is_spread:
            targets.check_for_spark(common, written if self._stays else [])
        asked = [path for path in (*written, common.rejects) if path and not self._stays]
        plain = [path for path in (common.summary, common.plot, *self._also) if path]
        before = [] if self._group is None else self._group.taken([*asked, *plain])
        inputs = [*common.files, *([] if self._group is None else [self._group.plan])]
        for i, path in enumerate(asked):
            files.check(path, inputs, others=[*before, *asked[:i], *plain])
        for i, path in enumerate(plain):
            files.check_place(path, inputs, others=[*before, *plain[:i]])

    def keep(self, path: str, text: str) -> None:
        """A further file of this run (cut points, a model), renamed into place with the rest."""
        self._extra.append((path, lambda stream: stream.write(text.encode())))

    def sources(self) -> Sequence[Source]:
        """The inputs, found once: a pipe cannot be opened twice."""
        from crmkit.load.find import sources

        if self._group is not None:
            files = self.common.files
            return self._group.sources(files, self._where) if self._is_member else self._group.every_source()
        if self._found is None:
            self._found = sources.find(self.common.files, self._where)
        return self._found

    def data(self) -> Dataset:
        """What the input files hold, read as the question needs it."""
        from crmkit.load.dataset import Dataset

        return Dataset(self._opened, self._customers, is_spread=self.is_spread)

    def _opened(
        self, needs: frozenset[str], wants: frozenset[str], columns: Mapping[str, str]
    ) -> Transactions:
        """The transactions of the input files; nothing but a sample is read yet."""
        let_be: Mapping[str, Any] = idle.refuse_unread(self.common, needs | wants)
        columns = {**let_be, **columns}
        self._reading = {"needs": needs, "wants": wants}
        self._columns = columns
        options = _with_columns(self._load_options, columns)
        found = (self._lake if self.is_spread else self._files)(options, self._reading)
        found.keep_all_rejects = self.common.rejects is not None
        found.gate = self._gate
        self._watch(found)
        self.transactions = found
        return found

    def _watch(self, found: Transactions) -> None:
        if not (self.common.quiet or self.common.no_progress):
            show_progress(found)

    def _customers(self) -> pl.DataFrame | None:
        from crmkit.load import customers_table

        if self.is_spread:
            return None
        found = customers_table.read(self.sources(), self._load_options, self._notes.append)
        if found is not None:
            idle.refuse_on_customers(self.common)
            self._check_age(found)
        return found

    def _check_age(self, customers: pl.DataFrame) -> None:
        """How old a table of customers is; of transactions the pass knows."""
        from crmkit.engine.rows import as_rows
        from crmkit.load.account import freshness

        self._gate.check_rows(customers.height, self.common.files[0])
        self._gate.check_customers(as_rows(customers))
        last: Any = customers["last"].max()
        self._notes += freshness.note(last, self._load_options.as_of)
        if self._gate.age is not None:
            self._gate.age.check(last, self.common.files[0])

    @property
    def is_spread(self) -> bool:
        """Whether the rows are on a cluster."""
        return self.common.engine == "spark"

    @property
    def _stays(self) -> bool:
        """Whether the cluster writes the output."""
        return self.is_spread and self._by_customer and self.common.output not in (None, "-")

    def _files(self, options: Options, reading: dict[str, frozenset[str]]) -> Transactions:
        from crmkit.load import load
        from crmkit.load.find import sources

        found = self.sources()
        if found[0].kind == sources.LEDGER:
            idle.refuse_on_ledger(self.common)
        if self._group is not None:
            from crmkit.load.shared import Ask

            ask = Ask(found, options, **reading, all_rejects=self.common.rejects is not None)
            return self._group.opened(ask, self._watch)
        return load(found, options, **reading)

    def _lake(self, options: Options, reading: dict[str, Any]) -> Transactions:
        from crmkit.spark import rows, session, transactions

        spark = self._open.enter_context(session.session(self.common.master, self.common.conf))
        if self._stays:
            rows.refuse_taken(spark, str(self.common.output))
        asked = any("shuffle.partitions" in word for word in self.common.conf)
        return transactions.load(spark, self.common.files, options, **reading, asked=asked)

    def finish(self, result: Result) -> None:
        """Say what was found, write the files, print the tables: all of it, or nothing."""
        signals.stop_if_asked()
        if self._group is not None:
            self._group.stop_in_rehearsal()
        idle_options = idle.notes(self.common, result.command, result.detail)
        result = self._with_account(replace(result, notes=(*self._notes, *result.notes, *idle_options)))
        result = self._limits.check(result, self.frozen)
        if self.common.keep:
            from crmkit.load import keep

            result = keep.onto(result, self.transactions, self.common.keep)
        if self.transactions is not None and self.transactions.on_progress is not None:
            clear()
        day = result.facts.get("as_of") or self.as_of
        self.common = targets.named(self.common, lambda: day)
        common, after = self.common, self._screen_comes_first()
        told = said.of_rows(self.transactions, result, brief=after and not common.verbose)
        if common.quiet or not after:
            self._say_all([] if common.quiet else told)
            told = []
        writing = Writing(
            self.command, common, self.transactions, self._extra, self._inputs, self._say_aside, self.stages
        )
        to_file = bool(targets.of(common))
        with self._outputs() as files:
            written = writing.write(result, files, others=files.waiting() if self._is_member else ())
            # An export needs no standard output: cron may have closed it.
            is_unseen = sys.stdout is None or (common.quiet and common.format == "table")
            if not (is_unseen and (to_file or self._group is not None)):
                told = self._show(result, told, after, to_file)
        later = partial(self._close, told, written)
        if self._group is None:
            later()
            return
        self._group.afterwards.append(later)
        if self._is_member:
            self._group.add(result, written, day)

    def _outputs(self) -> AbstractContextManager[Outputs]:
        """The files of this run; those of commands that run together take their places after the last."""
        from crmkit.output import report

        return report.Outputs() if self._group is None else nullcontext(self._group.files)

    def _close(self, told: Iterable[said.Said], written: Iterable[Receipt]) -> None:
        """What is to be said when all files are in their places."""
        self._say_all(told)
        for receipt in written:
            self._say_aside(**receipt)
        if self.common.verbose:
            self._say_all([said.effort(self._start, self.transactions)])

    def _inputs(self) -> Sequence[Source] | None:
        return None if self.is_spread else self.sources()

    def _show(self, result: Result, told: list[said.Said], after: bool, to_file: bool) -> list[said.Said]:
        """Print the tables; returns what is to be said below them."""
        if self._is_member:
            return told
        from crmkit.output import report

        common, table = self.common, None if to_file else self.common.table
        if common.output == "-":
            table = table or result.detail
        hints: list[str] = []
        lines = report.show(
            result,
            format=common.format,
            table=table,
            limit=common.limit,
            headline=not common.no_headline,
            excel_safe=common.excel_safe,
            color=cast(Any, common.color),
            say=hints.append if after else self._say_aside,
            height=said.room_above(told) if after else None,
            # With a file to come, a signal between the page and the file would leave half of the two.
            settled=signals.come_too_late if to_file else None,
        )
        told = told if common.quiet else [*told, *(said.Said(hint, "note") for hint in hints)]
        return told if common.verbose or not after else said.that_fit(told, lines)

    def _say_all(self, told: Iterable[said.Said]) -> None:
        for one in told:
            self.say(one.text, one.kind, **one.fields)

    def stages(self) -> Stages:
        """Is told what is being done: a line on the terminal, and with --verbose one that stays."""
        silent = self.common.quiet or self.common.no_progress
        return Stages(silent, partial(self.say, kind="time") if self.common.verbose else None)

    @property
    def as_of(self) -> date | None:
        """The as-of day of the rows that were read."""
        rows = self.transactions
        return None if rows is None else rows.plan.options.as_of or rows.audit.last_date

    def _screen_comes_first(self) -> bool:
        """Whether somebody sees the answer and the notes in one window: then the answer comes first."""
        streams = (sys.stdout, sys.stderr)
        return (
            not self._is_member
            and self.common.format == "table"
            and all(one is not None and one.isatty() for one in streams)
        )

    def _with_account(self, result: Result) -> Result:
        if self.transactions is None:
            return self._with_context(result, None)
        result = replace(
            result,
            facts={**self.transactions.audit.facts(has_amount=self.transactions.has_amount), **result.facts},
        )
        return self._with_context(result, self.transactions.audit)

    def _with_context(self, result: Result, audit: Audit | None) -> Result:
        from crmkit.load.account.words import context

        about = context(result.context, dict(result.facts), audit)
        return replace(result, context=about, next=typed(result.next, self.common))

    def say(self, text: str, kind: str = "note", **fields: Any) -> None:
        """One line on standard error; what commands that run together have in common is said once."""
        if self._is_member and self._group is not None:
            if (named := self._group.named(self._job, text, kind)) is None:
                return
            text, fields = named, {**fields, "job": self._job}
        say(text, kind, self.common.log_format, **fields)

    def _say_aside(self, text: str, kind: str = "note", **fields: Any) -> None:
        if not self.common.quiet:
            self.say(text, kind, **fields)


def _with_columns(options: Options, columns: Mapping[str, str]) -> Options:
    return replace(options, columns={**options.columns, **columns})
