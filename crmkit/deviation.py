"""Fraud or change? Customers whose last window departs from their own history, with the evidence.

Three measures, each against the customer's own past with z = (value - median) / (1.4826 MAD):

    spend       revenue of the window          against the windows before, of which most had some
    gap         days between purchase days     against the gaps that ended before the window
    order size  amount bought on a day         against the purchase days before the window

The gap of the window is the median of the gaps that ended in it, or the silence since the last
purchase where that is longer. Without a purchase in the window the silence is tested once it is
longer than the median gap, and no more after the window in which it crossed the threshold. The
window of the first purchase is no history for spend: it holds a purchase by definition.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl

from crmkit import parse
from crmkit.customers import Data
from crmkit.engine.money import as_money, unit
from crmkit.errors import DataError, UsageError
from crmkit.headlines import answered, leaving
from crmkit.history import customer_days
from crmkit.history.customer_days import DayHistory, purchases
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.result import Result

SPEND, GAP, ORDER_SIZE = MEASURES = ("spend", "gap", "order size")
# Consistent with the standard deviation of normal values; the second for the mean deviation.
MAD_TO_SD, MEAN_TO_SD = 1.4826, 1.2533
PLACEBOS = 3
LONGEST_WINDOW = 3660


def yardstick(values: pl.DataFrame, at_least: int) -> pl.DataFrame:
    """By key: median, MAD and spread of each customer's `value`s, where there are enough of them.

    The spread is 1.4826 MAD. Where more than half of the values are equal the MAD is 0, and 1.2533
    times the mean deviation stands in (Iglewicz and Hoaglin, 1993), or a tenth of the median if
    that is more. Where the median is 0 as well there is no yardstick.
    """
    value = pl.col("value")
    enough = (
        values.group_by("code").agg(history=pl.len().cast(pl.Int64)).filter(pl.col("history") >= at_least)
    )
    kept = values.join(enough, on="code", how="semi")
    medians = kept.group_by("code").agg(median=value.median())
    away = kept.join(medians, on="code").select("code", away=(value - pl.col("median")).abs())
    spreads = away.group_by("code").agg(mad=pl.col("away").median(), mean=pl.col("away").mean())
    mad, level = pl.col("mad"), pl.col("median").abs()
    spread = (
        pl.when(mad > 0)
        .then(MAD_TO_SD * mad)
        .when(level > 0)
        .then(pl.max_horizontal(MEAN_TO_SD * pl.col("mean"), level / 10))
    )
    known = enough.join(medians, on="code").join(spreads, on="code")
    return known.with_columns(spread=spread).drop("mean").drop_nulls("spread")


def spend(past: DayHistory, window: int, at_least: int) -> pl.DataFrame:
    """By key: revenue of the last window beside the yardstick of the windows before it."""
    w = ((pl.lit(past.as_of) - pl.col("date")).dt.total_days() // window).cast(pl.Int32)
    windows = past.days.group_by("code", window=w).agg(
        value=pl.col("amount").sum(), bought=(pl.col("bought") > 0).any()
    )
    first = windows.filter("bought").group_by("code").agg(first=pl.col("window").max())
    since = windows.join(first, on="code").filter(pl.col("window") < pl.col("first"))
    before = since.filter(pl.col("window") > 0)
    # Who spends nothing in an ordinary window has no level to depart from; gap and order size tell more.
    candidates = (
        before.group_by("code")
        .agg(pl.col("first").first() - 1, seen=pl.len().cast(pl.Int32), spent=(pl.col("value") > 0).sum())
        .filter(pl.col("first") >= at_least, 2 * pl.col("spent").cast(pl.Int32) > pl.col("first"))
    )
    zero = pl.lit(0, before.schema["value"])
    empty = candidates.select("code", value=zero.repeat_by(pl.col("first") - pl.col("seen"))).explode("value")
    filled = before.join(candidates, on="code", how="semi").select("code", "value")
    known = yardstick(pl.concat([filled, empty]), at_least)
    now = since.filter(pl.col("window") == 0).select("code", "value")
    return known.join(now, on="code", how="left").with_columns(pl.col("value").fill_null(0).cast(pl.Float64))


def gap(visits: pl.DataFrame, as_of: date, window: int, *, at_least: int, threshold: float) -> pl.DataFrame:
    """By key: the gap of the last window beside the yardstick of the gaps that ended before it."""
    start = as_of - timedelta(days=window)
    inside = pl.col("date") > start
    before = visits.filter(~inside, pl.col("gap").is_not_null()).select("code", value="gap")
    now = visits.group_by("code").agg(
        ended=pl.col("gap").filter(inside).median(),
        silence=(pl.lit(as_of) - pl.col("date").max()).dt.total_days(),
    )
    known = yardstick(before, at_least).join(now, on="code")
    z_at_start = (pl.col("silence") - window - pl.col("median")) / pl.col("spread")
    news = (pl.col("silence") > pl.col("median")) & (z_at_start <= threshold)
    value = pl.max_horizontal(pl.col("ended"), pl.col("silence").cast(pl.Float64))
    return known.filter(pl.col("ended").is_not_null() | news).with_columns(value=value)


def order_size(visits: pl.DataFrame, start: date, *, at_least: int) -> pl.DataFrame:
    """By key: the median amount of the window's purchase days beside the yardstick of those before it."""
    inside = pl.col("date") > start
    now = visits.filter(inside).group_by("code").agg(value=pl.col("bought").median())
    before = visits.filter(~inside).join(now, on="code", how="semi").select("code", value="bought")
    return yardstick(before, at_least).join(now, on="code")


