"""Rules of three products and more that say more than their simpler ones.

Frequent sets by Eclat (Zaki 2000): each product is a long whole number with a bit for each basket, and the
baskets of a set are the bits that all of them share. A rule is productive (Webb 2007, Machine Learning 68:1)
where leaving out any of its products lowers the confidence by more than chance would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from crmkit.baskets import pairs
from crmkit.baskets.market import Market
from crmkit.errors import UsageError
from crmkit.scoring import discoveries

_MOST_SETS = 1_000_000
_MOST_BYTES = 1 << 31
Sets = Mapping[tuple[int, ...], int]


def table(market: Market, fdr: float, max_items: int, target: str | None = None) -> pl.DataFrame:
    """Rules A and B (and more) → C with their measures, the surest first."""
    found = frequent_sets(bitsets(market), market.least, max_items)
    rows = [_measured(found, items, then, market.total) for items, then in _rules(found)]
    rules = _judged(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), found, fdr)
    names = market.products
    given = [" + ".join(names[at] for at in items) for items in rules["items"]]
    then = [names[at] for at in rules["then"]]
    listed = rules.with_columns(
        pl.Series("given", given, dtype=pl.String), pl.Series("then", then, dtype=pl.String)
    )
    if target is not None:
        listed = listed.filter(pl.col("then") == target)
    columns = ["given", "then", "orders", "support", "confidence", "lift", "improvement", "p", "q"]
    return listed.select(columns).sort("p", "lift", "given", "then", descending=[False, True, False, False])


_SCHEMA: dict[str, Any] = {
    "items": pl.List(pl.Int64), "then": pl.Int64, "orders": pl.Int64, "support": pl.Float64, "confidence": pl.Float64,
    "lift": pl.Float64, "improvement": pl.Float64,
}  # fmt: skip


def bitsets(market: Market) -> list[int]:
    """For each product the baskets that hold it, a bit for each basket."""
    size = market.total * len(market.products) // 8
    if size > _MOST_BYTES:
        raise UsageError(
            f"Rules of {len(market.products):,} products in {market.total:,} {market.unit}s need {size / 1e9:,.0f} GB. "
            "Raise --min-orders."
        )
    matrix = pairs.incidence(market.baskets.frame(), market.products, market.most).tocsc()
    found = []
    for place in range(len(market.products)):
        bits = np.zeros(matrix.shape[0], bool)
        bits[matrix.indices[matrix.indptr[place] : matrix.indptr[place + 1]]] = True
        found.append(int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little"))
    return found


def frequent_sets(products: Sequence[int], least: int, max_items: int) -> Sets:
    """Every set of up to so many products that at least `least` baskets hold, and how many do."""
    found: dict[tuple[int, ...], int] = {}
    start = [(place, bits) for place, bits in enumerate(products) if bits.bit_count() >= least]
    for items, bits in _grown((), start, least, max_items):
        found[items] = bits.bit_count()
        if len(found) > _MOST_SETS:
            raise UsageError(
                f"More than {_MOST_SETS:,} sets of products are in {least:,} or more baskets. Raise --min-orders."
            )
    return found


def _grown(
    begin: tuple[int, ...], options: list[tuple[int, int]], least: int, max_items: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    for at, (place, bits) in enumerate(options):
        items = (*begin, place)
        yield items, bits
        if len(items) < max_items:
            shared = [(other, bits & more) for other, more in options[at + 1 :]]
            kept = [(other, both) for other, both in shared if both.bit_count() >= least]
            yield from _grown(items, kept, least, max_items)


def _rules(found: Sets) -> Iterator[tuple[tuple[int, ...], int]]:
    """Every set of three and more, with each of its products as the consequence."""
    for items in found:
        if len(items) > 2:
            for then in items:
                yield tuple(item for item in items if item != then), then


def _measured(found: Sets, items: tuple[int, ...], then: int, total: int) -> tuple[Any, ...]:
    whole, given, own = found[_joined(items, then)], found[items], found[(then,)]
    confidence = whole / given
    simpler = max(found[_joined(less, then)] / found[less] for less in _less(items))
    return (
        list(items),
        then,
        whole,
        whole / total,
        confidence,
        whole * total / (given * own),
        confidence - simpler,
    )


def _joined(items: tuple[int, ...], then: int) -> tuple[int, ...]:
    return tuple(sorted((*items, then)))


def _less(items: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [items[:at] + items[at + 1 :] for at in range(len(items))]


def _judged(rules: pl.DataFrame, found: Sets, fdr: float) -> pl.DataFrame:
    """The rules that add to each simpler one: the largest p of Fisher's one-sided tests, and q over all rules."""
    from scipy.stats import hypergeom

    tests = []
    for items, then in rules.select("items", "then").iter_rows():
        given = tuple(items)
        for less in _less(given):
            tests.append((found[_joined(given, then)], found[less], found[_joined(less, then)], found[given]))
    if not tests:
        return rules.with_columns(p=pl.lit(None, dtype=pl.Float64), q=pl.lit(None, dtype=pl.Float64))
    k, population, marked, drawn = np.array(tests).T
    kinds, inverse = np.unique(np.stack([k, population, marked, drawn]), axis=1, return_inverse=True)
    each = hypergeom.sf(kinds[0] - 1, kinds[1], kinds[2], kinds[3])[np.ravel(inverse)]
    sizes = rules["items"].list.len().cast(pl.Int64).to_numpy()
    p = np.maximum.reduceat(each, np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    q = discoveries.q_values(p, len(p))
    judged = rules.with_columns(pl.Series("p", p), pl.Series("q", q))
    return judged.filter(pl.col("q") <= fdr, pl.col("improvement") > 0)
