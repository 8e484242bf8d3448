"""What every purchase model promises, whatever it assumes."""

from __future__ import annotations

import numpy as np
import pytest

from crmkit.errors import ModelError
from crmkit.models import PURCHASE_MODELS
from crmkit.models.weighted import collapse
from tests.models.model_cases import HISTORIES, MODELS, each_model

HISTORY = tuple(HISTORIES.T)
RATE = np.log(1.1) / 52


@pytest.fixture(autouse=True)
def no_numpy_trouble():
    with np.errstate(all="raise", under="ignore"):
        yield


def test_every_model_is_tested():
    assert {model.name for model in MODELS} == set(PURCHASE_MODELS)


@each_model
def test_p_alive_is_a_probability_and_falls_with_time(model):
    chances = np.array([model.p_alive(*HISTORY, after=after) for after in (0, 1, 10, 1000)])
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (np.diff(chances, axis=0) <= 1e-14).all()


@each_model
def test_no_horizon_no_orders(model):
    assert (model.conditional_expected(0, *HISTORY) == 0).all()
    assert (model.dect(0, RATE, *HISTORY) == 0).all()
    assert model.expected(0) == 0
    assert np.allclose(model.p_purchase(0, *HISTORY), 0, atol=1e-14)
    assert np.allclose(model.conditional_pmf(0, 0, *HISTORY), 1, atol=1e-14)


@each_model
def test_longer_horizon_more_orders(model):
    for h in (1, 10, 100):
        assert (model.conditional_expected(2 * h, *HISTORY) > model.conditional_expected(h, *HISTORY)).all()


@each_model
def test_distribution_sums_to_one_and_has_the_stated_moments(model):
    history, n = HISTORIES[:6].T, np.arange(400)[:, None]
    chances = np.array([model.conditional_pmf(k, 30, *history) for k in range(400)])
    assert np.allclose(chances.sum(axis=0), 1, atol=1e-10)
    assert np.allclose((n * chances).sum(axis=0), model.conditional_expected(30, *history), rtol=1e-8)
    pairs = (n * (n - 1) * chances).sum(axis=0)
    assert np.allclose(pairs, model.conditional_pairs(30, *history), rtol=1e-6)
    assert np.allclose(1 - chances[0], model.p_purchase(30, *history), atol=1e-12)


@each_model
def test_a_new_customer_is_one_without_history(model):
    n = np.arange(300)
    chances = model.pmf(n, 52)
    assert chances.sum() == pytest.approx(1, abs=1e-6)
    assert (n * chances).sum() == pytest.approx(model.expected(52)[0], rel=1e-3)


@each_model
def test_discounting(model):
    undiscounted = model.conditional_expected(39, *HISTORY)
    assert np.allclose(model.dect(39, 0, *HISTORY), undiscounted, rtol=1e-9)
    assert np.allclose(model.dect(39, 1e-9, *HISTORY), undiscounted, rtol=1e-6)
    parts = [model.dect(h, RATE, *HISTORY) for h in (10, 50, 200, 50_000)]
    assert (np.diff(parts, axis=0) >= -1e-9).all()
    assert np.allclose(parts[-1], model.dert(RATE, *HISTORY), rtol=2e-6)


@each_model
def test_discounted_orders_are_the_sum_over_short_periods(model):
    ends, history = np.linspace(0, 39, 79), HISTORIES[1]
    steps = np.diff([float(model.conditional_expected(h, *history)[0]) for h in ends])
    middles = (ends[1:] + ends[:-1]) / 2
    assert model.dect(39, RATE, *history)[0] == pytest.approx(
        (steps * np.exp(-RATE * middles)).sum(), rel=1e-5
    )


