"""`crmkit lift`: did the campaign pay?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crmkit.errors import UsageError
from crmkit.session.options import Shared
from crmkit.session.run import Session

Text = str | None


def _option(help_: str, metavar: str, *flags: str) -> Any:
    return typer.Option(*flags, help=help_, metavar=metavar, show_default=False)


def lift(
    common: Shared,
    groups: Annotated[Text, _option("Who was in which arm: the columns customer and group, as split writes them.", "FILE")] = None,
    from_: Annotated[Text, _option("First day of the campaign.", "DATE", "--from")] = None,
    to: Annotated[Text, _option("Last day of it.", "DATE")] = None,
    control_arm: Annotated[str, typer.Option(help="The arm that the others are compared with.", metavar="NAME")] = "control",
    margin: Annotated[Text, _option("Part of the revenue that is profit; default: by the cost column, if there is one.", "RATE")] = None,
    cost: Annotated[str, _option("What it cost to write to one customer.", "AMOUNT")] = "0",
    fixed_cost: Annotated[str, _option("What the campaign cost once.", "AMOUNT")] = "0",
    spend: Annotated[Text, _option("All that it cost, in place of the two.", "AMOUNT")] = None,
    by: Annotated[Text, _option("A column of the groups, such as segment, whose values are looked at one by one.", "COLUMN")] = None,
    score: Annotated[Text, _option("A column of the groups that was to say whom to treat: is it any good?", "COLUMN")] = None,
    top: Annotated[Text, _option("With --score: what treating only this part would have brought, such as 20%.", "SHARE")] = None,
    pre: Annotated[Text, _option("The time before it that customers are compared by; default: as long as the campaign.", "DURATION")] = None,
    returns_until: Annotated[Text, _option("Deduct refunds after the campaign up to this day.", "DATE")] = None,
    planned: Annotated[Text, _option("The shares that were planned, such as control=10%,treated=90%.", "LIST")] = None,
    accept_srm: Annotated[bool, typer.Option("--accept-srm", help="Go on where the arms are not as large as planned.")] = False,
    buyers_only: Annotated[bool, typer.Option("--buyers-only", help="Without --groups: compare the order value of buyers by the group column alone.")] = False,
    before_after: Annotated[bool, typer.Option("--before-after", help="Without --groups: what happened before and after, and why that is no effect.")] = False,
) -> None:  # fmt: skip
    """Say what a campaign brought: the treated customers against those left out, in money, with intervals.

    Example: crmkit lift sales.parquet --groups groups.csv --from 2024-03-01 --to 2024-04-30 --margin 30% --cost 0.10
    """
    from crmkit.campaigns import lift as analysis

    if from_ is None or to is None:
        raise UsageError(
            "--from and --to are missing: the days of the campaign, such as --from 2024-03-01 --to 2024-04-30."
        )
    with Session("lift", common) as session:
        result = analysis.analyse(
            session.data(), groups=groups, from_=from_, to=to, control_arm=control_arm, margin=margin, cost=cost,
            fixed_cost=fixed_cost, spend=spend, by=by, score=score, top=top, pre=pre, returns_until=returns_until,
            planned=planned, accept_srm=accept_srm, buyers_only=buyers_only, before_after=before_after,
        )  # fmt: skip
        session.finish(result)
