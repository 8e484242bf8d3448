"""Intervals that may be looked at every day: they hold on all days at once.

An asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024) from the normal mixture boundary of
Robbins (1970). With V the variance of the difference so far, V* the one expected at the end of the campaign and t = V / V*:

    half-width = se √( (tρ² + 1) / (tρ²) · ln((tρ² + 1) / α²) ),    ρ² = −2 ln α + ln(1 − 2 ln α)

which is narrowest about t = 1. Looking at one customer's spend as it grows, later days go the way of earlier ones, and
looks agree more with each other than those of a random walk, for which the boundary is made: it errs on the safe side.
"""

from __future__ import annotations

import math

from crmkit.campaigns.statistics import LEVEL


def factor(t: float, level: float = LEVEL) -> float:
    """The half-width of the interval in standard errors, when the part t of the information is there."""
    if t <= 0:
        return math.inf
    alpha = 1 - level
    rho = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    return math.sqrt((t * rho + 1) / (t * rho) * math.log((t * rho + 1) / alpha**2))