@each_model
def test_arguments_are_checked(model):
    for bad in [(1.5, 1, 2), (-1, 0, 2), (1, 3, 2), (1, 0, 2), (0, 1, 2), (np.nan, 0, 2), (1, 1, np.inf)]:
        with pytest.raises(ModelError):
            model.log_likelihood(*bad)
        with pytest.raises(ModelError):
            model.p_alive(*bad)
    with pytest.raises(ModelError, match="horizon"):
        model.dect(np.inf, 0.0, 1, 2, 3)
    with pytest.raises(ModelError, match="rate"):
        model.dert(-0.1, 1, 2, 3)
    with pytest.raises(ModelError, match="negative"):
        model.conditional_expected(-1, 1, 2, 3)


@each_model
def test_parameters_must_be_positive(model):
    with pytest.raises(ModelError, match="positive"):
        type(model)(**{**model.params, "r": -1.0})


@each_model
def test_derivatives_agree_with_differences(model):
    rows, step = collapse(*HISTORY), 1e-5
    jet = model.jet(rows)
    assert np.allclose(jet.value, model.log_likelihood(rows.x, rows.t_x, rows.T), rtol=1e-12)
    for i in range(len(model.names)):
        shift = step * np.eye(len(model.names))[i]
        up, down = (model.at(model.log_params + sign * shift).jet(rows) for sign in (1, -1))
        assert np.allclose((up.value - down.value) / (2 * step), jet.gradient[i], rtol=1e-5, atol=1e-6)
        slopes = (up.gradient - down.gradient) / (2 * step)
        assert np.allclose(slopes, jet.hessian[i], rtol=1e-5, atol=1e-6)


@each_model
def test_sums_over_rows_are_those_of_the_rows(model):
    rows = collapse(*HISTORY)._replace(weights=np.arange(1.0, 8.0))
    found, told = model.likelihood(rows)(model), model.jet(rows).total(rows.weights)
    for one, other in zip(found, told, strict=True):
        assert np.allclose(one, other, rtol=1e-11, atol=1e-10)


@each_model
def test_likelihood_is_that_of_the_simulation(model):
    """Bayes: P(alive) and expected orders, averaged over simulated customers, are what happens."""
    rng = np.random.default_rng(5)
    drawn = model.draw(rng, np.full(40_000, 30.0), 20.0)
    expected = model.conditional_expected(20, drawn.x, drawn.t_x, drawn.T)
    noise = np.sqrt(np.var(drawn.x_star - expected) / len(expected))
    assert abs((drawn.x_star - expected).mean()) < 4 * noise
    for some in (drawn.x == 0, (drawn.x > 0) & (drawn.t_x < 10), drawn.x > 3):
        noise = np.sqrt(np.var(drawn.x_star[some] - expected[some]) / some.sum())
        assert abs((drawn.x_star - expected)[some].mean()) < 4.5 * noise


@each_model
def test_drawn_futures_follow_the_predictions(model):
    rng = np.random.default_rng(6)
    history = HISTORIES[:4].T
    draws = model.draw_future(rng, 20, *history, size=20_000)
    assert draws.shape == (20_000, 4)
    mean = model.conditional_expected(20, *history)
    variance = model.conditional_pairs(20, *history) + mean - mean**2
    assert (np.abs(draws.mean(axis=0) - mean) < 4.5 * np.sqrt(variance / 20_000)).all()
    assert np.allclose((draws > 0).mean(axis=0), model.p_purchase(20, *history), atol=0.02)


@each_model
def test_time_unit_is_only_a_unit(model):
    days = model.rescaled(7)
    x, t_x, T = HISTORY
    assert np.allclose(days.p_alive(x, 7 * t_x, 7 * T), model.p_alive(*HISTORY), rtol=1e-10)
    assert np.allclose(days.dert(RATE / 7, x, 7 * t_x, 7 * T), model.dert(RATE, *HISTORY), rtol=1e-8)
    weekly = model.log_likelihood(*HISTORY) - x * model.stages * np.log(7)
    assert np.allclose(days.log_likelihood(x, 7 * t_x, 7 * T), weekly, rtol=1e-10)
