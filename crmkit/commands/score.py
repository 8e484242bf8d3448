"""`crmkit score`: accounts in order, by several aspects."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def score(
    common: Shared,
    weights: Annotated[str | None, typer.Option(help="Aspects and weights, such as revenue=30,growth=20, or entropy; -NAME: less is better.", metavar="LIST", show_default=False)] = None,
    aspects: Annotated[str | None, typer.Option(help="A file of customers with further aspects, such as a credit rating.", metavar="FILE", show_default=False)] = None,
) -> None:  # fmt: skip
    """Rank accounts by several aspects, each with what it gives to the score.

    Example: crmkit score sales.parquet --weights revenue=30,profit=25,growth=20,tenure=10 -o ranked.csv
    """
    from crmkit.accounts import score as analysis

    with Session("score", common, by_customer=False) as session:
        data = session.data()
        own_table = len(common.files) == 1 and common.files[0] != "-" and data.customers() is not None
        own = common.files[0] if aspects is None and own_table else aspects
        session.finish(analysis.analyse(data, weights=weights, own=own))
