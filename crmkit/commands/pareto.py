"""`crmkit pareto`: who makes the money."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from crmkit.session import borders, idle
from crmkit.session.options import Shared
from crmkit.session.run import Session


def pareto(
    common: Shared,
    scheme: Annotated[str, typer.Option(help="abc (80/95/100), contribution (80/99/100), pyramid (1/4/15/80 of heads) or mvc (most valuable, most growable).", metavar="NAME")] = "abc",
    cuts: Annotated[str | None, typer.Option(help="Own cumulative cuts in percent, such as 70,90,100; or the borders that a FILE keeps; or auto, see --save-cuts.", metavar="LIST|FILE|auto")] = None,
    save_cuts: Annotated[str | None, typer.Option(help="Keep the borders of the tiers in FILE for the next run; --cuts auto uses them while they hold.", metavar="FILE")] = None,
    value: Annotated[str, typer.Option(help="revenue, profit (needs --cost or a cost column) or orders.", metavar="MEASURE")] = "revenue",
    by: Annotated[str | None, typer.Option(help="Tier something else than customers: product, channel, group, store.", metavar="ROLE")] = None,
    inactive_after: Annotated[int | None, typer.Option(help="With pyramid: customers without an order for so many days are inactive.", metavar="DAYS")] = None,
    service_cost: Annotated[str | None, typer.Option(help="With mvc: a file of customers and what serving each cost.", metavar="FILE")] = None,
    level: Annotated[str | None, typer.Option(help="With --table matrix: the column of categories, default the product.", metavar="COLUMN")] = None,
) -> None:  # fmt: skip
    """Tier customers by what they bring in, with the 80/20 curve.

    Example: crmkit pareto sales.parquet -o tiers.csv
    """
    from crmkit import pareto as analysis
    from crmkit.accounts import difference_matrix, most_valuable
    from crmkit.scoring import tier_cuts

    own: dict[str, object] = {"--cuts": cuts, "--save-cuts": save_cuts, "--inactive-after": inactive_after}
    with Session("pareto", common, also=[save_cuts]) as session:
        data = session.data()
        if common.table == "matrix":
            others = {
                "--scheme": scheme != "abc",
                "--value": value != "revenue",
                "--service-cost": service_cost,
            }
            idle.refuse_beside("--table matrix", own | others)
            result = difference_matrix.analyse(data, level=level, by=by)
        elif scheme == "mvc":
            idle.refuse_beside("--scheme mvc", own | {"--by": by, "--level": level})
            result = most_valuable.analyse(data, value=value, service_cost=service_cost)
        else:
            idle.refuse_beside(f"--scheme {scheme}", {"--service-cost": service_cost})
            idle.refuse_beside(f"--table {common.table or 'tiers'}", {"--level": level})
            ask = partial(
                analysis.analyse,
                data,
                scheme=scheme,
                value=value,
                by=by or "customer",
                inactive_after=inactive_after,
            )
            result = borders.answer(session, cuts, save_cuts, ask, tier_cuts.read, tier_cuts.is_file)
        session.finish(result)
