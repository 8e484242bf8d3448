"""Effects adjusted by what was known beforehand: less noise, the same effect.

    y' = y − θ'(x − x̄)

with θ of the regression of y on the covariates over the customers of both arms (CUPED: Deng, Xu, Kohavi and Walker 2013; several
covariates: ANCOVA). Where arms are of unequal size, customers weigh by the size of their arm such that the variance of the
*difference* becomes least (Lin 2013): a control of a tenth has the larger say, because it is where the noise comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmkit.campaigns.moments import Moments
from crmkit.campaigns.statistics import Sample

Array = np.ndarray
Arms = tuple[Moments, Moments]  # treated, control

EACH = 20  # customers of the smaller arm for each covariate
_RANK = 1e-9


def weights(arms: Arms) -> tuple[float, float]:
    """Of a customer in each arm, one on average where both have the same size."""
    parts = [1 / (one.n * (one.n - 1)) for one in arms]
    scale = sum(one.n for one in arms) / sum(part * one.n for part, one in zip(parts, arms, strict=True))
    return parts[0] * scale, parts[1] * scale


def slopes(arms: Arms, y: str, covariates: Sequence[str], weigh: tuple[float, float]) -> Array:
    """θ: least squares of y on the covariates, customers weighing by arm."""
    whole = sum(w * one.n for w, one in zip(weigh, arms, strict=True))

    def mean(name: str) -> float:
        return sum(w * one.n * one.mean(name) for w, one in zip(weigh, arms, strict=True)) / whole

    def spread(a: str, b: str) -> float:
        within = sum(w * (one.n - 1) * one.covariance(a, b) for w, one in zip(weigh, arms, strict=True))
        between = sum(
            w * one.n * (one.mean(a) - mean(a)) * (one.mean(b) - mean(b))
            for w, one in zip(weigh, arms, strict=True)
        )
        return within + between

    own = np.sqrt([spread(a, a) for a in covariates])
    square = np.array([[spread(a, b) for b in covariates] for a in covariates]) / np.outer(own, own)
    product = np.array([spread(y, a) for a in covariates]) / own
    return np.linalg.lstsq(square, product, rcond=_RANK)[0] / own


def usable(arms: Arms, covariates: Sequence[str]) -> list[str]:
    """The covariates that vary, as many as the smaller arm can bear, the first ones first."""
    most = min(one.n for one in arms) // EACH
    varying = [name for name in covariates if all(one.covariance(name, name) > 0 for one in arms)]
    return varying[:most]


def samples(
    arms: Arms, y: str, covariates: Sequence[str], theta: Array, unit: float = 1.0
) -> tuple[Sample, Sample]:
    """Both arms' adjusted means and variances; means are at the mean of the covariates over both."""
    whole = sum(one.n for one in arms)
    centre = np.array([sum(one.n * one.mean(a) for one in arms) / whole for a in covariates])
    made = []
    for one in arms:
        away = np.array([one.mean(a) for a in covariates]) - centre
        cross = one.covariances([y], covariates)[0]
        inner = one.covariances(covariates, covariates)
        variance = one.covariance(y, y) - 2 * float(theta @ cross) + float(theta @ inner @ theta)
        mean = one.mean(y) - float(theta @ away)
        made.append(Sample(one.n, mean * unit, max(variance, 0.0) * unit * unit))
    return made[0], made[1]
