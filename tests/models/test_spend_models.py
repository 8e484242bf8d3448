"""Spend models: published fits, derivatives, recovery, and when the simple one stands in."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.errors import ModelError
from crmkit.models import GammaGamma, GammaGammaFrequency, LognormalSpend, Spread, fit_spend
from tests.models.model_cases import best_known, customers

SPEND = [
    GammaGamma(6.25, 3.74, 15.44),
    GammaGammaFrequency(6.25, 3.74, 15.44, 1.1),
    LognormalSpend(30.0, 0.3, 0.4),
]
each_spend = pytest.mark.parametrize("model", SPEND, ids=lambda model: model.name)


@pytest.fixture(autouse=True)
def no_numpy_trouble():
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def simulated(model, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.poisson(2.0, n).astype(float)
    return x, model.draw(rng, x)


def test_gamma_gamma_of_the_cdnow_sample():
    fit = GammaGamma.fit(*customers("cdnow_sample", "x", "m"))
    assert_allclose(list(fit.params.values()), [6.24957207, 3.74422457, 15.44352106], rtol=1e-6)
    assert_allclose(list(fit.standard_errors.values()), [1.19004, 0.290131, 4.15936], rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(-4055.917695, abs=1e-6)
    assert fit.customers == 946


@pytest.mark.parametrize("dataset", ["cdnow_sample", "orii_2009_2010", "rfm_orders"])
def test_no_known_fit_is_better(dataset):
    fit = GammaGamma.fit(*customers(dataset, "x", "m"))
    assert fit.log_likelihood >= best_known()[dataset]["gamma_gamma"]["loglik"] - 0.001


def test_customers_who_do_not_differ_are_said():
    fit = GammaGamma.fit(*customers("rfm_orders", "x", "m"))
    assert any("do not differ" in note for note in fit.notes)
    assert fit.standard_errors["q"] is None


@each_spend
def test_derivatives_agree_with_differences(model):
    x, m, step = np.array([1.0, 3, 40]), np.array([10.0, 35, 80]), 1e-5
    jet = model.jet(x, m)
    p = len(model.log_params)
    for i in range(p):
        up, down = (model.at(model.log_params + sign * step * np.eye(p)[i]).jet(x, m) for sign in (1, -1))
        assert_allclose((up.value - down.value) / (2 * step), jet.gradient[i], rtol=1e-6, atol=1e-7)
        assert_allclose((up.gradient - down.gradient) / (2 * step), jet.hessian[i], rtol=1e-6, atol=1e-7)


@each_spend
def test_a_fit_recovers_the_parameters(model):
    fit = type(model).fit(*simulated(model, 8000))
    away = fit.model.log_params - model.log_params
    assert away @ np.linalg.solve(fit.log_covariance, away) < 20


@each_spend
def test_order_weights_and_unit_of_money_change_nothing(model):
    x, m = simulated(model)
    fit, order = type(model).fit(x, m), np.random.default_rng(1).permutation(len(x))
    assert type(model).fit(x[order], m[order]).params == fit.params
    twice, weighted = (
        type(model).fit(np.tile(x, 2), np.tile(m, 2)),
        type(model).fit(x, m, np.full(len(x), 2.0)),
    )
    assert twice.params == weighted.params
    cents = type(model).fit(x, 100 * m)
    assert_allclose(list(cents.model.rescaled(0.01).params.values()), list(fit.params.values()), rtol=1e-8)
    assert_allclose(cents.model.expected(x, 100 * m), 100 * fit.model.expected(x, m), rtol=1e-8)


@each_spend
def test_expected_amount_lies_between_the_customers_and_everybodys(model):
    everybody = model.expected(0, 0)[0]
    for m in (5.0, 200.0):
        few, many = model.expected([1, 100], m)
        assert abs(many - m) < abs(few - m) and min(m, everybody) < few < max(m, everybody)


@each_spend
def test_expectations_are_those_of_the_simulation(model):
    rng = np.random.default_rng(3)
    x = np.full(200_000, 2.0)
    both = model.draw(rng, x) / getattr(model, "doubling", 1.0)
    moments = model.moments(0, 0)
    assert both.mean() == pytest.approx(moments.mean[0], rel=0.02)
    assert (both**2).mean() == pytest.approx((moments.square[0] + moments.mean_square[0]) / 2, rel=0.1)


def test_rows_without_amounts_are_left_out():
    x, m = simulated(SPEND[0])
    fit = GammaGamma.fit(np.append(x, [3, 2, 0]), np.append(m, [0, -5, 7]))
    assert fit.customers == (x > 0).sum()


def test_the_simple_model_stands_in_and_says_why():
    x, m = simulated(GammaGamma(6, 0.7, 15))
    for amounts, reason in [(m, "not above one"), (np.where(x > 0, 5.0, 0.0), "are the same")]:
        fit = fit_spend(x, amounts)
        assert isinstance(fit.model, LognormalSpend) and reason in fit.notes[0]
        assert np.isfinite(fit.model.expected(x, amounts)).all()
    few = fit_spend([1, 2, 0], [5, 6, 0])
    assert "fewer than 30" in few.notes[0] and 4 < few.model.expected(0, 0)[0] < 7
    assert_allclose(fit_spend(x, np.where(x > 0, 5.0, 0.0)).model.expected([0, 9], [0, 5]), 5, rtol=1e-4)


def test_no_amounts_at_all():
    with pytest.raises(ModelError, match="positive amount"):
        fit_spend([1, 2, 0], [0, -3, 0])


def test_no_mean_without_q_above_one():
    with pytest.raises(ModelError, match="finite mean"):
        _ = GammaGamma(6, 0.7, 15).mean


def test_amounts_that_grow_with_frequency_are_seen_where_they_are_sure():
    fit = fit_spend(*simulated(GammaGammaFrequency(6.25, 3.74, 15.44, 1.15), 6000), by_frequency=True)
    assert fit.model.name == "gammagammafrequency"
    assert fit.model.doubling == pytest.approx(1.15, abs=3 * fit.standard_errors["doubling"])
    plain = simulated(GammaGamma(6.25, 3.74, 15.44), 6000)
    assert fit_spend(*plain, by_frequency=True).model == fit_spend(*plain).model


def test_growth_of_one_is_plain_gamma_gamma():
    plain, same = GammaGamma(6.25, 3.74, 15.44), GammaGammaFrequency(6.25, 3.74, 15.44, 1.0)
    x, m = np.array([0.0, 1, 3, 40]), np.array([0.0, 10, 35, 80])
    assert_allclose(same.moments(x, m), plain.moments(x, m))
    assert_allclose(same.log_likelihood(x[1:], m[1:]), plain.log_likelihood(x[1:], m[1:]))


def purchases(centre, shape, x, seed=0):
    """x, the mean and the spread of single amounts, Gamma around each customer's own centre."""
    rng = np.random.default_rng(seed)
    each = [rng.gamma(shape, 1 / shape, int(n)) * c for n, c in zip(x, centre, strict=True)]
    m = np.array([z.mean() if len(z) else 0.0 for z in each])
    within = sum((z.std() / z.mean()) ** 2 for z in each if len(z))
    kinds, counts = np.unique(x[x > 0], return_counts=True)
    return x, m, Spread(kinds, counts.astype(float), within)


