"""Published and independently computed values at given parameters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.models import BGCNBD, BGNBD, MBGCNBD, MBGNBD, NBD, GammaGamma, ParetoNBD

CUSTOMER = (2, 30.43, 38.86)
TEN_PERCENT = np.log(1.1) / 52


def test_paretonbd_against_btyd():
    model = ParetoNBD(0.55, 10.58, 0.61, 11.67)
    counts = [0.5960197919, 0.1651057509, 0.08203253066, 0.04868487561, 0.03142666825, 0.02128165151]
    assert_allclose(model.pmf(np.arange(6), 39), counts, rtol=1e-9)
    assert_allclose(model.expected(52), 1.459264475, rtol=1e-9)
    assert_allclose(model.p_alive([26, 0], [30.86, 0], [31, 39]), [0.9979050726, 0.2929564194], rtol=1e-9)
    assert_allclose(model.conditional_expected(39, *CUSTOMER), 1.450371375, rtol=1e-9)
    assert_allclose(model.log_likelihood(*CUSTOMER), -9.561981261, rtol=1e-9)
    assert_allclose(model.dert(0.0027, *CUSTOMER), 6.43574803, rtol=1e-8)
    assert_allclose(model.conditional_expected(10, [132, 133], 200, 200), [6.20605179, 6.25287225], rtol=1e-8)


def test_paretonbd_walkthrough_of_btyd():
    model = ParetoNBD(0.553, 10.580, 0.606, 11.656)  # printed rounded
    assert_allclose(model.expected(52), 1.473434, rtol=1e-3)
    assert_allclose(model.conditional_expected(52, 26, 30.857142857, 31), 25.45647, rtol=1e-3)
    more = model.conditional_expected(52, [10, 15, 20, 25], 20, 39)
    assert_allclose(more, [0.7062289, 0.1442396, 0.02250658, 0.00309267], rtol=3e-3)


def test_paretonbd_dert_of_the_paper():
    model = ParetoNBD(0.5629966, 12.5590370, 0.4081095, 10.5148048)
    assert_allclose(
        model.dert(0.0027, 7, [77.14, 51.86], [77.86, 77.14]), [18.4401687, 11.0347578], rtol=1e-7
    )


def test_bgnbd_against_btyd():
    model = BGNBD(0.243, 4.414, 0.793, 2.426)
    counts = [0.5737863521, 0.1993952808, 0.08542975954, 0.04586035385, 0.02767144934, 0.01796549387]
    assert_allclose(model.pmf(np.arange(6), 39), counts, rtol=1e-9)
    assert_allclose(model.pmf(10, 2), 1.07869e-7, rtol=1e-5)
    assert_allclose(model.expected(52), 1.446050595, rtol=1e-9)
    assert_allclose(model.p_alive(*CUSTOMER), 0.7265785701, rtol=1e-9)
    assert_allclose(model.conditional_expected(39, *CUSTOMER), 1.226028175, rtol=1e-9)
    assert_allclose(model.log_likelihood(*CUSTOMER), -9.458606307, rtol=1e-9)


def test_bgnbd_spreadsheet_of_hardie():
    model = BGNBD(0.24259452, 4.41360202, 0.79292202, 2.42590678)
    ends = [1 / 7, 1, 3, 31 + 6 / 7, 32, 78]
    assert_allclose(
        model.expected(ends), [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], rtol=5e-4, atol=5e-5
    )
    tail = [0.0019995214, 0.0015170236, 0.0011633150, 0.0009003148, 0.0007023638]
    rounded = BGNBD(0.243, 4.414, 0.793, 2.426)
    assert_allclose(rounded.pmf(np.arange(11, 16), 30), tail, rtol=1e-7)


def test_bgnbd_dert_against_thirty_digits():
    model = BGNBD(0.24259452, 4.41360202, 0.79292202, 2.42590678)
    history = ([0, 2, 26], [0, 30.428571429, 30.857142857], [38.857142857, 38.857142857, 31])
    assert_allclose(model.dert(TEN_PERCENT, *history), [1.2993050271, 6.3607289274, 85.1878237008], rtol=1e-9)


def test_mbgnbd_against_btydplus():
    model = MBGNBD(0.525, 6.183, 0.891, 1.614)
    counts = [0.5824731895, 0.1827830773, 0.08689482567, 0.04857044295, 0.02977414856, 0.01938732355]
    assert_allclose(model.pmf(np.arange(6), 39), counts, rtol=1e-9)
    assert_allclose(model.expected(52), 1.41972375771275, rtol=1e-12)  # 30-digit integral; the peer rounds
    assert_allclose(model.p_alive([0, 2], [0, 30.43], [39, 38.86]), [0.3893476487, 0.7062022651], rtol=1e-9)
    assert_allclose(model.conditional_expected(39, *CUSTOMER), 1.262960623, rtol=1e-8)


def test_cnbd_against_btydplus_and_the_exact_expectation():
    model = MBGCNBD(1.329, 2.813, 0.425, 0.790, k=2)
    counts = [0.3781918923, 0.1483309894, 0.08926020691, 0.0627895526, 0.04775747879, 0.03800935246]
    assert_allclose(model.pmf(np.arange(6), 52), counts, rtol=1e-8)
    assert_allclose(model.expected(52), 4.091660843, rtol=1e-7)
    assert_allclose(model.p_alive(3, 40, 52), 0.7915652543, rtol=1e-9)
    assert_allclose(model.conditional_expected(52, 3, 40, 52), 2.660440116, rtol=1e-9)


@pytest.mark.parametrize(("plain", "general"), [(BGNBD, BGCNBD), (MBGNBD, MBGCNBD)])
def test_one_stage_is_the_model_without_c(plain, general):
    """Quadrature over p in one, a sum over m in the other: two ways to the same number."""
    one = plain(0.243, 4.414, 0.793, 2.426)
    same = general(**one.params, k=1)
    history = ([0, 2, 26, 7], [0, 30.4, 30.85, 10], [38.8, 38.8, 31, 30])
    for quantity in (
        lambda model: model.log_likelihood(*history),
        lambda model: model.p_alive(*history, after=10),
        lambda model: model.conditional_expected(39, *history),
        lambda model: model.conditional_pairs(39, *history),
        lambda model: model.conditional_pmf(3, 39, *history),
        lambda model: model.dect(39, TEN_PERCENT, *history),
        lambda model: model.dert(TEN_PERCENT, *history),
    ):
        assert_allclose(quantity(same), quantity(one), rtol=1e-8)


@pytest.mark.parametrize("stages", [2, 3])
def test_exact_conditional_expectation_of_cnbd_by_simulation(stages):
    rng = np.random.default_rng(1)
    model = MBGCNBD(1.3, 2.8, 0.43, 0.79, k=stages)
    drawn = model.draw(rng, np.full(400_000, 30.0), 20.0)
    some = (drawn.x == 2) & (np.abs(drawn.t_x - 22) < 1)
    expected = model.conditional_expected(20, drawn.x[some], drawn.t_x[some], drawn.T[some])
    assert drawn.x_star[some].mean() == pytest.approx(
        expected.mean(), abs=4 * drawn.x_star[some].std() / some.sum() ** 0.5
    )


def test_stable_log_likelihoods_of_note_027():
    bg, mbg = BGNBD(0.25, 4, 0.8, 2.5), MBGNBD(0.25, 4, 0.8, 2.5)
    assert_allclose(bg.log_likelihood([0, 200], [0, 38], 40), [-0.59947382, 100.7957], rtol=1e-6)
    assert_allclose(mbg.log_likelihood([0, 200], [0, 38], 40), [-0.41792826, 100.7869], rtol=1e-6)


def test_nbd_is_a_negative_binomial():
    model = NBD(0.385, 12.072)
    n, p = np.arange(2000), 12.072 / (12.072 + 39)
    counts = model.pmf(n, 39)
    assert_allclose(counts[0], p**0.385, rtol=1e-12)
    assert_allclose(counts @ n, 0.385 * 39 / 12.072, rtol=1e-9)


def test_gamma_gamma_of_note_025():
    model = GammaGamma(6.25, 3.74, 15.44)
    assert_allclose(model.expected(3, 35), 35.02791996, rtol=1e-9)
    assert_allclose(model.log_likelihood(3, 35), -4.063961375, rtol=1e-9)
    assert model.expected(0, 0)[0] == model.mean
