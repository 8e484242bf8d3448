"""False discovery rates and Poisson tails against scipy, and where a double gives out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from crmkit.scoring import discoveries


def test_rates_are_those_of_benjamini_and_hochberg() -> None:
    p = np.random.default_rng(1).random(200) ** 3
    assert discoveries.q_values(p, len(p)) == pytest.approx(stats.false_discovery_control(p), rel=1e-12)


def test_tests_that_were_not_kept_count() -> None:
    p = np.array([0.03, 0.001, 0.2])
    everything = np.concatenate([p, np.ones(97)])
    assert discoveries.q_values(p, 100) == pytest.approx(stats.false_discovery_control(everything)[:3])


def test_tails_are_those_of_poisson() -> None:
    count, expected = np.array([0, 1, 3, 30, 5]), np.array([0.2, 0.2, 3.0, 4.0, 40.0])
    p = discoveries.at_least(count, expected)
    log = discoveries.log_at_least(count, expected, p)
    assert p == pytest.approx(stats.poisson.sf(count - 1, expected))
    assert log == pytest.approx(np.log(p))
    assert discoveries.at_most(count, expected) == pytest.approx(stats.poisson.cdf(count, expected))


def test_what_is_too_unlikely_for_a_double_keeps_its_order() -> None:
    count = np.array([900, 950, 1000])
    expected = np.full(3, 20.0)
    p = discoveries.at_least(count, expected)
    log = discoveries.log_at_least(count, expected, p)
    assert (p == 0).all()
    assert (np.diff(log) < 0).all()
    first = 900 * math.log(20) - 20 - math.lgamma(901)
    assert log[0] == pytest.approx(first, rel=1e-4)
