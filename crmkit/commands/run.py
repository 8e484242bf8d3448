"""`crmkit run`: several analyses of one read."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from crmkit.session import jobs as kept
from crmkit.session.options import Shared

_JOBS = typer.Argument(help="A TOML file with a section for each job.", metavar="JOBS", show_default=False)
_FILES = typer.Argument(
    help="Read these in place of the files that it names.", metavar="FILE...", show_default=False
)


def run(
    common: Shared, jobs: Annotated[str, _JOBS], files: Annotated[list[str] | None, _FILES] = None
) -> None:
    """Run the jobs of a file on one read; their files take their places together, or none does.

    Example: crmkit run jobs.toml --summary night-{date}.json
    """
    kept.start(replace(common, files=tuple(files or ())), kept.planned(jobs))
