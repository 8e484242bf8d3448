"""Customers who move between stores: the matrix, a plain-Python twin, and whole customers at random."""

import time

import numpy as np
import pytest

from crmkit.errors import UsageError
from crmkit.whatif.switching import Switching

TWO = Switching.of(["A", "B"], {("A", "B"): 0.02, ("B", "A"): 0.01})
OPEN = Switching.of(
    ["A", "B", "C"],
    {("A", "B"): 0.05, ("A", "elsewhere"): 0.03, ("B", "C"): 0.1, ("C", "A"): 0.2}
    | {("elsewhere", "A"): 2.5, ("elsewhere", "C"): 7},
    referral=0.04,
)
SHRINKING = Switching.of(
    ["A", "B"], {("A", "B"): 0.1, ("A", "elsewhere"): 0.2, ("B", "elsewhere"): 0.05}, referral=0.5
)
MARKETS = {"two": TWO, "open": OPEN, "shrinking": SHRINKING}
START = {"two": (100, 100), "open": (50, 0, 400), "shrinking": (300, 10)}


def random_market(size: int, seed: int) -> Switching:
    rng = np.random.default_rng(seed)
    rates = rng.dirichlet(np.ones(size) * 0.3, size)
    return Switching(
        stores=tuple(f"S{i}" for i in range(size)),
        rates=np.column_stack([rates, np.zeros(size)]),
        join=np.zeros(size),
    )


def twin(market: Switching, start: tuple[int, ...], periods: int) -> list[list[float]]:
    """One customer class at a time: who stays, who is taken along, who moves, who is brought."""
    stores, path = range(len(start)), [[float(n) for n in start]]
    for _ in range(periods):
        now, after = path[-1], [float(n) for n in market.join]
        for i in stores:
            stay = market.rates[i][i]
            taken_along = market.referral * (1 - stay)
            stayers = now[i] * (stay - taken_along)
            after[i] += stayers + market.referral * stayers
            for j in stores:
                if j != i:
                    after[j] += now[i] * market.rates[i][j]
        path.append(after)
    return path


@pytest.mark.parametrize("name", MARKETS)
def test_expectation_is_that_of_the_twin(name: str) -> None:
    found = MARKETS[name].expected(START[name], 40)
    np.testing.assert_allclose(found, twin(MARKETS[name], START[name], 40), rtol=1e-12)


@pytest.mark.parametrize("name", MARKETS)
def test_every_expected_customer_is_accounted_for(name: str) -> None:
    market = MARKETS[name]
    path = market.expected(START[name], 40)
    flow = market.flows(path)
    np.testing.assert_allclose(
        path[1:], path[:-1] + flow["won"] - flow["lost"] + flow["joined"] - flow["left"]
    )
    np.testing.assert_allclose(flow["won"].sum(axis=1), flow["lost"].sum(axis=1), atol=1e-12)
    if market.closed:
        np.testing.assert_allclose(path.sum(axis=1), sum(START[name]))


@pytest.mark.parametrize("seed", range(5))
def test_steady_state_is_the_eigenvector(seed: int) -> None:
    market = random_market(5, seed)
    values, vectors = np.linalg.eig(market.rates[:, :-1].T)
    vector = np.real(vectors[:, np.argmin(abs(values - 1))])
    shares = market.steady_shares([1, 2, 3, 4, 5])
    assert shares is not None
    np.testing.assert_allclose(shares, vector / vector.sum(), atol=1e-10)
    np.testing.assert_allclose(shares @ market.rates[:, :-1], shares, atol=1e-10)


def test_steady_state_of_two_stores_is_b_over_a_plus_b() -> None:
    shares = TWO.steady_shares((100, 100))
    assert shares is not None
    np.testing.assert_allclose(shares, [1 / 3, 2 / 3])


def test_steady_state_with_joiners_solves_the_balance() -> None:
    market = Switching.of(
        ["A", "B"], {("A", "elsewhere"): 0.1, ("A", "B"): 0.1, ("B", "elsewhere"): 0.3, ("elsewhere", "A"): 6}
    )
    # A loses a fifth and gains 6: 30 customers. B gains 3 and loses three tenths: 10.
    shares = market.steady_shares((0, 0))
    assert shares is not None
    np.testing.assert_allclose(shares, [0.75, 0.25])
    np.testing.assert_allclose(market.expected((0, 0), 400)[-1], [30, 10])


def test_steady_state_keeps_stores_that_nobody_can_reach_as_they_began() -> None:
    market = Switching.of(["A", "B", "C"], {("A", "B"): 0.5, ("B", "A"): 0.5})
    shares = market.steady_shares((100, 0, 300))
    assert shares is not None
    np.testing.assert_allclose(shares, [1 / 8, 1 / 8, 3 / 4])


def test_no_steady_state_where_all_swap_or_all_leave() -> None:
    swap = Switching.of(["A", "B"], {("A", "B"): 1, ("B", "A"): 1})
    assert swap.steady_shares((100, 0)) is None and swap.half_life() is None
    gone = Switching.of(["A"], {("A", "elsewhere"): 1})
    assert gone.steady_shares((100,)) is None


@pytest.mark.parametrize("market", [TWO, Switching.of(["A", "B"], {("A", "B"): 0.5, ("B", "A"): 0.2})])
def test_after_its_half_life_half_of_the_distance_is_gone(market: Switching) -> None:
    half_life, steady = market.half_life(), market.steady_shares((1, 0))
    assert half_life is not None and steady is not None
    base = 1 - market.rates[0, 1] - market.rates[1, 0]
    assert base**half_life == pytest.approx(0.5)
    far, later = (abs(market.expected((1, 0), t)[-1] - steady)[0] for t in (0, 10))
    assert later / far == pytest.approx(0.5 ** (10 / half_life))


