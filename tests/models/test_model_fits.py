"""Fits: exact maxima, invariances, recovery, and the edges of the parameter space."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.errors import ModelError
from crmkit.models import BGCNBD, BGNBD, MBGCNBD, MBGNBD, NBD, PURCHASE_MODELS, ParetoNBD
from tests.models.model_cases import MODELS, best_known, customers, each_model
from tests.thinned import thinned


@pytest.fixture(autouse=True)
def no_numpy_trouble():
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---- the CDNOW sample, calibrated until 1997-09-30, in weeks

CDNOW = {
    NBD: ([0.38476613, 12.07202275], [0.02098536, 0.80872253], -9763.657615),
    BGNBD: (
        [0.24259452, 4.41360202, 0.79292202, 2.42590678],
        [0.01255738, 0.37822406, 0.18573382, 0.70541426],
        -9582.429207,
    ),
    MBGNBD: (
        [0.52484316, 6.18308528, 0.89135939, 1.61400224],
        [0.08326821, 0.69562064, 0.15478993, 0.5374948],
        -9582.135716,
    ),
    ParetoNBD: (
        [0.5532770470, 10.5776834644, 0.6062399875, 11.6687352409],
        [0.0476279260, 0.8427225339, 0.1872813409, 6.2111135395],
        -9594.976178940,
    ),
}


@pytest.mark.parametrize("kind", CDNOW, ids=lambda kind: kind.name)
def test_exact_maximum_of_the_cdnow_sample(kind):
    params, errors, log_likelihood = CDNOW[kind]
    fit = kind.fit(*customers("cdnow_sample", "x", "t_x", "T"))
    assert_allclose(list(fit.params.values()), params, rtol=1e-6)
    assert_allclose(list(fit.standard_errors.values()), errors, rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-6)
    assert fit.customers == 2357
    assert fit.notes == ()
    assert fit.aic == pytest.approx(2 * len(params) - 2 * log_likelihood, abs=1e-5)


def test_predictions_of_the_cdnow_holdout():
    x, t_x, T, x_star = customers("cdnow_sample", "x", "t_x", "T", "x_star")
    expected = {BGNBD: (1653.4087, 0.785454, 1.607982), MBGNBD: (1576.7283, 0.764779, 1.607183)}
    expected |= {ParetoNBD: (1665.5141, 0.754523, 1.602848)}
    for kind, (total, error, squared) in expected.items():
        orders = kind.fit(x, t_x, T).model.conditional_expected(39, x, t_x, T)
        assert orders.sum() == pytest.approx(total, rel=2e-6)
        assert np.abs(orders - x_star).mean() == pytest.approx(error, rel=2e-6)
        assert np.sqrt(((orders - x_star) ** 2).mean()) == pytest.approx(squared, rel=2e-6)


def test_cnbd_likelihoods_of_the_cdnow_sample():
    """With the gaps between purchases, as other implementations report it; k = 1 is chosen."""
    import polars as pl

    from crmkit.models.weighted import columns
    from tests.models.model_cases import development

    orders = pl.read_parquet(development("cdnow_sample.parquet"))
    days = (
        orders.filter(pl.col("date") <= pl.date(1997, 9, 30))
        .select("customer_id", "date")
        .unique()
        .sort("customer_id", "date")
        .with_columns(gap=pl.col("date").diff().over("customer_id").dt.total_days() / 7)
        .group_by("customer_id", maintain_order=True)
        .agg(
            x=pl.len() - 1,
            t_x=(pl.col("date").max() - pl.col("date").min()).dt.total_days() / 7,
            T=(pl.date(1997, 9, 30) - pl.col("date").min()).dt.total_days() / 7,
            log_gaps=pl.col("gap").log().sum(),
        )
    )
    x, t_x, T, gaps = columns(*(days[name].to_numpy() for name in ("x", "t_x", "T", "log_gaps")))
    for kind, k, value in [(MBGCNBD, 2, -9853.25), (BGCNBD, 2, -9855.33), (MBGCNBD, 3, -10394.4)]:
        fit = kind.fit(x, t_x, T, k=k, log_gaps=gaps)
        assert fit.log_likelihood == pytest.approx(value, abs=0.05)
    assert MBGCNBD.fit(x, t_x, T, log_gaps=gaps).model.k == 1
    assert MBGCNBD.fit(x, t_x, T).model.k == 1


@pytest.mark.parametrize("dataset", ["cdnow_sample", "orii_2009_2010", "rfm_orders"])
@pytest.mark.parametrize("kind", CDNOW, ids=lambda kind: kind.name)
def test_no_known_fit_is_better(dataset, kind):
    x, t_x, T = customers(dataset, "x", "t_x", "T")
    fit = kind.fit(x, t_x, T)
    name = {"paretonbd": "pareto_nbd"}.get(kind.name, kind.name)
    assert fit.log_likelihood >= best_known()[dataset][name]["loglik"] - 0.001
    assert np.isfinite(fit.model.conditional_expected(52, x, t_x, T)).all()
    assert np.isfinite(fit.covariance).all()


# ---- invariances


def sample(model, n=1500, seed=2):
    rng = np.random.default_rng(seed)
    return model.draw(rng, np.ceil(rng.uniform(10, 60, n)))


@each_model
def test_order_duplication_and_unit_change_nothing(model):
    drawn = sample(model)
    x, t_x, T = drawn.x, np.ceil(drawn.t_x), drawn.T
    fit, order = type(model).fit(x, t_x, T), np.random.default_rng(0).permutation(len(x))
    shuffled = type(model).fit(x[order], t_x[order], T[order])
    assert shuffled.params == fit.params and shuffled.log_likelihood == fit.log_likelihood
    twice = type(model).fit(*(np.tile(column, 2) for column in (x, t_x, T)))
    weighted = type(model).fit(x, t_x, T, np.full(len(x), 2.0))
    assert twice.params == weighted.params
    assert_allclose(list(twice.params.values()), list(fit.params.values()), rtol=1e-5)
    daily = type(model).fit(x, 7 * t_x, 7 * T)
    assert_allclose(
        list(daily.rescaled(1 / 7).params.values()),
        list(fit.params.values()),
        rtol=1e-6 if fit.notes else 1e-8,
    )


@each_model
def test_customers_seen_first_on_the_last_day_change_nothing(model):
    if getattr(model, "modified", False):
        pytest.skip("an MBG customer can leave at once, which even T = 0 bears on")
    drawn = sample(model)
    more = [np.append(column, np.zeros(50)) for column in drawn[:3]]
    fit, same = type(model).fit(*drawn[:3]), type(model).fit(*more)
    assert_allclose(list(same.params.values()), list(fit.params.values()), rtol=1e-6)


# ---- recovery

RECOVERY = [
    NBD(0.6, 12.0),
    BGNBD(0.8, 6.0, 0.8, 2.4),
    MBGNBD(0.8, 6.0, 0.9, 1.6),
    ParetoNBD(0.8, 8.0, 0.7, 12.0),
    BGCNBD(1.2, 3.0, 0.8, 2.4, k=2),
    MBGCNBD(1.2, 2.0, 0.6, 1.2, k=3),
]


@pytest.mark.parametrize("truth", RECOVERY, ids=lambda model: model.name)
def test_a_fit_recovers_the_parameters_of_the_simulation(truth):
    rng = np.random.default_rng(11)
    drawn = truth.draw(rng, rng.uniform(20, 80, 8000))
    fit = type(truth).fit(*drawn[:3])
    if truth.stages > 1:
        assert fit.model.k == truth.k
    away = np.linalg.solve(fit.log_covariance, fit.model.log_params - truth.log_params) @ (
        fit.model.log_params - truth.log_params
    )
    assert away < 20  # χ² with at most four degrees of freedom
    assert all(fit.identified)


@pytest.mark.slow
@pytest.mark.parametrize("truth", RECOVERY[:4], ids=lambda model: model.name)
def test_standard_errors_are_the_spread_of_estimates(truth):
    rng = np.random.default_rng(12)
    fits = [type(truth).fit(*truth.draw(rng, rng.uniform(20, 80, 3000))[:3]) for _ in range(60)]
    spread = np.std([fit.model.log_params for fit in fits], axis=0)
    stated = np.sqrt(np.mean([np.diag(fit.log_covariance) for fit in fits], axis=0))
    assert_allclose(spread, stated, rtol=0.3)


# ---- the edges


def test_nobody_bought_twice():
    for kind in PURCHASE_MODELS.values():
        with pytest.raises(ModelError, match="Nobody bought twice"):
            kind.fit(np.zeros(9), np.zeros(9), np.full(9, 10.0))


def test_no_time_and_no_customers():
    with pytest.raises(ModelError, match="no time"):
        ParetoNBD.fit([0, 0], [0, 0], [0, 0])
    with pytest.raises(ModelError, match="no customers"):
        ParetoNBD.fit([], [], [])


def test_few_repeaters_are_said():
    fit = MBGNBD.fit([0, 0, 1, 2, 0, 5], [0, 0, 5, 20, 0, 29], 30)
    assert any("Only 3 customers bought again" in note for note in fit.notes)


def test_without_drop_out_the_nbd_predicts():
    drawn = NBD(0.9, 9.0).draw(np.random.default_rng(4), np.full(3000, 40.0))
    fit = ParetoNBD.fit(*drawn[:3])
    assert fit.name == "paretonbd" and isinstance(fit.model, NBD) and fit.free == 4
    assert any("no drop-out" in note for note in fit.notes)


def test_equal_rates_are_the_poisson_limit():
    rng = np.random.default_rng(3)
    T = np.full(4000, 30.0)
    x = rng.binomial(10, 0.25, len(T)).astype(float)  # less dispersed than Poisson
    t_x = np.where(x > 0, T * rng.random(len(T)) ** (1 / np.maximum(x, 1)), 0)
    fit = NBD.fit(x, t_x, T)
    assert any("same rate" in note for note in fit.notes)
    assert fit.standard_errors == {"r": None, "alpha": None}
    assert_allclose(fit.model.conditional_expected(12, x, t_x, T), x.mean() / 30 * 12, rtol=1e-4)


def test_equal_lifetimes_are_said():
    rng = np.random.default_rng(9)
    drawn = ParetoNBD(1.5, 3.0, 1e5, 1e6).draw(rng, rng.uniform(10, 40, 5000))
    fit = ParetoNBD.fit(*drawn[:3])
    if any("leave at the same rate" in note for note in fit.notes):
        assert fit.standard_errors["s"] is None
        assert fit.params["s"] / fit.params["beta"] == pytest.approx(0.1, rel=0.1)
    survival = fit.model.p_alive(0, 0, 0, after=10)
    assert_allclose(survival, np.exp(-1), atol=0.05)


def test_everybody_leaves_after_the_first_repeat():
    rng = np.random.default_rng(9)
    T = rng.uniform(10, 40, 500)
    first = rng.exponential(20, 500)
    x = (first < T).astype(float)
    fit = BGNBD.fit(x, np.where(x > 0, first, 0), T)
    assert any("Everybody leaves" in note for note in fit.notes)
    assert np.isfinite(fit.model.conditional_expected(10, x, np.where(x > 0, first, 0), T)).all()


# ---- extremes


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        ((10.465, 0.00798565181, 3.0516, 2.820), [(400, 5, 6), (500, 1, 37), (500, 4, 37)]),
        (
            (0.5143, 2.8845, 0.2856, 14.1087),
            [
                (221, 103.42857, 103.57143),
                (254, 97.14286, 97.28571),
                (161, 94.71429, 98),
                (204, 98.57, 99.43),
            ],
        ),
    ],
)
def test_rows_that_overflow_elsewhere(params, rows):
    r, alpha, s, beta = params
    history = np.array(rows, float).T
    for kind in PURCHASE_MODELS.values():
        given = (r, alpha) if kind is NBD else (r, alpha, s, beta)
        model = kind(*given)
        everything = [
            model.log_likelihood(*history),
            model.p_alive(*history, after=3),
            model.conditional_expected(52, *history),
            model.p_purchase(52, *history),
            model.conditional_pmf(200, 52, *history),
            model.dert(0.0018, *history),
        ]
        assert np.isfinite(everything).all()


@pytest.mark.parametrize("edge", thinned([1e-6, 1e-3, 1.0, 1e6, 2.0, 50.0, 1e4], 3))
@each_model
def test_extreme_parameters_give_numbers(model, edge):
    history = np.array([(0, 0, 30), (1, 5, 30), (5, 29, 30), (50, 30, 30), (0, 0, 0)], float).T
    for name in model.names:
        odd = type(model)(**{**model.params, name: edge}, **({"k": 2} if model.stages > 1 else {}))
        chances = [
            odd.p_alive(*history, after=9),
            odd.p_purchase(26, *history),
            odd.conditional_pmf(3, 26, *history),
        ]
        amounts = [odd.conditional_expected(26, *history), odd.conditional_pairs(26, *history)]
        assert np.isfinite(odd.log_likelihood(*history)).all()
        assert ((np.array(chances) >= -1e-9) & (np.array(chances) <= 1 + 1e-9)).all()
        assert np.isfinite(amounts).all() and (np.array(amounts) >= 0).all()
        assert np.isfinite(odd.dect(26, 0.002, *history)).all()


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD, ParetoNBD])
def test_expectation_is_smooth_through_one(kind):
    """a = 1 and s = 1 are poles of the papers' formulas, not of the models."""
    near = [
        kind(0.5, 6.0, *((one, 2.0) if kind is not ParetoNBD else (one, 9.0)))
        for one in (1 - 1e-7, 1.0, 1 + 1e-7)
    ]
    low, middle, high = (model.conditional_expected(39, 2, 20, 39)[0] for model in near)
    assert middle == pytest.approx((low + high) / 2, rel=1e-10)


def test_models_cover_the_list():
    assert len(MODELS) == len(PURCHASE_MODELS)
