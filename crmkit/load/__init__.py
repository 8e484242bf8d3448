"""Files → transactions. The user's column names exist only in here; what leaves has canonical ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from crmkit.load import batches, evidence, infer, layouts
from crmkit.load.account.audit import Audit
from crmkit.load.columns import assignment
from crmkit.load.files import Files
from crmkit.load.find import sources
from crmkit.load.find.sources import Source
from crmkit.load.infer import role_columns
from crmkit.load.inputs import ROW, Input, StreamFlags, without_effect
from crmkit.load.plan import Options, ReadingPlan
from crmkit.load.streamed import Streamed
from crmkit.load.transactions import Transactions

__all__ = ["Audit", "Files", "Options", "Transactions", "load"]

NEEDED = frozenset({"customer", "date", "amount"})


def load(
    files: str | Sequence[str | Source],
    options: Options | None = None,
    *,
    needs: frozenset[str] = NEEDED,
    wants: frozenset[str] = frozenset({"order"}),
) -> Streamed:
    """Find the files, the roles of their columns and how these are written; read no more than a sample.

    `files` are paths, globs, folders or `-` (or sources that were found before). `needs` are roles without which there is no answer
    (DataError), `wants` those that are used where there is a column for them. Rows without a customer id take part
    where `customer` is not needed.
    """
    found = sources.find([files] if isinstance(files, str) else list(files))
    if found[0].kind == sources.LEDGER:
        from crmkit.load.ledger import rows

        return rows.opened(sources.ledger(found), options or Options(), needs, wants)
    options = layouts.opening(options or Options())
    needs = assignment.all_needs(options, needs)
    inputs = [assignment.open_input(source, options, needs) for source in found]
    options = layouts.chosen(inputs[0].columns, options, inputs[0].name)
    asked = needs | wants | {name for name, word in options.columns.items() if word}
    cast = assignment.cast_with_orders(inputs, options, needs, wants)
    names = [role_columns(list(roles_here.values())) for roles_here in cast]
    sampled = infer.sample(inputs, names)
    made = Files(inputs, names, ReadingPlan(roles=cast[0], options=options), sampled)
    made.plan = infer.make(
        sampled, cast[0], options, made.name, made.tally, needs=needs, wide=partial(_wide, inputs[0])
    )
    made.plan = made.plan.but(
        said=(
            *_notes(inputs),
            *without_effect(
                inputs, encoding=options.encoding, delimiter=options.delimiter, header=options.header
            ),
            *made.plan.said,
        )
    )
    if made.plan.lines.restarts and "store" not in asked and _has_store(inputs, options):
        return load(found, options, needs=needs, wants=wants | {"store"})
    if "order" in cast[0] and "order" not in asked and not made.plan.lines.need_a_stream:
        made.forget("order")
    return made


def _notes(inputs: list[Input]) -> list[str]:
    return [note for opened in inputs for note in opened.source.notes]


def _has_store(inputs: list[Input], options: Options) -> bool:
    """Whether a column tells stores, each of which may have an order of a number on a day."""
    found = assignment.assign_roles(inputs, options, frozenset(), frozenset({"store"}))
    return all("store" in roles for roles in found)


def _wide(opened: Input) -> pl.DataFrame:
    """The first rows of a file with all columns that could tell something of lines."""
    rows = list(
        batches.read(opened, evidence.wide_columns(opened.plain), StreamFlags(lenient=True), evidence.ROWS)
    )
    return pl.concat(rows).head(evidence.ROWS).drop(ROW) if rows else pl.DataFrame()
