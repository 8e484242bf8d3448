"""Most valuable, most growable, below zero: whom to keep, whom to grow, and who costs money (Peppers & Rogers).

What a customer could be worth is what the best tenth of their peers is worth: customers of about the
same tenure whose first purchase was of the same category.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial

import polars as pl

from crmkit.customers import Data
from crmkit.engine.money import as_money
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import DataError, UsageError
from crmkit.headlines import together as headlines
from crmkit.load import lists
from crmkit.load.dataset import NEEDED, transactions_of
from crmkit.load.door import question
from crmkit.load.found import Found
from crmkit.load.transactions import Transactions
from crmkit.parse import YEAR
from crmkit.result import Result
from crmkit.scoring import tiers
from crmkit.scoring.distribution import cumulated

PEERS = 50
LABELS = ("most valuable", "most growable", "maintain", tiers.BELOW_ZERO)
_BANDS = (90, 180, YEAR, 2 * YEAR)  # days of tenure at which one band ends
_WIDEST = "all"


@question
def analyse(data: Data, *, value: str = "revenue", service_cost: str | None = None) -> Result:
    """Every customer's value in the last 365 days, what their peers reach, the gap, and one of four labels.

    `value` is `revenue` or `profit`; `service_cost` is a file of customers with what serving each cost, which is taken off.
    Most valuable are those who together bring 80 % of what is above zero; most growable the largest gaps among the rest, as many as
    there are most valuable ones (equal gaps never part). Peers are at least 50 customers, the customer included; else
    all of the tenure, else all.
    """
    if value not in ("revenue", "profit"):
        raise UsageError(f"--value {value} does not go with --scheme mvc. Choose revenue or profit.")
    needs = {*NEEDED, "cost"} if value == "profit" else set(NEEDED)
    sales = transactions_of(data, needs, ("product",))
    valued = _valued(sales, value, service_cost)
    placed = valued.rows.by_row(partial(_placed, cells=_cells(valued.rows))).cached()
    label = _label(placed)
    finished = placed.by_row(partial(_finished, label=label, units=valued.scale))
    sums = finished.counts(Counted(by=["account"], sums=["year_value", "shortfall"]))
    result = Result(
        command="pareto",
        tables={"accounts": _summary(sums)},
        facts={
            "value": value,
            "customers": int(sums["n"].sum()),
            "shortfall": sums["shortfall"].sum(),
            "losses": sums.filter(pl.col("account") == tiers.BELOW_ZERO)["year_value"].sum(),
            "from": valued.as_of - timedelta(days=YEAR - 1),
        },
        titles={"accounts": f"Customers by {value} of the last {YEAR} days, and by what their peers reach"},
    )
    return headlines.accounts(result).with_detail("customers", finished.by_row(_listed).ordered_by(_ordered))


def _valued(sales: Transactions, value: str, service_cost: str | None) -> Found[Rows]:
    """Each customer's value in minor units, band of tenure and first category."""
    found = sales.query(partial(by_customer, profit=value == "profit", product=sales.has("product")))
    rows = found.rows.by_row(partial(_of_a_year, as_of=found.as_of))
    if service_cost is None:
        return found.but(rows)
    costs = _costs(service_cost, found.scale)
    return found.but(rows.by_row(partial(_less_service, costs=costs)))


def by_customer(rows: pl.LazyFrame, *, profit: bool, product: bool) -> pl.LazyFrame:
    """By key: what each day brought, the first purchase, and the category of that."""
    bought = pl.col("amount") > 0
    worth = pl.col("amount") - pl.col("cost") if profit else pl.col("amount")
    first = (
        pl.col("product").filter(bought).cast(pl.String).min() if product else pl.lit(None, dtype=pl.String)
    )
    days = rows.group_by("customer", "date").agg(worth=worth.sum(), bought=bought.any(), category=first)
    opening = pl.col("date").filter("bought").min()
    return days.group_by("customer").agg(
        "date",
        "worth",
        first=opening,
        category=pl.col("category").filter(pl.col("date") == opening).first(),
    )


