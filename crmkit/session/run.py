"""What every command does around its analysis: check the outputs, read, account, write, print.

    with Session("rfm", common) as session:
        session.finish(rfm.analyse(session.data()))

Messages go to standard error in the form the user chose; tables leave through `report.py`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from crmkit.errors import CrmkitError, UsageError
from crmkit.language.catalogue import phrase
from crmkit.language.safe_text import safe
from crmkit.nightly.limits import Limits
from crmkit.output.messages import say
from crmkit.output.progress import Stages, clear
from crmkit.session import advice, idle, record, said, targets
from crmkit.session.hashes import file_account
from crmkit.session.next_lines import typed
from crmkit.session.options import Shared, reading_of
from crmkit.session.progress import show_progress
from crmkit.sources.addresses import shown
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

Fill = Callable[[Any], None]
# Questions that mean something where purchases are counted and not valued.
_COUNTED = (
    *("check", "customers", "rfm", "cohort", "lifecycle"),
    *("churn", "migration", "trend", "clv", "backtest"),
)


class Session:
    """One run of one command."""

    def __init__(
        self, command: str, common: Shared, *, also: Iterable[str | None] = (), by_customer: bool = True
    ) -> None:
        """`also` are further files that the run may write: they are checked with the others.

        `by_customer`: the long table has a row per customer, so that it stays on a cluster.
        """
        self.command = command
        self.common = common
        self.transactions: Transactions | None = None
        self._also = [path for path in also if path]
        self._by_customer = by_customer
        self._extra: list[tuple[str, Fill]] = []
        if common.count and command not in _COUNTED:
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
        from crmkit.load import door

        self._check_outputs()  # first: where it refuses, nothing closes what was opened
        self._open.callback(door.is_typed.reset, door.is_typed.set(True))
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
        for i, path in enumerate(asked):
            files.check(path, self.common.files, others=[*asked[:i], *plain])
        for i, path in enumerate(plain):
            files.check_place(path, self.common.files, others=plain[:i])

    def keep(self, path: str, text: str) -> None:
        """A further file of this run (cut points, a model), renamed into place with the rest."""
        self._extra.append((path, lambda stream: stream.write(text.encode())))

    def sources(self) -> Sequence[Source]:
        """The inputs, found once: a pipe cannot be opened twice."""
        from crmkit.load.find import sources

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
        if not (self.common.quiet or self.common.no_progress):
            show_progress(found)
        self.transactions = found
        return found

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
        from crmkit.output import report

        idle_options = idle.notes(self.common, result.command, result.detail)
        result = self._with_account(replace(result, notes=(*self._notes, *result.notes, *idle_options)))
        result = self._limits.check(result, self.frozen)
        if self.common.keep:
            from crmkit.load import keep

            result = keep.onto(result, self.transactions, self.common.keep)
        if self.transactions is not None and self.transactions.on_progress is not None:
            clear()
        self.common = targets.named(self.common, lambda: result.facts.get("as_of") or self.as_of)
        common, after = self.common, self._screen_comes_first()
        told = said.of_rows(self.transactions, result, brief=after and not common.verbose)
        if common.quiet or not after:
            self._say_all([] if common.quiet else told)
            told = []
        written: list[Mapping[str, Any]] = []
        exports = targets.of(common)
        to_file = bool(exports)
        with report.Outputs(common.endpoint) as files:
            self._write_extra(files)
            for path, table in exports:
                with self.stages() as tell:
                    tell(phrase("writing {file}", file=safe(path)))
                    written.append(self._write_output(result, files, path, table))
            if common.plot:
                report.plot(result, common.plot, files, common.table)
            if common.summary:
                self._write_summary(result, files)
            # An export needs no standard output: cron may have closed it.
            if not (to_file and (sys.stdout is None or (common.quiet and common.format == "table"))):
                told = self._show(result, told, after, to_file)
        self._say_all(told)
        written += [{"text": f"wrote {safe(path)}", "file": safe(path)} for path, _ in self._extra]
        for receipt in written:
            self._say_aside(**receipt, kind="written")
        if common.verbose:
            self._say_all([said.effort(self._start, self.transactions)])

    def _show(self, result: Result, told: list[said.Said], after: bool, to_file: bool) -> list[said.Said]:
        """Print the tables; returns what is to be said below them."""
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

    def _write_output(
        self, result: Result, files: Outputs, path: str, table: str | None
    ) -> Mapping[str, Any]:
        """The long table, or the one that was named, and the receipt for it."""
        from crmkit.output import report

        if result.is_elsewhere and table in (None, result.detail):
            result.write_detail(path)
            return {"text": f"wrote {safe(path)}", "file": safe(path)}
        rows = report.export(
            result,
            path,
            files,
            table=table,
            excel_safe=self.common.excel_safe,
            bom=self.common.bom,
            say=self._say_aside,
        )
        text = f"wrote {safe(shown(path))}: {rows:,} row{'' if rows == 1 else 's'}"
        return {"text": text, "file": safe(shown(path)), "rows": rows}

    def _screen_comes_first(self) -> bool:
        """Whether somebody sees the answer and the notes in one window: then the answer comes first."""
        streams = (sys.stdout, sys.stderr)
        return self.common.format == "table" and all(one is not None and one.isatty() for one in streams)

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
        """One line on standard error."""
        say(text, kind, self.common.log_format, **fields)

    def _say_aside(self, text: str, kind: str = "note", **fields: Any) -> None:
        if not self.common.quiet:
            self.say(text, kind, **fields)

    def _write_extra(self, files: Outputs) -> None:
        from crmkit.load.account import rejects
        from crmkit.output import report

        if self.common.rejects:
            assert self.transactions is not None  # else the option was refused
            report.export(
                rejects.result(self.transactions),
                self.common.rejects,
                files,
                excel_safe=self.common.excel_safe,
                bom=self.common.bom,
                say=self._say_aside,
            )
        for path, fill in self._extra:
            files.write(path, fill)

    def _write_summary(self, result: Result, files: Outputs) -> None:
        from crmkit.nightly import gates

        sources = None if self.is_spread else self.sources()
        told = {
            "facts": dict(result.facts),
            "notes": [*(self.transactions.audit.notes if self.transactions else []), *result.notes],
            "shares": gates.shares(result),
            "outputs": [file_account(path, written) for path, written in files.waiting().items()],
        }
        written = record.text(record.account(self.command, self.common, sources, **told))
        files.write(str(self.common.summary), lambda stream: stream.write(written), first=True)


def _with_columns(options: Options, columns: Mapping[str, str]) -> Options:
    return replace(options, columns={**options.columns, **columns})
