"""Order-level facts on the lines of orders: filled in from the first line, or counted once.

Both need the rows as they stand in the file, one after the other, so they have a state for each pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from crmkit.load.values.numbers import BLANKS


class Lines(NamedTuple):
    """How lines of one order are read: raw columns that stand on its first line only (`carried`), whether the amount
    is the order's (`once`), and whether order ids begin again each day (`restarts`)."""

    carried: tuple[str, ...] = ()
    once: bool = False
    restarts: bool = False
    why: str = ""

    @property
    def need_a_stream(self) -> bool:
        """Whether a row can only be read after those before it."""
        return self.once or bool(self.carried)


class Carry:
    """Fills what is blank on further lines of an order from the line before, batch by batch."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = frozenset(columns)
        self._last: pl.DataFrame | None = None

    def filled(self, raw: pl.DataFrame) -> pl.DataFrame:
        """The batch with its blanks filled; its first rows may belong to the last order of the batch before."""
        names = [name for name in raw.columns if name in self.columns]
        if not names or "order" not in raw.columns or not raw.height:
            return raw
        here = raw.select("order", *names)
        both = here if self._last is None else pl.concat([self._last, here], how="vertical_relaxed")
        made = both.with_columns(_filled(names, both.schema))
        self._last = made.tail(1)
        return raw.with_columns(made.tail(raw.height).select(names).iter_columns())


def _filled(names: Sequence[str], schema: pl.Schema) -> list[pl.Expr]:
    """The value of the nearest line above that has one, unless another order began in between."""
    place = pl.int_range(pl.len())
    order = pl.col("order")
    begins = pl.when(order.ne_missing(order.shift()) | is_blank("order", schema["order"])).then(place)
    begun = begins.forward_fill().fill_null(0)
    filled = []
    for name in names:
        kept = ~is_blank(name, schema[name])
        above = pl.when(kept).then(place).forward_fill()
        value = pl.when(kept).then(pl.col(name)).forward_fill()
        filled.append(
            pl.when(kept)
            .then(pl.col(name))
            .when(above >= begun)
            .then(value)
            .otherwise(pl.col(name))
            .alias(name)
        )
    return filled


def is_blank(name: str, kind: pl.DataType) -> pl.Expr:
    """Whether a raw value of this type stands for nothing."""
    text = pl.col(name)
    if kind != pl.String:
        return text.is_null()
    return text.is_null() | text.str.strip_chars().is_in(BLANKS)


class Once:
    """Tells further lines of an order, on which the order's amount is blank or stands again."""

    def __init__(self) -> None:
        self._seen = pl.DataFrame(schema={"order": pl.UInt64, "amount": pl.UInt64})
        self.differing = 0

    def further(self, cleaned: pl.DataFrame) -> pl.Series:
        """Which rows repeat the amount of an order that was counted, or have none after it was."""
        key = [name for name in ("order", "customer", "date") if name in cleaned.columns]
        rows = cleaned.select(
            pl.struct(key).hash(seed=0).alias("order"),
            pl.struct(*key, "amount").hash(seed=1).alias("amount"),
            has_order=pl.col("order").is_not_null(),
            has_amount=pl.col("amount").is_not_null() & pl.col("date").is_not_null(),
        )
        counted = rows.filter(pl.col("has_order") & pl.col("has_amount")).select("order", "amount")
        new = counted.unique("amount", maintain_order=True).join(self._seen, on="amount", how="anti")
        self.differing += new.height - new.join(self._seen, on="order", how="anti")["order"].n_unique()
        first = rows.select(
            pl.col("amount").is_first_distinct() & pl.col("amount").is_in(new["amount"].implode())
        ).to_series()
        self._seen = pl.concat([self._seen, new])
        known = rows["order"].is_in(self._seen["order"].implode())
        again = rows["has_order"] & rows["has_amount"] & ~first
        return again | (rows["has_order"] & ~rows["has_amount"] & known)
