"""Row-wise values with exact first and second derivatives, and how they combine.

Every likelihood here is a sum of a few log terms per customer. A term states its value, gradient
and Hessian in the logarithms of the parameters; `log_sum` adds terms inside a logarithm, so no
model has to differentiate its whole likelihood by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crmkit.models.numerics.ranks import ranked
from crmkit.models.numerics.special import digamma, log_gamma, trigamma

Array = np.ndarray
Sums = tuple[float, Array, Array]  # log-likelihood, gradient (p,), Hessian (p, p)

ROWS = 2048  # rows whose shares and slopes stay in a core's cache


class WithDerivatives(NamedTuple):
    """Value, gradient and Hessian of n rows in p log-parameters: shapes (n,), (p, n), (p, p, n)."""

    value: Array
    gradient: Array
    hessian: Array

    def __add__(self, other: WithDerivatives) -> WithDerivatives:  # type: ignore[override]
        return WithDerivatives(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def total(self, weights: Array) -> Sums:
        """Weighted sums over the rows; not by BLAS, whose digits depend on its number of threads."""
        value, gradient, hessian = ((part * weights).sum(axis=-1) for part in self)
        return float(value), gradient, hessian


def empty(p: int, n: int) -> WithDerivatives:
    """A jet of zeros, to be filled in."""
    return WithDerivatives(np.zeros(n), np.zeros((p, n)), np.zeros((p, p, n)))


def mirror(hessian: Array) -> Array:
    """Fill the lower triangle of (p, p, n) from the upper one, in place."""
    for i in range(len(hessian)):
        for j in range(i):
            hessian[i, j] = hessian[j, i]
    return hessian


def log_sum(terms: Sequence[WithDerivatives], signs: Sequence[int] | None = None) -> WithDerivatives:
    """The jet of log(±e^term ± e^term …) for terms whose signed sum is positive."""
    values = np.stack([term.value for term in terms])
    top = values.max(axis=0)
    share = np.exp(values - top)
    if signs is not None:
        share *= np.asarray(signs, float)[:, None]
    whole = share.sum(axis=0)
    share /= whole
    gradient = np.zeros_like(terms[0].gradient)
    second = np.zeros_like(terms[0].hessian)
    for weight, term in zip(share, terms, strict=True):
        gradient += weight * term.gradient
        second += weight * (term.hessian + term.gradient[:, None] * term.gradient[None])
    return WithDerivatives(top + np.log(whole), gradient, second - gradient[:, None] * gradient[None])


class Term(NamedTuple):
    """±e^jet of kinds that rows share, and each row's kind."""

    jet: WithDerivatives
    where: Array
    sign: int = 1


def added(parts: Sequence[Sums]) -> Sums:
    """The sums of all parts together."""
    values, gradients, hessians = zip(*parts, strict=True)
    return sum(values), np.sum(gradients, axis=0), np.sum(hessians, axis=0)


def log_sum_total(terms: Sequence[Term], weights: Array) -> Sums:
    """`log_sum(…).total(weights)` of rows whose terms have derivatives by kind: rows need only shares."""
    shares = np.empty((len(terms), len(weights)))
    value, crossed = 0.0, np.zeros_like(terms[0].jet.hessian[..., 0])
    for at in range(0, len(weights), ROWS):
        rows = slice(at, at + ROWS)
        here = [term._replace(where=term.where[rows]) for term in terms]
        value += _shared(here, weights[rows], shares[:, rows], crossed)
    gradient, second = np.zeros(len(crossed)), -crossed
    for share, (jet, where, _) in zip(shares, terms, strict=True):
        share *= weights
        mass = np.bincount(where, weights=share, minlength=len(jet.value))
        weighted = jet.gradient * mass
        gradient += weighted.sum(axis=-1)
        second += np.einsum("in,jn->ij", weighted, jet.gradient) + np.einsum("ijn,n->ij", jet.hessian, mass)
    return value, gradient, mirror(second)


def _shared(terms: Sequence[Term], weights: Array, share: Array, crossed: Array) -> float:
    """The log-likelihood of some rows. Fills in the terms' shares, and adds up the squares of the gradient."""
    for row, (jet, where, _) in zip(share, terms, strict=True):
        np.take(jet.value, where, out=row)
    top = share.max(axis=0)
    share -= top
    np.exp(share, out=share)
    share *= np.array([[term.sign] for term in terms])
    whole = share.sum(axis=0)
    share /= whole
    slope = np.zeros((len(crossed), len(weights)))
    for part, (jet, where, _) in zip(share, terms, strict=True):
        for row, by_kind in zip(slope, jet.gradient, strict=True):
            row += part * by_kind[where]
    for i, row in enumerate(slope):
        weighted = row * weights
        for j in range(i, len(slope)):
            crossed[i, j] += (weighted * slope[j]).sum()
    return float(((top + np.log(whole)) * weights).sum())


class Rising(NamedTuple):
    """log Γ(c + n) − log Γ(c) and its first and second derivative in c."""

    value: Array
    first: Array
    second: Array


def rising(c: float, n: Array) -> Rising:
    """The logarithm of the rising factorial (c)_n with its derivatives, once per different n."""
    kinds, where = ranked(n)
    parts = (
        log_gamma(c + kinds) - log_gamma(c),
        digamma(c + kinds) - digamma(c),
        trigamma(c + kinds) - trigamma(c),
    )
    return Rising(*(part[where] for part in parts))


def beta_ratio(a: float, b: float, u: Array, v: Array) -> WithDerivatives:
    """log B(a + u, b + v)/B(a, b) in (log a, log b)."""
    up_a, up_b, whole = rising(a, u), rising(b, v), rising(a + b, u + v)
    jet = empty(2, len(v))
    jet.value[:] = up_a.value + up_b.value - whole.value
    jet.gradient[:] = [a * (up_a.first - whole.first), b * (up_b.first - whole.first)]
    jet.hessian[0, 0] = jet.gradient[0] + a * a * (up_a.second - whole.second)
    jet.hessian[0, 1] = -a * b * whole.second
    jet.hessian[1, 1] = jet.gradient[1] + b * b * (up_b.second - whole.second)
    mirror(jet.hessian)
    return jet


def beside(*parts: WithDerivatives) -> WithDerivatives:
    """The sum of jets in different parameters, which are put one after the other."""
    sizes = [len(part.gradient) for part in parts]
    jet = empty(sum(sizes), len(parts[0].value))
    at = 0
    for part, size in zip(parts, sizes, strict=True):
        jet.value[:] += part.value
        jet.gradient[at : at + size] = part.gradient
        jet.hessian[at : at + size, at : at + size] = part.hessian
        at += size
    return jet