def evidence(past: DayHistory, window: int, *, threshold: float, at_least: int) -> pl.DataFrame:
    """By row: every customer and measure that can be tested, with z and whether it is an alarm."""
    visits, start = purchases(past.days), past.as_of - timedelta(days=window)
    found = {
        SPEND: spend(past, window, at_least),
        GAP: gap(visits, past.as_of, window, at_least=at_least, threshold=threshold),
        ORDER_SIZE: order_size(visits, start, at_least=at_least),
    }
    columns = ("code", "measure", "history", "value", "median", "mad", "spread")
    rows = [frame.with_columns(measure=pl.lit(name)).select(columns) for name, frame in found.items()]
    z = (pl.col("value") - pl.col("median")) / pl.col("spread")
    return pl.concat(rows).with_columns(z=z).with_columns(flagged=pl.col("z").abs() > threshold)


def counts(tested: pl.DataFrame) -> pl.DataFrame:
    """Mergeable counts: tests and alarms of each measure."""
    flagged, z = pl.col("flagged"), pl.col("z")
    sums = tested.group_by("measure").agg(
        tested=pl.len().cast(pl.Int64),
        flagged=flagged.sum().cast(pl.Int64),
        up=(flagged & (z > 0)).sum().cast(pl.Int64),
        down=(flagged & (z < 0)).sum().cast(pl.Int64),
    )
    rows = pl.DataFrame({"measure": MEASURES}).join(sums, on="measure", how="left", maintain_order="left")
    return rows.with_columns(pl.exclude("measure").fill_null(0))


def as_usual(past: DayHistory, window: int, *, threshold: float, at_least: int) -> pl.DataFrame:
    """The part of tests that gave an alarm one, two and three windows ago, by measure."""
    earlier = [past.as_of - timedelta(days=back * window) for back in range(1, PLACEBOS + 1)]
    found = [
        counts(evidence(past.until(day), window, threshold=threshold, at_least=at_least))
        for day in earlier
        if day >= past.first
    ]
    if not found:
        return pl.DataFrame({"measure": MEASURES, "rate": None}, schema_overrides={"rate": pl.Float64})
    tested, flagged = pl.col("tested").sum(), pl.col("flagged").sum()
    rates = pl.concat(found).group_by("measure").agg(rate=pl.when(tested > 0).then(flagged / tested))
    return rates.sort("measure")


