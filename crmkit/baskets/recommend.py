"""The next best product of each customer: new ones by what goes with their own, and their own when they are due.

New products are scored by EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data", WWW), which
is one inverse of a matrix of pair counts: B = I - inv(G + λI) / diag, score = x B. It takes off what
popular products explain, which lift and cosine do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from crmkit.baskets import pairs
from crmkit.engine.rows import Rows
from crmkit.errors import DataError

Array = np.ndarray

RIDGE = 200.0
SHOWN = 10
MOST = 5_000  # products: their matrix is inverted whole
DIGITS = 6  # of a score: what lies behind depends on the order in which a library adds up
_AT_ONCE = 2_000
_DUE = (0.8, 3.0)  # of a customer's own median gap
SCHEMA = {
    "customer": pl.String, "kind": pl.String, "rank": pl.Int64, "product": pl.String, "score": pl.Float64, "because": pl.String,
}  # fmt: skip


def by_customer(rows: pl.LazyFrame, exclude: Sequence[str] = ()) -> pl.LazyFrame:
    """By key: every product that a customer bought, with its first and last day and the median gap between its days."""
    product = pl.col("product").cast(pl.String)
    bought = rows.filter(pl.col("amount") > 0, product.is_not_null(), ~product.is_in(list(exclude)))
    days = pl.col("date").unique().sort()
    each = bought.group_by("customer", pl.col("product").cast(pl.String)).agg(
        first=pl.col("date").min(), last=pl.col("date").max(), gap=days.diff().dt.total_days().median()
    )
    return (
        each.sort("customer", "product")
        .group_by("customer", maintain_order=True)
        .agg("product", "first", "last", "gap")
    )


def until(frame: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """By row: each customer's products up to a day, as a basket; whoever had none yet is left out."""
    long = frame.select(pl.col("customer").cast(pl.String), "product", "first").explode("product", "first")
    known = long if day is None else long.filter(pl.col("first") <= day)
    held = known.group_by("customer", maintain_order=True).agg("product")
    return held.with_columns(size=pl.col("product").list.len().cast(pl.Int64))


@dataclass(frozen=True)
class Scorer:
    """What each product says for each other: `weights[i, j]` for j, of someone who has i."""

    products: Sequence[str]
    weights: Array

    def best(self, frame: pl.DataFrame, shown: int = SHOWN) -> pl.DataFrame:
        """By row: the products with the highest scores that the customer does not have; ties by name."""
        found: list[tuple[str, int, int, float, int]] = []
        for start in range(0, frame.height, _AT_ONCE):
            part = frame[start : start + _AT_ONCE]
            held = pairs.incidence(part, self.products, int(part.select(pl.col("size").max()).item()))
            scores = np.round(held @ self.weights, DIGITS)
            rows, columns = held.nonzero()
            scores[rows, columns] = -np.inf
            for place, customer in enumerate(part["customer"].to_list()):
                own = held.indices[held.indptr[place] : held.indptr[place + 1]]
                found += self._of_customer(customer, scores[place], own, shown)
        names = pl.Series("product", list(self.products), dtype=pl.String)
        listed = pl.DataFrame(
            found,
            schema={
                "customer": pl.String,
                "rank": pl.Int64,
                "at": pl.Int64,
                "score": pl.Float64,
                "why": pl.Int64,
            },
            orient="row",
        )
        return listed.select(
            "customer",
            pl.lit("new").alias("kind"),
            "rank",
            product=names.gather(listed["at"]),
            score="score",
            because=pl.lit("goes with ") + names.gather(listed["why"]),
        )

    def _of_customer(self, customer: str, scores: Array, own: Array, shown: int) -> list[Any]:
        if not len(own):
            return []
        order = np.argsort(-scores, kind="stable")[:shown]
        chosen = [at for at in order.tolist() if scores[at] > 0]
        why = own[np.argmax(self.weights[np.ix_(own, chosen)], axis=0)] if chosen else []
        return [
            (customer, rank + 1, at, float(scores[at]), int(reason))
            for rank, (at, reason) in enumerate(zip(chosen, why, strict=True))
        ]


