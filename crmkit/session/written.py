"""The files of one command: written under other names, each with its receipt; whoever holds `files` has them take their places."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from crmkit.language.catalogue import phrase
from crmkit.language.safe_text import safe
from crmkit.session import record, targets
from crmkit.session.hashes import file_account
from crmkit.session.options import Shared
from crmkit.session.progress import receipt

if TYPE_CHECKING:
    from crmkit.load.find.sources import Source
    from crmkit.load.transactions import Transactions
    from crmkit.output.report import Outputs
    from crmkit.result import Result

Fill = Callable[[Any], None]
Receipt = Mapping[str, Any]


class Writing(NamedTuple):
    """What is known of a command when its answer is there; `extra` are files that it made besides."""

    command: str
    common: Shared
    transactions: Transactions | None
    extra: Sequence[tuple[str, Fill]]
    sources: Callable[[], Sequence[Source] | None]
    say: Callable[[str], None]
    stages: Callable[[], AbstractContextManager[Callable[[str], None]]]

    def write(self, result: Result, files: Outputs, *, others: Collection[str] = ()) -> list[Receipt]:
        """Write all of them; the receipts. `others` are there already, and are no files of this command."""
        from crmkit.output import report

        common, written = self.common, list[Receipt]()
        files.endpoint = common.endpoint
        if common.rejects:
            written.append(self._write_rejects(files, common.rejects))
        for path, fill in self.extra:
            files.write(path, fill)
            written.append(receipt(path))
        for path, table in targets.of(common):
            with self.stages() as tell:
                tell(phrase("writing {file}", file=safe(path)))
                written.append(self._write_output(result, files, path, table))
        if common.plot:
            report.plot(result, common.plot, files, common.table)
            written.append(receipt(common.plot))
        if common.summary:
            self._write_summary(result, files, others)
            written.append(receipt(common.summary))
        return written

    def _write_output(self, result: Result, files: Outputs, path: str, table: str | None) -> Receipt:
        """The long table, or the one that was named, and the receipt for it."""
        from crmkit.output import report

        if result.is_elsewhere and table in (None, result.detail):
            result.write_detail(path)
            return receipt(path)
        rows = report.export(
            result,
            path,
            files,
            table=table,
            excel_safe=self.common.excel_safe,
            bom=self.common.bom,
            say=self.say,
        )
        return receipt(path, rows)

    def _write_rejects(self, files: Outputs, path: str) -> Receipt:
        from crmkit.load.account import rejects
        from crmkit.output import report

        assert self.transactions is not None  # else the option was refused
        common, found = self.common, rejects.result(self.transactions)
        rows = report.export(found, path, files, excel_safe=common.excel_safe, bom=common.bom, say=self.say)
        return receipt(path, rows)

    def _write_summary(self, result: Result, files: Outputs, others: Collection[str]) -> None:
        from crmkit.nightly import gates

        mine = {path: written for path, written in files.waiting().items() if path not in others}
        told = {
            "facts": dict(result.facts),
            "notes": [*(self.transactions.audit.notes if self.transactions else []), *result.notes],
            "shares": gates.shares(result),
            "outputs": [file_account(path, written) for path, written in mine.items()],
        }
        written = record.text(record.account(self.command, self.common, self.sources(), **told))
        files.write(str(self.common.summary), lambda stream: stream.write(written), first=True)
