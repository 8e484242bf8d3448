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
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmkit.counts import money as exact
from crmkit.days import History, money, purchases
from crmkit.errors import DataError, UsageError
from crmkit.result import Result

YEAR = 365
OWN_RHYTHM_FROM = 3
ACTIVE, OVERDUE, LAPSED, REFUND_ONLY = STATUSES = ("active", "overdue", "lapsed", "refund only")
LATE = pl.col("status").is_in([OVERDUE, LAPSED])


class Rule(NamedTuple):
    """When a customer is late: a multiple of the own median gap, or a fixed number of days."""

    overdue: float = 2.0
    lapse_days: int | None = None

    def check(self) -> None:
        """Raise UsageError for what cannot be a rule."""
        if not 0 < self.overdue < math.inf:
            raise UsageError(f"--overdue is {self.overdue:g}. Give a number of rhythms above 0, such as 2.")
        if self.lapse_days is not None and self.lapse_days < 1:
            raise UsageError(f"--lapse-days is {self.lapse_days}. Give a number of days of 1 or more.")

    def threshold(self, base_gap: int | None) -> pl.Expr:
        """Days of silence after which a customer is late."""
        if self.lapse_days is not None:
            return pl.lit(float(self.lapse_days))
        return (pl.col("median_gap") * self.overdue).fill_null(pl.lit(base_gap, dtype=pl.Float64))

    def __str__(self) -> str:
        if self.lapse_days is not None:
            return _silent_for(self.lapse_days)
        return f"silent for more than {self.overdue:g} own median gaps, or the base gap"


DEFAULT = Rule()


def _silent_for(days: int) -> str:
    return f"silent for more than {days} day{'s' if days > 1 else ''}"


def rhythms(visits: pl.DataFrame) -> pl.DataFrame:
    """By key: each customer's last purchase day and median gap (none below three purchase days)."""
    enough = pl.len() >= OWN_RHYTHM_FROM
    return visits.group_by("code").agg(
        last=pl.col("date").max(),
        median_gap=pl.when(enough).then(pl.col("gap").median()),
    )


