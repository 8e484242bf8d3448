"""What each table looks like as bars, or as dots with intervals: a line for each, and a few that become a map or a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from crmkit.errors import UsageError
from crmkit.language.catalogue import label, named, phrase
from crmkit.language.figures import money, percent
from crmkit.output.charts import shapes
from crmkit.output.charts.svg import Picture, compact

if TYPE_CHECKING:
    from crmkit.result import Result

LAST = 12  # rows and columns of a map
MOST = 20  # bars and dots
_AT_ONCE = 1 << 17  # rows
_OURS = {"outcome", "measure", "metric", "method", "model", "move", "segment", "period"}  # words of our own


class Drawn(NamedTuple):
    """A table's rows as bars, or as dots where there is an interval: named by columns, with a number."""

    table: str
    title: str
    names: tuple[str, ...]
    value: str
    form: Callable[[float], str]
    interval: tuple[str, str] | None = None
    shown: str = "{value}"
    beside: str = ""  # the column whose number stands in `shown`, too
    strength: str = ""  # the column by whose size the rows stand, where their order is another


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _tenths(value: float) -> str:
    return f"{value:,.1f}"


def _times(value: float) -> str:
    return f"{value:,.1f}×"


def _signed(value: float) -> str:
    return f"{value:+z,.2f}"


def _signed_percent(value: float) -> str:
    return ("+" if value > 0 else "") + percent(value)


def _signed_money(value: float) -> str:
    return ("+" if value > 0 else "") + money(value)


# The first of a command's tables that is there, and has rows, is its picture.
TABLES: Mapping[str, Sequence[Drawn]] = {
    "check": [Drawn("rows", "Rows, by what became of them", ("outcome",), "rows", _count)],
    "basket": [
        Drawn(
            "pairs", "Bought together: how many times as often as by chance",
            ("product", "other"), "affinity", _times,
        ),
        Drawn(
            "brands", "Part of the customers who buy it, and the norm",
            ("product",), "penetration", percent, None, "{value} (norm {beside})", "penetration_norm",
        ),
        Drawn(
            "holdings", "Customers by the number of products held",
            ("held",), "customers", _count, None, "{value} (by chance {beside})", "customers_by_chance",
        ),
        Drawn("next", "Customers who bought the one, then the other", ("product", "other"), "customers", _count),
    ],
    "profile": [
        Drawn(
            "labels", "What marks each group: part of it, and of the others",
            ("segment", "level"), "share", percent, ("share_low", "share_high"), "{value} (others {beside})", "share_elsewhere", "log_odds",
        ),
        Drawn("numbers", "More than the others, or less (test value)", ("segment", "measure"), "v_test", _tenths, strength="v_test"),
    ],
    "returns": [
        Drawn(
            table, "Part of what was sold that came back, with its interval",
            (name,), "return_rate", percent, ("rate_low", "rate_high"),
        )
        for table, name in (("products", "product"), ("channels", "channel"), ("stores", "store"), ("cohorts", "cohort"), ("total", ""))
    ],
    "deviation": [
        Drawn(
            "measures", "Alarms by measure, of the customers tested",
            ("measure",), "flagged", _count, None, "{value} of {beside}", "tested",
        )
    ],
    "diff": [
        Drawn("changes", "Change of revenue by move", ("move",), "revenue_change", _signed_money),
        Drawn("changes", "Customers by move", ("move",), "customers", _count),
        Drawn("groups", "Customers by group", ("label", "group"), "customers", _count),
    ],
    "split": [
        Drawn(
            "balance", "Standardised differences from the control",
            ("group", "measure"), "smd", _signed, ("smd", "smd"),
        ),
        Drawn("size", "Chance that the effect would be seen", ("metric", "method"), "power", percent),
    ],
    "lift": [
        Drawn(
            "effects", "Change against the control, with its interval",
            ("group", "metric", "method"), "relative", _signed_percent, ("relative_low", "relative_high"),
        ),
        Drawn(
            "periods", "Change of revenue against the period before",
            ("period",), "change_share", _signed_percent,
        ),
    ],
    "value": [Drawn("values", "Value of a customer, by method", ("method",), "value", money)],
    "accumulation": [
        Drawn("lost", "Difference of the stores, by customers lost", ("lost",), "difference", _count)
    ],
}  # fmt: skip


def of(command: str, table: str | None) -> Callable[[Result], Picture] | None:
    """What draws a table of a command that is asked for by name, if it has a picture."""
    known = [one for one in TABLES.get(command, ()) if one.table == table]
    return (lambda result: _first(result, known)) if known else None


def first_of(command: str) -> Callable[[Result], Picture]:
    """What draws the first of the command's tables that is there and has rows."""
    return lambda result: _first(result, TABLES[command])


def _first(result: Result, known: Sequence[Drawn]) -> Picture:
    there = [
        one for one in known if one.table in result.tables and one.value in result.tables[one.table].columns
    ]
    if not there:
        tables = ", ".join(dict.fromkeys(one.table for one in known))
        raise UsageError(
            f"--plot: {result.command} has a picture of {tables}, and of no other table. Leave out --table, or --plot."
        )
    one = next((one for one in there if result.tables[one.table].height), there[0])
    return drawn(result.tables[one.table], one)


