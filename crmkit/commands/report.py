"""`crmkit report`: the page that is sent on."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from crmkit.errors import UsageError
from crmkit.session.options import Shared
from crmkit.session.run import Session


def report(
    common: Shared,
    sections: Annotated[str | None, typer.Option(help="These sections only: changed,makers,talk,leaving,stay,worth,together,returned,campaign.", metavar="LIST", show_default=False)] = None,
    previous: Annotated[str | None, typer.Option(help="Show what changed since an earlier report: its --summary.", metavar="FILE", show_default=False)] = None,
    min_cell: Annotated[int, typer.Option("--min-cell", help="Merge groups of fewer customers.", metavar="N")] = 1,
    pseudonyms: Annotated[str | None, typer.Option(help="Show keyed hashes in place of customer ids.", metavar="KEY", show_default=False)] = None,
    groups: Annotated[str | None, typer.Option(help="Add what a campaign brought: who was in which arm (see crmkit lift).", metavar="FILE", show_default=False)] = None,
    from_: Annotated[str | None, typer.Option("--from", help="With --groups: its first day.", metavar="DATE", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(help="With --groups: its last day.", metavar="DATE", show_default=False)] = None,
    margin: Annotated[str | None, typer.Option(help="With --groups: part of the revenue that is profit.", metavar="RATE", show_default=False)] = None,
) -> None:  # fmt: skip
    """Make one page of answers, pictures and what to do, to be opened in any browser.

    Example: crmkit report sales.parquet -o report.html --summary report.json
    """
    from crmkit import report as analysis

    page = common.output
    if page is not None and not page.endswith((".html", ".htm")):
        raise UsageError(f"--output {page}: a report is a page; name it like report.html.")
    with Session("report", replace(common, output=None), also=[page]) as session:
        with session.stages() as tell:
            result = analysis.analyse(
                session.data(),
                sections=tuple(sections.split(",")) if sections else analysis.NAMES,
                previous=previous,
                min_cell=min_cell,
                pseudonyms=pseudonyms,
                groups=groups,
                from_=from_,
                to=to,
                margin=margin,
                tell=tell,
            )
        if page is not None:
            session.keep(page, result.saved["report"])
            result = replace(result, next=())
        session.finish(result)
