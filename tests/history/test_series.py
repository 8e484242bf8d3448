"""The forecasts against loops over their formulas, and on series whose future is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.history.series import ALPHAS, Naive, Theta, is_seasonal, season_factors, slope

values = st.lists(st.integers(0, 10**6).map(float), min_size=6, max_size=40)


def naive_theta(y: list[float], horizon: int) -> tuple[list[float], list[float]]:
    """Smoothing with drift, one alpha and one value at a time."""
    n = len(y)
    middle = (n - 1) / 2
    b = sum((t - middle) * v for t, v in enumerate(y)) / sum((t - middle) ** 2 for t in range(n))

    def run(alpha: float) -> tuple[float, float]:
        level, squares = y[0], 0.0
        for t in range(1, n):
            squares += (y[t] - level - b / 2 * (1 - (1 - alpha) ** t) / alpha) ** 2
            level = alpha * y[t] + (1 - alpha) * level
        return squares, level

    alpha = min(ALPHAS.tolist(), key=lambda a: run(a)[0])
    squares, level = run(alpha)
    sigma = math.sqrt(squares / (n - 3))
    reach = (1 - (1 - alpha) ** n) / alpha
    mean = [level + b / 2 * (h - 1 + reach) for h in range(1, horizon + 1)]
    return mean, [sigma * math.sqrt(1 + (h - 1) * alpha**2) for h in range(1, horizon + 1)]


@given(values, st.integers(1, 8))
def test_theta_is_its_formula(series: list[float], horizon: int) -> None:
    mean, sd = Theta.fit(np.array(series)).forecast(horizon)
    expected_mean, expected_sd = naive_theta(series, horizon)
    assert mean == pytest.approx(expected_mean, rel=1e-6, abs=1e-3)
    assert sd == pytest.approx(expected_sd, rel=1e-6, abs=1e-3)


@given(values, st.floats(0.01, 100), st.floats(-1e6, 1e6))
def test_scale_and_level_go_through(series: list[float], factor: float, shift: float) -> None:
    plain = Theta.fit(np.array(series))
    moved = Theta.fit(np.array(series) * factor + shift)
    assert moved.sigma == pytest.approx(plain.sigma * factor, rel=1e-6, abs=1e-4)


def test_a_flat_series_stays_flat_without_doubt() -> None:
    for method in (Theta.fit(np.full(12, 7.0)), Naive.fit(np.full(12, 7.0))):
        mean, sd = method.forecast(5)
        assert mean.tolist() == pytest.approx([7] * 5)
        assert sd.tolist() == [0] * 5


def test_a_line_is_followed_with_half_its_slope() -> None:
    fitted = Theta.fit(10 + 3 * np.arange(60.0))
    assert fitted.drift == pytest.approx(1.5)
    assert fitted.alpha == 0.99
    mean, _ = fitted.forecast(4)
    assert np.diff(mean) == pytest.approx([1.5] * 3)


SEASON = np.array([0.5, 0.8, 1.0, 1.2, 1.5, 1.0, 0.7, 0.9, 1.1, 1.3, 1.4, 0.6])


def test_a_season_is_found_and_put_back() -> None:
    series = 100 * np.tile(SEASON, 4)[:43]
    assert is_seasonal(series, 12)
    assert season_factors(series, 12) == pytest.approx(SEASON / SEASON.mean())
    mean, sd = Theta.fit(series, 12).forecast(14)
    assert mean == pytest.approx(100 * np.tile(SEASON, 5)[43:57], rel=1e-3)
    assert Naive.fit(series, 12).forecast(14)[0] == pytest.approx(100 * np.tile(SEASON, 5)[43:57])
    assert (sd < 1).all()


@pytest.mark.parametrize(
    ("series", "season"),
    [
        (100 * np.tile(SEASON, 2), 12),  # two years are not more than two
        (np.arange(40.0) % 7, 12),  # a rhythm, but another one
        (np.full(40, 3.0), 4),
        (np.arange(1.0, 41.0), 1),
    ],
)
def test_no_season_is_seen_where_there_is_none(series: np.ndarray, season: int) -> None:
    assert not is_seasonal(series, season)
    assert Theta.fit(series, season).factors == (1.0,)


def test_values_at_or_below_zero_get_no_factors() -> None:
    series = 100 * np.tile(SEASON, 4) - 60
    assert is_seasonal(series, 12)
    assert Theta.fit(series, 12).factors == (1.0,)


@given(values, st.sampled_from([1, 4, 12]), st.integers(1, 30))
def test_naive_repeats_the_last_season(series: list[float], season: int, horizon: int) -> None:
    fitted = Naive.fit(np.array(series), season)
    lag = season if len(series) > season else 1
    assert fitted.name == ("seasonal naive" if lag > 1 else "naive")
    extended = list(series)
    for _ in range(horizon):
        extended.append(extended[-lag])
    steps = [b - a for a, b in zip(series, series[lag:], strict=False)]
    sigma = math.sqrt(sum(step**2 for step in steps) / len(steps))
    mean, sd = fitted.forecast(horizon)
    assert mean.tolist() == extended[len(series) :]
    assert sd.tolist() == pytest.approx(
        [sigma * math.sqrt((h - 1) // lag + 1) for h in range(1, horizon + 1)]
    )


@given(values)
def test_the_slope_is_that_of_least_squares(series: list[float]) -> None:
    expected = np.polyfit(np.arange(len(series)), series, 1)[0]
    assert slope(np.array(series)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_intervals_hold_what_they_promise_on_a_random_walk() -> None:
    chance = np.random.default_rng(3)
    inside = []
    for _ in range(400):
        walk = 1000 + np.cumsum(chance.normal(0, 10, 40))
        mean, sd = Naive.fit(walk[:36]).forecast(4)
        inside.extend(np.abs(walk[36:] - mean) <= 1.2816 * sd)
    assert 0.76 < np.mean(inside) < 0.84


def test_intervals_hold_what_they_promise_on_smoothed_noise() -> None:
    chance = np.random.default_rng(4)
    inside = []
    for _ in range(400):
        level, series = 1000.0, []
        for shock in chance.normal(0, 10, 64):
            series.append(level + shock)
            level += 0.3 * shock
        mean, sd = Theta.fit(np.array(series[:60])).forecast(4)
        inside.extend(np.abs(np.array(series[60:]) - mean) <= 1.2816 * sd)
    assert 0.74 < np.mean(inside) < 0.86
