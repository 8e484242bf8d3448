"""What comes back: rates of returns by product, channel, cohort and customer, with intervals, and who returns unlike others.

A row below zero is a return. Netting hides it: a shop whose revenue is net of refunds looks the same
whether little was returned or much was sold.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.engine.money import as_money
from crmkit.engine.rows import Counted, Rows, as_rows
from crmkit.errors import DataError
from crmkit.headlines import together as headlines
from crmkit.history import periods
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.load.transactions import Transactions
from crmkit.result import Result
from crmkit.scoring import discoveries

DIMENSIONS = ("product", "channel", "store")
FEW = 3  # returns: fewer make nobody a serial returner
_SUMS = ("sold", "returned", "paid", "refunds")


@question
def analyse(data: Data, *, fdr: str | float = "5%") -> Result:
    """Rates of returns of everything, of each product, channel, store, cohort and customer.

    `return_rate` is rows returned over rows sold, with Wilson's interval of 95 %. `unusual` marks what is returned more than
    everything else is, at a false discovery rate of `fdr` in its table (binomial, from three returns on). Rows without
    a customer id count for products, channels and stores. DataError where nothing was returned.
    """
    allowed = parse.percent(fdr, "--fdr")
    sales = transactions_of(data, ("date", "amount"), ("customer", *DIMENSIONS))
    dimensions = [name for name in DIMENSIONS if sales.has(name)]
    read = sales.query(partial(by_customer, dimensions=dimensions))
    found = read.rows.cached()
    total = found.counts(Counted(sums=_SUMS))
    if not int(total["returned"][0] or 0):
        raise DataError(
            f"{sales.name}: no amount is below zero, so nothing was returned. Are returns marked in another column? "
            "--refunds ignore would leave them out, too."
        )
    listed = partial(_rates, total=total, fdr=allowed, units=read.scale)
    tables = {"total": _total(total, found, read.scale)}
    for name in dimensions:
        tables[f"{name}s"] = listed(found.counts(Counted(by=[name], sums=_SUMS)), name)
    people = found.by_row(_of_known)
    tables["cohorts"] = _cohorts(people, listed)
    customers = listed(people.counts(Counted(by=["customer"], sums=_SUMS)), "customer")
    returners = customers.filter(pl.col("returned") > 0)
    result = Result(
        command="returns",
        tables=tables,
        facts={
            "sold": int(total["sold"][0]),
            "returned": int(total["returned"][0]),
            "customers": customers.height,
            "returners": returners.height,
            "serial_returners": int(returners["unusual"].sum()),
            "fdr": allowed,
        },
        titles={
            "total": "Returns",
            "cohorts": "Returns by month of the first purchase",
            **{f"{name}s": f"Returns by {name}, the least likely first" for name in dimensions},
        },
    )
    return headlines.returns(result).with_detail("customers", as_rows(returners))


def by_product(sales: Transactions, fdr: float = 0.05) -> Result | None:
    """The same of everything and of each product alone, from counts that need no customer; None where nothing came back."""
    counts = sales.counts(partial(_sums, by="product"), ["product"])
    total = counts.select(pl.col(*_SUMS).sum())
    if not int(total["returned"][0] or 0):
        return None
    listed = _rates(counts, "product", total=total, fdr=fdr, units=sales.scale)
    whole = _measured(total).select(*_rate_columns(sales.scale))
    facts = {"sold": int(total["sold"][0]), "returned": int(total["returned"][0])}
    facts["unusual_products"] = int(listed["unusual"].sum())
    return headlines.returned(
        Result(command="returns", tables={"total": whole, "products": listed}, facts=facts)
    )


def _sums(rows: pl.LazyFrame, *, by: str) -> pl.LazyFrame:
    return rows.group_by(by).agg(_measures())


def _measures() -> list[pl.Expr]:
    amount = pl.col("amount")
    return [
        (amount > 0).sum().cast(pl.Int64).alias("sold"),
        (amount < 0).sum().cast(pl.Int64).alias("returned"),
        amount.clip(lower_bound=0).sum().alias("paid"),
        (0 - amount.clip(upper_bound=0)).sum().alias("refunds"),
    ]


def by_customer(rows: pl.LazyFrame, dimensions: list[str]) -> pl.LazyFrame:
    """By key: what each customer bought and returned of each product, channel and store, and after how many days.

    A return is held against the latest purchase before it: of the product, where there are products.
    """
    bought = pl.col("amount") > 0
    of = ["customer", *(name for name in dimensions if name == "product")]
    day = pl.when(bought).then("date")
    ordered = rows.with_columns(opening=day.min().over("customer")).sort(*of, "date", pl.col("amount") <= 0)
    latest = day.forward_fill().over(of)
    waited = pl.when(pl.col("amount") < 0, pl.col("customer").is_not_null()).then(
        (pl.col("date") - latest).dt.total_days()
    )
    each = ordered.with_columns(waited=waited).group_by("customer", "opening", *dimensions)
    return each.agg(*_measures(), waited=pl.col("waited").drop_nulls())


def _of_known(frame: pl.DataFrame) -> pl.DataFrame:
    known = frame.filter(pl.col("customer").is_not_null())
    return known.with_columns(pl.col("customer").cast(pl.String))


def _total(total: pl.DataFrame, found: Rows, units: int) -> pl.DataFrame:
    waits = found.by_row(_waits).counts(Counted(by=["waited"]))
    reached = waits.sort("waited").with_columns(pl.col("n").cum_sum().alias("reached"))
    middle = reached.filter(2 * pl.col("reached") >= waits["n"].sum())["waited"]
    rates = _measured(total)
    return rates.select(
        *_rate_columns(units),
        pl.lit(middle[0] if middle.len() else None, dtype=pl.Int64).alias("days_to_return"),
    )


def _waits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("waited").explode("waited").drop_nulls()


def _cohorts(people: Rows, listed: Callable[[pl.DataFrame, str], pl.DataFrame]) -> pl.DataFrame:
    counts = people.by_row(_with_cohort).counts(Counted(by=["cohort"], sums=_SUMS))
    return listed(counts, "cohort").sort("cohort", nulls_last=True)


def _with_cohort(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(cohort=periods.label(periods.index(pl.col("opening"), "month"), "month"))


def _measured(counts: pl.DataFrame) -> pl.DataFrame:
    """Add the rate of returned rows with its interval, and the part of the money that went back."""
    sold, returned = (counts[name].to_numpy() for name in ("sold", "returned"))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = discoveries.wilson(np.minimum(returned, sold), sold)
    paid = pl.col("paid").cast(pl.Float64)
    sure = pl.col("returned") <= pl.col("sold")
    return counts.with_columns(rate_low=low, rate_high=high).with_columns(
        return_rate=pl.when(pl.col("sold") > 0).then(pl.col("returned") / pl.col("sold")),
        refund_share=pl.when(paid > 0).then(pl.col("refunds").cast(pl.Float64) / paid),
        rate_low=pl.when(sure).then("rate_low").fill_nan(None),
        rate_high=pl.when(sure).then("rate_high").fill_nan(None),
    )


def _rate_columns(units: int) -> list[str | pl.Expr]:
    counted = ("sold", "returned", "return_rate", "rate_low", "rate_high")
    return [*counted, as_money("refunds", units), "refund_share"]


def _rates(counts: pl.DataFrame, key: str, *, total: pl.DataFrame, fdr: float, units: int) -> pl.DataFrame:
    """One row for each value of a dimension; the least likely first."""
    known = counts.filter(pl.col(key).is_not_null()).with_columns(pl.col(key).cast(pl.String))
    p = _too_many(known, int(total["returned"][0]), int(total["sold"][0]))
    q = pl.Series("q", discoveries.q_values(p, len(p)), dtype=pl.Float64)
    unusual = (pl.col("q") <= fdr) & (pl.col("returned") >= FEW)
    rows = _measured(known).with_columns(q).with_columns(unusual=unusual)
    return rows.select(key, *_rate_columns(units), "q", "unusual").sort(
        "q", "return_rate", key, descending=[False, True, False]
    )


def _too_many(counts: pl.DataFrame, returned: int, sold: int) -> np.ndarray:
    """P(so many returns or more of all rows, if each were one as often as elsewhere); exact, so small numbers are fair."""
    from scipy.stats import binom

    own, all_ = counts["returned"].to_numpy(), (counts["returned"] + counts["sold"]).to_numpy()
    rest = np.maximum(returned + sold - all_, 1)
    return np.asarray(binom.sf(own - 1, all_, np.minimum((returned - own) / rest, 1.0)))
