"""BG/BB, sBG and BdW: published fits and predictions, derivatives, recovery."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.errors import ModelError
from crmkit.models import BGBB, SBG, BdW
from tests.models.model_cases import development

REGULAR = 10 * np.array([100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1])
HIGH_END = 10 * np.array([100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1])


@pytest.fixture(autouse=True)
def no_numpy_trouble():
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---- BG/BB: the donations of the paper


@pytest.fixture
def donations():
    import polars as pl

    frame = pl.read_csv(development("donations_bgbb.csv"))
    return [frame[name].to_numpy().astype(float) for name in ("frequency", "recency", "periods", "weights")]


def test_bgbb_fit_of_the_donations(donations):
    fit = BGBB.fit(*donations)
    assert_allclose(list(fit.params.values()), [1.2035224, 0.7497164, 0.6567182, 2.7834421], rtol=1e-6)
    assert_allclose(list(fit.standard_errors.values()), [0.06939, 0.02945, 0.05101, 0.32082], rtol=1e-3)
    assert fit.log_likelihood == pytest.approx(-33225.581274, abs=1e-5)
    x, t_x, n, weights = donations
    assert fit.model.conditional_expected(5, x, t_x, n) @ weights == pytest.approx(12884.16, abs=0.01)
    assert_allclose(fit.model.p_alive([0, 2, 6], [0, 4, 6], 6), [0.1081, 0.5897, 0.9304], atol=1e-4)
    growth = [0.4985, 0.9233, 1.2969, 1.6323, 1.9381, 2.2202, 2.4826, 2.7285, 2.9603, 3.1798, 3.3887]
    assert_allclose([fit.model.expected(h) for h in range(1, 12)], growth, atol=5.1e-5)


def test_bgbb_against_btyd():
    counts = [
        0.3112177433,
        0.1701099784,
        0.1214805138,
        0.100263115,
        0.09165985342,
        0.09248114791,
        0.1127876482,
    ]
    model = BGBB(1.204, 0.750, 0.657, 2.783)
    assert_allclose([model.pmf(k, 6) for k in range(7)], counts, rtol=1e-9)
    residual = BGBB(1.20, 0.75, 0.66, 2.78).dert(np.log(1.1), [3, 1, 2, 3, 4, 5, 6], [4, 6, 6, 6, 6, 6, 6], 6)
    published = [1.62137919, 1.8020448, 2.62115607, 3.44026734, 4.25937861, 5.07848989, 5.89760116]
    assert_allclose(residual, published, rtol=1e-8)


def test_bgbb_hangs_together():
    model, history = BGBB(1.2, 0.75, 0.66, 2.8), ([0, 2, 6, 0], [0, 4, 6, 0], [6, 6, 6, 0])
    chances = np.array([model.conditional_pmf(k, 5, *history) for k in range(6)])
    assert_allclose(chances.sum(axis=0), 1, rtol=1e-12)
    assert_allclose(np.arange(6) @ chances, model.conditional_expected(5, *history), rtol=1e-12)
    assert_allclose(1 - chances[0], model.p_purchase(5, *history), rtol=1e-12)
    assert (model.conditional_expected(0, *history) == 0).all()
    assert_allclose(model.dect(400, 0.1, *history), model.dert(0.1, *history), rtol=1e-9)


def test_bgbb_recovers_and_predicts_its_simulation():
    rng, truth = np.random.default_rng(0), BGBB(1.2, 0.75, 0.66, 2.8)
    drawn = truth.draw(rng, rng.integers(3, 12, 20_000), 5)
    fit = BGBB.fit(*drawn[:3])
    away = fit.model.log_params - truth.log_params
    assert away @ np.linalg.solve(fit.log_covariance, away) < 20
    assert fit.model.conditional_expected(5, *drawn[:3]).sum() == pytest.approx(drawn.x_star.sum(), rel=0.02)


def test_bgbb_derivatives_agree_with_differences():
    model, step = BGBB(1.2, 0.75, 0.66, 2.8), 1e-5
    rows = (np.array([0.0, 2, 6]), np.array([0.0, 4, 6]), np.array([6.0, 6, 6]))
    jet = model.jet(*rows)
    for i in range(4):
        up, down = (model.at(model.log_params + sign * step * np.eye(4)[i]).jet(*rows) for sign in (1, -1))
        assert_allclose((up.gradient - down.gradient) / (2 * step), jet.hessian[i], rtol=1e-6, atol=1e-8)


def test_bgbb_refuses_what_cannot_be():
    for bad in [(2, 1, 6), (1, 7, 6), (1, 0, 6), (0, 1, 6), (0.5, 1, 6)]:
        with pytest.raises(ModelError, match="whole numbers"):
            BGBB.fit(*bad)
    with pytest.raises(ModelError, match="Nobody bought"):
        BGBB.fit([0, 0], [0, 0], [6, 6])


# ---- contracts: Fader & Hardie 2007 and 2018


@pytest.mark.parametrize(
    ("kind", "survivors", "params", "log_likelihood"),
    [
        (SBG, REGULAR, [0.7041, 1.1820], -1680.2652),
        (SBG, HIGH_END, [0.6681, 3.8061], -1611.1581),
        (SBG, REGULAR[:5], [0.7637, 1.2958], -1401.5594),
        (SBG, HIGH_END[:5], [1.2809, 7.7898], -1225.1349),
        (BdW, REGULAR[:5], [0.5231, 0.8944, 1.1963], -1401.3831),
        (BdW, HIGH_END[:5], [0.2593, 1.7225, 1.5844], -1222.7493),
        (BdW, REGULAR, [0.455614, 0.7793256, 1.2834512], -1679.6028),
        (BdW, HIGH_END, [0.2142533, 1.4265749, 1.7235649], -1605.3142),
    ],
)
def test_published_contracts(kind, survivors, params, log_likelihood):
    fit = kind.fit_cohort(survivors)
    assert_allclose(list(fit.params.values()), params, rtol=3e-4)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=6e-5)


def test_bdw_with_exponent_one_is_the_sbg():
    sbg, bdw, t = SBG(0.7, 1.2), BdW(0.7, 1.2, 1.0), np.arange(1, 20)
    for quantity in ("survival", "retention", "pmf"):
        assert_allclose(getattr(sbg, quantity)(t), getattr(bdw, quantity)(t), rtol=1e-13)
    assert_allclose(sbg.dert(0.1, t), bdw.dert(0.1, t), rtol=1e-13)
    ended = np.arange(19) % 2
    assert_allclose(sbg.log_likelihood(t, ended), bdw.log_likelihood(t, ended), rtol=1e-12)


@pytest.mark.parametrize("model", [SBG(0.7, 1.5), BdW(0.5, 1.2, 1.4)], ids=lambda model: model.name)
def test_contracts_hang_together(model):
    assert model.survival(0) == 1
    assert_allclose(model.pmf(np.arange(1, 50)).sum(), 1 - model.survival(49), rtol=1e-12)
    assert_allclose(
        model.dect(3, 0, 2), sum(model.survival(t) for t in (3, 4, 5)) / model.survival(2), rtol=1e-12
    )
    assert model.dect(0, 0.1, 2) == 0
    rng = np.random.default_rng(0)
    fit = type(model).fit(*model.draw(rng, rng.integers(0, 15, 20_000)))
    away = fit.model.log_params - model.log_params
    assert away @ np.linalg.solve(fit.log_covariance, away) < 20


def test_contract_derivatives_agree_with_differences():
    model, step = BdW(0.5, 1.2, 1.4), 1e-5
    rows = (np.array([1.0, 4, 0, 7]), np.array([1.0, 1, 0, 0]))
    jet = model.jet(*rows)
    for i in range(3):
        up, down = (model.at(model.log_params + sign * step * np.eye(3)[i]).jet(*rows) for sign in (1, -1))
        assert_allclose((up.value - down.value) / (2 * step), jet.gradient[i], rtol=1e-6, atol=1e-8)
        assert_allclose((up.gradient - down.gradient) / (2 * step), jet.hessian[i], rtol=1e-6, atol=1e-8)


def test_contracts_refuse_what_cannot_be():
    for bad in [(0, 1), (1.5, 0), (-1, 0)]:
        with pytest.raises(ModelError):
            SBG.fit(*bad)
    with pytest.raises(ModelError, match="No contract has ended"):
        BdW.fit([3, 4], [0, 0])
    with pytest.raises(ModelError, match="Survivors"):
        SBG.fit_cohort([5, 6])
    with pytest.raises(ModelError, match="discount rate"):
        SBG(0.7, 1.2).dert(0.0, 1)