def last_year(days: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """By key: each customer's revenue of the last 365 days, refunds deducted, in minor units."""
    recent = days.filter(pl.col("date") > as_of - timedelta(days=YEAR))
    return recent.group_by("code").agg(at_risk=pl.col("amount").cast(pl.Int128).sum())


def refunds(days: pl.DataFrame) -> pl.DataFrame:
    """By key: the day of each customer's first refund."""
    returned = days.filter(pl.col("amount") < pl.col("bought"))
    return returned.group_by("code").agg(first_refund=pl.col("date").min())


def gap_counts(visits: pl.DataFrame) -> pl.DataFrame:
    """Mergeable counts: how many gaps of each length have ended."""
    ended = visits.filter(pl.col("gap").is_not_null())
    return ended.group_by("gap").agg(ended=pl.len().cast(pl.Int64)).sort("gap")


def base_gap(counts: pl.DataFrame) -> int | None:
    """The shortest gap that at least 90 % of all gaps do not exceed; nothing if nobody came twice."""
    reached = counts.filter(10 * pl.col("ended").cum_sum() >= 9 * pl.col("ended").sum())
    return reached["gap"][0] if reached.height else None


def standing(rhythm: pl.DataFrame, rule: Rule, base: int | None, *, as_of: date) -> pl.DataFrame:
    """By row: days since the last order, the threshold, the overdue ratio and the status."""
    labelled = rhythm.with_columns(
        days_since=(pl.lit(as_of) - pl.col("last")).dt.total_days(),
        threshold=pl.when(pl.col("last").is_not_null()).then(rule.threshold(base)),
    )
    since = pl.col("days_since")
    status = (
        pl.when(pl.col("last").is_null())
        .then(pl.lit(REFUND_ONLY))
        .when(since <= pl.col("threshold"))
        .then(pl.lit(ACTIVE))
        .when(since < YEAR)
        .then(pl.lit(OVERDUE))
        .otherwise(pl.lit(LAPSED))
    )
    return labelled.with_columns(overdue_ratio=since / pl.col("median_gap"), status=status)


def score(past: History, rule: Rule) -> pl.DataFrame:
    """Every customer with status, threshold, ratio and revenue at risk (minor units), sorted by customer.

    Raises DataError where nobody bought, or nobody bought twice and the rule needs a rhythm.
    """
    visits = purchases(past.days)
    base = base_gap(gap_counts(visits))
    _check(visits, base, rule)
    found = past.customers
    for part in (rhythms(visits), last_year(past.days, past.as_of), refunds(past.days)):
        found = found.join(part, on="code", how="left", maintain_order="left")
    return standing(found, rule, base, as_of=past.as_of).with_columns(pl.col("at_risk").fill_null(0))


def _check(visits: pl.DataFrame, base: int | None, rule: Rule) -> None:
    if not visits.height:
        raise DataError(
            "Nobody has an order with a positive amount, so nobody can be late. See `crmkit check`."
        )
    if base is None and rule.lapse_days is None:
        raise DataError(
            "Nobody has bought on two different days, so there is no rhythm to be late against. "
            "Say after how many days a customer counts as gone: --lapse-days 180."
        )


def staying_away(visits: pl.DataFrame, as_of: date) -> np.ndarray:
    """The chance, by days of silence so far, that a silence lasts another 365 days at least.

    Kaplan and Meier's estimate (1958) over all silences in the file: of the silences that had
    lasted as long, the part that ended each day; silences still open count as long as they were
    seen. S(t) = prod over u <= t of (1 - ended_u / reached_u), and the chance is S(d + 365) / S(d).
    Beyond the longest silence seen the curve is level, so that in a short file the chance is too high.
    """
    ended = gap_counts(visits)
    silent = visits.group_by("code").agg(silence=(pl.lit(as_of) - pl.col("date").max()).dt.total_days())
    gaps, silences = ended["gap"].to_numpy(), silent["silence"].to_numpy()
    longest = int(np.max(np.concatenate([gaps, silences])))
    closed = np.zeros(longest + 1)
    closed[gaps] = ended["ended"].to_numpy()
    lengths = closed + np.bincount(silences, minlength=longest + 1)
    reached = np.cumsum(lengths[::-1])[::-1]
    survival = np.cumprod(1 - closed / reached)
    later = np.minimum(np.arange(longest + 1) + YEAR, longest)
    return np.divide(survival[later], survival, out=np.zeros(longest + 1), where=survival > 0)


def expected_loss(late: pl.DataFrame, chances: np.ndarray) -> int:
    """Revenue at risk times the chance of losing it, in minor units.

    The chance is 1 - `alive` where a model's P(alive) was joined, the file's own record otherwise.
    """
    if "alive" in late.columns:
        modelled = late.filter(pl.col("alive").is_not_null()).select("at_risk", chance=1 - pl.col("alive"))
        late = late.filter(pl.col("alive").is_null())
    else:
        modelled = pl.DataFrame(schema={"at_risk": pl.Int128, "chance": pl.Float64})
    by_silence = late.group_by("days_since").agg(pl.col("at_risk").sum())
    losses = [units * chances[days] for days, units in by_silence.iter_rows()]
    losses += [units * chance for units, chance in modelled.iter_rows()]
    # fsum rounds once, so the order of the customers does not matter.
    return round(math.fsum(losses))


def evaluate(past: History, at: date, rule: Rule) -> pl.DataFrame:
    """How the rule would have done on an earlier date, with simpler rules beside it.

    Everybody with an order by that date is judged by what was known then. Gone is who has not
    bought again by the as-of date. Flagging everybody shows the base rate as its precision.
    """
    if not past.first <= at < past.as_of:
        raise DataError(
            f"--evaluate {at} leaves nothing to compare: the days run from {past.first} to {past.as_of}. "
            "Choose a date between the two, early enough for customers to come back."
        )
    known = past.until(at)
    after = purchases(past.days).filter(pl.col("date") > at)["code"].unique()
    judged = score(known, rule).filter(pl.col("last").is_not_null())
    judged = judged.with_columns(gone=~pl.col("code").is_in(after.implode()))
    base = base_gap(gap_counts(purchases(known.days)))
    rivals = {_silent_for(base): pl.col("days_since") > base} if base is not None else {}
    flags = {str(rule): LATE, **rivals, "everybody": pl.lit(True)}
    return pl.DataFrame([_record(judged.with_columns(flagged=flag), name) for name, flag in flags.items()])


def _record(judged: pl.DataFrame, rule: str) -> dict[str, Any]:
    flagged, gone = pl.col("flagged"), pl.col("gone")
    counts = judged.select(
        customers=pl.len(), flagged=flagged.sum(), gone=gone.sum(), hits=(flagged & gone).sum()
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


def call_list(scored: pl.DataFrame, scale: int) -> pl.DataFrame:
    """The customers to call, most revenue at risk first and equal ones by id."""
    shown = ("customer", "status", "last", "orders", "median_gap", "days_since", "threshold", "overdue_ratio")
    joined = [name for name in ("alive", "tier", "segment") if name in scored.columns]
    ordered = scored.sort("at_risk", "customer", descending=[True, False])
    return ordered.select(*shown, money(pl.col("at_risk"), scale).alias("revenue_at_risk"), *joined)


def statuses(scored: pl.DataFrame, scale: int) -> pl.DataFrame:
    """How many customers stand where, and the revenue of the last 365 days that they brought."""
    sums = scored.group_by("status").agg(customers=pl.len().cast(pl.Int64), at_risk=pl.col("at_risk").sum())
    rows = pl.DataFrame({"status": STATUSES}).join(sums, on="status", how="left", maintain_order="left")
    return rows.with_columns(pl.col("customers", "at_risk").fill_null(0)).select(
        "status",
        "customers",
        (pl.col("customers") / scored.height).alias("share"),
        money(pl.col("at_risk"), scale).alias("revenue_at_risk"),
    )


def analyse(
    past: History,
    rule: Rule = DEFAULT,
    *,
    scale: int = 2,
    evaluate_at: date | None = None,
    labels: pl.DataFrame | None = None,
    everyone: bool = False,
) -> Result:
    """Who is late, what is at stake, and with `evaluate_at` how well the rule did from that date on.

    `labels` has one row per customer with any of `tier`, `segment` and `alive`, to be shown beside.
    The call list holds the late customers, or `everyone`.
    """
    rule.check()
    scored = score(past, rule)
    if labels is not None:
        scored = scored.join(labels, on="customer", how="left", maintain_order="left")
    late = scored.filter(LATE)
    stake = stakes(past, late, scale)
    tables = {"statuses": statuses(scored, scale), "stakes": stake}
    if evaluate_at is not None:
        tables["evaluation"] = evaluate(past, evaluate_at, rule)
    tables["customers"] = call_list(scored if everyone else late, scale)
    return Result(
        command="churn",
        tables=tables,
        facts=_facts(past, scored, rule, stake) | _verdict(tables, evaluate_at, past.as_of),
        detail="customers",
        notes=tuple(_notes(past, late)),
        titles=_titles(past, evaluate_at),
    )


def stakes(past: History, late: pl.DataFrame, scale: int) -> pl.DataFrame:
    """One row: how many are late, what they are worth, and how many of them never complained."""
    silent = late.filter(_silent()).height
    loss = expected_loss(late, staying_away(purchases(past.days), past.as_of))
    kind = pl.Decimal(38, scale)
    row = {
        "late": late.height,
        "revenue_at_risk": exact(int(late["at_risk"].sum()), scale),
        "expected_loss": exact(loss, scale),
        "silent": silent,
        "silent_churn": _part(silent, late.height),
    }
    money_kinds: dict[str, Any] = {"revenue_at_risk": kind, "expected_loss": kind, "silent_churn": pl.Float64}
    return pl.DataFrame([row], schema_overrides=money_kinds)


def _facts(past: History, scored: pl.DataFrame, rule: Rule, stake: pl.DataFrame) -> dict[str, Any]:
    return {
        "as_of": past.as_of,
        "rule": str(rule),
        "base_gap": base_gap(gap_counts(purchases(past.days))),
        "customers": scored["last"].count(),
        "own_rhythm": scored["median_gap"].count(),
        **stake.row(0, named=True),
    }


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


def _titles(past: History, at: date | None) -> dict[str, str]:
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


def _notes(past: History, late: pl.DataFrame) -> Iterator[str]:
    days = (past.as_of - past.first).days
    if late.height and days < 2 * YEAR and "alive" not in late.columns:
        yield (
            f"The history is {days} days long. A silence that could not be followed for another year "
            "counts as lasting, so the expected loss is on the high side."
        )
