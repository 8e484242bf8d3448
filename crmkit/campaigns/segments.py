"""Effects by segment: which of them stand when many are looked at, and whether segments differ at all.

"Significant here and not there" is no difference. Holm's and Benjamini and Hochberg's p hold for all segments together; Cochran's Q
asks whether the effects differ more than chance makes them; the shrunk effects are what to expect of each next time
(normal empirical Bayes, the spread between segments by DerSimonian and Laird).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmkit.campaigns.statistics import Estimate, Sample, difference

Array = np.ndarray


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p: each is below a level only if all smaller ones are."""
    order = np.argsort(p, kind="stable")
    raised = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    return _placed(np.minimum(np.maximum.accumulate(raised), 1.0), order)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """The false discovery rate at which each would be called an effect."""
    order = np.argsort(p, kind="stable")
    raised = np.asarray(p)[order] * len(p) / np.arange(1, len(p) + 1)
    return _placed(np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0), order)


def _placed(values: Array, order: Array) -> list[float]:
    found = np.empty(len(values))
    found[order] = values
    return [float(one) for one in found]


class Heterogeneity(NamedTuple):
    """Cochran's Q with its degrees of freedom and p, the common effect, and the variance between segments."""

    q: float
    df: int
    p: float
    common: float
    between: float


def heterogeneity(effects: Sequence[float], variances: Sequence[float]) -> Heterogeneity:
    """Whether effects differ; of fewer than two there is no difference."""
    from scipy.special import chdtrc

    w, y = 1 / np.asarray(variances, float), np.asarray(effects, float)
    common = float((w * y).sum() / w.sum())
    q = float((w * (y - common) ** 2).sum())
    df = len(y) - 1
    spare = float(w.sum() - (w**2).sum() / w.sum())
    between = max((q - df) / spare, 0.0) if df and spare > 0 else 0.0
    return Heterogeneity(q, df, float(chdtrc(df, q)) if df else 1.0, common, between)


def shrunk(effects: Sequence[float], variances: Sequence[float], found: Heterogeneity) -> list[float]:
    """Each effect drawn towards the common one, the more the less is known of it."""
    if found.between == 0:
        return [found.common] * len(effects)
    made = []
    for effect, variance in zip(effects, variances, strict=True):
        own, all_ = 1 / variance, 1 / found.between
        made.append((own * effect + all_ * found.common) / (own + all_))
    return made


SCHEMA = {
    "group": pl.String, "label": pl.String, "control_customers": pl.Int64, "customers": pl.Int64,
    "control_mean": pl.Float64, "mean": pl.Float64, "effect": pl.Float64, "effect_low": pl.Float64,
    "effect_high": pl.Float64, "p": pl.Float64, "p_holm": pl.Float64, "p_bh": pl.Float64, "shrunk": pl.Float64,
}  # fmt: skip


def table(arm: str, pairs: Mapping[str, tuple[Sample, Sample]]) -> tuple[pl.DataFrame, Heterogeneity | None]:
    """A row for each segment (treated, control), those without a test last and blank."""
    found = {label: difference(*pair) for label, pair in pairs.items()}
    tested = [label for label, one in found.items() if one.p is not None]
    effects = [found[label].value or 0.0 for label in tested]
    variances = [sum(one.of_mean for one in pairs[label]) for label in tested]
    p = [found[label].p or 0.0 for label in tested]
    spread = heterogeneity(effects, variances) if tested else None
    more: dict[str, Any] = {
        label: row
        for label, *row in zip(
            tested,
            holm(p),
            benjamini_hochberg(p),
            shrunk(effects, variances, spread) if spread else [],
            strict=True,
        )
    }
    order = [*tested, *(label for label in found if label not in tested)]
    rows = [_row(arm, label, pairs[label], found[label], more.get(label, (None,) * 3)) for label in order]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row"), spread


def _row(
    arm: str, label: str, pair: tuple[Sample, Sample], found: Estimate, more: Sequence[float | None]
) -> tuple[Any, ...]:
    treated, control = pair
    means = (control.mean if control.n else None, treated.mean if treated.n else None)
    effect = (found.value, found.low, found.high) if treated.n and control.n else (None,) * 3
    return (arm, label, control.n, treated.n, *means, *effect, found.p, *more)
