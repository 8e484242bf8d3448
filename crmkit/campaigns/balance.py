"""How alike arms were beforehand: the structure of both groups must be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from crmkit.campaigns.moments import Moments
from crmkit.campaigns.statistics import standardised

UNLIKE = 0.1  # standard deviations
_SCHEMA = {
    "group": pl.String, "measure": pl.String, "control_mean": pl.Float64, "mean": pl.Float64, "smd": pl.Float64,
    "unlike": pl.Boolean,
}  # fmt: skip


def table(
    found: Mapping[str, Moments], control: str, measures: Sequence[str], units: Mapping[str, float]
) -> pl.DataFrame:
    """A row for each arm but the control, and each measure."""
    rows = []
    for arm in found:
        for name in measures if arm != control else ():
            pair = [found[one].sample(name, units[name]) for one in (arm, control)]
            smd = standardised(*pair)
            rows.append((arm, name, pair[1].mean, pair[0].mean, smd, smd is not None and abs(smd) > UNLIKE))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")
