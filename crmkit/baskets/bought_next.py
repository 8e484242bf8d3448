"""What is bought next: of two products, which one customers begin with, and after how long the other follows.

Who goes together is one question, which comes first another. A customer counts once for a pair, by the
first day of each; both on one day tell nothing of an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from crmkit.baskets import market, recommend, units
from crmkit.engine.rows import Counted, Rows
from crmkit.load.transactions import Transactions
from crmkit.result import Result
from crmkit.scoring import discoveries

_PAIRS_AT_ONCE = 4_000_000


def result(
    sales: Transactions,
    *,
    min_orders: str | None,
    most: int,
    within: int | None,
    fdr: float,
    exclude: Sequence[str],
) -> Result:
    """Pairs in which one product comes first more often than a coin would have it (binomial, q over all pairs)."""
    people = sales.by_key(partial(recommend.by_customer, exclude=exclude)).cached()
    held = people.by_row(partial(recommend.until, day=None))
    counts = units.product_counts(held, most)
    total = int(units.sizes(held)["n"].sum())
    products, _ = recommend.frequent(held, market.least_orders(min_orders, total), counts)
    ordered = people.by_row(partial(_pairs, products=products, most=most, within=within)).cached()
    sums = ordered.counts(Counted(by=["a", "b"]))
    found = _judged(sums, fdr)
    return Result(
        command="basket",
        tables={"next": _listed(found, _days(ordered, found), products)},
        facts={
            "products_tested": len(products),
            "pairs_tested": _both_ways(sums).height,
            "pairs_found": found.height,
            "within_days": within,
            "fdr": fdr,
        },
        titles={"next": "Which product comes first, and when the other follows"},
    )


def _pairs(frame: pl.DataFrame, products: Sequence[str], most: int, within: int | None) -> pl.DataFrame:
    """By row: (a, b, days) for each customer whose first b came later than their first a, by places in `products`."""
    places = pl.DataFrame({"product": list(products)}).with_row_index("place")
    long = (
        frame.select(pl.col("customer").cast(pl.String), "product", "first")
        .explode("product", "first")
        .join(places, on="product", how="inner")
        .select("customer", "first", pl.col("place").cast(pl.Int64))
    )
    size = pl.len().over("customer")
    few = long.with_columns(size=size).filter(pl.col("size") <= most).sort("customer", "place")
    part = (pl.col("size").cast(pl.Int64).cum_sum() // _PAIRS_AT_ONCE).first().over("customer")
    empty = pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64, "days": pl.Int64})
    joined = [
        _joined(piece, within)
        for piece in few.with_columns(part=part).partition_by("part", include_key=False)
    ]
    return pl.concat([empty, *joined])


def _joined(long: pl.DataFrame, within: int | None) -> pl.DataFrame:
    both = long.join(long, on="customer", suffix="_b").filter(pl.col("first_b") > pl.col("first"))
    days = (pl.col("first_b") - pl.col("first")).dt.total_days()
    found = both.select(pl.col("place").alias("a"), pl.col("place_b").alias("b"), days.alias("days"))
    return found if within is None else found.filter(pl.col("days") <= within)


def _both_ways(sums: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, the more frequent direction first; `n` that way, `back` the other."""
    back = sums.select(pl.col("b").alias("a"), pl.col("a").alias("b"), pl.col("n").alias("back"))
    both = sums.join(back, on=["a", "b"], how="left").with_columns(pl.col("back").fill_null(0))
    first = (pl.col("n") > pl.col("back")) | ((pl.col("n") == pl.col("back")) & (pl.col("a") < pl.col("b")))
    return both.filter(first).sort("a", "b")


def _judged(sums: pl.DataFrame, fdr: float) -> pl.DataFrame:
    from scipy.stats import binom

    both = _both_ways(sums)
    n, back = both["n"].to_numpy(), both["back"].to_numpy()
    p = np.minimum(1.0, 2 * binom.sf(n - 1, n + back, 0.5))
    q = discoveries.q_values(p, len(p))
    judged = both.with_columns(pl.Series("p", p, dtype=pl.Float64), pl.Series("q", q, dtype=pl.Float64))
    return judged.filter(pl.col("q") <= fdr)


def _days(ordered: Rows, found: pl.DataFrame) -> pl.DataFrame:
    """The median days between both, of the pairs that are shown."""
    kept = ordered.by_row(partial(_only, found=found.select("a", "b")))
    counts = kept.counts(Counted(by=["a", "b", "days"]))
    reached = counts.sort("a", "b", "days").with_columns(
        reached=pl.col("n").cum_sum().over("a", "b"), whole=pl.col("n").sum().over("a", "b")
    )
    middle = reached.filter(2 * pl.col("reached") >= pl.col("whole"))
    return middle.group_by("a", "b").agg(pl.col("days").min())


def _only(frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return frame.join(found, on=["a", "b"], how="semi")


def _listed(found: pl.DataFrame, days: pl.DataFrame, products: Sequence[str]) -> pl.DataFrame:
    names = pl.Series("product", list(products), dtype=pl.String)
    rows = found.join(days, on=["a", "b"], how="left", maintain_order="left")
    both = pl.col("n") + pl.col("back")
    return rows.select(
        names.gather(rows["a"]).alias("product"),
        names.gather(rows["b"]).alias("other"),
        pl.col("n").alias("customers"),
        pl.col("back").alias("customers_back"),
        (pl.col("n") / both).alias("direction"),
        pl.col("days").alias("days_between"),
        "p",
        "q",
    ).sort("p", "customers", "product", "other", descending=[False, True, False, False])
