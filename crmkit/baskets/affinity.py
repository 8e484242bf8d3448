"""Pairs of products that are bought together more often, or less often, than chance has it."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmkit.baskets import pairs
from crmkit.baskets.market import Market
from crmkit.errors import UsageError
from crmkit.scoring import discoveries

Array = np.ndarray

_PAIRS_AT_ONCE = 1 << 20
_MOST_SUBSTITUTES = 6_000  # products: all their pairs are looked at, found together or not


def table(
    market: Market, fdr: float, *, substitutes: bool = False, target: str | None = None
) -> pl.DataFrame:
    """The pairs that pass the false discovery rate, the least likely first, with every measure of them."""
    counts = pairs.count(market.baskets, market.products, market.most)
    if substitutes:
        counts = _all_pairs(counts, market)
    begins = range(0, max(counts.height, 1), _PAIRS_AT_ONCE)
    parts = [_likely(counts.slice(at, _PAIRS_AT_ONCE), market, fdr, substitutes) for at in begins]
    a, b, n, expected, p, surprise = (np.concatenate(column) for column in zip(*parts, strict=True))
    q = discoveries.q_values(p, market.pairs)
    kept = np.flatnonzero(q <= fdr)
    a, b, n = a[kept], b[kept], n[kept]
    measured = _measured(market, a, b, n).with_columns(
        pl.Series("expected", expected[kept]),
        pl.Series("affinity", n / expected[kept]),
        pl.Series("p", p[kept]),
        pl.Series("q", q[kept]),
        pl.Series("surprise", surprise[kept]),
    )
    return _ordered(measured if target is None else _with(measured, market, target))


def _likely(
    counts: pl.DataFrame, market: Market, fdr: float, substitutes: bool
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Pairs that may be found: their places, count, expectation, p, and the logarithm of p.

    No q is below its p, so pairs with a larger p are not found, and change no q of those that are.
    """
    a, b, n = (counts[name].to_numpy() for name in ("a", "b", "orders"))
    expected = market.expected(a, b)
    p = (discoveries.at_most if substitutes else discoveries.at_least)(n, expected)
    kept = p <= fdr
    a, b, n, expected, p = a[kept], b[kept], n[kept], expected[kept], p[kept]
    if substitutes:
        return a, b, n, expected, p, np.log(np.maximum(p, np.finfo(float).tiny))
    return a, b, n, expected, p, discoveries.log_at_least(n, expected, p)


def _measured(market: Market, a: Array, b: Array, n: Array) -> pl.DataFrame:
    """The classical measures: support, confidence both ways, lift."""
    names = pl.Series("product", market.products, dtype=pl.String)
    n_a, n_b = market.orders[a], market.orders[b]
    return pl.DataFrame(
        {
            "product": names.gather(a),
            "other": names.gather(b),
            "orders": n,
            "support": n / market.total,
            "confidence": n / n_a,
            "confidence_back": n / n_b,
            "lift": n * market.total / (n_a * n_b),
        },
        schema_overrides={"orders": pl.Int64},
    )


def _ordered(found: pl.DataFrame) -> pl.DataFrame:
    return found.sort(
        "surprise", "affinity", "product", "other", descending=[False, True, False, False]
    ).drop("surprise")


def _with(found: pl.DataFrame, market: Market, target: str) -> pl.DataFrame:
    """The pairs of one product, which comes first in each."""
    if target not in market.products:
        raise UsageError(
            f"--target {target!r} is not among the {len(market.products):,} products in {market.least:,} or more "
            f"{market.unit}s. Write it as it is in the file, or lower --min-orders."
        )
    swapped = found.rename(
        {
            "product": "other",
            "other": "product",
            "confidence": "confidence_back",
            "confidence_back": "confidence",
        }
    ).select(found.columns)
    both = pl.concat([found, swapped])
    return both.filter(pl.col("product") == target)


def _all_pairs(counts: pl.DataFrame, market: Market) -> pl.DataFrame:
    """The pairs that are never together, too."""
    if len(market.products) > _MOST_SUBSTITUTES:
        raise UsageError(
            f"--substitutes looks at every pair of {len(market.products):,} products, and {_MOST_SUBSTITUTES:,} are the "
            "most. Raise --min-orders."
        )
    a, b = np.triu_indices(len(market.products), 1)
    every = pl.DataFrame({"a": a, "b": b})
    return every.join(counts, on=["a", "b"], how="left", maintain_order="left").with_columns(
        pl.col("orders").fill_null(0)
    )
