"""`crmkit returns`: what comes back."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def returns(
    common: Shared,
    fdr: Annotated[str, typer.Option(help="Part of what is marked as unusual that may be so by chance.", metavar="P%")] = "5%",
) -> None:  # fmt: skip
    """Show how much is returned, by product, channel, cohort and customer, and who returns unlike others.

    Example: crmkit returns sales.parquet -o returners.csv
    """
    from crmkit import returns as analysis

    with Session("returns", common, by_customer=False) as session:
        session.finish(analysis.analyse(session.data(), fdr=fdr))
