"""The calendar clock: exact derivatives, beliefs against plain algebra, and seasons that are known."""

from __future__ import annotations

import numpy as np
import pytest

from crmkit.models.clock import BIN, GRID, Bins, Clock, Evidence, Size, fit_clock
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.numerics.processes import believe, root
from tests.models.seasons import History, history, season

DAYS = 900


@pytest.fixture(scope="module")
def moving() -> History:
    return history(customers=1500, days=DAYS, pace=season(DAYS, 0.5), seed=1)


@pytest.fixture(scope="module")
def clock(moving: History) -> Clock:
    return fit_clock(*moving.rows, moving.by_age, ahead=364)


def test_derivatives_are_those_of_the_likelihood(moving: History) -> None:
    known = Evidence.of(*moving.rows, None, moving.by_age)
    f, model = 0.2 * np.random.default_rng(2).standard_normal(known.bins.number), MBGNBD(0.8, 30.0, 0.6, 2.5)
    found, e = known.slope(model, f), 1e-5
    steps = e * np.eye(len(f))
    slopes = [known.log_likelihood(model, f + s) - known.log_likelihood(model, f - s) for s in steps]
    bends = [known.slope(model, f + s).gradient - known.slope(model, f - s).gradient for s in steps]
    assert np.allclose(np.array(slopes) / (2 * e), found.gradient, rtol=1e-6, atol=1e-4)
    assert np.allclose(-np.array(bends) / (2 * e), found.curvature, rtol=1e-6, atol=1e-4)


def test_beliefs_are_those_of_plain_algebra() -> None:
    rng, n, m = np.random.default_rng(3), 5, 8
    t = Bins(n * BIN, BIN).times(m - n)
    priors = np.array([size.covariance(t) for size in GRID[:7]])
    half = rng.standard_normal((n, n))
    seen, pull = half @ half.T, rng.standard_normal(n)
    found = believe(priors, root(seen), pull)
    for i, K in enumerate(priors):
        gain = K[:, :n] @ np.linalg.inv(np.eye(n) + seen @ K[:n, :n])
        assert np.allclose(found.mean[i], gain @ pull)
        assert np.allclose(found.covariance[i], K - gain @ seen @ K[:n])
        evidence = pull @ gain[:n] @ pull / 2 - np.linalg.slogdet(np.eye(n) + seen @ K[:n, :n])[1] / 2
        assert np.isclose(found.log_evidence[i], evidence)
        assert np.allclose(K[:n, :n] @ found.duals[i], found.mean[i, :n])


def test_a_root_leaves_out_what_is_not_positive() -> None:
    half = np.random.default_rng(4).standard_normal((6, 3))
    positive = half @ half.T
    assert root(positive).shape == (6, 3) and np.allclose(root(positive) @ root(positive).T, positive)
    assert root(-np.eye(3)).shape == (3, 0)


def test_a_known_season_is_found_and_carried_on(moving: History, clock: Clock) -> None:
    pace = season(DAYS + 364, 0.5)
    true = pace[DAYS:].sum() / pace[:DAYS].mean()
    assert abs(np.log(float(clock.ahead(364.0)) / true)) < 2 * np.sqrt(clock.shock(364))
    assert clock.ahead(364) == pytest.approx(true, rel=0.08)
    middles = BIN * (np.arange(len(clock.future)) + 0.5) + DAYS
    wanted = np.log(season(DAYS + 2 * 364, 0.5))[middles.astype(int)]
    assert np.corrcoef(clock.future, wanted)[0, 1] > 0.95
    assert clock.gain > 50


def test_a_steady_business_keeps_its_time() -> None:
    steady = history(customers=1500, days=DAYS, pace=np.ones(DAYS), seed=5)
    found = fit_clock(*steady.rows, steady.by_age, ahead=364)
    assert abs(np.log(float(found.ahead(364.0)) / 364)) < 0.08
    assert np.abs(found.past).max() < 0.15 and found.gain < 8


def test_time_passes_on_the_clock_as_in_the_likelihood(moving: History, clock: Clock) -> None:
    known = Evidence.of(*moving.rows, None, moving.by_age)
    rows = known.on(clock.past)
    assert np.allclose(clock.since(known.first), rows.T)
    bought = rows.x > 0
    assert np.allclose((clock.since(known.first) - clock.since(known.last))[bought], rows.t_x[bought])
    days = np.arange(1, 1000)
    assert (np.diff(clock.ahead(days)) > 0).all() and (np.diff(clock.since(days)) > 0).all()
    lived = np.average(np.diff(clock.since(np.arange(DAYS))), weights=moving.present[1:DAYS])
    assert lived == pytest.approx(1, abs=0.01)  # an average day of customers' lives


def test_order_and_duplicates_leave_no_trace(moving: History, clock: Clock) -> None:
    mixed = np.random.default_rng(6).permutation(len(moving.rows[0]))
    again = fit_clock(*(column[mixed] for column in moving.rows), moving.by_age, ahead=364)
    assert (
        again.past.tobytes() == clock.past.tobytes()
        and again.covariance.tobytes() == clock.covariance.tobytes()
    )


def test_bins_end_with_the_history_and_stay_few() -> None:
    bins = Bins.of(100)
    assert bins.number == 4 and bins.overlaps()[100].tolist() == [16, 28, 28, 28]
    assert bins.overlaps()[30].tolist() == [0, 0, 2, 28] and not bins.overlaps()[0].any()
    assert Bins.of(40 * 365).number <= 130 and Bins.of(40 * 365).length % 28 == 0
    assert bins.sums(np.ones(100)).tolist() == [16, 28, 28, 28]


def test_a_longer_look_ahead_is_less_sure(clock: Clock) -> None:
    assert clock.shock(28) > 0 and clock.shock(182) < 0.05
    assert (
        clock.ahead(2000) > clock.ahead(364) and Size(0.1, 0.4, 0.1).log_prior < Size(0.1, 0.1, 0.1).log_prior
    )


def test_a_clock_is_read_on_a_later_day(clock: Clock) -> None:
    later = Clock.from_dict(clock.to_dict()).seen_from(40)
    assert later.since(0) == 0 and later.since(40) == pytest.approx(clock.ahead(40))
    assert later.since(140) == pytest.approx(clock.ahead(40) + clock.since(100))
    assert later.ahead(100) == pytest.approx(clock.ahead(140) - clock.ahead(40))
    assert later.shock(364) > 0 and Clock.from_dict(clock.to_dict()).since(500) == clock.since(500)
    with pytest.raises(ValueError, match="fit together"):
        Clock.from_dict({**clock.to_dict(), "doubt": [1.0]})


def test_what_is_said_of_future_days_holds_as_often_as_it_should(clock: Clock) -> None:
    wanted = np.log(season(DAYS + 364, 0.5)[DAYS:]).reshape(13, 28).mean(axis=1)
    level = np.log(season(DAYS, 0.5)).mean()
    off = (clock.future - (wanted - level)) / np.sqrt(np.diag(clock.covariance))
    assert np.abs(off).max() < 3.5
