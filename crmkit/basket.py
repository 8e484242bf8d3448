"""What goes together: products that are bought together more often than the sizes of baskets explain.

Lift, and Fisher's test, take every order for equally likely to hold a product. Large orders hold
everything, so by lift everything goes with everything. Here a pair is compared with what chance would do
to orders of these sizes and products of this popularity (`baskets.null`), and all pairs are judged at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from crmkit import parse
from crmkit.baskets import affinity, bought_next, brands, holdings, market, next_best, rules, units
from crmkit.baskets.market import Market
from crmkit.customers import Data
from crmkit.errors import UsageError, typed_as
from crmkit.headlines import together as headlines
from crmkit.load.dataset import Dataset
from crmkit.load.door import question
from crmkit.load.transactions import Transactions
from crmkit.result import Result

# The tables about customers, and the options that change something of each.
_TAKES = {
    "holdings": {"evaluate"},
    "brands": {"min_orders", "exclude_product"},
    "next": {"min_orders", "exclude_product", "max_basket", "fdr", "within"},
    "customers": {"min_orders", "exclude_product", "max_basket", "evaluate"},
}
OF_CUSTOMERS = tuple(_TAKES)
FALSE, LARGEST = 0.05, 500
_ROLES = frozenset({"customer", "date", "amount", "order", "product"})


@question
def analyse(
    data: Data,
    *,
    unit: str = "order",
    level: str | None = None,
    min_orders: str | None = None,
    fdr: str | float = FALSE,
    max_basket: int = LARGEST,
    substitutes: bool = False,
    target: str | None = None,
    by: str | None = None,
    exclude: Sequence[str] = (),
    max_items: int = 2,
    table: str | None = None,
    evaluate: str | date | None = None,
    within: str | None = None,
) -> Result:
    """Pairs of products whose number of common orders chance does not explain.

    `unit` is `order` or `customer`; `level` is a column that takes the place of the
    product; `min_orders` (`20`, `0.5%`) is how many of them a product must be in.
    `fdr` is the part of the findings that may be false (Benjamini-Hochberg over every pair of those products,
    met or not). `substitutes` looks for pairs that are rarer than chance. `by="month"` compares with what chance
    does within each month, so that products of different seasons are no substitutes. Orders of more than
    `max_basket` products count for their products, not for pairs. `exclude` are products that are none, such as postage.
    `max_items` of 3 and more asks for rules, too.

    `table` asks something else of customers instead: `holdings` (how many products they hold, and with `evaluate`, a day,
    who stayed after it), `brands` (who buys each product, how often and what else, beside the NBD-Dirichlet norm), `next`
    (what is bought first, and what follows `within` a length of time), `customers` (the next best product of each, or
    with `evaluate` how well that would have done).
    """
    allowed = parse.percent(fdr, "--fdr")
    _check(unit, by, allowed, max_basket)
    if table in OF_CUSTOMERS:
        others: dict[str, object] = {
            "unit": unit == "customer",
            "substitutes": substitutes,
            "target": target,
            "by": by,
        }
        others |= {"min_orders": min_orders, "max_basket": max_basket != LARGEST, "max_items": max_items > 2}
        others |= {
            "exclude_product": exclude,
            "fdr": allowed != FALSE,
            "evaluate": evaluate,
            "within": within,
        }
        _refuse_for_customers(table, others)
        sales, day = _sales(data, "customer", level, "month"), parse.day("--evaluate", evaluate)
        return _of_customers(sales, table, min_orders, max_basket, exclude, allowed, day, within)
    if evaluate is not None or within is not None:
        raise UsageError(
            "--evaluate belongs to --table holdings and customers, --within to --table next. Leave out what is of another table."
        )
    baskets = units.read(_sales(data, unit, level, by), unit, monthly=by is not None)
    months = [] if by is None else [by]
    known = market.survey(
        baskets, unit=unit, min_orders=min_orders, most=max_basket, exclude=exclude, by=months
    )
    return _pairs(known, allowed, substitutes=substitutes, target=target, max_items=max_items)


def _refuse_for_customers(table: str, options: Mapping[str, object]) -> None:
    """UsageError for an option that would change nothing."""
    for name, given in options.items():
        if given and name not in _TAKES[table]:
            raise UsageError(f"--{name.replace('_', '-')} does not go with --table {table}. Leave it out.")


def _pairs(known: Market, fdr: float, *, substitutes: bool, target: str | None, max_items: int) -> Result:
    """The pairs that stand out, and the rules of more products where they are asked for."""
    unit = known.unit
    found = affinity.table(known, fdr, substitutes=substitutes, target=target)
    more = {} if max_items < 3 else {"rules": _in_units(rules.table(known, fdr, max_items, target), unit)}
    result = Result(
        command="basket",
        tables={"pairs": _in_units(found, unit), **more},
        facts=_facts(known, found, unit=unit, fdr=fdr, substitutes=substitutes),
        notes=tuple(_notes(known)),
        titles={"pairs": _title(unit, substitutes), "rules": "Rules that say more than their simpler ones"},
    )
    return headlines.pairs(result)


def _of_customers(
    sales: Transactions,
    table: str | None,
    min_orders: str | None,
    most: int,
    exclude: Sequence[str],
    fdr: float,
    evaluate: date | None,
    within: str | None,
) -> Result:
    """What is asked of everything that a customer ever bought."""
    if exclude:
        market.refuse_unknown(sales.counts(_by_product, by=["product"]), exclude)
    if table == "holdings":
        return headlines.holdings(holdings.result(sales, evaluate=evaluate))
    if table == "brands":
        return headlines.brands(brands.result(sales, min_orders=min_orders, exclude=exclude))
    if table == "next":
        days = None if within is None else parse.duration(within, "--within").days
        return headlines.bought_next(
            bought_next.result(sales, min_orders=min_orders, most=most, within=days, fdr=fdr, exclude=exclude)
        )
    return headlines.next_best(
        next_best.result(sales, min_orders=min_orders, most=most, exclude=exclude, evaluate=evaluate)
    )


def _by_product(rows: pl.LazyFrame) -> pl.LazyFrame:
    """By key: on how many rows of customers each product is."""
    product = pl.col("product").cast(pl.String)
    return rows.filter(product.is_not_null()).group_by(product).agg(orders=pl.len().cast(pl.Int64))


def _sales(data: Data, unit: str, level: str | None, by: str | None) -> Transactions:
    """The rows with their products; customers and dates are needed only by who asks for them."""
    if isinstance(data, Transactions):
        return data
    if not isinstance(data, Dataset):
        raise UsageError("Baskets are made of transactions; a table of customers has no products.")
    needs = {"product"} | ({"customer"} if unit == "customer" else set()) | ({"date"} if by else set())
    if level is None:
        return data.transactions(needs, _ROLES)
    with typed_as("level", "product"):
        return data.transactions(needs, _ROLES, {"product": level})


def _check(unit: str, by: str | None, fdr: float, max_basket: int) -> None:
    if unit not in units.UNITS:
        raise UsageError(f"There is no unit {unit!r} of baskets. Choose one of {', '.join(units.UNITS)}.")
    if by not in (None, "month"):
        raise UsageError(f"--by is {by!r}; chance can be reckoned within each month only: --by month.")
    if not 0 < fdr <= 1:
        raise UsageError(f"--fdr is {fdr:.4g}. Give a part above 0 and up to 1, such as 5%.")
    if max_basket < 2:
        raise UsageError(f"--max-basket is {max_basket}, and a pair takes two products. Say 500.")


def _in_units(found: pl.DataFrame, unit: str) -> pl.DataFrame:
    return found if unit == "order" else found.rename({"orders": "customers"})


def _title(unit: str, substitutes: bool) -> str:
    how = "less often" if substitutes else "more often"
    where = "in one order" if unit == "order" else "by one customer"
    return f"Products bought {where} {how} than chance has it"


def _facts(known: Market, found: pl.DataFrame, *, unit: str, fdr: float, substitutes: bool) -> dict[str, Any]:
    return {
        "unit": unit,
        f"{unit}s": known.total,
        f"large_{unit}s": known.large,
        "products": known.everything,
        "products_tested": len(known.products),
        f"min_{unit}s": known.least,
        "pairs_tested": known.pairs,
        "pairs_found": found.height,
        "fdr": fdr,
        "substitutes": substitutes,
    }


def _notes(known: Market) -> list[str]:
    of = "in" if known.unit == "order" else "of"
    tested = (
        f"{known.pairs:,} pairs of the {len(known.products):,} products {of} {known.least:,} or more "
        f"{known.unit}s were tested; {known.everything - len(known.products):,} rarer products were not"
    )
    if not known.large:
        return [tested]
    return [
        tested,
        f"{known.large:,} {known.unit}s of more than {known.most:,} products count for their products, not for pairs "
        "(--max-basket)",
    ]
