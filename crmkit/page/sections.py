"""What each question contributes to the page: its sentence, a picture, a small table, what to do."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from crmkit.language.catalogue import label, phrase, sentences
from crmkit.language.figures import percent
from crmkit.output import cells
from crmkit.output.charts import of_answers
from crmkit.page.document import Section, Table
from crmkit.result import Result

_LAST = 12  # periods on the page
_MOST = 20  # rows of any table
_SMALL = "(small groups)"


class Wishes(NamedTuple):
    """What the user asked of the page: groups smaller than `min_cell` are merged, ids may be hidden."""

    file: str = "FILE"
    min_cell: int = 1
    pseudonym: Callable[[str], str] | None = None


def changed(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """What changed: revenue by month, and what the last change is made of."""
    result = results["trend"]
    every = result.tables["periods"]
    complete = every.filter("complete")
    periods = (complete if complete.height else every).tail(2 * _LAST)
    picture = of_answers.revenue(result)
    shown = periods.tail(6).select("period", "revenue", "customers", "orders_per_customer", "order_value")
    parts = periods.tail(6).select("period", "change", "from_customers", "from_frequency", "from_order_value")
    tables = [
        Table(phrase("The last months"), shown),
        Table(phrase("What each change is made of"), parts, folded=True),
    ]
    return Section("changed", phrase("What changed"), result.headline, [picture], tables, _because(periods))


def _because(periods: pl.DataFrame) -> str:
    row = periods.row(-1, named=True)
    parts = {name: row[name] for name in ("from_customers", "from_frequency", "from_order_value")}
    if any(value is None for value in parts.values()):
        return ""
    worst = min(parts, key=lambda name: parts[name])
    if parts[worst] >= 0:
        return phrase("Everything grew: customers, orders and their value. Keep doing what was done.")
    told = {
        "from_customers": "Fewer customers ordered: look at who is leaving, below, before spending on new ones.",
        "from_frequency": "Customers ordered less often: a reason to come back works better here than a discount.",
        "from_order_value": "Orders were smaller: look at prices, bundles and the threshold for free delivery.",
    }
    return phrase(told[worst])


def makers(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """Who makes the money: the curve and the tiers."""
    result = results["pareto"]
    tiers, picture = result.tables["tiers"], of_answers.concentration(result)
    shown = merged(tiers, wishes.min_cell).select(
        "tier", "customers", "customers_share", "revenue", "revenue_share", "mean_revenue"
    )
    best = tiers.row(0, named=True)
    todo = phrase(
        "Give each of the {n} customers of tier {tier} a name to call: one of them is worth {times} average others.",
        n=f"{best['customers']:,}",
        tier=best["tier"],
        times=f"{_times(tiers):,.0f}",
    )
    return Section(
        "makers",
        phrase("Who makes the money"),
        result.headline,
        [picture],
        [Table(phrase("Tiers"), shown)],
        todo,
    )


def _times(tiers: pl.DataFrame) -> float:
    best, others = tiers.row(0, named=True), tiers[1:]
    people, revenue = int(others["customers"].sum()), float(others["revenue"].sum() or 0)
    return (best["mean_revenue"] or 0.0) / (revenue / people) if people and revenue > 0 else 1.0


def talk(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """Who to talk to: segments with what to do, and who moved."""
    result = results["rfm"]
    segments = merged(result.tables["segments"].head(_MOST), wishes.min_cell)
    pictures = [of_answers.segment_bars(segments)]
    wanted = ("segment", "customers", "share", "revenue", "revenue_share", "action")
    chosen = segments.select(name for name in wanted if name in segments.columns)
    tables = [Table(phrase("Segments"), chosen, long=True)]
    todo = ""
    if (moved := results.get("migration")) is not None:
        pictures.append(of_answers.move_ribbons(moved, wishes.min_cell))
        todo = moved.headline
    return Section("talk", phrase("Who to talk to"), result.headline, pictures, tables, todo)


def leaving(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """Who is leaving, with the money."""
    result = results["churn"]
    picture = of_answers.status_bars(merged(result.tables["statuses"], wishes.min_cell))
    people = result.tables["customers"].head(_MOST)
    if wishes.pseudonym is not None:
        people = people.with_columns(
            pl.col("customer").map_elements(wishes.pseudonym, return_dtype=pl.String)
        )
    wanted = ("customer", "last", "orders", "days_since", "revenue_at_risk", "tier", "segment")
    listed = people.select(name for name in wanted if name in people.columns)
    todo = phrase(
        "Call the first of this list this week; all of them: {line}",
        line=f"crmkit churn {shlex.quote(Path(wishes.file).name)} -o calls.csv",
    )
    tables = (
        [Table(phrase("The {n} with the most revenue at risk", n=listed.height), listed, long=True)]
        if listed.height
        else []
    )
    return Section("leaving", phrase("Who is leaving"), result.headline, [picture], tables, todo)


def stay(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """Whether newcomers stay: cohorts as a map of heat."""
    result = results["cohort"]
    shown, since = of_answers.cohort_rows(result, wishes.min_cell)
    if not since:  # the file ends before anybody could come back
        return Section(
            "stay", phrase("Do newcomers stay"), result.headline or phrase("This file cannot tell.")
        )
    picture = of_answers.cohort_map(result, wishes.min_cell)
    written = [pl.Series(name, cells.shown(shown[name], "share")) for name in since]
    table = shown.select("cohort", "size").hstack(written)
    todo = phrase("The second order decides: greet newcomers soon after their first.")
    tables = [Table(phrase("The numbers of the map"), table, folded=True)]
    return Section("stay", phrase("Do newcomers stay"), result.headline, [picture], tables, todo)


def worth(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """What customers are worth, and whether such forecasts came true before."""
    result = results["clv"]
    summary = merged(result.tables["summary"].head(_MOST), wishes.min_cell)
    by = summary.columns[0]
    pictures = [of_answers.worth_dots(result, summary)]
    wanted = (by, "customers", *_WHOLE, "clv", "clv_low", "clv_high")
    tables = [
        Table(
            phrase("What to expect"),
            summary.select(_rounded(name) for name in wanted if name in summary.columns),
            long=True,
        )
    ]
    todo = ""
    if (test := results.get("backtest")) is not None:
        todo = _verdict(test.tables["models"])
    return Section("worth", phrase("What customers are worth"), result.headline, pictures, tables, todo)


_WHOLE = ("expected_active", "expected_purchases")


def _rounded(name: str) -> pl.Expr:
    """People and orders are whole where a reader looks at totals."""
    return pl.col(name).round().cast(pl.Int64) if name in _WHOLE else pl.col(name)


def together(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """What is bought together more often than chance has it."""
    result = results["basket"]
    found = result.tables["pairs"].filter(pl.col("orders") >= wishes.min_cell).head(_MOST)
    shown = found.select("product", "other", "orders", "affinity", "confidence", "confidence_back")
    title = phrase("What goes together")
    if not shown.height:
        return Section("together", title, result.headline)
    todo = phrase(
        "Offer the second of each pair to whoever takes the first: beside it, in a bundle, or by mail."
    )
    tables = [Table(phrase("Pairs that chance does not explain"), shown, long=True)]
    return Section("together", title, result.headline, [], tables, todo)


def returned(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """What comes back more often than the rest."""
    result = results["returns"]
    products = result.tables["products"]
    shown = (
        products.filter("unusual").head(_MOST).select("product", "sold", "returned", "return_rate", "refunds")
    )
    title = phrase("What comes back")
    if not shown.height:
        return Section("returned", title, result.headline)
    todo = phrase("Look at the first of these products: its description, its packing, its quality.")
    tables = [Table(phrase("Products that come back more often than the others"), shown, long=True)]
    return Section("returned", title, result.headline, [], tables, todo)


def _verdict(models: pl.DataFrame) -> str:
    """What the forecast of the page said when it was tried, and whether a rule of thumb was closer."""
    best = models.filter("best").row(0, named=True)
    told = phrase(
        "The same method, tried on the past, expected {expected} purchases where {actual} came ({bias}).",
        expected=f"{best['expected_purchases']:,.0f}",
        actual=f"{best['actual_purchases']:,}",
        bias=("+" if best["bias"] > 0 else "") + percent(best["bias"]),
    )
    closer = models.filter(pl.col("rmse") < best["rmse"]).sort("rmse", "model")
    if not closer.height:
        return told
    text = "A rule of thumb, {thumb}, came closer for single customers: rely on the total more than on who comes first."
    return sentences(told, phrase(text, thumb=label(closer["model"][0])))


def rows(facts: Mapping[str, object], answer: str) -> Section:
    """The account of every row, at the end."""
    counts: list[tuple[str, int]] = [(phrase("rows read"), _whole(facts["rows_read"]))]
    for part in ("rejected", "skipped"):
        listed = facts.get(part) or {}
        assert isinstance(listed, Mapping)
        counts += [(phrase(reason), number) for reason, number in listed.items()]
    counts.append((phrase("rows used"), _whole(facts["rows_used"])))
    table = pl.DataFrame(counts, schema={"outcome": pl.String, "rows": pl.Int64}, orient="row")
    return Section(
        "rows", phrase("Every row accounted for"), answer, tables=[Table(phrase("Rows of the file"), table)]
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def merged(table: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Groups of fewer customers than `min_cell` as one, whose means and intervals are left blank."""
    small = (pl.col("customers") < min_cell) & (pl.col("customers") > 0)
    if min_cell <= 1 or not table.filter(small).height:
        return table
    name = table.columns[0]
    adds = [column for column in table.columns if column in _ADDS]
    one = table.filter(small).select(
        pl.lit(phrase(_SMALL)).alias(name), *(pl.col(column).sum() for column in adds)
    )
    return pl.concat(
        [table.filter(~small), one.cast({c: table.schema[c] for c in one.columns})], how="diagonal"
    )


