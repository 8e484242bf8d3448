"""Predictive intervals: do they cover what happens, and do they hang together?"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmkit.errors import ModelError
from crmkit.models import BGNBD, MBGCNBD, MBGNBD, NBD, GammaGamma, ParetoNBD, fit_spend, outlook
from tests.models.model_cases import customers

TRUTHS = [
    NBD(0.55, 10.6),
    BGNBD(0.6, 8.0, 0.8, 2.4),
    MBGNBD(0.6, 6.2, 0.9, 1.6),
    ParetoNBD(0.55, 10.6, 0.61, 11.7),
    MBGCNBD(1.3, 2.8, 0.43, 0.8, k=2),
]
SPEND = GammaGamma(6.2, 3.7, 15.4)
each_truth = pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: model.name)


@pytest.fixture(autouse=True)
def no_numpy_trouble():
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def world(truth, n, rng):
    """Customers, their mean amounts, and what they order and spend in the horizon of 40."""
    drawn = truth.draw(rng, rng.uniform(20, 50, n), 40.0)
    rate = rng.gamma(SPEND.q, 1.0, n) / SPEND.gamma
    m = np.where(drawn.x > 0, rng.gamma(SPEND.p * np.maximum(drawn.x, 1)) / rate / np.maximum(drawn.x, 1), 0)
    later = np.where(drawn.x_star > 0, rng.gamma(SPEND.p * np.maximum(drawn.x_star, 1)) / rate, 0)
    return drawn, m, later


def fitted(truth, drawn):
    return type(truth).fit(*drawn[:3], **({"k": truth.k} if truth.stages > 1 else {}))


@each_truth
def test_intervals_of_customers_cover_as_often_as_they_say(truth):
    rng = np.random.default_rng(3)
    drawn, m, later = world(truth, 4000, rng)
    seen = outlook(fitted(truth, drawn), 40, *drawn[:3], spend=fit_spend(drawn.x, m), m=m)
    orders, value = seen.orders_interval(0.8), seen.value_interval(0.8)
    inside = (drawn.x_star >= orders.low) & (drawn.x_star <= orders.high)
    assert inside.mean() == pytest.approx(orders.mass.mean(), abs=0.02)
    assert ((later >= value.low) & (later <= value.high)).mean() == pytest.approx(
        value.mass.mean(), abs=0.025
    )
    # Counts are whole, so intervals hold more than 80 %; the distribution itself is held to 80 %.
    above, reached = seen.orders_beyond(drawn.x_star), seen.orders_beyond(drawn.x_star - 1)
    place = above + rng.random(len(above)) * (reached - above)
    assert 0.77 < ((place > 0.1) & (place < 0.9)).mean() < 0.83


@pytest.mark.slow
@each_truth
def test_intervals_of_totals_cover_four_in_five(truth):
    rng, hits = np.random.default_rng(4), []
    for _ in range(200):
        drawn, m, later = world(truth, 600, rng)
        seen = outlook(fitted(truth, drawn), 40, *drawn[:3], spend=fit_spend(drawn.x, m), m=m)
        pairs = [(seen.order_totals(), drawn.x_star.sum()), (seen.value_totals(), later.sum())]
        hits.append([total.low[0] <= actual <= total.high[0] for total, actual in pairs])
    # 200 worlds know a share of 80 % to within ±5.7 % (two standard errors)
    assert (np.abs(np.mean(hits, axis=0) - 0.8) < 0.06).all()


@pytest.fixture
def seen():
    rng = np.random.default_rng(5)
    drawn, m, _ = world(TRUTHS[3], 1500, rng)
    return drawn, m, outlook(fitted(TRUTHS[3], drawn), 40, *drawn[:3], spend=fit_spend(drawn.x, m), m=m)


def test_expectations_are_the_models(seen):
    drawn, _, look = seen
    model = fitted(TRUTHS[3], drawn).model
    assert_allclose(look.orders, model.conditional_expected(40, *drawn[:3]), rtol=1e-12)
    assert_allclose(look.p_purchase, model.p_purchase(40, *drawn[:3]), rtol=1e-12)
    assert_allclose(look.alive, model.p_alive(*drawn[:3]), rtol=1e-12)
    assert_allclose(look.value, look.orders * look.spend, rtol=1e-12)
    assert_allclose(look.order_totals().expected, look.orders.sum(), rtol=1e-12)


def test_wider_levels_hold_narrower_ones(seen):
    _, _, look = seen
    for interval in (look.orders_interval, look.value_interval):
        narrow, wide = interval(0.5), interval(0.9)
        assert (wide.low <= narrow.low).all() and (narrow.high <= wide.high).all()
        assert (wide.mass >= narrow.mass - 1e-9).all() and (wide.mass >= 0.9 - 1e-9).all()


def test_groups_add_up_and_doubt_does_not(seen):
    _, _, look = seen
    groups = np.arange(len(look.orders)) % 3
    parts, whole = look.value_totals(groups), look.value_totals()
    assert_allclose(parts.expected.sum(), whole.expected[0], rtol=1e-12)
    assert (parts.low < parts.expected).all() and (parts.expected < parts.high).all()
    assert whole.high[0] - whole.low[0] < (parts.high - parts.low).sum()


def test_order_of_rows_changes_nothing(seen):
    drawn, m, look = seen
    order = np.random.default_rng(1).permutation(len(m))
    fit = fitted(TRUTHS[3], drawn)
    again = outlook(fit, 40, *(c[order] for c in drawn[:3]), spend=fit_spend(drawn.x, m), m=m[order])
    assert (again.orders_interval().high == look.orders_interval().high[order]).all()
    assert_allclose(again.value_interval().high, look.value_interval().high[order], rtol=1e-12)
    assert_allclose(again.order_totals().low, look.order_totals().low, rtol=1e-12)


def test_discount_lowers_value_and_no_horizon_is_no_value(seen):
    drawn, m, look = seen
    fit, spend = fitted(TRUTHS[3], drawn), fit_spend(drawn.x, m)
    less = outlook(fit, 40, *drawn[:3], spend=spend, m=m, rate=0.01)
    assert (less.value < look.value).all() and (less.orders == look.orders).all()
    assert_allclose(less.value, fit.model.dect(40, 0.01, *drawn[:3]) * less.spend, rtol=1e-9)
    none = outlook(fit, 0, *drawn[:3], spend=spend, m=m)
    assert (none.value == 0).all() and (none.value_interval().high == 0).all()
    assert none.order_totals().high[0] == 0


def test_without_spend_there_is_no_value(seen):
    drawn, _, _ = seen
    look = outlook(fitted(TRUTHS[3], drawn), 40, *drawn[:3])
    assert look.value is None and look.spend is None
    with pytest.raises(ModelError, match="spend"):
        look.value_interval()
    with pytest.raises(ModelError, match="horizon"):
        outlook(fitted(TRUTHS[3], drawn), np.inf, *drawn[:3])


@pytest.mark.parametrize("dataset", ["cdnow_sample", "orii_2009_2010", "rfm_orders"])
@pytest.mark.parametrize("kind", [NBD, BGNBD, MBGNBD, ParetoNBD])
def test_boundary_fits_have_finite_intervals(dataset, kind):
    x, t_x, T, m = customers(dataset, "x", "t_x", "T", "m")
    look = outlook(kind.fit(x, t_x, T), 52, x, t_x, T, spend=fit_spend(x, m), m=m, rate=0.002)
    totals = look.value_totals()
    for numbers in (*look.orders_interval(), *look.value_interval(), *totals, *look.order_totals()):
        assert np.isfinite(numbers).all()
    assert totals.low[0] < totals.expected[0] < totals.high[0]
