"""Files → transactions. The user's column names exist only in here; what leaves has canonical ones."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.load import infer, layouts
from crmkit.load.account.audit import Audit
from crmkit.load.columns import assignment
from crmkit.load.files import Files
from crmkit.load.find import sources
from crmkit.load.find.sources import Source
from crmkit.load.infer import role_columns
from crmkit.load.plan import Options
from crmkit.load.transactions import Transactions

__all__ = ["Audit", "Files", "Options", "Transactions", "load"]

NEEDED = frozenset({"customer", "date", "amount"})


def load(
    files: str | Sequence[str | Source],
    options: Options | None = None,
    *,
    needs: frozenset[str] = NEEDED,
    wants: frozenset[str] = frozenset({"order"}),
) -> Files:
    """Find the files, the roles of their columns and how these are written; read no more than a sample.

    `files` are paths, globs, folders or `-` (or sources that were found before). `needs` are roles without which there is no answer
    (DataError), `wants` those that are used where there is a column for them. Rows without a customer id take part
    where `customer` is not needed.
    """
    options = layouts.opening(options or Options())
    found = sources.find([files] if isinstance(files, str) else list(files))
    needs = assignment.all_needs(options, needs)
    inputs = [assignment.open_input(source, options, needs) for source in found]
    options = layouts.chosen(inputs[0].columns, options, inputs[0].name)
    cast = assignment.assign_roles(inputs, options, needs, wants)
    names = [role_columns(list(roles_here.values())) for roles_here in cast]
    sampled = infer.sample(inputs, names)
    made = Files(inputs, names, infer.ReadingPlan(roles=cast[0], options=options), sampled)
    made.plan = infer.make(sampled, cast[0], options, made.name, made.tally, needs=needs)
    return made
