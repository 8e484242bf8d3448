"""`crmkit profile`: who is who."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def profile(
    common: Shared,
    by: Annotated[str, typer.Option(help="Groups: segment, tier, cohort, or a column of a file of customers, FILE:COLUMN.", metavar="NAME")] = "segment",
    fdr: Annotated[str, typer.Option(help="Part of the findings that may be false.", metavar="P%")] = "5%",
    min_cell: Annotated[int, typer.Option(help="Show no cell of fewer customers; smaller groups are merged.", metavar="N")] = 5,
) -> None:  # fmt: skip
    """Say what marks each group of customers: what it does more, and less, than everybody else.

    Example: crmkit profile sales.parquet --by segment
    """
    from crmkit import profile as analysis

    with Session("profile", common, by_customer=False) as session:
        session.finish(analysis.analyse(session.data(), by=by, fdr=fdr, min_cell=min_cell))
