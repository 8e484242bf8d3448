"""`crmkit split`: who is treated, and who is left out to compare with."""

from __future__ import annotations

from typing import Annotated

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session
from crmkit.errors import UsageError


def split(
    common: Shared,
    name: Annotated[str | None, typer.Option(help="The campaign; another name divides customers anew.", metavar="NAME", show_default=False)] = None,
    control: Annotated[str, typer.Option(help="Part of the customers that is left out.", metavar="SHARE")] = "10%",
    arms: Annotated[str | None, typer.Option(help="The other arms, such as A=45%,B=45% or A,B; default: one, treated.", metavar="LIST", show_default=False)] = None,
    by: Annotated[str | None, typer.Option(help="Divide each segment, tier, cohort or value of a column exactly.", metavar="NAME", show_default=False)] = None,
) -> None:  # fmt: skip
    """Divide customers into arms by a hash of the campaign's name and their id, and show that the arms are alike.

    Example: crmkit split sales.parquet --control 10% --by segment --name spring24 -o groups.csv
    """
    from crmkit.campaigns import arms as arm_plan
    from crmkit.campaigns import split as analysis

    if name is None:
        raise UsageError(
            "--name is missing: the campaign's name decides who is in which arm. Say --name spring24."
        )
    left_out, others = arm_plan.share(control, "--control"), arm_plan.named(arms)
    with Session("split", common) as session:
        session.finish(analysis.analyse(session.data(), name=name, control=left_out, arms=others, by=by))
