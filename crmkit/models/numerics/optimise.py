"""Maximum likelihood by Newton's method on log-parameters, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Array = np.ndarray
Objective = Callable[[Array], tuple[float, Array, Array]]

STEP_CAP = 1.5  # a parameter moves by at most e^1.5 in one step
TOLERANCE = 1e-10  # of gain, twice what the next step adds, and its squared length in standard errors
RIDGE = 1e-5  # in log-likelihood: not worth another step where the likelihood is flat
WALL = 1e-9  # as near as this to a bound is at it
FLAT = 1e-3  # curvature below which the data say nothing: a standard error above 30 log units


def promise(objective: Objective, point: Array) -> float:
    """What the parabola through a point within the bounds promises to gain."""
    _, gradient, hessian = objective(point)
    return float(gradient @ _ascent(gradient, hessian, np.ones(len(point), bool))) / 2


class Maximum(NamedTuple):
    """Where Newton's method stopped, and the log-likelihood with its derivatives there."""

    point: Array
    value: float
    gradient: Array
    hessian: Array
    iterations: int
    converged: bool


def _ascent(gradient: Array, hessian: Array, free: Array) -> Array:
    """The Newton step on the free coordinates; curvature of the wrong sign is turned round."""
    step = np.zeros_like(gradient)
    if not free.any():
        return step
    values, vectors = np.linalg.eigh(-hessian[np.ix_(free, free)])
    floor = 1e-9 * max(1.0, float(np.abs(values).max()))
    step[free] = vectors @ (vectors.T @ gradient[free] / np.maximum(np.abs(values), floor))
    return step * min(1.0, STEP_CAP / max(float(np.abs(step).max()), 1e-300))


def _search(objective: Objective, at: Maximum, step: Array, box: tuple[Array, Array]) -> Maximum | None:
    """Halve the step until the objective does not fall; None when nothing helps."""
    slack = 1e-13 * abs(at.value)  # the rounding of a sum over many customers
    step = _within(at.point, step, box)
    for _ in range(40):
        point = np.clip(at.point + step, *box)
        point = np.where(point > box[1] - WALL, box[1], np.where(point < box[0] + WALL, box[0], point))
        value, gradient, hessian = objective(point)
        if np.isfinite(value) and value >= at.value + 1e-4 * float(at.gradient @ (point - at.point)) - slack:
            return Maximum(point, value, gradient, hessian, at.iterations + 1, False)
        step = step / 2
    return None


def _within(point: Array, step: Array, box: tuple[Array, Array]) -> Array:
    """The step, ended where it first meets a wall of the box: to clip one coordinate would leave a ridge."""
    room = np.where(step > 0, box[1] - point, point - box[0])
    step = np.where(room <= WALL, 0.0, step)
    parts = room[step != 0] / np.abs(step[step != 0])
    return step * min(1.0, float(parts.min(initial=1.0)))


def maximise(
    objective: Objective,
    start: Array,
    *,
    lower: Array,
    upper: Array,
    limit: int = 120,
    goal: float = TOLERANCE,
) -> Maximum:
    """Maximise within a box.

    `objective(point)` returns value, gradient (p,) and Hessian (p, p). A coordinate that leans on
    its bound is held there while its gradient points outwards. On a ridge that rises for ever the
    climb ends when there is nothing to gain. Where a step is to gain less than `goal` it is the last one,
    and the value is not looked up again: Newton's method is off by the square of that step.
    """
    start = np.clip(np.asarray(start, float), lower, upper)
    best, last = Maximum(start, *objective(start), 0, False), np.inf
    while best.iterations < limit:
        held = (best.point <= lower) & (best.gradient < 0)
        held |= (best.point >= upper) & (best.gradient > 0)
        step = _ascent(best.gradient, best.hessian, ~held)
        gain = float(best.gradient @ step)
        flat = gain < RIDGE and gain < FLAT * float(step @ step)
        stalled = gain < TOLERANCE and gain > last / 16  # rounding rules from here on
        if flat or stalled or gain < TOLERANCE**2:
            return best._replace(converged=True)
        if gain < goal:
            point = np.clip(best.point + step, lower, upper)
            return best._replace(point=point, value=best.value + gain / 2, converged=True)
        found = _search(objective, best, step, (lower, upper))
        if found is None:
            return best._replace(converged=gain < 1e-4)
        rise, best, last = found.value - best.value, found, gain
        if rise < RIDGE and rise < FLAT * gain:
            return best._replace(converged=True)  # far from what was promised: rounding rules here, too
    return best


def covariance(hessian: Array, fixed: Array) -> tuple[Array, Array]:
    """Inverse observed information, and which parameters the data identify.

    Directions in which the likelihood is flat, and the `fixed` parameters, get no variance: along
    them predictions do not change. A parameter that moves along such a direction is unidentified, also
    if what it moves with is fixed.
    """
    p = len(hessian)
    values, vectors = np.linalg.eigh(-hessian)
    cov, known = np.zeros((p, p)), ~fixed & (np.abs(vectors[:, values <= FLAT]) < 0.1).all(axis=1)
    free = np.flatnonzero(~fixed)
    if len(free):
        values, vectors = np.linalg.eigh(-hessian[np.ix_(free, free)])
        sharp = values > FLAT
        cov[np.ix_(free, free)] = (vectors[:, sharp] / values[sharp]) @ vectors[:, sharp].T
        known[free] &= (np.abs(vectors[:, ~sharp]) < 0.1).all(axis=1)
    return cov, known
