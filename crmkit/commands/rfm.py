"""`crmkit rfm`: who to talk to."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from crmkit import parse
from crmkit.session import borders
from crmkit.session.options import Shared
from crmkit.session.run import Session


def rfm(
    common: Shared,
    bins: Annotated[str | None, typer.Option(help="Scores per measure: 5, or 5,4,3 for R, F, M.", metavar="K|R,F,M")] = None,
    r_cuts: Annotated[str | None, typer.Option(help="Fixed borders of R in days, such as 30,90,180,365.", metavar="LIST")] = None,
    f_cuts: Annotated[str | None, typer.Option(help="Fixed borders of F, such as 1,2,3,5.", metavar="LIST")] = None,
    m_cuts: Annotated[str | None, typer.Option(help="Fixed borders of M, such as 50,100,500,1000.", metavar="LIST")] = None,
    save_cuts: Annotated[str | None, typer.Option(help="Keep the cut points in FILE for the next run.", metavar="FILE")] = None,
    cuts: Annotated[str | None, typer.Option(help="Use the cut points of an earlier run; auto: those of --save-cuts while they hold.", metavar="FILE|auto")] = None,
    frequency: Annotated[str | None, typer.Option(help="orders (default), days or rows.", metavar="MEASURE")] = None,
    monetary: Annotated[str | None, typer.Option(help="total (default), average or profit.", metavar="MEASURE")] = None,
    ties: Annotated[str, typer.Option(help="same: equal values get equal scores; first: split them by id.", metavar="RULE")] = "same",
    map: Annotated[str, typer.Option("--map", help="rf10, rfm11, cn8, or a CSV file with your own segments.", metavar="NAME|FILE")] = "rf10",
    segment: Annotated[list[str] | None, typer.Option(help="Keep only this segment in the customers table (may be repeated).", metavar="NAME")] = None,
) -> None:  # fmt: skip
    """Score recency, frequency and monetary value, and name the segments.

    Example: crmkit rfm sales.parquet --segment Champions -o champions.csv
    """
    from crmkit import rfm as analysis

    scores = None if bins is None else parse.wholes(bins, "--bins")
    with Session("rfm", common, also=[save_cuts]) as session:
        ask = partial(
            analysis.analyse,
            session.data(),
            bins=scores[0] if scores and len(scores) == 1 else scores,
            r_cuts=parse.decimals(r_cuts, "--r-cuts") if r_cuts else None,
            f_cuts=parse.decimals(f_cuts, "--f-cuts") if f_cuts else None,
            m_cuts=parse.decimals(m_cuts, "--m-cuts") if m_cuts else None,
            frequency=frequency,
            monetary=monetary,
            ties=ties,
            map=map,
            segment=segment or (),
        )
        result = borders.answer(session, cuts, save_cuts, ask, analysis.read_cuts)
        if save_cuts and "cuts" not in result.saved:
            analysis.cuts_file(result.facts["cuts"])  # says why not
        session.finish(result)