def drawn(table: pl.DataFrame, one: Drawn, **told: str) -> Picture:
    """The picture of a table's first rows, those without a number left out; `told` are parts of its title."""
    title = phrase(one.title, **told)
    rows = table.drop_nulls(one.value)
    if one.strength:
        rows = rows.sort(pl.col(one.strength).abs(), descending=True, maintain_order=True)
    rows = rows.head(MOST)
    if not rows.height:
        return nothing(title)
    names, shown = _names(rows, one), [_shown(row, one) for row in rows.iter_rows(named=True)]
    words = "; ".join(f"{name}: {text}" for name, text in zip(names, shown, strict=True)) + "."
    values = [float(value) for value in rows[one.value]]
    if one.interval is None:
        return shapes.bars(title, words, list(map(shapes.Bar, names, values, shown)))
    low, high = (
        [value if end is None else float(end) for end, value in zip(rows[column], values, strict=True)]
        for column in one.interval
    )
    if one.interval[0] != one.value:
        words = "; ".join(
            f"{name}: {text} ({one.form(a)} – {one.form(b)})"
            for name, text, a, b in zip(names, shown, low, high, strict=True)
        )
    axis = percent if one.form in (percent, _signed_percent) else compact
    return shapes.dots(title, words, list(map(shapes.Dot, names, values, low, high, shown)), axis)


def nothing(title: str) -> Picture:
    """Where a table is empty: a sentence that says so."""
    words = phrase("There is nothing to draw: the table is empty.")
    return shapes.told(title, words)


def _names(rows: pl.DataFrame, one: Drawn) -> list[str]:
    """What each row is called; a column that is the same in all rows tells nothing, unless it is the only one."""
    kept = [name for name in one.names if name and (rows[name].n_unique() > 1 or len(one.names) == 1)]
    found = [[_name(name, value) for value in rows[name]] for name in kept or one.names[-1:] if name]
    between = " + " if one.names[:2] == ("product", "other") else ": "
    return (
        [between.join(parts) for parts in zip(*found, strict=True)] if found else [label("all")] * rows.height
    )


def _name(column: str, value: Any) -> str:
    text = str(value)
    return named(text) if column in _OURS else text


def _shown(row: Mapping[str, Any], one: Drawn) -> str:
    beside = row.get(one.beside)
    told = {"beside": one.form(float(beside)) if beside is not None else "–"} if one.beside else {}
    return phrase(one.shown, value=one.form(float(row[one.value])), **told)


def tested(result: Result) -> Picture:
    """What came in the last test, and what models had forecast for it."""
    table = result.tables["origins"]
    last = table.filter(pl.col("origin") == pl.col("origin").max())
    came = last.head(1).select(
        model=pl.lit("actual"),
        expected_purchases=pl.col("actual_purchases").cast(pl.Float64),
        purchases_low=pl.lit(None, pl.Float64),
        purchases_high=pl.lit(None, pl.Float64),
    )
    return drawn(pl.concat([came, last.select(came.columns)]), _TESTED, day=str(last["origin"][0]))


_TESTED = Drawn(
    "origins", "Orders after {day}: what came, and what was forecast",
    ("model",), "expected_purchases", _count, ("purchases_low", "purchases_high"),
)  # fmt: skip


def newcomers(result: Result) -> Picture:
    """Customers by the month of their first order."""
    months = Counter[str]()
    for frame in result.batches("customers", _AT_ONCE):
        if "first" not in frame.columns:
            break
        months.update(dict(frame["first"].drop_nulls().dt.strftime("%Y-%m").value_counts().iter_rows()))
    title = phrase("Customers by the month of their first order")
    if not months:
        return nothing(title)
    names = sorted(months)
    values = [float(months[name]) for name in names]
    words = "; ".join(f"{name}: {months[name]:,}" for name in names[-2 * LAST :]) + "."
    return shapes.line(title, words, names, values)


def points(result: Result) -> Picture:
    """The points of the first accounts, aspect by aspect."""
    first = next(result.batches("customers", LAST)).head(LAST)
    aspects = [name for name in first.columns if name.endswith("_points")]
    names = [f"{row['customer']} ({row['score']:.0f})" for row in first.iter_rows(named=True)]
    title = phrase("Points of the first accounts, by aspect")
    return _map(
        title, first.select(aspects), names, [label(name.removesuffix("_points")) for name in aspects], _count
    )


def shares(result: Result) -> Picture:
    """The part of the customers that each store has, period by period; what was lost, where that is the table."""
    if "periods" not in result.tables:
        return first_of("accumulation")(result)
    periods = result.tables["periods"]
    wide = periods.pivot("period", index="store", values="share", maintain_order=True)
    ahead = wide.columns[1:]
    every = -(-(len(ahead) - 1) // LAST) or 1
    chosen = ahead[::-1][::every][::-1]  # the last is what a reader looks for
    title = phrase("Part of all customers, by store and period")
    return _map(title, wide.select(chosen), [str(name) for name in wide["store"]], chosen, percent)


def sensitivity(result: Result) -> Picture:
    """What a customer is worth by retention and discount."""
    table = result.tables["sensitivity"].drop("current", strict=False)
    title = phrase("Value of a customer, by retention (down) and discount")
    names = [percent(value) for value in table["retention"]]
    return _map(title, table.drop("retention"), names, table.columns[1:], compact)


def _map(
    title: str, table: pl.DataFrame, rows: Sequence[str], columns: Sequence[str], form: Callable[[float], str]
) -> Picture:
    """A map of a table's numbers, each of its rows said in words."""
    if not table.height:
        return nothing(title)
    values = [[None if value is None else float(value) for value in row] for row in table.iter_rows()]
    shown = [["" if value is None else form(value) for value in row] for row in values]
    words = "; ".join(
        f"{name}: " + ", ".join(f"{column} {text}" for column, text in zip(columns, row, strict=True) if text)
        for name, row in zip(rows, shown, strict=True)
    )
    return shapes.heat(title, words + ".", rows, columns, values, shown)
