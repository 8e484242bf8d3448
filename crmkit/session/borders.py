"""`--cuts` and `--save-cuts`: borders of scores and tiers, from night to night."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmkit.result import Result
from crmkit.session.run import Session

AUTO = "auto"


def answer(
    session: Session,
    cuts: str | None,
    save_cuts: str | None,
    ask: Callable[..., Result],
    read: Callable[[str], Any],
    is_file: Callable[[str], bool] = lambda cuts: True,
) -> Result:
    """The answer by the borders that were asked for; where they are to be kept, they go to the files of the run."""
    if cuts == AUTO:
        from crmkit.nightly import freezing

        result = freezing.settled(save_cuts, read, lambda kept: ask(cuts=kept), lambda: session.as_of)
    elif cuts is None or not is_file(cuts):
        result = ask(cuts=cuts)
    else:
        kept = read(cuts)
        session.frozen = kept.population
        result = ask(cuts=kept)
    if save_cuts is not None and "cuts" in result.saved:
        from crmkit.scoring.cutpoints import dated

        session.keep(save_cuts, dated(result.saved["cuts"], session.as_of))
    return result
