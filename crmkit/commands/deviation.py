"""`crmkit deviation`: fraud or change?"""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def deviation(
    common: Shared,
    window: Annotated[str, typer.Option(help="The span that is compared with the past.", metavar="SPAN")] = "30d",
    threshold: Annotated[float, typer.Option(help="An alarm is this many robust deviations from the median.", metavar="Z")] = 3.5,
    history: Annotated[int, typer.Option(help="Windows, gaps or purchase days that a test needs before the window.", metavar="N")] = 6,
) -> None:  # fmt: skip
    """List customers whose last window departs from their own history, with the evidence.

    Example: crmkit deviation sales.parquet --window 4w --threshold 6
    """
    from crmkit import deviation as analysis

    with Session("deviation", common) as session:
        session.finish(analysis.analyse(session.data(), window=window, threshold=threshold, history=history))
