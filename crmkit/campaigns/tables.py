"""The tables of `crmkit lift` beside effects and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from crmkit.campaigns import balance as balances
from crmkit.campaigns import days, expectations, moments, segments, uplift
from crmkit.campaigns import effects as effect_tables
from crmkit.campaigns import money as money_table
from crmkit.campaigns.effects import plain
from crmkit.campaigns.groups import LABEL, SCORE
from crmkit.campaigns.money import Costs
from crmkit.campaigns.seen import Seen
from crmkit.engine.counts import by_id
from crmkit.engine.money import as_money
from crmkit.engine.rows import Rows, as_rows

BALANCE = ("pre_revenue", "orders_before", *expectations.EXPECTED)
WITHOUT = "(none)"


def arms(seen: Seen) -> pl.DataFrame:
    """Who was assigned, who is in the file, who bought."""
    groups, unit = seen.groups, seen.units["revenue"]
    whole = sum(groups.sizes.values())
    rows = [
        (arm, size, groups.plan.shares[arm], size / whole, seen.in_file[arm], seen.arms[arm].sums["bought"],
         seen.arms[arm].sums["orders"], seen.arms[arm].sums["revenue"] * unit)
        for arm, size in groups.sizes.items()
    ]  # fmt: skip
    names = ("group", "customers", "planned_share", "share", "in_file", "buyers", "orders", "revenue")
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(pl.col("revenue").round(seen.scale).cast(pl.Decimal(38, seen.scale)))


def balance(seen: Seen) -> pl.DataFrame:
    """What was known of the arms on the day before."""
    return balances.table(seen.arms, seen.groups.control, _known(seen), seen.units)


def _known(seen: Seen) -> list[str]:
    return [name for name in BALANCE if name in seen.variables]


class BySegment(NamedTuple):
    """The table, and how much segments differ, by arm."""

    frame: pl.DataFrame
    spread: dict[str, segments.Heterogeneity]


def by_segment(seen: Seen, by: str) -> BySegment:
    """Effects on revenue for each label."""
    found = seen.by([LABEL])
    labels = sorted({label for _, label in found}, key=lambda label: (label is None, str(label)))
    unit, none = seen.units["revenue"], moments.nobody(seen.variables)
    frames, spread = [], {}
    for arm in seen.groups.arms:
        pairs = {
            WITHOUT if label is None else str(label): tuple(
                found.get((one, label), none).sample("revenue", unit) for one in (arm, seen.groups.control)
            )
            for label in labels
        }
        frame, differs = segments.table(arm, pairs)  # type: ignore[arg-type]
        frames.append(frame)
        if differs is not None:
            spread[arm] = differs
    return BySegment(pl.concat(frames).rename({LABEL: _name(by)}), spread)


def _name(by: str) -> str:
    """What the column of labels is called: as the user calls it, unless another is called that."""
    return LABEL if by in segments.SCHEMA or by in effect_tables.COVARIATES else by


def listed(seen: Seen, by: str | None) -> Rows:
    """Each customer of the test; on a cluster, those who are in the file."""
    kept = [name for name in ("bought", "orders", "revenue", "profit", *BALANCE) if name in seen.variables]
    columns = ["customer", "group", *([] if by is None else [LABEL])]
    names = {} if by is None else {LABEL: _name(by)}
    shown = partial(_shown, kept=kept, units=seen.units, scale=seen.scale)
    if not seen.rows.is_here:
        return seen.rows.by_row(shown).by_row(lambda frame: frame.select(*columns, *kept).rename(names))
    known = seen.rows.frame().select("customer", *kept)
    everybody = seen.groups.frame.select(columns).join(
        known, on="customer", how="left", maintain_order="left"
    )
    everybody = everybody.with_columns(pl.col(kept).fill_null(0)).rename(names)
    return as_rows(everybody).by_row(shown).ordered_by(by_id())


def _shown(frame: pl.DataFrame, kept: Sequence[str], units: Mapping[str, float], scale: int) -> pl.DataFrame:
    """Whole numbers as they are read: money exact, chances as such, flags as such."""
    made: list[pl.Expr] = [pl.col("bought").cast(pl.Boolean)]
    for name in kept:
        if name in ("revenue", "pre_revenue"):
            made.append(as_money(name, scale))
        elif name in ("profit", *expectations.EXPECTED):
            made.append(pl.col(name) * units[name])
    return frame.with_columns(made)


class ByScore(NamedTuple):
    """What a score would have been good for."""

    frames: dict[str, pl.DataFrame]
    facts: dict[str, Any]
    notes: list[str]


def by_score(seen: Seen, top: float | None, costs: Costs) -> ByScore:
    """Effects by tenth, the Qini curve's areas, and what treating only those at the top would have brought."""
    scored, unit, control = (
        seen.groups.frame.filter(pl.col(SCORE).is_not_null()),
        seen.units["revenue"],
        seen.groups.control,
    )
    edges = {
        tenth: (low, high)
        for tenth, low, high in scored.group_by("tenth")
        .agg(low=pl.col(SCORE).min(), high=pl.col(SCORE).max())
        .iter_rows()
    }
    tenths, scores = seen.by(["tenth"], ["revenue"]), seen.by([SCORE], ["revenue"])
    none = moments.nobody(["revenue"])
    frames, areas = [], {}
    for arm in seen.groups.arms:
        pairs = {
            tenth: tuple(tenths.get((one, tenth), none).sample("revenue", unit) for one in (arm, control))
            for tenth in edges
        }
        frames.append(uplift.table(arm, pairs, edges))  # type: ignore[arg-type]
        areas[arm] = uplift.areas(uplift.steps(scores, arm, control, "revenue", unit))
    made = {"tenths": pl.concat(frames)}
    if top is not None:
        made["targeting"] = _targeting(seen, top, costs)
    told = {
        arm: {
            name: dict(zip(("value", "low", "high"), one[:3], strict=True))
            for name, one in (("qini", area.q), ("auuc", area.auuc))
        }
        for arm, area in areas.items()
    }
    return ByScore(
        made,
        {"uplift": told, "unscored": seen.groups.frame.height - scored.height},
        [_said(arm, one) for arm, one in areas.items()],
    )