def _of_a_year(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    recent = pl.col("date") > as_of - timedelta(days=YEAR)
    sums = (
        frame.select("customer", "date", "worth")
        .explode("date", "worth")
        .group_by("customer")
        .agg(value=pl.col("worth").filter(recent).cast(pl.Int128).sum())
    )
    joined = frame.select("customer", "first", "category").join(sums, on="customer", maintain_order="left")
    tenure = (pl.lit(as_of) - pl.col("first")).dt.total_days()
    band = pl.sum_horizontal((tenure > border).cast(pl.Int64) for border in _BANDS)
    # Whoever only returned something has no first purchase, and no peers of a tenure.
    return joined.select(
        pl.col("customer").cast(pl.String),
        "value",
        pl.when(tenure.is_not_null()).then(band.cast(pl.String)).otherwise(pl.lit("none")).alias("band"),
        pl.col("category").fill_null(""),
    )


def _costs(path: str, units: int) -> pl.DataFrame:
    table = lists.beside(path, None, "--service-cost")
    found = []
    for customer, text in table.rows():
        try:
            cost = Decimal(text or "")
        except InvalidOperation:
            cost = Decimal("NaN")
        if not cost.is_finite():
            raise DataError(
                f"{path}: the cost of the customer {customer!r} is {text!r}. Write it like 12.50."
            )
        found.append(round(cost.scaleb(units)))
    return pl.DataFrame({"customer": table["customer"], "service": pl.Series(found, dtype=pl.Int64)})


def _less_service(frame: pl.DataFrame, costs: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(costs, on="customer", how="left", maintain_order="left")
    return joined.with_columns(pl.col("value") - pl.col("service").fill_null(0)).drop("service")


def _cells(valued: Rows) -> pl.DataFrame:
    """What the best tenth reaches in each cell of peers, the narrow ones and the wide ones."""
    narrow = valued.counts(Counted(by=["band", "category", "value"]))
    wide = narrow.group_by("band", "value").agg(pl.col("n").sum())
    whole = narrow.group_by("value").agg(pl.col("n").sum())
    parts = [
        narrow,
        wide.with_columns(category=pl.lit(_WIDEST)),
        whole.with_columns(band=pl.lit(_WIDEST), category=pl.lit(_WIDEST)),
    ]
    return pl.concat([_best(part.select("band", "category", "value", "n")) for part in parts])


def _best(counts: pl.DataFrame) -> pl.DataFrame:
    """The least value that nine tenths of a cell's customers do not pass."""
    cell = ["band", "category"]
    reached = counts.sort(*cell, "value").with_columns(
        reached=pl.col("n").cum_sum().over(cell), peers=pl.col("n").sum().over(cell)
    )
    nine_tenths = 10 * pl.col("reached") >= 9 * pl.col("peers")
    return (
        reached.filter(nine_tenths)
        .group_by(cell)
        .agg(pl.col("value").min().alias("potential"), pl.col("peers").first())
    )


def _placed(frame: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """By row: peers, potential and gap, from the narrowest cell that is large enough."""
    found = frame
    for name, (band, category) in {
        "narrow": (pl.col("band"), pl.col("category")),
        "wide": (pl.col("band"), pl.lit(_WIDEST)),
        "whole": (pl.lit(_WIDEST), pl.lit(_WIDEST)),
    }.items():
        keyed = found.with_columns(__band=band, __category=category)
        found = keyed.join(
            cells,
            left_on=["__band", "__category"],
            right_on=["band", "category"],
            how="left",
            maintain_order="left",
        ).rename({"potential": f"potential_{name}", "peers": f"peers_{name}"})
        found = found.drop("__band", "__category")
    size, best = (
        pl.when(pl.col("peers_narrow") >= PEERS)
        .then(f"{what}_narrow")
        .when(pl.col("peers_wide") >= PEERS)
        .then(f"{what}_wide")
        .otherwise(f"{what}_whole")
        for what in ("peers", "potential")
    )
    gap = (best - pl.col("value")).clip(lower_bound=0)
    return found.select("customer", "value", potential=best, gap=gap, peers=size)


def _label(placed: Rows) -> pl.Expr:
    """The label of each customer, given the value and the gap from which two of them begin."""
    distribution = cumulated(placed.counts(Counted(by=["value"])).select("value", "n"))
    tiers.refuse_nothing(distribution, "value")
    lowest = tiers.lowest_values(distribution, tiers.SCHEMES["abc"])[0]
    counts = (
        placed.by_row(partial(_rest, lowest=lowest)).counts(Counted(by=["gap"])).sort("gap", descending=True)
    )
    wanted = int(distribution.filter(pl.col("value") >= lowest)["n"].sum())
    enough = counts.filter(pl.col("n").cum_sum() - pl.col("n") < wanted)
    least = enough["gap"][-1] if enough.height else None
    value, gap = pl.col("value"), pl.col("gap")
    growable = gap >= least if least is not None else pl.lit(False)
    return (
        pl.when(value < 0).then(pl.lit(LABELS[3]))
        .when(value >= lowest).then(pl.lit(LABELS[0]))
        .when(growable).then(pl.lit(LABELS[1]))
        .otherwise(pl.lit(LABELS[2]))
    )  # fmt: skip


def _rest(frame: pl.DataFrame, lowest: int) -> pl.DataFrame:
    return frame.filter(pl.col("value") < lowest, pl.col("value") >= 0, pl.col("gap") > 0)


def _finished(frame: pl.DataFrame, label: pl.Expr, units: int) -> pl.DataFrame:
    named = frame.with_columns(label.alias("account")).rename({"value": "year_value", "gap": "shortfall"})
    return named.with_columns(as_money(name, units) for name in ("year_value", "potential", "shortfall"))


def _summary(sums: pl.DataFrame) -> pl.DataFrame:
    """One row for each label, the empty ones too."""
    listed = pl.DataFrame({"account": LABELS}).join(sums, on="account", how="left", maintain_order="left")
    n = pl.col("n").fill_null(0)
    return listed.select(
        "account",
        n.alias("customers"),
        (n / int(sums["n"].sum())).alias("customers_share"),
        pl.col("year_value", "shortfall").fill_null(0),
    )


def _listed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("customer", "account", "year_value", "potential", "shortfall", "peers")


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    places = pl.col("account").replace_strict(list(LABELS), [0, 1, 2, 3], return_dtype=pl.Int64)
    return frame.sort(places, -pl.col("year_value"), "customer")
