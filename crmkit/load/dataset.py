"""What a question is asked of: transactions or customers, read as the question needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import polars as pl

from crmkit.load.transactions import Transactions

NEEDED = ("customer", "date", "amount")
WANTED = ("order",)


class Open(Protocol):
    """Finds the columns of these roles in the input: those that it needs, and those that it uses if they are there."""

    def __call__(
        self, needs: frozenset[str], wants: frozenset[str], columns: Mapping[str, str]
    ) -> Transactions: ...


class Dataset:
    """Files of transactions, or of customers, of which each question reads the columns that it needs.

    `is_spread` tells that the rows are on a cluster.
    """

    def __init__(
        self,
        open_: Open,
        customers: Callable[[], pl.DataFrame | None] = lambda: None,
        *,
        is_spread: bool = False,
    ) -> None:
        self._open = open_
        self._customers = customers
        self.is_spread = is_spread

    def transactions(
        self,
        needs: Iterable[str] = NEEDED,
        wants: Iterable[str] = WANTED,
        columns: Mapping[str, str] | None = None,
    ) -> Transactions:
        """The rows with the columns of these roles; `columns` names some that the user did not.

        DataError where a role that is needed has no column.
        """
        return self._open(frozenset(needs), frozenset(wants), columns or {})

    def customers(self) -> pl.DataFrame | None:
        """The customers, where the input holds such a table and no transactions."""
        return self._customers()


def transactions_of(data: Any, needs: Iterable[str] = NEEDED, wants: Iterable[str] = WANTED) -> Transactions:
    """The transactions of what a question was asked of."""
    return data if isinstance(data, Transactions) else data.transactions(needs, wants)