def frequent(held: Rows, least: int, counts: pl.DataFrame) -> tuple[list[str], Array]:
    """The products that enough customers have, by name, and how many have each; at most 5,000, the most frequent."""
    enough = (
        counts.filter(pl.col("orders") >= least)
        .sort("orders", "product", descending=[True, False])
        .head(MOST)
    )
    if enough.height < 2:
        raise DataError(
            f"Fewer than two products were bought by {least:,} or more customers, so nothing can be recommended. "
            "Say --min-orders 1."
        )
    kept = enough.sort("product")
    return kept["product"].to_list(), kept["orders"].to_numpy()


def together(held: Rows, products: Sequence[str], own: Array, most: int) -> Array:
    """G: how many customers have both of two products, and each one on the diagonal."""
    counts = pairs.count(held, products, most)
    matrix = np.diag(own.astype(float))
    a, b, n = (counts[name].to_numpy() for name in ("a", "b", "orders"))
    matrix[a, b] = matrix[b, a] = n
    return matrix


def ease(matrix: Array, ridge: float = RIDGE) -> Array:
    """Steck's weights: the least squares prediction of each product from all the others, in closed form."""
    inverse = np.linalg.inv(matrix + ridge * np.eye(len(matrix)))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def cosine(matrix: Array) -> Array:
    """Weights of item-based nearest neighbours: common customers over the root of both numbers."""
    root = np.sqrt(np.diag(matrix))
    weights = matrix / np.outer(root, root)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def popular(matrix: Array) -> Array:
    """Weights by which everybody is shown what most customers have."""
    return np.tile(np.diag(matrix) / np.diag(matrix).sum(), (len(matrix), 1))


def due(frame: pl.DataFrame, as_of: date, shown: int = SHOWN) -> pl.DataFrame:
    """By row: products bought on three days or more whose own median gap is about over, the closest first."""
    long = frame.select(pl.col("customer").cast(pl.String), "product", "last", "gap").explode(
        "product", "last", "gap"
    )
    since = (pl.lit(as_of) - pl.col("last")).dt.total_days()
    judged = long.filter(pl.col("gap") > 0).with_columns(
        since=since, score=(since / pl.col("gap")).round(DIGITS)
    )
    kept = judged.filter(pl.col("score").is_between(*_DUE))
    ordered = kept.sort("customer", (pl.col("score") - 1).abs(), "product")
    ranked = ordered.with_columns(rank=pl.int_range(1, pl.len() + 1).over("customer").cast(pl.Int64))
    told = pl.format("every {} days, last {} days ago", pl.col("gap").round(1), "since")
    return ranked.filter(pl.col("rank") <= shown).select(
        "customer", pl.lit("again").alias("kind"), "rank", "product", "score", because=told
    )


def each(frame: pl.DataFrame, scorer: Scorer, as_of: date) -> pl.DataFrame:
    """By row: both kinds, apart."""
    return pl.concat([scorer.best(until(frame, None)), due(frame, as_of)]).cast(SCHEMA)  # type: ignore[arg-type]


def later(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """By row: the products that each customer bought for the first time after a day."""
    long = frame.select(pl.col("customer").cast(pl.String), "product", "first").explode("product", "first")
    return long.filter(pl.col("first") > day).select("customer", "product")


def judged(best: pl.DataFrame, truth: pl.DataFrame, shown: int = SHOWN) -> dict[str, Any]:
    """Recall and NDCG of the first `shown`, means over customers who bought something new."""
    wanted = truth.group_by("customer").agg(n=pl.len().cast(pl.Int64))
    hits = best.join(truth, on=["customer", "product"], how="semi")
    gain = (1 / (pl.col("rank") + 1).cast(pl.Float64).log(2)).sum()
    found = hits.group_by("customer").agg(hits=pl.len().cast(pl.Int64), gain=gain)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, shown + 2)))])
    rows = wanted.join(found, on="customer", how="left").fill_null(0).sort("customer")
    most = np.minimum(rows["n"].to_numpy(), shown)
    return {
        "customers": rows.height,
        "recall": float((rows["hits"].to_numpy() / most).mean()),
        "ndcg": float((rows["gain"].to_numpy() / ideal[most]).mean()),
    }
