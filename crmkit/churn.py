"""Customers who are late by their own rhythm: the call list, what is at stake, and how good the rule is.

A customer with three or more purchase days has a rhythm, the median gap between them, and is late
after `overdue` times that gap. Everybody else is late after the base gap, which 90 % of all gaps in
the file do not exceed. `lapse_days` replaces both by one number of days. Late customers are
`overdue`; those without an order in the last 365 days are `lapsed`: of last year's revenue they
have nothing left to take away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from crmkit import parse
from crmkit.customers import Data, finish_each
from crmkit.engine.counts import by_value
from crmkit.engine.money import as_money, exact
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import CrmkitError, DataError, UsageError
from crmkit.forecast.alive import MODELS, alive_of
from crmkit.headlines import answered, leaving
from crmkit.history import customer_days
from crmkit.history.customer_days import (
    AnyDayHistory,
    DayHistory,
    base_gap,
    gap_counts,
    purchases,
    sums,
)
from crmkit.history.lateness import (
    DEFAULT,
    LATE,
    REFUND_ONLY,
    STATUSES,
    Rule,
    last_year,
    refunds,
    rhythms,
    silent_for,
    standing,
    staying_away,
)
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.parse import YEAR
from crmkit.result import Result
from crmkit.scoring import labels


def people(past: AnyDayHistory, scale: int = 2) -> Rows:
    """The customers table, and beside it what the rule looks at: revenue at risk is in minor units."""
    return past.each(partial(_known, scale=scale)).cached()


def _known(past: DayHistory, scale: int) -> pl.DataFrame:
    """By key: all that is known of each customer."""
    found = past.customers.join(sums(past.days), on="code", how="left", maintain_order="left")
    rhythm = rhythms(purchases(past.days)).drop("last")
    for part in (rhythm, last_year(past.days, past.as_of), refunds(past.days)):
        found = found.join(part, on="code", how="left", maintain_order="left")
    own = found.select("median_gap", pl.col("at_risk").fill_null(0), "first_refund")
    return finish_each(found, scale, past.as_of).hstack(own)


def _check(buyers: int, base: int | None, rule: Rule) -> None:
    if not buyers:
        raise DataError(
            "Nobody has an order with a positive amount, so nobody can be late. See `crmkit check`."
        )
    if base is None and rule.lapse_days is None:
        raise DataError(
            "Nobody has bought on two different days, so there is no rhythm to be late against. "
            "Say after how many days a customer counts as gone: --lapse-days 180."
        )


def expected_loss(late: pl.DataFrame, chances: np.ndarray) -> int:
    """Revenue at risk times the chance of losing it, in minor units, from counts of late customers.

    The chance is 1 - `alive` where a model's P(alive) is there, the file's own record otherwise, and where the model
    holds everybody for alive: in the NBD nobody ever leaves, which says nothing of a loss.
    """
    if "alive" in late.columns and (late["alive"] < 1).any():
        modelled = late.filter(pl.col("alive").is_not_null()).group_by("alive")
        late = late.filter(pl.col("alive").is_null())
        losses = [units * (1 - alive) for alive, units in modelled.agg(pl.col("at_risk").sum()).iter_rows()]
    else:
        losses = []
    by_silence = late.group_by("days_since").agg(pl.col("at_risk").sum())
    losses += [units * chances[days] for days, units in by_silence.iter_rows()]
    # fsum rounds once, so the order of the customers does not matter.
    return round(math.fsum(losses))


def evaluate(past: AnyDayHistory, at: date, rule: Rule) -> pl.DataFrame:
    """How the rule would have done on an earlier date, with simpler rules beside it.

    Everybody with an order by that date is judged by what was known then. Gone is who has not
    bought again by the as-of date. Flagging everybody shows the base rate as its precision.
    """
    if not past.first <= at < past.as_of:
        raise DataError(
            f"--evaluate {at} leaves nothing to compare: the days run from {past.first} to {past.as_of}. "
            "Choose a date between the two, early enough for customers to come back."
        )
    base = base_gap(gap_counts(past.until(at)))
    judged = past.each(partial(_looking_back, at=at)).by_row(partial(_flagged, rule=rule, base=base, at=at))
    counts = judged.counts(Counted(by=["gone", "late", "silent"]))
    _check(int(counts["n"].sum()), base, rule)
    rivals = {silent_for(base): pl.col("silent")} if base is not None else {}
    flags = {str(rule): pl.col("late"), **rivals, "everybody": pl.lit(True)}
    return pl.DataFrame([_record(counts.with_columns(flagged=flag), name) for name, flag in flags.items()])


def _looking_back(past: DayHistory, at: date) -> pl.DataFrame:
    """By key: the rhythm as of an earlier date of those who had bought by then, and who is `gone` since."""
    known = rhythms(purchases(past.until(at).days))
    after = purchases(past.days).filter(pl.col("date") > at)["code"].unique()
    return known.select("last", "median_gap", gone=~pl.col("code").is_in(after.implode()))


def _flagged(known: pl.DataFrame, rule: Rule, base: int | None, at: date) -> pl.DataFrame:
    """By row: whether the rule, or a fixed number of days of silence, takes the customer for late."""
    judged = standing(known, rule, base, as_of=at)
    return judged.select("gone", late=LATE, silent=pl.col("days_since") > pl.lit(base, dtype=pl.Int64))


def _record(judged: pl.DataFrame, rule: str) -> dict[str, Any]:
    n, flagged, gone = pl.col("n"), pl.col("flagged"), pl.col("gone")
    counts = judged.select(
        customers=n.sum(),
        flagged=n.filter(flagged).sum(),
        gone=n.filter(gone).sum(),
        hits=n.filter(flagged & gone).sum(),
    ).row(0, named=True)
    return {
        "rule": rule,
        **counts,
        "precision": _part(counts["hits"], counts["flagged"]),
        "recall": _part(counts["hits"], counts["gone"]),
        "base_rate": _part(counts["gone"], counts["customers"]),
    }


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def call_list(scored: pl.DataFrame, scale: int, everyone: bool) -> pl.DataFrame:
    """By row: the customers to call, or everybody."""
    shown = ("customer", "status", "last", "orders", "median_gap", "days_since", "threshold", "overdue_ratio")
    joined = [name for name in ("alive", "tier", "segment") if name in scored.columns]
    listed = scored if everyone else scored.filter(LATE)
    return listed.select(*shown, as_money(pl.col("at_risk"), scale).alias("revenue_at_risk"), *joined)


def _brief(scored: pl.DataFrame) -> pl.DataFrame:
    """By row: what the summary tables need of each customer."""
    kept = [name for name in ("status", "days_since", "at_risk", "alive") if name in scored.columns]
    own = pl.col("median_gap").is_not_null().cast(pl.Int64)
    return scored.select(*kept, silent=_silent(), own_rhythm=own)


def _count(scored: Rows) -> pl.DataFrame:
    """Mergeable counts: customers `n` and what is at risk, by status and silence."""
    brief = scored.by_row(_brief)
    by = [name for name in ("status", "days_since", "silent", "alive") if name in brief.schema]
    return brief.counts(Counted(by=by, sums=["at_risk", "own_rhythm"]))


def statuses(counts: pl.DataFrame, scale: int) -> pl.DataFrame:
    """How many customers stand where, and the revenue of the last 365 days that they brought."""
    sums = counts.group_by("status").agg(customers=pl.col("n").sum(), at_risk=pl.col("at_risk").sum())
    rows = pl.DataFrame({"status": STATUSES}).join(sums, on="status", how="left", maintain_order="left")
    return rows.with_columns(pl.col("customers", "at_risk").fill_null(0)).select(
        "status",
        "customers",
        (pl.col("customers") / counts["n"].sum()).alias("share"),
        as_money(pl.col("at_risk"), scale).alias("year_revenue"),
        as_money(pl.when(LATE).then("at_risk"), scale).alias("revenue_at_risk"),
    )


@question
@answered(leaving.churn)
def analyse(
    data: Data,
    *,
    overdue: float | None = None,
    lapse_days: int | None = None,
    evaluate: str | date | None = None,
    model: str | None = None,
    classic: bool = False,
    everyone: bool = False,
) -> Result:
    """Who is late by their own rhythm, and what is at stake.

    Args:
        overdue: late after so many of the customer's own median gaps; 2 unless told otherwise.
        lapse_days: late after so many days, the same for everybody.
        evaluate: a day from which the rule is applied, to see who came back.
        model: the purchase model whose P(alive) is shown beside and prices the loss: what `clv` says with it.
        classic: the model as the literature has it, as in `clv`.
        everyone: list all customers with their status, not only the late ones.

    Raises DataError where nobody can be late, UsageError for what cannot be a rule.
    """
    if overdue is not None and lapse_days is not None:
        raise UsageError("--overdue and --lapse-days are two rules. Give one of them.")
    rule = Rule(2.0 if overdue is None else overdue, lapse_days)
    rule.check()
    at = parse.day("--evaluate", evaluate)
    if model is not None:
        parse.choice("--model", model, MODELS)
    elif classic:
        raise UsageError("--classic is about a model. Name one, such as --model mbgnbd, or leave it out.")
    found = customer_days.of(transactions_of(data))
    past, scale = found.rows, found.scale
    known = people(past, scale)
    alive = None if model is None else alive_of(known, past, model, classic=classic)
    known = _labelled(known)
    if alive is not None:
        known = known.by_row(alive.add)
    result = tables_of(past, rule, customers=known, scale=scale, evaluate_at=at, everyone=everyone)
    if alive is None:
        return result
    return replace(
        result, facts={**result.facts, "model": alive.facts()}, notes=(*result.notes, *alive.notes)
    )


def _labelled(people: Rows) -> Rows:
    """Tier and segment of every customer, each where the file allows it."""
    labelled = people
    try:
        labelled = people.by_row(labels.by_tier(people, name="tier").add)
        labelled = labelled.by_row(labels.by_segment(people, name="segment").add)
    except CrmkitError:
        pass  # too few customers to score: the call list does without
    return labelled


def tables_of(
    past: AnyDayHistory,
    rule: Rule = DEFAULT,
    *,
    customers: Rows | None = None,
    scale: int = 2,
    evaluate_at: date | None = None,
    everyone: bool = False,
) -> Result:
    """Who is late, what is at stake, and with `evaluate_at` how well the rule did from that date on.

    `customers` are `people(past, scale)`, if they are at hand; any of `tier`, `segment` and `alive` among
    their columns are shown beside. The call list holds the late customers, or `everyone`, most
    revenue at risk first and equal ones by id.
    """
    rule.check()
    gaps = gap_counts(past)
    base, known = base_gap(gaps), people(past, scale) if customers is None else customers
    scored = known.by_row(partial(standing, rule=rule, base=base, as_of=past.as_of))
    counts = _count(scored)
    buyers = counts.filter(pl.col("status") != REFUND_ONLY)
    _check(int(buyers["n"].sum()), base, rule)
    late = counts.filter(LATE)
    stake = stakes(late, staying_away(gaps, buyers), scale)
    tables = {"statuses": statuses(counts, scale), "stakes": stake}
    if evaluate_at is not None:
        tables["evaluation"] = evaluate(past, evaluate_at, rule)
    result = Result(
        command="churn",
        tables=tables,
        facts={
            "as_of": past.as_of,
            "rule": str(rule),
            "base_gap": base,
            "customers": buyers["n"].sum(),
            "own_rhythm": counts["own_rhythm"].sum(),
            **stake.row(0, named=True),
        }
        | _verdict(tables, evaluate_at, past.as_of),
        notes=tuple(_notes(past, late)),
        titles=_titles(past, evaluate_at),
        pictures={
            "stakes": "none",
            "customers": "list customer,last,orders,days_since,revenue_at_risk,tier,segment",
        },
    )
    listed = scored.by_row(partial(call_list, scale=scale, everyone=everyone))
    return result.with_detail("customers", listed.ordered_by(by_value("revenue_at_risk", "customer")))


def stakes(late: pl.DataFrame, chances: np.ndarray, scale: int) -> pl.DataFrame:
    """One row: how many are late, what they are worth, and how many of them never complained."""
    customers, silent = (int(some["n"].sum()) for some in (late, late.filter("silent")))
    kind = pl.Decimal(38, scale)
    row = {
        "late": customers,
        "revenue_at_risk": exact(int(late["at_risk"].sum()), scale),
        "expected_loss": exact(expected_loss(late, chances), scale),
        "silent": silent,
        "silent_churn": _part(silent, customers),
    }
    money_kinds: dict[str, Any] = {"revenue_at_risk": kind, "expected_loss": kind, "silent_churn": pl.Float64}
    return pl.DataFrame([row], schema_overrides=money_kinds)


def _silent() -> pl.Expr:
    """No refund up to the day on which the customer became late."""
    until_refund = (pl.col("first_refund") - pl.col("last")).dt.total_days()
    return (until_refund > pl.col("threshold")).fill_null(True)


def _verdict(tables: dict[str, pl.DataFrame], at: date | None, as_of: date) -> dict[str, Any]:
    if at is None:
        return {}
    record = tables["evaluation"].row(0, named=True)
    kept = {name: record[name] for name in ("precision", "recall", "base_rate")}
    return {"evaluated": {"date": at, "days": (as_of - at).days, **kept}}


def _titles(past: AnyDayHistory, at: date | None) -> dict[str, str]:
    titles = {
        "statuses": f"Customers as of {past.as_of}",
        "stakes": "Late customers",
        "customers": "Call list",
    }
    if at is not None:
        days = (past.as_of - at).days
        titles["evaluation"] = (
            f"Customers as of {at}, gone if they bought nothing in the {days} days up to {past.as_of}"
        )
    return titles


def _notes(past: AnyDayHistory, late: pl.DataFrame) -> Iterator[str]:
    days = (past.as_of - past.first).days
    if late.height and days < 2 * YEAR and "alive" not in late.columns:
        yield (
            f"The history is {days} days long. A silence that could not be followed for another year "
            "counts as lasting, so the expected loss is on the high side."
        )
