"""`crmkit migration`: who moved between two dates."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.errors import DataError, UsageError
from crmkit.options import Shared, choice, day
from crmkit.session import Session

if TYPE_CHECKING:
    import polars as pl

    from crmkit.migration import Span

_KINDS = ("segment", "tier", "rfm", "pyramid")
_SCORES = 5
Labelled = tuple[list["pl.DataFrame"], dict[str, int]]


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

    choice("--of", of, _KINDS)
    begin = day("--from", from_)
    end = day("--to", to) or day("--as-of", common.as_of)
    assert begin is not None
    spans = _span(begin, window), _span(end, window)
    wants = frozenset({"orders"} if of in ("segment", "rfm") else ())
    with Session("migration", common) as session:
        sales = session.read()
        has_order = sales.has("order")
        found = sales.collect(lambda rows: analysis.aggregate(rows, *spans, wants, has_order=has_order))
        end = end or sales.as_of
        analysis.check(begin, end, first=sales.begin, last=sales.as_of, window=window)
        sides = analysis.snapshots(found, sales.scale, (begin, end))
        (before, after), ranks = _by_value(sides, of) if of in ("tier", "pyramid") else _by_score(sides, of)
        session.finish(
            analysis.analyse(before, after, ranks=ranks, begin=begin, end=end, of=of, window=window)
        )


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


def _by_value(sides: list[pl.DataFrame], of: str) -> Labelled:
    """Tiers of both dates by the lowest revenue of each tier at the first."""
    from crmkit import pareto
    from crmkit.counts import tally, whole

    scheme = pareto.SCHEMES["abc" if of == "tier" else "pyramid"]
    lowest = pareto.floors(pareto.ladder(tally(sides[0].select(whole("revenue"))["revenue"])), scheme)
    tier = pareto.label(whole("revenue"), lowest, scheme.names)
    tiered = [side.with_columns(tier.alias("label")) for side in sides]
    below = [pareto.BELOW_ZERO] if any((side["label"] == pareto.BELOW_ZERO).any() for side in tiered) else []
    return tiered, {name: place for place, name in enumerate((*scheme.names, *below), start=1)}


def _by_score(sides: list[pl.DataFrame], of: str) -> Labelled:
    """Segments or RFM cells of both dates by the cut points of the first."""
    from crmkit import rfm, segments

    buyers = sides[0]["recency"].count()
    if buyers < _SCORES:
        raise DataError(
            f"Only {buyers} customers had an order by the first date, too few for {_SCORES} scores. "
            "Choose a later --from, or compare --of tier."
        )
    cuts = rfm.cuts(sides[0])
    scored = [rfm.score(side, cuts) for side in sides]
    if of == "segment":
        chosen = segments.load("rf10")
        named = [rfm.segment(side, segments.cells(chosen, cuts.bins)) for side in scored]
        ranks = {name: place for place, name in enumerate(chosen.segments, start=1)}
        return [side.rename({"segment": "label"}) for side in named], ranks
    ranks = {str(code): 1 - sum(map(int, str(code))) for code in segments.codes(cuts.bins)}
    return [side.rename({"rfm": "label"}) for side in scored], ranks