def test_half_life_with_joiners_is_that_of_the_stock() -> None:
    market = Switching.of(["A"], {("A", "elsewhere"): 0.1, ("elsewhere", "A"): 5})
    assert market.half_life() == pytest.approx(np.log(0.5) / np.log(0.9))
    growing = Switching.of(["A", "B"], {("elsewhere", "A"): 5, ("A", "B"): 0.1, ("B", "A"): 0.1})
    assert growing.half_life() is None, "the shares settle like 1/t, which halves ever more slowly"


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_mean_of_the_runs_is_the_expectation(name: str, seed: int) -> None:
    market, runs = MARKETS[name], 4_000
    path = market.expected(START[name], 30)
    for t, now in enumerate(market.simulate(START[name], 30, runs=runs, seed=seed)):
        error = now.std(axis=0, ddof=1) / np.sqrt(runs)
        # Four standard errors: one of these 420 numbers is beyond that in one test run of 40.
        assert (abs(now.mean(axis=0) - path[t]) <= 4 * error + 1e-9).all(), (
            t,
            now.mean(axis=0),
            path[t],
            error,
        )


def test_spread_of_the_runs_is_binomial() -> None:
    market = Switching.of(["A", "B"], {("A", "B"): 0.3})
    (_, now) = market.simulate((200, 0), 1, runs=20_000, seed=3)
    assert now[:, 0].var() == pytest.approx(200 * 0.7 * 0.3, rel=0.04)


@pytest.mark.parametrize("seed", range(3))
def test_runs_of_a_closed_market_lose_nobody(seed: int) -> None:
    market = random_market(5, seed)
    for now in market.simulate((100, 0, 7, 1, 1000), 20, runs=300, seed=seed):
        assert now.dtype == np.int64 and now.min() >= 0
        assert (now.sum(axis=1) == 1108).all()


def test_runs_of_an_open_market_only_shrink_or_only_grow() -> None:
    leaving = Switching.of(["A", "B"], {("A", "elsewhere"): 0.1, ("B", "A"): 0.2})
    joining = Switching.of(["A", "B"], {("elsewhere", "A"): 3, ("B", "A"): 0.2})
    for market, sign in ((leaving, -1), (joining, 1)):
        totals = np.array([now.sum(axis=1) for now in market.simulate((100, 50), 20, runs=200, seed=1)])
        assert (sign * np.diff(totals, axis=0) >= 0).all() and (totals[-1] != 150).all()


def test_the_seed_decides_the_runs() -> None:
    first, again, other = (
        np.array(list(OPEN.simulate((50, 5, 40), 5, runs=50, seed=seed))) for seed in (7, 7, 8)
    )
    assert (first == again).all() and (first != other).any()


@pytest.mark.slow
def test_ten_thousand_runs_of_five_stores_take_less_than_two_seconds() -> None:
    market = random_market(5, 1)
    began = time.process_time()
    for _ in market.simulate((100,) * 5, 60, runs=10_000, seed=1):
        pass
    assert time.process_time() - began < 2


def test_replaced_flows_come_out_of_those_who_stay() -> None:
    changed = TWO.with_flows({("A", "B"): 0.01, ("A", "elsewhere"): 0.05, ("elsewhere", "B"): 3})
    np.testing.assert_allclose(changed.rates, [[0.94, 0.01, 0.05], [0.01, 0.99, 0]])
    assert changed.join.tolist() == [0, 3]
    np.testing.assert_allclose(TWO.rates, [[0.98, 0.02, 0], [0.01, 0.99, 0]])


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        ({("A", "B"): 1.2}, "A:B is 1.2; a rate must lie between 0 and 1"),
        ({("A", "B"): -0.1}, "A:B is -0.1"),
        ({("A", "B"): float("nan")}, "A:B is nan"),
        (
            {("A", "B"): 0.7, ("A", "elsewhere"): 0.4},
            "A would lose 1.1 of its customers per period, more than there are",
        ),
        ({("A", "Z"): 0.1}, "no store 'Z'; the stores are A, B"),
        ({("Z", "A"): 0.1}, "no store 'Z'"),
        ({("A", "A"): 0.9}, "A:A names one store twice"),
        ({("elsewhere", "elsewhere"): 0.9}, "elsewhere"),
        ({("elsewhere", "A"): -5}, "-5 customers join A"),
    ],
)
def test_bad_flows(flows: dict[tuple[str, str], float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Switching.of(["A", "B"], flows)


def test_bad_markets() -> None:
    with pytest.raises(
        UsageError, match=r"The rates of A sum to 0\.95 \(0\.9 \+ 0\.05 \+ 0\); they must sum to 1"
    ):
        Switching(stores=("A", "B"), rates=np.array([[0.9, 0.05, 0], [0, 1, 0]]), join=np.zeros(2))
    with pytest.raises(UsageError, match="2 stores need a row each"):
        Switching(stores=("A", "B"), rates=np.eye(2), join=np.zeros(2))
    with pytest.raises(UsageError, match="'elsewhere' is taken"):
        Switching.of(["A", "elsewhere"], {})
    with pytest.raises(UsageError, match="a name of its own"):
        Switching.of(["A", "A"], {})
    with pytest.raises(UsageError, match=r"The rate can be at most 1\."):
        Switching.of(["A"], {("A", "elsewhere"): 0.5}, referral=1.5)
    with pytest.raises(UsageError, match="The referral rate is -1"):
        Switching.of(["A"], {}, referral=-1)


def test_growth_without_bound_is_refused() -> None:
    with pytest.raises(UsageError, match="A would pass 1,000,000,000,000,000 customers in period 44"):
        Switching.of(["A"], {}, referral=1).expected([100], 60)
