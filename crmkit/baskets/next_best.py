"""The recommendations as an answer: what each customer is offered, and how well that would have done before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

import polars as pl

from crmkit.baskets import market, recommend, units
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError
from crmkit.load.transactions import Transactions
from crmkit.result import Result

_METHODS = {"ease": recommend.ease, "item neighbours": recommend.cosine, "popularity": recommend.popular}


def result(
    sales: Transactions, *, min_orders: str | None, most: int, exclude: Sequence[str], evaluate: date | None
) -> Result:
    """Two kinds, never mixed: `new` products by what goes with a customer's own, and `again`, own ones that are due."""
    found = sales.query(partial(recommend.by_customer, exclude=exclude))
    people = found.rows.cached()
    if evaluate is not None:
        return _evaluated(people, evaluate, found.as_of, min_orders, most)
    held = people.by_row(partial(recommend.until, day=None))
    products, matrix = _matrix(held, min_orders, most)
    scorer = recommend.Scorer(products, recommend.ease(matrix))
    offered = people.by_row(partial(recommend.each, scorer=scorer, as_of=found.as_of)).cached()
    sums = offered.counts(Counted(by=["kind", "product"]))
    suggested = sums.sort("n", "kind", "product", descending=[True, False, False])
    made = Result(
        command="basket",
        tables={"suggested": suggested.select("product", "kind", pl.col("n").alias("customers"))},
        facts={"products_tested": len(products), "offers": int(sums["n"].sum()), "ridge": recommend.RIDGE},
        titles={"suggested": "Products by the number of customers that they are offered to"},
    )
    return made.with_detail("customers", offered.ordered_by(_ordered))


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("customer", "kind", "rank", descending=[False, True, False])


def _matrix(held: Rows, min_orders: str | None, most: int) -> tuple[list[str], Any]:
    counts = units.product_counts(held, most)
    total = int(units.sizes(held)["n"].sum())
    products, own = recommend.frequent(held, market.least_orders(min_orders, total), counts)
    return products, recommend.together(held, products, own, most)


def _evaluated(people: Rows, day: date, as_of: date, min_orders: str | None, most: int) -> Result:
    """Learned up to a day, and judged by what customers bought for the first time after it."""
    if day >= as_of:
        raise DataError(
            f"--evaluate {day} leaves no day to look at: the data end on {as_of}. Choose an earlier one."
        )
    held = people.by_row(partial(recommend.until, day=day)).cached()
    products, matrix = _matrix(held, min_orders, most)
    truth = people.by_row(partial(recommend.later, day=day)).frame()
    known = truth.filter(pl.col("product").is_in(products)).join(
        held.frame().select("customer"), on="customer", how="semi"
    )
    if not known.height:
        raise DataError(f"After {day} nobody who had bought before bought anything for the first time.")
    rows = []
    for method, weigh in _METHODS.items():
        best = held.by_row(recommend.Scorer(products, weigh(matrix)).best).frame()
        rows.append({"method": method, **recommend.judged(best, known)})
    return Result(
        command="basket",
        tables={"evaluation": pl.DataFrame(rows)},
        facts={"evaluate": day, "products_tested": len(products)},
        titles={"evaluation": f"New products after {day}: of the first {recommend.SHOWN} offered"},
    )
