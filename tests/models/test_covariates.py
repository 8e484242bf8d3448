"""Static covariates: nothing changes without them, and simulated effects are found."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.errors import ModelError
from crmkit.models import BGCNBD, BGNBD, MBGNBD, NBD, ParetoNBD, fit_covariates

TRUTH = {ParetoNBD: ParetoNBD(0.8, 8.0, 0.7, 12.0), MBGNBD: MBGNBD(0.8, 6.0, 0.9, 1.6)}
EFFECT = {
    ParetoNBD: {"alpha": [0.6, -0.3], "beta": [0.8]},
    MBGNBD: {"alpha": [0.6, -0.3], "a": [0.5], "b": [-0.4]},
}
each_kind = pytest.mark.parametrize("kind", TRUTH, ids=lambda kind: kind.name)


def world(kind, n=6_000):
    """Customers of three channels, of whom some are heavy buyers and some leave early."""
    rng = np.random.default_rng(8)
    channel, early = rng.integers(0, 3, n), rng.integers(0, 2, n)
    purchase = np.stack([channel == 1, channel == 2], axis=1).astype(float)
    dropout = early[:, None].astype(float)
    T, rows = rng.integers(20, 60, n).astype(float), np.zeros((3, n))
    for c in range(3):
        for e in range(2):
            some = (channel == c) & (early == e)
            params = dict(TRUTH[kind].params)
            params["alpha"] *= np.exp(-([0.0, *EFFECT[kind]["alpha"]][c]))
            for name in set(EFFECT[kind]) - {"alpha"}:
                params[name] *= np.exp((-1 if name == "beta" else 1) * e * EFFECT[kind][name][0])
            rows[:, some] = kind(**params).draw(rng, T[some])[:3]
    return rows, purchase, dropout


@each_kind
def test_simulated_effects_are_found(kind):
    rows, purchase, dropout = world(kind)
    fit = fit_covariates(kind, *rows, purchase=purchase, dropout=dropout)
    for name, effect in EFFECT[kind].items():
        assert (np.abs(fit.coefficients[name] - effect) < 4 * np.array(fit.standard_errors[name])).all()
    assert fit.log_likelihood > kind.fit(*rows).log_likelihood + 50
    alive = fit.apply(lambda model, *history: model.p_alive(*history), purchase, dropout, *rows)
    assert ((alive >= 0) & (alive <= 1)).all()
    one = fit.model(purchase[7], dropout[7]).p_alive(*rows[:, 7])
    assert_allclose(alive[7], one[0], rtol=1e-12)


@pytest.mark.parametrize("kind", [NBD, BGNBD, MBGNBD, ParetoNBD], ids=lambda kind: kind.name)
def test_covariates_that_are_zero_change_nothing(kind):
    rows, purchase, dropout = world(ParetoNBD, 2000)
    fit = fit_covariates(kind, *rows, purchase=0 * purchase, dropout=0 * dropout)
    plain = kind.fit(*rows)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert_allclose(list(fit.base.params.values()), list(plain.params.values()), rtol=1e-5)


@each_kind
def test_a_penalty_shrinks(kind):
    rows, purchase, dropout = world(kind, 3000)
    free = fit_covariates(kind, *rows, purchase=purchase, dropout=dropout)
    tied = fit_covariates(kind, *rows, purchase=purchase, dropout=dropout, l2=1e5)
    assert np.abs(tied.coefficients["alpha"]).max() < 0.02 < np.abs(free.coefficients["alpha"]).max()
    assert tied.log_likelihood < free.log_likelihood


def test_refusals():
    rows, purchase, dropout = world(ParetoNBD, 200)
    with pytest.raises(ModelError, match="takes no covariates"):
        fit_covariates(BGCNBD, *rows, purchase=purchase, dropout=dropout)
    with pytest.raises(ModelError, match="finite"):
        fit_covariates(ParetoNBD, *rows, purchase=purchase * np.nan, dropout=dropout)
