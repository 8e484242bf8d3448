"""Gaussian processes with a few dozen values, many priors at once, without BLAS.

Libraries for linear algebra add up in an order that depends on the number of threads. Here each
number is a sum by itself, so that equal data give equal bits; the work is done for all priors together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray

NOTHING = 1e-10  # of the largest pivot


def root(matrix: Array) -> Array:
    """R (n, rank) with R R' the matrix, by Cholesky with pivots; what is not positive is left out."""
    rest, columns = matrix.copy(), []
    least = NOTHING * float(np.abs(np.diag(matrix)).max(initial=0.0))
    for _ in range(len(matrix)):
        at = int(np.argmax(np.diag(rest)))
        pivot = float(rest[at, at])
        if pivot <= least:
            break
        column = rest[:, at] / np.sqrt(pivot)
        rest = rest - column[:, None] * column
        columns.append(column)
    return np.stack(columns, 1) if columns else np.zeros((len(matrix), 0))


def cholesky(stack: Array) -> Array:
    """The lower triangular factors of a stack of positive definite matrices."""
    rest, lower = stack.copy(), np.zeros_like(stack)
    for j in range(stack.shape[-1]):
        column = rest[:, j:, j] / np.sqrt(rest[:, j, j])[:, None]
        lower[:, j:, j] = column
        rest[:, j:, j:] -= column[:, :, None] * column[:, None, :]
    return lower


def forward(lower: Array, right: Array) -> Array:
    """Solve lower · X = right for a stack of lower triangular matrices; right is (stack, n, columns)."""
    answer = right.copy()
    for j in range(lower.shape[-1]):
        answer[:, j] /= lower[:, j, j, None]
        answer[:, j + 1 :] -= lower[:, j + 1 :, j, None] * answer[:, j, None, :]
    return answer


class Beliefs(NamedTuple):
    """Posterior mean and covariance, prior by prior or averaged; `duals` are the means over the prior."""

    mean: Array
    covariance: Array
    log_evidence: Array
    duals: Array

    def averaged(self, weight: Array) -> Beliefs:
        """One belief for the mixture of all priors with these weights."""
        mean = np.einsum("g,gi->i", weight, self.mean)
        apart = self.mean - mean
        covariance = np.einsum("g,gij->ij", weight, self.covariance)
        covariance = covariance + np.einsum("g,gi,gj->ij", weight, apart, apart)
        return Beliefs(mean, covariance, self.log_evidence, self.duals)


def believe(priors: Array, seen: Array, pull: Array) -> Beliefs:
    """What is believed of values of which the first n were seen: log-likelihood pull·f − |seen' f|²/2.

    `priors` is (stack, m, m), `seen` (n, rank), `pull` (n,). With B = 1 + seen' K seen the posterior
    covariance is K − K seen B⁻¹ seen' K, and nothing is inverted that could be singular.
    """
    n = len(seen)
    across = np.einsum("gij,jk->gik", priors[:, :, :n], seen)  # K seen
    inner = np.einsum("ik,gil->gkl", seen, across[:, :n])
    lower = cholesky(inner + np.eye(seen.shape[1]))
    half = forward(lower, np.swapaxes(across, 1, 2))  # L⁻¹ seen' K
    pulled = np.einsum("gij,j->gi", priors[:, :, :n], pull)
    lost = forward(lower, np.einsum("ik,gi->gk", seen, pulled[:, :n])[..., None])[..., 0]
    mean = pulled - np.einsum("gki,gk->gi", half, lost)
    covariance = priors - np.einsum("gki,gkj->gij", half, half)
    heights = np.log(np.einsum("gkk->gk", lower)).sum(axis=1)
    evidence = np.einsum("i,gi->g", pull, mean[:, :n]) / 2 - heights
    duals = pull - np.einsum("ik,gk->gi", seen, np.einsum("ik,gi->gk", seen, mean[:, :n]))
    return Beliefs(mean, covariance, evidence, duals)
