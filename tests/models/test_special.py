"""Our special functions against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special as theirs

from crmkit.models.numerics import special as ours

POSITIVE = np.concatenate([np.logspace(-9, 9, 3001), np.linspace(0.01, 30, 3001)])
SIGNED = np.concatenate([-np.logspace(-300, 2.8, 500), [0.0], np.logspace(-300, 2.8, 500)])


@pytest.mark.parametrize(
    ("mine", "known"),
    [
        (ours.log_gamma, theirs.gammaln),
        (ours.digamma, theirs.digamma),
        (ours.trigamma, lambda z: theirs.zeta(2, z)),
    ],
)
def test_gamma_and_its_derivatives(mine, known):
    assert_allclose(mine(POSITIVE), known(POSITIVE), rtol=5e-15, atol=1e-14)


@pytest.mark.parametrize(("mine", "known"), [(ours.expit, theirs.expit), (ours.exprel, theirs.exprel)])
def test_logistic_and_relative_exponential(mine, known):
    with np.errstate(all="raise", under="ignore"):
        assert_allclose(mine(SIGNED), known(SIGNED), rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 12, 20, 32, 48, 64])
def test_gauss_is_exact_for_polynomials(n):
    nodes, weights = ours.gauss_legendre(n)
    for degree in {0, 1, n, 2 * n - 2, 2 * n - 1}:
        exact = 0.0 if degree % 2 else 2 / (degree + 1)
        assert weights @ nodes**degree == pytest.approx(exact, rel=2e-14, abs=2e-15)
