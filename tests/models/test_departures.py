"""The integral over departures: its accuracy, and that a row does not depend on others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from crmkit.models import ParetoNBD, paretonbd_integral
from crmkit.models.paretonbd_integral import Departures
from crmkit.models.weighted import unique_rows

COUNTS, TIMES = (0.0, 1.0, 4.0, 30.0, 150.0), (0.0, 1.0, 10.0, 60.0, 127.0)
ROWS = tuple(np.array(list(product(COUNTS, TIMES, (128.0,)))).T)
GRID = list(product((1e-3, 0.5, 30.0), (0.01, 4.0, 300.0), (1e-3, 0.5, 30.0), (0.01, 4.0, 300.0)))


def test_few_nodes_are_as_good_as_many(monkeypatch):
    few = [Departures(*params).jet(*ROWS) for params in GRID]
    monkeypatch.setattr(paretonbd_integral, "RULES", ((150, np.inf, np.inf),))
    for params, jet in zip(GRID, few, strict=True):
        many = Departures(*params).jet(*ROWS)
        assert np.allclose(jet.value, many.value, rtol=2e-12, atol=2e-12)
        assert np.allclose(jet.gradient, many.gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("params", [(0.55, 10.58, 0.61, 11.67), (2.0, 30.0, 0.5, 1.0)])
def test_a_row_is_the_same_in_any_company(params):
    model, rng = ParetoNBD(*params), np.random.default_rng(1)
    drawn = model.draw(rng, np.ceil(rng.uniform(1, 100, 3000)))
    together = model.p_alive(*drawn[:3])
    for some in (slice(0, 1), slice(7, 400, 3), slice(2000, None)):
        alone = model.p_alive(*(column[some] for column in drawn[:3]))
        assert (alone == together[some]).all()


@pytest.mark.parametrize("scale", [1.0, 1 / 7, 1e12, 1e-12])
@pytest.mark.parametrize("n", [0, 1, 5, 4000])
def test_unique_rows_are_sorted_and_found_again(n, scale):
    rng = np.random.default_rng(3)
    columns = [rng.integers(0, 9, n).astype(float), rng.integers(0, 50, n) * scale, rng.random(n) // 0.3]
    kinds, where = unique_rows(*columns)
    table = list(zip(*kinds, strict=True))
    assert table == sorted(set(zip(*columns, strict=True)))
    for kind, column in zip(kinds, columns, strict=True):
        assert (kind[where] == column).all()
