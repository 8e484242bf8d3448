"""The picture of each answer: which of the six shapes, of which columns, and its numbers in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmkit.errors import CrmkitError, UsageError
from crmkit.language.catalogue import label, lasting, phrase
from crmkit.language.figures import money, percent
from crmkit.output.charts import of_tables, shapes, svg
from crmkit.output.charts.of_tables import LAST
from crmkit.output.charts.of_tables import MOST as _MOST
from crmkit.output.charts.svg import Picture, compact

if TYPE_CHECKING:
    import polars as pl

    from crmkit.result import Result


def picture_of(result: Result, table: str | None = None) -> Picture:
    """The picture of a command's answer, or of a table of it that has its own; UsageError where there is none."""
    make = PICTURES.get(result.command)
    if table in result.tables:
        make = OF_TABLES.get((result.command, table)) or of_tables.of(result.command, table) or make
    if make is None:
        why = _WITHOUT.get(result.command, "it prints no numbers")
        raise UsageError(
            f"--plot: there is no picture of {result.command}: {why}. Every analysis has one: crmkit pareto FILE --plot picture.svg."
        )
    if _is_far(result):
        raise UsageError(
            f"--plot: the customers of {result.command} lie on the cluster, where nothing is drawn. Leave it out, "
            "or write the customers with --output and draw that file."
        )
    return make(result)


def _is_far(result: Result) -> bool:
    """Whether the picture would bring all customers here from a cluster."""
    return result.command in _OF_LONG and result.is_elsewhere


def inline(result: Result) -> str:
    """The picture as a part of a page, with the style that it needs; nothing where there is none."""
    make = PICTURES.get(result.command)
    if make is None or _is_far(result):
        return ""
    try:
        return svg.document(make(result), name=f"crmkit-{result.command}")
    except (CrmkitError, LookupError, ValueError, ArithmeticError):  # too little there to be drawn
        return ""


def revenue(result: Result) -> Picture:
    """Revenue by period with the forecast's band; periods cut short are left out where others are there."""
    every, coming = result.tables["periods"], result.tables["forecast"]
    periods = (every.filter("complete") if every["complete"].any() else every).tail(2 * LAST)
    names, values = periods["period"].to_list(), [float(value) for value in periods["revenue"]]
    if coming.height:
        coming = coming.filter(coming["method"] == coming["method"][0])
    ends = [
        (float(row["forecast"]), float(row["low"]), float(row["high"]))
        for row in coming.iter_rows(named=True)
    ]
    words = phrase(
        "From {first} to {last}; the highest is {most} in {best}.",
        first=f"{money(values[0])} ({names[0]})",
        last=f"{money(values[-1])} ({names[-1]})",
        most=money(max(values)),
        best=names[values.index(max(values))],
    )
    return shapes.line(
        phrase("Revenue by {period}, and what to expect", period=label(result.facts["period"])),
        words,
        [*names, *coming["period"].to_list()],
        [*values, *[None] * len(ends)],
        [*[None] * len(values), *ends],
    )


def concentration(result: Result) -> Picture:
    """The curve: what part of the value the best bring."""
    facts, table = result.facts, result.tables["curve"]
    noun = "customers" if "customers_share" in table.columns else "items"
    value = label(facts["value"])
    words = phrase(
        "The best 20% of {noun} bring {some}; 80% of {value} comes from {few} of {noun}.",
        noun=label(noun),
        some=percent(facts["top_share"]["20%"]),
        value=value,
        few=percent(facts[f"{noun}_for_80_share"]),
    )
    title = phrase("Part of {value} reached, the best {noun} first", value=value, noun=label(noun))
    axes = phrase("part of {noun}", noun=label(noun)), phrase("part of {value}", value=value)
    return shapes.curve(title, words, list(table.select(table.columns[:2]).iter_rows()), axes)


def segments(result: Result) -> Picture:
    """Revenue by segment, or by tier, as bars."""
    if "segments" not in result.tables:
        raise UsageError(
            "--plot: without segments there is nothing to draw. Choose a --map that fits the scores."
        )
    return segment_bars(result.tables["segments"])


def segment_bars(table: pl.DataFrame) -> Picture:
    """Bars of the part of revenue that each segment with somebody in it brings."""
    bars = [
        shapes.Bar(label(row["segment"]), row["revenue_share"] or 0.0, percent(row["revenue_share"] or 0.0))
        for row in table.head(_MOST).iter_rows(named=True)
        if row["customers"]
    ]
    return shapes.bars(phrase("Part of revenue by segment"), _listed(bars), bars)


def statuses(result: Result) -> Picture:
    """Customers by status as bars."""
    return status_bars(result.tables["statuses"])


def status_bars(table: pl.DataFrame) -> Picture:
    """Bars of the customers of each status with somebody in it."""
    bars = [
        shapes.Bar(label(row["status"]), row["customers"], f"{row['customers']:,} ({percent(row['share'])})")
        for row in table.iter_rows(named=True)
        if row["customers"]
    ]
    return shapes.bars(phrase("Customers by status"), _listed(bars), bars)


def moves(result: Result) -> Picture:
    """Who moved from where to where."""
    return move_ribbons(result, 1)


def move_ribbons(result: Result, least: int) -> Picture:
    """Ribbons of the moves of at least so many customers."""
    rows = [row for row in result.tables["matrix"].iter_rows(named=True) if row["customers"] >= least]
    flows = [
        shapes.Flow(label(row["from"]), label(row["to"]), row["customers"], f"{row['customers']:,}")
        for row in rows
    ]
    words = "; ".join(f"{one.source} → {one.target}: {one.shown}" for one in flows[:_MOST])
    told = {"of": label(result.facts["of"]), "begin": result.facts["from"], "end": result.facts["to"]}
    return shapes.flow(phrase("Customers by {of} on {begin} (left) and {end} (right)", **told), words, flows)