def measures(tested: pl.DataFrame, usual: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Tests, alarms, and how many alarms to expect if nothing had changed.

    `expected_normal` is what normal noise gives, tests x 2 (1 - Phi(threshold)): a floor, since
    spending has heavier tails and a median of few values is uncertain. `expected_past` is tests x
    the part of tests that gave an alarm in earlier windows.
    """
    tail = math.erfc(threshold / math.sqrt(2))
    rows = counts(tested).join(usual, on="measure", how="left", maintain_order="left")
    return rows.with_columns(
        expected_normal=pl.col("tested") * tail, expected_past=pl.col("tested") * pl.col("rate")
    ).drop("rate")


def alarms(past: DayHistory, tested: pl.DataFrame, scale: int) -> pl.DataFrame:
    """One row for each alarm with its evidence, the largest |z| first; money and days to `scale` decimals."""
    flagged = tested.filter("flagged").join(past.customers, on="code")
    ordered = flagged.with_columns(size=pl.col("z").abs()).sort(
        "size", "customer", "measure", descending=[True, False, False]
    )
    return ordered.select(
        "customer",
        "measure",
        pl.when(pl.col("z") > 0).then(pl.lit("up")).otherwise(pl.lit("down")).alias("direction"),
        _exact("value", scale).alias("observed"),
        *(_exact(name, scale) for name in ("median", "mad")),
        "z",
        "history",
    )


def _exact(name: str, scale: int) -> pl.Expr:
    """Days as they are and minor units as money, rounded to the decimals of money."""
    days = pl.col(name) * unit(scale)
    units = pl.when(pl.col("measure") == GAP).then(days).otherwise(pl.col(name))
    return as_money(units.round().cast(pl.Int128), scale).alias(name)


@question
@answered(leaving.deviation)
def analyse(data: Data, *, window: str | int = "30d", threshold: float = 3.5, history: int = 6) -> Result:
    """Customers whose last window departs from their own history, with the evidence.

    Args:
        window: the span that is compared with the past: days, or text such as 4w.
        threshold: an alarm is this many robust deviations from the median.
        history: windows, gaps or purchase days that a test needs before the window.

    Raises DataError where nobody can be tested, UsageError for what cannot be a test.
    """
    span = parse.duration(window, "--window").days
    check(span, threshold, history)
    found = customer_days.history_of(transactions_of(data, wants=()))
    return tables_of(found.rows, scale=found.scale, window=span, threshold=threshold, at_least=history)


def tables_of(
    past: DayHistory,
    *,
    scale: int = 2,
    window: int = 30,
    threshold: float = 3.5,
    at_least: int = 6,
) -> Result:
    """Alarms of the last `window` days, and how many of them are to be expected anyway.

    `at_least` is the history that a test needs: windows, gaps or purchase days.
    """
    check(window, threshold, at_least)
    start = past.as_of - timedelta(days=window)
    tested = evidence(past, window, threshold=threshold, at_least=at_least)
    if not tested.height:
        raise DataError(_nothing(past, window, at_least))
    usual = as_usual(past, window, threshold=threshold, at_least=at_least)
    summary = measures(tested, usual, threshold)
    first, last = start + timedelta(days=1), past.as_of
    return Result(
        command="deviation",
        tables={"measures": summary, "customers": alarms(past, tested, scale)},
        facts=_facts(past, tested, summary) | {"window": window, "from": first, "threshold": threshold},
        detail="customers",
        notes=_notes(usual),
        titles={"measures": f"Tests of {first} to {last}", "customers": "Alarms"},
        pictures={"customers": "list customer,measure,direction,observed,median,z"},
    )


def check(window: int, threshold: float, at_least: int) -> None:
    """Raise UsageError for what cannot be tested."""
    if not 1 <= window <= LONGEST_WINDOW:
        raise UsageError(f"The window is {window} days. Give 1 to {LONGEST_WINDOW}, such as --window 30d.")
    if not 0 < threshold < math.inf:
        raise UsageError(f"--threshold is {threshold:g}. Give a number of deviations above 0, such as 3.5.")
    if at_least < 3:
        raise UsageError(f"--history is {at_least}. A median and a spread need 3 values or more; 6 is usual.")


def _nothing(past: DayHistory, window: int, at_least: int) -> str:
    return (
        f"Nobody can be tested: from {past.first} to {past.as_of} no customer has {at_least} windows of "
        f"{window} days, gaps or purchase days before the last window, and something in it to compare. "
        "Give a shorter --window or a smaller --history."
    )


def _facts(past: DayHistory, tested: pl.DataFrame, summary: pl.DataFrame) -> dict[str, Any]:
    return {
        "as_of": past.as_of,
        "customers": past.customers.height,
        "tested_customers": tested["code"].n_unique(),
        "flagged_customers": tested.filter("flagged")["code"].n_unique(),
        "alarms": int(summary["flagged"].sum()),
        "expected_normal": summary["expected_normal"].sum(),
        "expected_past": None
        if summary["expected_past"].null_count() == summary.height
        else summary["expected_past"].sum(),
    }


def _notes(usual: pl.DataFrame) -> tuple[str, ...]:
    if usual["rate"].null_count() == usual.height:
        return ("The history is too short to say how many alarms an ordinary window gives.",)
    return ()
