"""What is in the file, and how far forecasts from it can be trusted."""

from __future__ import annotations

from dataclasses import replace

from crmkit.language.catalogue import counted, listed, phrase, sentences
from crmkit.language.figures import money, percent
from crmkit.result import Result


def check(result: Result) -> Result:
    """How many rows are used, and what the others are."""
    facts = result.facts
    told = [
        phrase(
            "{used} of {read} rows are used: {customers}, {revenue} of revenue.",
            used=f"{facts['rows_used']:,}",
            read=f"{facts['rows_read']:,}",
            customers=counted(facts["customers"], "customers"),
            revenue=money(facts["revenue"]),
        )
    ]
    reasons = [
        f"{rows:,} {phrase(reason)}" for reason, rows in {**facts["rejected"], **facts["skipped"]}.items()
    ]
    if reasons:
        told.append(phrase("Left out: {reasons}.", reasons=listed(reasons)))
    return replace(
        result,
        headline=sentences(*told),
        next=("crmkit pareto FILE", "crmkit rfm FILE", "crmkit report FILE -o report.html"),
    )


def customers(result: Result) -> Result:
    """How many customers, orders and how much revenue."""
    row = result.tables["totals"].row(0, named=True)
    told = phrase(
        "{customers} with {orders} orders brought {revenue}.",
        customers=counted(row["customers"], "customers"),
        orders=f"{row['orders'] or 0:,}",
        revenue=money(row["revenue"] or 0),
    )
    return replace(
        result, headline=told, next=("crmkit customers FILE -o customers.parquet", "crmkit rfm FILE")
    )


def backtest(result: Result) -> Result:
    """What the best model expected, and what came."""
    best = next(row for row in result.tables["models"].iter_rows(named=True) if row["best"])
    told = phrase(
        "{model} forecast best: {expected} purchases where {actual} came ({bias}).",
        model=best["model"],
        expected=f"{best['expected_purchases']:,.0f}",
        actual=f"{best['actual_purchases']:,}",
        bias=("+" if best["bias"] > 0 else "") + percent(best["bias"]),
    )
    return replace(result, headline=told, next=(f"crmkit clv FILE --model {best['model']}",))
