"""Transactions in files on this machine: a pass streams them through one query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from crmkit.engine.prefetch import ahead
from crmkit.load import infer, spill
from crmkit.load.account.audit import Reject
from crmkit.load.infer import Sample
from crmkit.load.inputs import Input, StreamFlags
from crmkit.load.lines import Carry
from crmkit.load.plan import ReadingPlan
from crmkit.load.reader import Part, Reader
from crmkit.load.streamed import Streamed
from crmkit.load.transactions import Place
from crmkit.load.values.clean import clean


class Files(Streamed):
    """The rows of opened inputs; `names` are raw column → column, for each."""

    def __init__(
        self, inputs: Sequence[Input], names: Sequence[dict[str, str]], plan: ReadingPlan, sampled: Sample
    ) -> None:
        self.inputs = list(inputs)
        self.names = list(names)
        first = self.inputs[0].name
        name = first if len(self.inputs) == 1 else f"{first} and {len(self.inputs) - 1} more"
        super().__init__(name, plan, sampled)

    def _expected_rows(self) -> int:
        return spill.estimated_rows(self.inputs)

    def _used(self, reader: Reader, *, singly: bool) -> Iterator[pl.DataFrame]:
        carry, once = reader.carry(), reader.once()
        for opened, names in zip(self.inputs, self.names, strict=True):
            watch, part = StreamFlags(), Part(opened.name, names)
            for raw, cleaned in ahead(_cleaned(ahead(_raw(opened, names, watch, carry)), reader.plan)):
                yield reader.used_rows(raw, cleaned, self._findings, part, once)
                if self.on_progress:
                    self.on_progress(self._findings.audit.rows_read)
            opened.source.refuse_changed()
            reader.close(watch, self._findings, part)
        self._findings.audit.differing_orders += once.differing if once else 0

    def forget(self, role: str) -> None:
        super().forget(role)
        self.names = [{raw: one for raw, one in names.items() if raw != role} for names in self.names]

    def _encodings(self) -> list[str]:
        dialects = [item.dialect for item in self.inputs if item.dialect is not None]
        if not dialects:
            return []
        from crmkit.load.csv.encodings import AUTO

        found = {f"encoding {dialect.encoding}" for dialect in dialects}
        return sorted(found) if self.plan.options.encoding == AUTO else []

    def full(self) -> list[Iterator[pl.DataFrame]]:
        """Every raw batch of every input, for a survey that a sample cannot settle."""
        return [
            infer.raw_batches(opened, names, StreamFlags())
            for opened, names in zip(self.inputs, self.names, strict=True)
        ]

    def tally(self, raw: str) -> pl.DataFrame:
        return infer.tally_of_all(self.full(), raw)

    def locate(self, rejects: Sequence[Reject]) -> dict[tuple[str, int], Place]:
        """Where these rows stand: (file, record) → (its place in words, line or row from 1, the row's text)."""
        found: dict[tuple[str, int], Place] = {}
        for opened in self.inputs:
            wanted = {reject.record for reject in rejects if reject.file == opened.name}
            if opened.dialect is None:
                found |= {(opened.name, record): (f"row {record + 1}", record + 1, "") for record in wanted}
                continue
            from crmkit.load.csv import careful

            for record, line, text in careful.locate(opened) if wanted else ():
                if record in wanted:
                    found[opened.name, record] = (f"line {line}", line, text)
                    wanted.discard(record)
                if not wanted:
                    break
        return found


_Raw = tuple[pl.DataFrame, set[str] | None, bool]


def _raw(opened: Input, names: dict[str, str], watch: StreamFlags, carry: Carry) -> Iterator[_Raw]:
    """Each batch with what is known of it: the columns of visible characters only, and whether NULs were met."""
    for raw in infer.raw_batches(opened, names, watch):
        visible = watch.visible - carry.columns if watch.visible is not None else None
        yield carry.filled(raw), visible, watch.nul


def _cleaned(batches: Iterator[_Raw], plan: ReadingPlan) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    for raw, visible, nul in batches:
        yield raw, clean(raw, plan, suspicious=nul, visible=visible)