@pytest.mark.parametrize("shape", [0.5, 2.0, 400.0, 1e5])
def test_the_shape_of_single_amounts_is_found_whatever_the_means(shape):
    rng = np.random.default_rng(2)
    centre = rng.choice([3.0, 8.0, 300.0], 3000)
    *_, spread = purchases(centre, shape, 1.0 + rng.poisson(4.0, 3000))
    assert spread.shape == pytest.approx(shape, rel=0.05)


def test_too_few_amounts_tell_no_shape():
    assert Spread(np.array([1.0, 2.0]), np.array([500.0, 29.0]), 0.1).shape is None


@pytest.mark.parametrize(
    ("centre", "x"),
    [
        (
            lambda rng: rng.choice([5.0, 8.0, 11.0], 150),
            lambda rng: np.full(150, 11.0),
        ),  # always their own price
        (lambda rng: rng.choice([5.0, 8.0, 11.0], 150), lambda rng: rng.poisson(4.0, 150).astype(float)),
        (lambda rng: rng.lognormal(3, 0.6, 150), lambda rng: rng.poisson(4.0, 150).astype(float)),
        (lambda rng: rng.pareto(0.8, 150) + 5, lambda rng: np.full(150, 6.0)),  # no mean to speak of
        (lambda rng: rng.lognormal(3, 0.6, 25), lambda rng: np.full(25, 6.0)),  # few customers
    ],
)
@pytest.mark.parametrize("shape", [400.0, 1e12])
def test_who_pays_their_own_price_is_expected_to_pay_it(centre, x, shape):
    rng = np.random.default_rng(5)
    x, m, spread = purchases(centre(rng), shape, x(rng))
    fit = fit_spend(x, m, spread=spread)
    known = x > 0
    assert_allclose(fit.model.expected(x, m)[known], m[known], rtol=0.03)
    assert not any("do not differ" in note or "only means" in note for note in fit.notes)
    if shape == 400.0 and getattr(fit.model, "p", None) == pytest.approx(spread.shape):
        assert "vary by 5%" in " ".join(fit.notes)


def test_means_that_vary_less_than_single_amounts_are_not_taken_for_certain():
    """Ten amounts each around one common centre: customers do not differ, and that is known from single amounts, too."""
    rng = np.random.default_rng(4)
    x, m, spread = purchases(np.full(400, 20.0), 1.5, rng.poisson(10.0, 400).astype(float))
    fit = fit_spend(x, m, spread=spread)
    assert_allclose(fit.model.expected(x, m), 20, rtol=0.05)
    assert not any("only means" in note for note in fit.notes)


def test_single_amounts_that_agree_with_means_change_nothing():
    model = GammaGamma(6.25, 3.74, 15.44)
    rng = np.random.default_rng(8)
    x, m, spread = purchases(6.25 * 15.44 / rng.gamma(3.74, 1.0, 4000), 6.25, 1.0 + rng.poisson(2.0, 4000))
    assert fit_spend(x, m, spread=spread).params == fit_spend(x, m).params
    assert fit_spend(x, m).model.p == pytest.approx(model.p, rel=0.2)
