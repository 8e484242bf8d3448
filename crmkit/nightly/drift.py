"""How far the shares of groups have moved: the population stability index of scorecards.

PSI = Σ (p − q) ln(p / q) over the groups, where q and p are their shares before and now: the sum of both
Kullback-Leibler divergences (Siddiqi, Credit Risk Scorecards, 2006, ch. 9). Below 0.1 little has changed, from 0.25 on
much has. A group that is empty on one side counts as half a customer, so that the figure is finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_HALF = 0.5


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The index for two counts of groups; 0 where the shares are the same."""
    names = sorted({*before, *now})
    q = [max(float(before.get(name, 0)), _HALF) for name in names]
    p = [max(float(now.get(name, 0)), _HALF) for name in names]
    q_all, p_all = math.fsum(q), math.fsum(p)
    terms = ((a / p_all - b / q_all) * math.log((a / p_all) / (b / q_all)) for a, b in zip(p, q, strict=True))
    return math.fsum(terms)


def drifts(before: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """The index of each label that both runs have."""
    return {label: psi(before[label], now[label]) for label in now if label in before}
