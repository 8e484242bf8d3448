"""`crmkit migration`: who moved between two dates."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


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

    with Session("migration", common) as session:
        session.finish(analysis.analyse(session.data(), from_=from_, to=to, of=of, window=window))
