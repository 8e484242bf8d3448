"""One score for each account from several aspects, so that a sales manager can argue with it.

An aspect counts by percent rank: the part of the customers with less, and half of those with the same.
So units do not matter, no single value can outweigh the others, and equal values score the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.accounts import aspects
from crmkit.customers import Data
from crmkit.engine.rows import as_rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import together as headlines
from crmkit.load.door import question
from crmkit.result import Result

ENTROPY = "entropy"
DEFAULT = {"revenue": 30.0, "profit": 25.0, "growth": 20.0, "steadiness": 15.0, "tenure": 10.0}


@question
def analyse(
    data: Data, *, weights: str | Mapping[str, float] | None = None, own: str | None = None
) -> Result:
    """Every customer's score from 0 to 100, and what each aspect gives of it.

    `weights` are aspects and their weights (`revenue=30,growth=20`; a leading `-` says that less is better), or `entropy`: an aspect
    weighs the more, the more customers differ in it. Of `recency` and `refunds` less is better anyway. What is unknown of
    a customer has its weight dealt to the other aspects, and `coverage` says what part was seen. `own` is a file of customers
    with further aspects.
    """
    by_entropy = weights == ENTROPY
    wanted = _weights(DEFAULT if weights is None or by_entropy else weights)
    people = aspects.read(data, [name for name, _, _ in wanted], own)
    known = [one for one in wanted if one[0] in people.columns and people[one[0]].drop_nulls().len()]
    if not known:
        raise DataError(
            f"None of the aspects {', '.join(name for name, _, _ in wanted)} is there. Columns: "
            f"{', '.join(people.columns)}. From transactions: {', '.join(aspects.MADE)}."
        )
    if by_entropy:
        known = _by_entropy(people, known)
    scored = _scored(people, known)
    missing = [name for name, _, _ in wanted if name not in {one for one, _, _ in known}]
    result = Result(
        command="score",
        tables={"aspects": _aspects(people, known)},
        facts={
            "customers": people.height,
            "weights": {name: weight for name, weight, _ in known},
            "missing": missing,
        },
        notes=tuple(f"{name} is not there; its weight is dealt to the other aspects" for name in missing),
        titles={"aspects": "What accounts are judged by"},
    )
    return headlines.score(result, scored).with_detail("customers", as_rows(scored))


Wanted = list[tuple[str, float, bool]]  # aspect, weight, whether less is better


def _weights(given: str | Mapping[str, float]) -> Wanted:
    pairs = given.items() if isinstance(given, Mapping) else _parsed(given)
    found: Wanted = []
    for name, weight in pairs:
        plain = name.removeprefix("-")
        if not weight > 0 or plain in {one for one, _, _ in found}:
            raise UsageError(f"--weights: {name!r} needs one weight above zero, such as {plain}=20.")
        found.append((plain, float(weight), name.startswith("-") or plain in aspects.LESS))
    return found


def _parsed(text: str) -> list[tuple[str, float]]:
    pairs = [parse.assignment(part, "--weights", "revenue=30,growth=20") for part in text.split(",")]
    return [(name, float(parse.decimal(weight, "--weights"))) for name, weight in pairs]


def percent_rank(values: pl.Series) -> pl.Series:
    """The part of the known values that is smaller, and half of the equal ones; null where unknown."""
    n = values.len() - values.null_count()
    ranks = values.rank("average")
    return (ranks - 0.5) / n


def _scored(people: pl.DataFrame, known: Wanted) -> pl.DataFrame:
    total = sum(weight for _, weight, _ in known)
    parts, seen = [], pl.Series([0.0]).new_from_index(0, people.height)
    for name, weight, less in known:
        rank = percent_rank(people[name])
        rank = 1 - rank if less else rank
        parts.append((f"{name}_points", rank * weight))
        seen = seen + pl.Series(np.where(rank.is_null().to_numpy(), 0.0, weight))
    columns = [(points / seen * 100).round(6).alias(name) for name, points in parts]
    frame = people.select("customer").hstack(columns)
    whole = pl.sum_horizontal(*(pl.col(name).fill_null(0) for name, _ in parts))
    known_some = seen > 0
    frame = frame.with_columns(coverage=seen / total, score=pl.when(known_some).then(whole))
    ranked = frame.with_columns(rank=pl.col("score").rank("min", descending=True).cast(pl.Int64))
    order = ["customer", "rank", "score", "coverage", *(name for name, _ in parts)]
    return ranked.select(order).sort("rank", "customer", nulls_last=True)


def _by_entropy(people: pl.DataFrame, known: Wanted) -> Wanted:
    """Weights in proportion to 1 - e, where e is the entropy of an aspect's shares, after each is put between 0 and 1."""
    spread = []
    for name, _, less in known:
        values = people[name].drop_nulls().to_numpy()
        range_ = values.max() - values.min()
        scaled = (values - values.min()) / range_ if range_ else np.zeros_like(values)
        scaled = 1 - scaled if less else scaled
        spread.append(1 - entropy(scaled))
    total = sum(spread)
    if not total > 0:
        raise DataError(
            "Customers are all alike in every aspect, so entropy weighs none. Say --weights revenue=1."
        )
    return [
        (name, float(100 * part / total), less)
        for (name, _, less), part in zip(known, spread, strict=True)
        if part > 0
    ]


def entropy(values: np.ndarray) -> float:
    """-Σ p log p / log n of the shares p; 1 where all are equal."""
    total = values.sum()
    if len(values) < 2 or not total:
        return 1.0
    shares = values[values > 0] / total
    return float(-(shares * np.log(shares)).sum() / np.log(len(values)))


def _aspects(people: pl.DataFrame, known: Wanted) -> pl.DataFrame:
    total = sum(weight for _, weight, _ in known)
    rows: list[dict[str, Any]] = [
        {
            "aspect": name,
            "weight": weight / total,
            "better": "less" if less else "more",
            "customers": people.height - people[name].null_count(),
            "median": people[name].median(),
        }
        for name, weight, less in known
    ]
    return pl.DataFrame(rows)
