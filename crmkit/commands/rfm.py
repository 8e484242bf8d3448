"""`crmkit rfm`: who to talk to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session
from crmkit.errors import UsageError


def rfm(
    common: Shared,
    bins: Annotated[str | None, typer.Option(help="Scores per measure: 5, or 5,4,3 for R, F, M.", metavar="K|R,F,M")] = None,
    r_cuts: Annotated[str | None, typer.Option(help="Fixed borders of R in days, such as 30,90,180,365.", metavar="LIST")] = None,
    f_cuts: Annotated[str | None, typer.Option(help="Fixed borders of F, such as 1,2,3,5.", metavar="LIST")] = None,
    m_cuts: Annotated[str | None, typer.Option(help="Fixed borders of M, such as 50,100,500,1000.", metavar="LIST")] = None,
    save_cuts: Annotated[str | None, typer.Option(help="Keep the cut points in FILE for the next run.", metavar="FILE")] = None,
    cuts: Annotated[str | None, typer.Option(help="Use the cut points of an earlier run.", metavar="FILE")] = None,
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

    choices: dict[str, Any] = {
        "bins": _bins(bins),
        "r_cuts": _numbers("--r-cuts", r_cuts),
        "f_cuts": _numbers("--f-cuts", f_cuts),
        "m_cuts": _numbers("--m-cuts", m_cuts),
    }
    with Session("rfm", common, also=[save_cuts]) as session:
        result = analysis.analyse(
            session.data(),
            **choices,
            cuts=cuts,
            frequency=frequency,
            monetary=monetary,
            ties=ties,
            map=map,
            segment=segment or (),
        )
        if save_cuts:
            session.keep(save_cuts, analysis.cuts_file(result.facts["cuts"]))
        session.finish(result)


def _bins(text: str | None) -> int | list[int] | None:
    if text is None:
        return None
    try:
        parts = [int(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in (1, 3):
        raise UsageError(
            f"--bins {text!r} is neither one whole number nor three (R,F,M), such as 5 or 5,4,3."
        )
    return parts[0] if len(parts) == 1 else parts


def _numbers(option: str, text: str | None) -> list[Any] | None:
    from decimal import Decimal, InvalidOperation

    if text is None:
        return None
    try:
        return [Decimal(part.strip()) for part in text.split(",")]
    except InvalidOperation:
        raise UsageError(f"{option} {text!r} is not a list of numbers such as 1,2,3,5.") from None