def cohorts(result: Result) -> Picture:
    """The map of who came back."""
    return cohort_map(result, 1)


def cohort_map(result: Result, least: int) -> Picture:
    """A map of the last cohorts of at least so many customers, and of the mean."""
    shown, since = cohort_rows(result, least)
    values = [list(row) for row in shown.select(since).iter_rows()]
    form: Callable[[float], str] = percent if result.facts["value"] == "rate" else compact
    texts = [["" if value is None else form(value) for value in map(_number, row)] for row in values]
    names = [f"{label(row['cohort'])} ({row['size']:,})" for row in shown.iter_rows(named=True)]
    average = (
        [f"{name}: {text}" for name, text in zip(since, texts[-1], strict=True) if text] if since else []
    )
    words = phrase("On average: {shares}.", shares=", ".join(average))
    title = phrase(
        "Part of the new customers who order in later periods ({period})", period=label(result.facts["by"])
    )
    if result.facts["value"] != "rate":
        title = result.titles["grid"]
    return shapes.heat(title, words, names, since, [list(map(_number, row)) for row in values], texts)


def cohort_rows(result: Result, least: int) -> tuple[pl.DataFrame, list[str]]:
    """The rows of the map, the mean as the last one, and the columns of periods since."""
    grid = result.tables["grid"]
    rows, mean = grid.head(-1), grid.tail(1)
    since = [name for name in grid.columns if name not in ("cohort", "size")][:LAST]
    told = [any(value is not None for value in row) for row in rows.select(since).rows()]
    shown = rows.filter(told) if since else rows
    return shown.filter(shown["size"] >= least).tail(LAST).vstack(mean), since


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def worth(result: Result) -> Picture:
    """What customers are worth, with intervals."""
    return worth_dots(result, result.tables["summary"])


def worth_dots(result: Result, table: pl.DataFrame) -> Picture:
    """A dot with its interval for each group, of value or, where there is none, of orders."""
    stem = ("clv", "clv") if "clv" in table.columns else ("expected_purchases", "orders")
    by = table.columns[0] if table.columns[0] != "customers" else ""
    rows = [row for row in table.head(_MOST).iter_rows(named=True) if row[f"{stem[1]}_low"] is not None]
    found = [_dot(row, by, stem) for row in rows]
    horizon = lasting(result.facts["horizon"])
    title = (
        phrase("Value of the next {horizon} by {by}, with its interval", horizon=horizon, by=label(by))
        if by
        else phrase("Value of the next {horizon}, with its interval", horizon=horizon)
    )
    words = "; ".join(
        f"{dot.name}: {money(dot.value)} ({money(dot.low)} – {money(dot.high)})" for dot in found
    )
    return shapes.dots(title, words, found)


def _dot(row: Mapping[str, Any], by: str, stem: tuple[str, str]) -> shapes.Dot:
    value, low, high = (float(row[name]) for name in (stem[0], f"{stem[1]}_low", f"{stem[1]}_high"))
    return shapes.Dot(label(row[by]) if by else label("customers"), value, low, high, compact(value))


def pace(result: Result) -> Picture:
    """How many average days a day counts as: what was seen, and what is expected with its interval."""
    table = result.tables["calendar"]
    names = [str(day) for day in table["from"]]
    rows, ahead = table.select("pace", "pace_low", "pace_high").rows(), table["ahead"].to_list()
    expected = [row for row, coming in zip(rows, ahead, strict=True) if coming]
    strong = max(expected, key=lambda row: row[0])
    words = phrase(
        "A day at the most counts as {most} average days ({low} to {high}), in the four weeks from {day}.",
        most=f"{strong[0]:.2f}",
        low=f"{strong[1]:.2f}",
        high=f"{strong[2]:.2f}",
        day=names[rows.index(strong)],
    )
    return shapes.line(
        phrase("How many average days a day counts as, and what to expect"),
        words,
        names,
        [None if coming else row[0] for row, coming in zip(rows, ahead, strict=True)],
        [row if coming else None for row, coming in zip(rows, ahead, strict=True)],
    )


def active(result: Result) -> Picture:
    """Active customers by period."""
    periods = result.tables["periods"].tail(2 * LAST)
    names, values = periods["period"].to_list(), [float(value) for value in periods["active"]]
    words = "; ".join(f"{name}: {value:,.0f}" for name, value in zip(names, values, strict=True))
    return shapes.line(phrase("Active customers by period"), words, names, values)


def _listed(bars: Sequence[shapes.Bar]) -> str:
    return "; ".join(f"{bar.name}: {bar.shown}" for bar in bars) + "."


PICTURES: dict[str, Callable[[Result], Picture]] = {
    "pareto": concentration,
    "rfm": segments,
    "clv": worth,
    "migration": moves,
    "cohort": cohorts,
    "lifecycle": active,
    "churn": statuses,
    "trend": revenue,
    **{command: of_tables.first_of(command) for command in of_tables.TABLES},
    "backtest": of_tables.tested,
    "customers": of_tables.newcomers,
    "score": of_tables.points,
    "accumulation": of_tables.shares,
}
OF_TABLES: dict[tuple[str, str | None], Callable[[Result], Picture]] = {
    ("clv", "calendar"): pace,
    ("value", "sensitivity"): of_tables.sensitivity,
}
_OF_LONG = {"customers", "score"}  # drawn from the table of all customers, which is not fetched unasked
_WITHOUT = {
    "report": "its page holds the pictures",
    "run": "its jobs draw their own, by plot = in the file",
    "ledger": "it keeps files",
}