_ADDS = frozenset(
    {"customers", "share", "customers_share", "revenue", "revenue_share", "orders", "revenue_at_risk", "clv"}
    | {"expected_active", "expected_purchases"}
)


def campaign(results: Mapping[str, Result], wishes: Wishes) -> Section:
    """Whether the campaign paid: its money, and how sure that is."""
    result = results["lift"]
    money, effects = result.tables["money"], result.tables["effects"]
    wanted = (
        "group",
        "method",
        "customers",
        "incremental_revenue",
        "revenue_low",
        "revenue_high",
        "profit",
        "break_even_cost",
    )
    per_customer = effects.select(
        "group", "metric", "method", "control_mean", "mean", "effect", "relative", "p"
    )
    tables = [
        Table(
            phrase("What it brought"),
            money.select(name for name in wanted if name in money.columns),
            long=True,
        ),
        Table(phrase("Per assigned customer"), per_customer, folded=True),
    ]
    todo = phrase("Leave some customers out of the next campaign, too: without them nobody could tell.")
    return Section("campaign", phrase("Did the campaign pay"), result.headline, [], tables, todo)


SECTIONS: dict[str, Callable[[Mapping[str, Result], Wishes], Section]] = {
    "changed": changed,
    "makers": makers,
    "talk": talk,
    "leaving": leaving,
    "stay": stay,
    "worth": worth,
    "together": together,
    "returned": returned,
    "campaign": campaign,
}
