"""`crmkit pareto`: who makes the money."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session


def pareto(
    common: Shared,
    scheme: Annotated[
        str,
        typer.Option(
            help="abc (80/95/100), contribution (80/99/100) pyramid (1/4/15/80 of heads) or mvc (most valuable, most growable).",
            metavar="NAME",
        ),
    ] = "abc",
    cuts: Annotated[
        str | None, typer.Option(help="Own cumulative cuts in percent, such as 70,90,100.", metavar="LIST")
    ] = None,
    value: Annotated[
        str,
        typer.Option(help="revenue, profit (needs --cost or a cost column) or orders.", metavar="MEASURE"),
    ] = "revenue",
    by: Annotated[
        str | None,
        typer.Option(
            help="Tier something else than customers: product, channel, group, store.", metavar="ROLE"
        ),
    ] = None,
    inactive_after: Annotated[
        int | None,
        typer.Option(
            help="With pyramid: customers without an order for so many days are inactive.", metavar="DAYS"
        ),
    ] = None,
    service_cost: Annotated[
        str | None,
        typer.Option(help="With mvc: a file of customers and what serving each cost.", metavar="FILE"),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help="With --table matrix: the column of categories, default the product.", metavar="COLUMN"
        ),
    ] = None,
) -> None:
    """Tier customers by what they bring in, with the 80/20 curve.

    Example: crmkit pareto sales.parquet -o tiers.csv
    """
    from crmkit import pareto as analysis
    from crmkit.accounts import difference_matrix, most_valuable
    from crmkit.errors import UsageError

    if level and common.table != "matrix":
        raise UsageError("--level belongs to --table matrix. Add that, or leave it out.")
    if service_cost and scheme != "mvc":
        raise UsageError("--service-cost belongs to --scheme mvc. Add that, or leave it out.")
    with Session("pareto", common) as session:
        if common.table == "matrix":
            session.finish(difference_matrix.analyse(session.data(), level=level, by=by))
            return
        if scheme == "mvc":
            _refuse_for_mvc(cuts=cuts, by=by, inactive_after=inactive_after)
            session.finish(most_valuable.analyse(session.data(), value=value, service_cost=service_cost))
            return
        session.finish(
            analysis.analyse(
                session.data(),
                scheme=scheme,
                cuts=cuts,
                value=value,
                by=by or "customer",
                inactive_after=inactive_after,
            )
        )


def _refuse_for_mvc(**options: object) -> None:
    from crmkit.errors import UsageError

    for name, given in options.items():
        if given is not None:
            raise UsageError(f"--{name.replace('_', '-')} does not go with --scheme mvc. Leave it out.")
