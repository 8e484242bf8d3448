"""`crmkit diff`: what has changed between two runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session

_OLD = typer.Argument(
    help="An export or the --summary of the run before, or a day of a history: shop.ledger@2024-12-30.",
    metavar="OLD",
    show_default=False,
)
_NEW = typer.Argument(help="That of the later one.", metavar="NEW", show_default=False)


def diff(
    common: Shared,
    old: Annotated[str, _OLD],
    new: Annotated[str, _NEW],
    by: Annotated[str | None, typer.Option(help="Column with the group; default: segment, tier, stage, status or level.", metavar="COLUMN", show_default=False)] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with status 1 where the runs differ, as diff does.", show_default=False)] = False,
) -> None:  # fmt: skip
    """Show who entered, left or moved between two exports or days, and how much money moved with them.

    Example: crmkit diff tiers-2024-12-30.csv tiers-2024-12-31.csv
    """
    from crmkit.nightly import diff as analysis
    from crmkit.session import days

    files = tuple(dict.fromkeys(days.parted(run)[0] for run in (old, new)))
    with Session("diff", replace(common, files=files)) as session:
        result = analysis.analyse(*(days.run_of(run, by) for run in (old, new)), by=by)
        session.finish(result)
    if exit_code and result.facts["differs"]:
        raise typer.Exit(1)
