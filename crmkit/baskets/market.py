"""What is known of all baskets before pairs are looked at: who is in how many, and what chance would do with that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

import numpy as np
import polars as pl

from crmkit.baskets import units
from crmkit.baskets.null import Null
from crmkit.engine.rows import Rows
from crmkit.errors import DataError, UsageError

Array = np.ndarray

_FEW = 5  # baskets: below that no pair can be told from chance
_SHARE = 0.001


@dataclass(frozen=True)
class Market:
    """Baskets, and the products that are in enough of them: `products` by name, each in so many `orders`.

    `kept` are the orders among baskets that are not too large; the nulls (one, or one for each month)
    know those only. `total` counts all baskets, `large` those that hold more than `most`.
    """

    baskets: Rows
    unit: str
    most: int
    total: int
    large: int
    everything: int
    least: int
    products: Sequence[str]
    orders: Array
    nulls: Sequence[tuple[Null, Array]]

    @property
    def pairs(self) -> int:
        """How many pairs there are to test."""
        return len(self.products) * (len(self.products) - 1) // 2

    def expected(self, a: Array, b: Array) -> Array:
        """In how many baskets chance would put both, for pairs of places in `products`."""
        return np.sum([null.expected(counts, a, b) for null, counts in self.nulls], axis=0)


def least_orders(text: str | None, total: int) -> int:
    """`--min-orders` as a number of baskets: `20`, or `0.5%` of them; 0.1 %, and at least 5, unless said."""
    if text is None:
        return max(_FEW, ceil(total * _SHARE))
    try:
        value = float(text.removesuffix("%"))
        least = ceil(total * value / 100 - 1e-9) if text.endswith("%") else int(value)
    except (ValueError, OverflowError):
        least = 0
    if least < 1 or (text.endswith("%") and value > 100):
        raise UsageError(
            f"--min-orders {text!r} is neither a number of orders (20) nor a share of them (0.5%)."
        )
    return least


def survey(
    baskets: Rows,
    *,
    unit: str,
    min_orders: str | None,
    most: int,
    exclude: Sequence[str] = (),
    by: Sequence[str] = (),
) -> Market:
    """Count products and sizes, and solve for what chance would do; DataError where there is nothing to pair."""
    if exclude:
        refuse_unknown(units.product_counts(baskets, most), exclude)
        baskets = baskets.by_row(partial(units.without, names=list(exclude)))
    counts, sizes = units.product_counts(baskets, most, *by), units.sizes(baskets, *by)
    total = int(sizes["n"].sum())
    whole = counts.group_by("product").agg(pl.col("orders", "kept").sum()).sort("product")
    least = least_orders(min_orders, total)
    frequent = whole.filter(pl.col("orders") >= least)
    if frequent.height < 2:
        raise DataError(too_few(whole, total, unit, least))
    kept = sizes.filter(pl.col("size") <= most)
    return Market(
        baskets=baskets,
        unit=unit,
        most=most,
        total=total,
        large=total - int(kept["n"].sum()),
        everything=whole.height,
        least=least,
        products=frequent["product"].to_list(),
        orders=frequent["orders"].to_numpy(),
        nulls=[_null(counts, kept, frequent)] if not by else list(_nulls(counts, kept, frequent, by[0])),
    )


def _null(counts: pl.DataFrame, sizes: pl.DataFrame, frequent: pl.DataFrame) -> tuple[Null, Array]:
    """What chance would do, and the number by which it knows each frequent product."""
    there = counts.filter(pl.col("kept") > 0)["kept"].to_numpy()
    null = Null.fit(there, sizes["size"].to_numpy(), sizes["n"].to_numpy())
    own = frequent.select("product").join(counts, on="product", how="left", maintain_order="left")
    return null, own["kept"].fill_null(0).to_numpy()


def _nulls(counts: pl.DataFrame, sizes: pl.DataFrame, frequent: pl.DataFrame, by: str):  # type: ignore[no-untyped-def]
    for value in sizes[by].unique().sort():
        here = pl.col(by) == value
        yield _null(counts.filter(here), sizes.filter(here), frequent)


def refuse_unknown(counts: pl.DataFrame, names: Sequence[str]) -> None:
    """DataError for a product to be left out that is not among the `orders` of each `product`."""
    known = counts["product"]
    for name in names:
        if name not in known:
            most = counts.sort("orders", "product", descending=[True, False])["product"].head(3).to_list()
            raise DataError(
                f"--exclude-product names {name!r}, which nobody bought. The most frequent products are "
                f"{', '.join(map(repr, most))}."
            )


def too_few(counts: pl.DataFrame, total: int, unit: str, least: int) -> str:
    """Why there are no two products to compare, and what to type."""
    if counts.height < 2:
        return (
            (
                f"There is only one product ({counts['product'][0]!r}), and a pair takes two. "
                "Is this the right column? Say which it is: --product COLUMN."
            )
            if counts.height
            else "Nobody bought anything: no row has a product and an amount above zero."
        )
    second = int(counts["orders"].sort(descending=True)[1])
    return (
        f"Of {counts.height:,} products in {total:,} {unit}s fewer than two are in {least:,} or more of them. "
        f"The second most frequent is in {second:,}: say --min-orders {max(1, second // 2)}."
    )
