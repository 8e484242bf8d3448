"""Customers from before the file: the class of each, and what is gained where they are many."""

from __future__ import annotations

import numpy as np
import pytest

from crmkit.models.covariates import fit_covariates
from crmkit.models.early import FADING, Early, classes, fit_early
from crmkit.models.intervals import outlook
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.nbd import NBD
from crmkit.models.weighted import collapse
from tests.models.seasons import history

DAYS = 300


def _as_is(days: np.ndarray) -> np.ndarray:
    return np.asarray(days, float)


@pytest.fixture(scope="module")
def old():
    return history(customers=3000, days=DAYS, pace=np.ones(DAYS + 182), seed=11, old=0.5)


@pytest.fixture(scope="module")
def fits(old):
    plain = MBGNBD.fit(*old.rows)
    return plain, fit_early(plain, collapse(*old.rows), int(old.rows[2].max()), _as_is)


def test_classes_are_four_weeks_from_the_first_day() -> None:
    found = classes(100, 240.0)
    assert [age for age, _ in found] == [-12, 16, 44, 72]
    assert [weight for _, weight in found] == pytest.approx(np.exp(-np.array([98, 70, 42, 14]) / 240))
    assert [age for age, _ in classes(1000, 15.0)] == [944, 972]  # later ones hardly differ


def test_it_is_the_model_with_a_covariate(old, fits) -> None:
    plain, early = fits
    T, tau = old.rows[2], early.model.tau
    s = T.max() - T
    z = np.exp(-(s // 28 * 28 + 14) / tau)
    z = np.where(z < 0.01, 0.0, z)[:, None]
    same = fit_covariates(MBGNBD, *old.rows, purchase=z, dropout=np.zeros((len(T), 0)))
    assert early.log_likelihood == pytest.approx(same.log_likelihood, abs=1e-3)
    assert np.log(early.model.factor) == pytest.approx(same.coefficients["alpha"][0], abs=1e-3)
    assert early.log_likelihood == pytest.approx(early.model.log_likelihood(*old.rows).sum(), abs=1e-4)
    assert tau in FADING and early.aic < plain.aic - 10 and early.standard_errors["early"] is not None


def test_late_customers_are_no_longer_taken_for_old_ones(old, fits) -> None:
    plain, early = fits
    late = old.rows[2] < 120
    actual = old.later[late].sum()
    off = [outlook(fit, 182.0, *old.rows).orders[late].sum() / actual for fit in (plain, early)]
    assert off[0] > 1.08 and abs(np.log(off[1])) < np.log(off[0])


def test_where_nobody_is_old_nothing_is_gained() -> None:
    new = history(customers=1500, days=DAYS, pace=np.ones(DAYS), seed=12)
    for kind in (MBGNBD, NBD):
        plain = kind.fit(*new.rows)
        found = fit_early(plain, collapse(*new.rows), int(new.rows[2].max()), _as_is)
        assert -1e-6 <= found.log_likelihood - plain.log_likelihood < 5


def test_each_class_is_seen_as_its_plain_model_sees_it(old, fits) -> None:
    model = fits[1].model
    x, t_x, T = (column[:200] for column in old.rows)
    for plain, rows in model.parts(T):
        part = (x[rows], t_x[rows], T[rows])
        assert np.allclose(model.p_alive(*part), plain.p_alive(*part))
        assert np.allclose(model.conditional_expected(90, *part), plain.conditional_expected(90, *part))
        assert np.allclose(model.conditional_pmf(2, 90, *part), plain.conditional_pmf(2, 90, *part))
        assert np.allclose(model.dert(0.001, *part), plain.dert(0.001, *part))
    weeks = model.rescaled(1 / 7)
    assert np.allclose(
        weeks.conditional_expected(90 / 7, x, t_x / 7, T / 7), model.conditional_expected(90, x, t_x, T)
    )


def test_a_later_day_moves_the_classes(fits) -> None:
    model: Early = fits[1].model
    later = model.placed(DAYS - 1 + 70, _as_is)
    assert np.allclose(np.array(later.edges) - 70, model.edges) and later.z == model.z
    theta = model.log_params
    assert model.at(theta).params == pytest.approx(model.params) and len(theta) == 5
    draw = model.draw(np.random.default_rng(1), np.full(10, 50.0), 30.0)
    assert (draw.x >= 0).all() and model.draw_future(
        np.random.default_rng(1), 30.0, 1, 20, 50, size=3
    ).shape == (3, 1)
