"""Brands: how many buy each, how often, who buys nothing else, and whom they share buyers with - beside the norm.

Small brands have fewer buyers who also buy a little less often and keep less to one brand (double jeopardy), and all
share their buyers in proportion to penetration (duplication of purchase): that is what the NBD-Dirichlet
(`baskets.dirichlet`) gives every brand of a market share, and only what differs from it says anything of a brand.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from crmkit.baskets import dirichlet, market, pairs
from crmkit.baskets.dirichlet import Norm
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.load.orders import order_key
from crmkit.load.transactions import Transactions
from crmkit.result import Result

Array = np.ndarray

# Brands; the rest of the market counts as such, but has no rows.
MOST = 200
_ANY_SIZE = 1 << 31


def result(sales: Transactions, *, min_orders: str | None, exclude: Sequence[str]) -> Result:
    """The brands of so many customers, the largest first, each beside what the market would have it do."""
    people = sales.by_key(partial(by_customer, has_order=sales.has("order"), exclude=exclude)).cached()
    counts = people.by_row(_each).counts(Counted(by=["product"], sums=["purchases", "sole"]))
    sizes = people.by_row(_sized).counts(Counted(by=["purchases"]))
    customers, purchases = int(sizes["n"].sum()), int(counts["purchases"].sum())
    shown = _frequent(counts, market.least_orders(min_orders, customers), customers)
    if purchases == customers:
        raise DataError(
            f"{sales.name}: everybody bought once, so nobody could have bought another product, and there is no "
            "norm of that. Give more time, or say who is the customer: --customer COLUMN."
        )
    share, reach = (shown["purchases"] / purchases).to_numpy(), (shown["n"] / customers).to_numpy()
    norm = dirichlet.fit(sizes["purchases"].to_numpy(), sizes["n"].to_numpy(), share, reach)
    shared = _shared(people, shown)
    duplication, usual = _duplication(shared, shown["n"].to_numpy()), _duplication_norm(norm, share)
    facts = {
        "customers": customers,
        "purchases": purchases,
        "products": counts.height,
        "products_tested": shown.height,
        "category_mean": norm.mean,
        "category_shape": norm.shape,
        "choice_strength": norm.strength,
        "duplication_coefficient": float(duplication.mean() / reach.mean()),
        "duplication_coefficient_norm": float(usual.mean() / norm.penetration(share).mean()),
    }
    return Result(
        command="basket",
        tables={"brands": _table(shown, share, reach, norm, duplication, usual)},
        facts=facts,
        notes=(_note(norm, facts),),
        titles={"brands": "Products, and what the market would have them do (norm)"},
    )


def by_customer(rows: pl.LazyFrame, *, has_order: bool, exclude: Sequence[str]) -> pl.LazyFrame:
    """By key: what each customer bought, and in how many orders."""
    product = pl.col("product").cast(pl.String)
    known = pl.col("product").is_not_null() & ~product.is_in(list(exclude))
    bought = rows.filter(pl.col("amount") > 0, known)
    orders = order_key(has_order).n_unique().cast(pl.Int64).alias("purchases")
    each = bought.group_by("customer", product.alias("product")).agg(orders)
    return each.group_by("customer").agg("product", "purchases")


def _each(frame: pl.DataFrame) -> pl.DataFrame:
    """By row: the customer's purchases of each product, and whether it is the only one."""
    sole = (pl.col("product").list.len() == 1).cast(pl.Int64)
    return frame.select("product", "purchases", sole=sole).explode("product", "purchases")


def _sized(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col("purchases").list.sum())


def _held(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("product", size=pl.col("product").list.len().cast(pl.Int64))


def _frequent(counts: pl.DataFrame, least: int, customers: int) -> pl.DataFrame:
    """The products of so many customers, the most often bought first."""
    frequent = counts.filter(pl.col("n") >= least)
    if frequent.height < 2:
        raise DataError(market.too_few(counts.rename({"n": "orders"}), customers, "customer", least))
    return frequent.sort("purchases", "n", "product", descending=[True, True, False]).head(MOST)


def _shared(people: Rows, shown: pl.DataFrame) -> Array:
    """How many customers buy both of two products."""
    found = pairs.count(people.by_row(_held), shown["product"].to_list(), _ANY_SIZE)
    shared = np.zeros((shown.height, shown.height))
    shared[found["a"].to_numpy(), found["b"].to_numpy()] = found["orders"].to_numpy()
    return shared + shared.T


def _duplication(shared: Array, buyers: Array) -> Array:
    """Of the buyers of another product, the part who buy this one, too: the mean over all others."""
    return np.asarray((shared / buyers[:, None]).sum(axis=0) / (len(buyers) - 1))


def _duplication_norm(norm: Norm, share: Array) -> Array:
    both = norm.both(share[:, None], share[None, :])
    np.fill_diagonal(both, 0.0)
    return _duplication(both, norm.penetration(share))


def _table(
    shown: pl.DataFrame, share: Array, reach: Array, norm: Norm, duplication: Array, usual: Array
) -> pl.DataFrame:
    columns = {
        "market_share": share,
        "penetration": reach,
        "penetration_norm": norm.penetration(share),
        "per_buyer": (shown["purchases"] / shown["n"]).to_numpy(),
        "per_buyer_norm": norm.per_buyer(share),
        "sole_buyers": (shown["sole"] / shown["n"]).to_numpy(),
        "sole_buyers_norm": norm.sole(share),
        "duplication": duplication,
        "duplication_norm": usual,
        "duplication_coefficient": duplication / reach,
    }
    return shown.select("product", pl.col("n").alias("customers")).with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()
    )


def _note(norm: Norm, facts: dict[str, int | float]) -> str:
    return (
        f"the norm is the NBD-Dirichlet of this market: M {norm.mean:,.4g}, K {norm.shape:.4g}, S {norm.strength:.4g}; "
        f"products share {facts['duplication_coefficient']:.2f} times as many buyers as they reach, by the norm "
        f"{facts['duplication_coefficient_norm']:.2f}"
    )
