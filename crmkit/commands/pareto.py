"""`crmkit pareto`: who makes the money."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crmkit.commands.options import Shared, choice
from crmkit.commands.run import Session

_SCHEMES = ("abc", "contribution", "pyramid")


def pareto(
    common: Shared,
    scheme: Annotated[
        str,
        typer.Option(
            help="abc (80/95/100), contribution (80/99/100) or pyramid (1/4/15/80 of heads).", metavar="NAME"
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
) -> None:
    """Tier customers by what they bring in, with the 80/20 curve.

    Example: crmkit pareto sales.parquet -o tiers.csv
    """
    from crmkit import pareto as analysis
    from crmkit import parse

    choice("--scheme", scheme, _SCHEMES)
    choice("--value", value, ("revenue", "profit", "orders"))
    key = choice("--by", by or "customer", ("customer", "product", "channel", "group", "store"))
    options: dict[str, Any] = {
        "scheme": scheme,
        "cuts": None if cuts is None else parse.percentages(cuts, "--cuts"),
        "value": value,
        "inactive_after": inactive_after,
        "key": key,
    }
    needs = (
        {"customer", "date", "amount"}
        | ({key} if key != "customer" else set())
        | ({"cost"} if value == "profit" else set())
    )
    wants = {"orders", "profit"} if value == "profit" else {"orders"}
    with Session("pareto", common) as session:
        frame = session.customers(wants, key=key, needs=needs)
        session.finish(analysis.analyse(frame, **options))
