"""The clock of purchases on a series of revenue: against textbook regression, and on series whose future is known."""

from __future__ import annotations

import numpy as np
import pytest

from crmkit.history.outlooks import CALENDAR, Series, outlooks, preferred, widening
from crmkit.history.pace import Pace
from crmkit.models.clock import GRID, YEAR

MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * 8, float)


def shop(months: int, season: float, orders: int = 400, seed: int = 1) -> np.ndarray:
    """Revenue in cents by month: a season that comes back, and the chance of that many orders."""
    rng = np.random.default_rng(seed)
    log = season * np.sin(2 * np.pi * np.arange(months) / 12) + rng.normal(0, (2 / orders) ** 0.5, months)
    return 1000 * orders * MONTHS[:months] * np.exp(log)


def textbook(series: np.ndarray, orders: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rasmussen and Williams, algorithm 2.1, one prior at a time."""
    n = len(series)
    noise, y = 2 / orders, np.log(series / days[:n])
    y = y - (y / noise).sum() / (1 / noise).sum()
    t = (np.cumsum(days) - days / 2) / YEAR
    found, logs = [], []
    for size in GRID:
        K = size.covariance(t - t[0])
        seen = K[:n, :n] + np.diag(noise)
        mean = K[n:, :n] @ np.linalg.solve(seen, y)
        variance = np.diag(K[n:, n:] - K[n:, :n] @ np.linalg.solve(seen, K[:n, n:]))
        logs.append(-(y @ np.linalg.solve(seen, y) + np.linalg.slogdet(seen)[1]) / 2 + size.log_prior)
        found.append((mean, variance))
    weight = np.exp(np.array(logs) - max(logs))
    weight /= weight.sum()
    means, variances = (np.array(column) for column in zip(*found, strict=True))
    mean = weight @ means
    return mean, weight @ (variances + (means - mean) ** 2)


def test_it_is_regression_averaged_over_the_grid() -> None:
    orders = np.linspace(100, 500, 30).round()
    series, days = shop(30, 0.4), MONTHS[:36]
    found = Pace.fit(series, orders, days)
    assert found is not None
    mean, variance = textbook(series, orders, days)
    usual = (np.log(series / days[:30]) * orders).sum() / orders.sum()
    assert found.mean == pytest.approx(mean + usual + np.log(days[30:]), abs=1e-6)
    assert found.sd == pytest.approx(np.sqrt(variance + 2 / orders[-12:].mean()), abs=1e-6)


def test_far_ahead_is_foreseen_in_parts() -> None:
    series, orders = shop(30, 0.4), np.full(30, 400.0)
    near, far = (Pace.fit(series, orders, MONTHS[: 30 + ahead]) for ahead in (6, 60))
    assert near is not None and far is not None
    assert far.mean[:6] == pytest.approx(near.mean, abs=1e-9)
    assert far.sd[:6] == pytest.approx(near.sd, abs=1e-9) and np.isfinite(far.sd).all()


def test_a_season_is_told_from_fifteen_months_on_and_held() -> None:
    off: dict[str, list[float]] = {"calendar": [], "theta": []}
    held = []
    for seed in range(6):
        whole = shop(30, 0.5, seed=seed)
        known = Series(whole[:18], np.full(18, 400.0), MONTHS[:24], 12)
        for said in outlooks(known, 6, 1.2816)[:2]:
            off[said.method].append(float(np.abs(np.log(said.mean.sum() / whole[18:24].sum()))))
            if said.method == CALENDAR:
                held += list((said.low <= whole[18:24]) & (whole[18:24] <= said.high))
    assert np.mean(off["calendar"]) < 0.5 * np.mean(off["theta"])
    assert np.mean(held) > 0.7


def test_where_a_season_cannot_be_told_there_is_no_calendar() -> None:
    orders = np.full(14, 400.0)
    assert Pace.fit(shop(14, 0.5), orders, MONTHS[:20]) is None
    losing = shop(20, 0.5)
    losing[3] = 0
    assert Pace.fit(losing, np.full(20, 400.0), MONTHS[:26]) is None


def test_theta_is_believed_where_it_was_clearly_closer() -> None:
    known = Series(shop(24, 0.3), np.full(24, 400.0), MONTHS[:30], 12)
    said = outlooks(known, 6, 1.2816)
    assert [one.method for one in said] == ["calendar", "theta", "seasonal naive"]
    for theta, first in ((0.59, "theta"), (0.61, "calendar")):
        errors = [{"method": "calendar", "mase": 1.0}, {"method": "theta", "mase": theta}]
        assert preferred(said, errors)[0].method == first
    assert preferred(said, [{"method": "theta", "mase": 0.1}])[0].method == "calendar"


def test_an_interval_that_has_been_too_narrow_is_widened() -> None:
    days = np.full(46, 30.0)
    steady = 1000 + np.random.default_rng(3).normal(0, 50, 40)
    jumping = np.where(np.arange(40) < 34, steady, 3 * steady)
    calm, wild = (widening(Series(one, np.full(40, 9.0), days, 12), 6) for one in (steady, jumping))
    assert 1 <= calm < 1.5 < wild
