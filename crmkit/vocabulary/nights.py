"""Columns about runs: what changed between two of them, and what settings stand for options."""

from __future__ import annotations

from crmkit.vocabulary.column import Column

NIGHTS = {
    "customers_before": Column("count", "number of customers in the run before"),
    "customers_change": Column("count", "customers more or fewer than in the run before"),
    "fact": Column("text", "the name of a fact that both runs know"),
    "before": Column("text", "its value in the run before"),
    "after": Column("text", "its value in the later run"),
    "label": Column("text", "the score, tier or segment that groups are of"),
    "command": Column("text", "the command whose option it is"),
    "batch": Column("text", "the beginning of the batch's id, a hash of its rows"),
    "added": Column("text", "when it was added to the ledger, UTC"),
    "rows_read": Column("count", "rows of the files that it was made from"),
    "rows_used": Column("count", "those of them that are used"),
    "job": Column("text", "the section of the file of jobs, by its command"),
    "option": Column("text", "the option, as it is typed"),
    "source": Column("text", "the file and line, or the variable, that sets it"),
}
