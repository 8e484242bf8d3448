"""`crmkit split`: who is treated, and who is left out to compare with."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.session import idle
from crmkit.session.options import Shared
from crmkit.session.run import Session


def split(
    common: Shared,
    name: Annotated[str | None, typer.Option(help="The campaign; another name divides customers anew.", metavar="NAME", show_default=False)] = None,
    control: Annotated[str, typer.Option(help="Part of the customers that is left out.", metavar="SHARE")] = "10%",
    arms: Annotated[str | None, typer.Option(help="The other arms, such as A=45%,B=45% or A,B; default: one, treated.", metavar="LIST", show_default=False)] = None,
    by: Annotated[str | None, typer.Option(help="Divide each segment, tier, cohort or value of a column exactly.", metavar="NAME", show_default=False)] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Divide nobody: say whether an effect would be seen.")] = False,
    effect: Annotated[str | None, typer.Option(help="With --plan: what the campaign should bring, as a part of revenue; default 5%.", metavar="SHARE", show_default=False)] = None,
    for_: Annotated[str | None, typer.Option("--for", help="With --plan: how long the campaign is; default 60d.", metavar="DURATION", show_default=False)] = None,
) -> None:  # fmt: skip
    """Divide customers into arms by a hash of the campaign's name and their id, and show that the arms are alike.

    Example: crmkit split sales.parquet --control 10% --by segment --name spring24 -o groups.csv
    """
    from crmkit.campaigns import split as analysis

    idle.refuse({"--name": name, "--by": by} if plan else {"--effect": effect, "--for": for_}, "--plan", plan)
    with Session("split", common) as session:
        if plan:
            session.finish(
                analysis.plan(
                    session.data(), control=control, arms=arms, effect=effect or "5%", for_=for_ or "60d"
                )
            )
        else:
            session.finish(analysis.analyse(session.data(), name=name, control=control, arms=arms, by=by))