def _said(arm: str, area: uplift.Area) -> str:
    if area.q.low is None or area.q.high is None:
        return f"{arm}: nothing can be said of the score, since nobody bought."
    knows = (
        "tells whom to treat"
        if area.q.low > 0
        else "treats the wrong ones"
        if area.q.high < 0
        else "tells no more than chance whom to treat"
    )
    return (
        f"{arm}: the score {knows}: Qini Q {area.q.value:.3g} (95%: {area.q.low:.3g} to {area.q.high:.3g}), the area between the curve "
        "of incremental revenue and a straight line to its end, over the square of the number of customers."
    )


def _targeting(seen: Seen, top: float, costs: Costs) -> pl.DataFrame:
    """Money of those at the top alone, and of everybody with a score."""
    frames = []
    for label, column in ((f"top {top * 100:.4g}%", "in_top"), ("everybody", "scored")):
        found = seen.by([column])
        sizes = {arm: found[arm, True].n for arm in seen.groups.arms if (arm, True) in found}
        effects = [
            replace(
                plain(arm, (found[arm, True], found[seen.groups.control, True]), metric, seen.units[metric]),
                method=label,
            )
            for arm in sizes
            if (seen.groups.control, True) in found
            for metric in ("revenue", "profit")
            if metric in seen.variables
        ]
        revenue = [one for one in effects if one.metric == "revenue"]
        profit = {(one.group, one.method): one for one in effects if one.metric == "profit"}
        frames.append(money_table.table(revenue, profit, costs, sizes))
    return pl.concat(frames)


def by_day(seen: Seen) -> pl.DataFrame:
    """How the effect grew, up to the last day that the file knows of."""
    end = min(seen.window.end, seen.last)
    return days.table(
        days.grown(seen.rows),
        seen.groups.arms,
        seen.groups.control,
        seen.groups.sizes,
        unit=seen.units["revenue"],
        days=days.every(seen.window.begin, end),
        planned=seen.window.length,
    )
