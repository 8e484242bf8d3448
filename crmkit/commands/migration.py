"""`crmkit migration`: who moved between two dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.commands.options import Shared, choice, day
from crmkit.commands.run import Session
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import polars as pl

    from crmkit.engine.rows import ByRow, Rows
    from crmkit.migration import Span
    from crmkit.scoring.cutpoints import Cuts

_KINDS = ("segment", "tier", "rfm", "pyramid")
_SCORES = 5
Labelled = tuple["ByRow", dict[str, int]]


def migration(
    common: Shared,
    from_: Annotated[
        str, typer.Option("--from", help="The first date; cut points are found here.", metavar="DATE")
    ],
    to: Annotated[
        str | None, typer.Option("--to", help="The second date; default: the latest.", metavar="DATE")
    ] = None,
    of: Annotated[
        str,
        typer.Option(
            help="segment or rfm (scores), tier (80/95/100 of revenue) or pyramid (1/4/15/80 of heads).",
            metavar="NAME",
        ),
    ] = "segment",
    window: Annotated[
        int | None,
        typer.Option(help="Look at this many days up to each date; default: all.", metavar="DAYS", min=1),
    ] = None,
) -> None:
    """See who moved up, down, in and out between two dates, by the cut points of the first.

    Example: crmkit migration sales.parquet --from 2024-06-30 --to 2024-12-31 --of tier -o moves.csv
    """
    from crmkit import migration as analysis
    from crmkit.engine import reducers

    choice("--of", of, _KINDS)
    begin = day("--from", from_)
    end = day("--to", to) or day("--as-of", common.as_of)
    assert begin is not None
    spans = _span(begin, window), _span(end, window)
    wants = frozenset({"orders"} if of in ("segment", "rfm") else ())
    with Session("migration", common) as session:
        sales = session.read()
        build = partial(
            analysis.both, before=spans[0], after=spans[1], wants=wants, has_order=sales.has("order")
        )
        pairs = sales.by_key(build, shrink=reducers.shrink("customer", frozenset(), by_rows=False))
        end = end or sales.as_of
        analysis.check(begin, end, first=sales.begin, last=sales.as_of, window=window)
        scale, days = sales.scale, (begin, end)
        before, after = (
            pairs.by_row(partial(analysis.side, name=name, scale=scale, day=day))
            for name, day in zip(("before", "after"), days, strict=True)
        )
        label, ranks = _by_value(before, after, of) if of in ("tier", "pyramid") else _by_score(before, of)
        moved = pairs.by_row(partial(analysis.pair, label=label, ranks=ranks, scale=scale, days=days))
        session.finish(analysis.analyse(moved, ranks=ranks, begin=begin, end=end, of=of, window=window))


def _span(last: date | None, window: int | None) -> Span:
    """The days that count for a date."""
    from crmkit.migration import Span

    if window is None:
        return Span(None, last)
    if last is None:
        raise UsageError(
            "--window counts back from both dates, so the second must be given, too: add --to DATE."
        )
    return Span(last - timedelta(days=window - 1), last)


def _by_value(before: Rows, after: Rows, of: str) -> Labelled:
    """Tiers of both dates by the lowest revenue of each tier at the first."""
    from crmkit import pareto
    from crmkit.engine.rows import Counted
    from crmkit.scoring import distribution

    scheme = pareto.SCHEMES["abc" if of == "tier" else "pyramid"]
    lowest = pareto.floors(distribution.ladder(before.by_row(_revenue).counts(Counted(by=["value"]))), scheme)
    least = [side.counts(Counted(least=["revenue"]))["revenue"][0] for side in (before, after)]
    below = [pareto.BELOW_ZERO] if any(value is not None and value < 0 for value in least) else []
    ranks = {name: place for place, name in enumerate((*scheme.names, *below), start=1)}
    return partial(_tiered, lowest=lowest, names=scheme.names), ranks


def _revenue(side: pl.DataFrame) -> pl.DataFrame:
    from crmkit.engine.counts import whole

    return side.select(whole("revenue").alias("value"))


def _tiered(side: pl.DataFrame, lowest: Sequence[int], names: Sequence[str]) -> pl.DataFrame:
    from crmkit import pareto
    from crmkit.engine.counts import whole

    return side.with_columns(pareto.label(whole("revenue"), lowest, names).alias("label"))


def _by_score(before: Rows, of: str) -> Labelled:
    """Segments or RFM cells of both dates by the cut points of the first."""
    from crmkit import rfm
    from crmkit.scoring import segments

    buyers = int(rfm.tally(before, "recency")["n"].sum())
    if buyers < _SCORES:
        raise DataError(
            f"Only {buyers} customers had an order by the first date, too few for {_SCORES} scores. "
            "Choose a later --from, or compare --of tier."
        )
    cuts = rfm.cuts(before)
    if of == "segment":
        chosen = segments.load("rf10")
        ranks = {name: place for place, name in enumerate(chosen.segments, start=1)}
        return partial(_scored, cut=cuts, names=segments.cells(chosen, cuts.bins), column="segment"), ranks
    ranks = {str(code): 1 - sum(map(int, str(code))) for code in segments.codes(cuts.bins)}
    return partial(_scored, cut=cuts, names=None, column="rfm"), ranks


def _scored(side: pl.DataFrame, cut: Cuts, names: dict[int, str] | None, column: str) -> pl.DataFrame:
    from crmkit import rfm

    return rfm.place(side, cut, names).rename({column: "label"})
