"""Will an effect be seen? From the variance that the file itself shows over a time as long as the campaign's.

    power = Φ(|δ| / se − z) + Φ(−|δ| / se − z),    se² = s² (1 / n_t + 1 / n_c)

with δ the effect per customer and s² the variance of what customers did, or of what is left of it after the adjustment.
"""

from __future__ import annotations

from statistics import NormalDist

LEVEL, POWER = 0.95, 0.80
_NORMAL = NormalDist()


def power(effect: float, variance: float, treated: float, control: float, level: float = LEVEL) -> float:
    """The chance that the interval leaves out zero."""
    if variance <= 0 or not treated or not control:
        return 0.0
    shift, z = abs(effect) / (variance * (1 / treated + 1 / control)) ** 0.5, _NORMAL.inv_cdf((1 + level) / 2)
    return _NORMAL.cdf(shift - z) + _NORMAL.cdf(-shift - z)


def detectable(
    variance: float, treated: float, control: float, level: float = LEVEL, chance: float = POWER
) -> float:
    """The smallest effect that is seen with that chance."""
    return _z(level, chance) * (variance * (1 / treated + 1 / control)) ** 0.5


def customers(
    effect: float, variance: float, share: float, level: float = LEVEL, chance: float = POWER
) -> float:
    """How many are needed in both arms together, of whom the control is a `share`."""
    return (_z(level, chance) / effect) ** 2 * variance * (1 / (1 - share) + 1 / share)


def _z(level: float, chance: float) -> float:
    return _NORMAL.inv_cdf((1 + level) / 2) + _NORMAL.inv_cdf(chance)
