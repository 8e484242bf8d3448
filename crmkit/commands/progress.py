"""The line that counts rows while they go by, for whoever sits in front of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from crmkit.output.progress import Counter

if TYPE_CHECKING:
    from crmkit.load.transactions import Transactions


def show_progress(transactions: Transactions) -> None:
    """Count rows on standard error, where a person sees them, after a second of work."""
    if sys.stderr is not None and sys.stderr.isatty():
        from crmkit.load.expected_rows import expected_rows
        from crmkit.load.files import Files

        total = expected_rows(transactions.inputs) if isinstance(transactions, Files) else None
        counter = Counter(transactions.name, total)
        transactions.on_progress, transactions.on_part = counter.reach, counter.part
