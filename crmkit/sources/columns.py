"""Rows that come as columns of Arrow, whoever has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from crmkit.sources.spools import Spool


class Columns(Protocol):
    """Rows that can be asked for again and again, each time the same.

    `rows`: how many there are, None where nobody knows before they have been read. `pointed`: columns of text in which
    every value is a number with a decimal point.
    """

    @property
    def schema(self) -> pa.Schema:
        """The columns by name, with their types."""

    @property
    def rows(self) -> int | None:
        """How many there are."""

    @property
    def pointed(self) -> frozenset[str]:
        """Columns of numbers that are text."""

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        """Batches that hold these columns at least, of at most about `size` rows; `most` rows or more will do."""


class Held:
    """A table in memory."""

    pointed: frozenset[str] = frozenset()

    def __init__(self, table: pa.Table) -> None:
        self.schema = table.schema
        self.rows: int | None = table.num_rows
        self._table = table

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        yield from self._table.to_batches(max_chunksize=size)


class Spooled:
    """Batches of text that were kept; one that lacks a column has nothing in it."""

    def __init__(self, spool: Spool, names: Sequence[str], rows: int, pointed: frozenset[str]) -> None:
        self.schema = pa.schema([(name, pa.large_string()) for name in names])
        self.rows: int | None = rows
        self.pointed = pointed
        self._spool = spool

    def batches(self, names: Sequence[str], size: int, most: int | None = None) -> Iterator[pa.RecordBatch]:
        for batch in frames_of(self._spool):
            known = batch.schema.names
            yield pa.record_batch(
                [
                    batch.column(name) if name in known else pa.nulls(len(batch), pa.large_string())
                    for name in names
                ],
                names=list(names),
            )


def keep(spool: Spool, batch: pa.RecordBatch) -> None:
    """Add a batch, whose columns need not be those of the one before."""
    with pa.ipc.new_stream(spool, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)


def frames_of(spool: Spool) -> Iterator[pa.RecordBatch]:
    """The batches that were kept."""
    file: Any = spool.lent()
    end = file.seek(0, 2)
    file.seek(0)
    while file.tell() < end:
        yield from pa.ipc.open_stream(file)
