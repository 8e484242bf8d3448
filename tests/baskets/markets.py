"""Baskets for tests: rows of them, and the same margins without any association."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from crmkit.baskets import units
from crmkit.baskets.market import Market, survey
from crmkit.engine.rows import Rows, as_rows


def rows(baskets: list[set[str]]) -> pl.LazyFrame:
    """The transactions of these baskets, each product twice."""
    listed = [(None, str(at), one, 100) for at, basket in enumerate(baskets) for one in sorted(basket) * 2]
    schema = {"customer": pl.String, "order": pl.String, "product": pl.String, "amount": pl.Int64}
    return pl.LazyFrame(listed, schema=schema, orient="row").with_columns(date=pl.lit(None, dtype=pl.Date))


def frame(baskets: list[set[str]]) -> pl.DataFrame:
    """What a pass makes of them."""
    lines = partial(units.lines_of, unit="order", has_order=True, monthly=False)
    return units.baskets(rows(baskets), lines=lines).collect()


def market(baskets: Rows | list[set[str]], min_orders: str = "1") -> Market:
    found = as_rows(frame(baskets)) if isinstance(baskets, list) else baskets
    return survey(found, unit="order", min_orders=min_orders, most=500)


def shuffled(baskets: list[set[str]], seed: int, trades: int) -> list[set[str]]:
    """The same sizes and the same popularity, and no association: curveball (Strona et al. 2014)."""
    draw, mixed = np.random.default_rng(seed), [set(basket) for basket in baskets]
    for a, b in draw.integers(len(mixed), size=(trades, 2)).tolist():
        both = mixed[a] & mixed[b]
        loose = sorted(mixed[a] ^ mixed[b])
        draw.shuffle(loose)
        n = len(mixed[a]) - len(both)
        mixed[a], mixed[b] = both | set(loose[:n]), both | set(loose[n:])
    return mixed


def made_up(baskets: int, products: int, seed: int) -> list[set[str]]:
    """Baskets of very different sizes, of products of very different popularity, and nothing else."""
    draw = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, products + 1) ** 0.7
    sizes = np.minimum(draw.geometric(0.12, baskets), products // 2)
    chance = popularity / popularity.sum()
    return [{f"p{one:03d}" for one in draw.choice(products, size, replace=False, p=chance)} for size in sizes]
