"""Statistics against tea-tasting 1.14.0, statsmodels 0.15.0 and scipy on random data: golden numbers that these packages gave.

They are not among the test dependencies; the script that asked them is the docstring of `people`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from crmkit.campaigns import adjust, moments, power, segments, statistics
from crmkit.campaigns.statistics import Pair
from crmkit.engine.rows import as_rows

GOLDEN: dict[str, Any] = {
    "y": {
        "control": 42.225307262569835,
        "treatment": 42.18993801652893,
        "effect_size": -0.035369246040907854,
        "effect_size_ci_lower": -6.268793166421895,
        "effect_size_ci_upper": 6.19805467434008,
        "rel_effect_size": -0.000837631466385047,
        "rel_effect_size_ci_lower": -0.13802828153858726,
        "rel_effect_size_ci_upper": 0.1581881601355517,
        "pvalue": 0.9911187920765706,
        "statistic": -0.011133799091888899,
    },
    "c": {
        "control": 42.17158271673862,
        "treatment": 42.26941482399825,
        "effect_size": 0.09783210725962732,
        "effect_size_ci_lower": -6.102730810353257,
        "effect_size_ci_upper": 6.298395024872511,
        "rel_effect_size": 0.0023198585625006096,
        "rel_effect_size_ci_lower": -0.13456121748757588,
        "rel_effect_size_ci_upper": 0.160850564094438,
        "pvalue": 0.9753077670876651,
        "statistic": 0.030959329671124313,
    },
    "r": {
        "control": 54.474450450450455,
        "treatment": 47.7101168224299,
        "effect_size": -6.764333628020552,
        "effect_size_ci_lower": -11.215779139565132,
        "effect_size_ci_upper": -2.312888116475971,
        "rel_effect_size": -0.12417442621423669,
        "rel_effect_size_ci_lower": -0.198089594319094,
        "rel_effect_size_ci_upper": -0.043446212615437574,
        "pvalue": 0.002930203168397689,
        "statistic": -2.9815714424866995,
    },
    "newcombe": [-0.01513010996754107, 0.09896268005763466],
    "z": [1.443210937027864, 0.14896105950545582],
    "p": [
        0.7645755864020455,
        0.47660018911943586,
        0.6295500852920017,
        7.397818553494273e-06,
        3.6795743822262043e-06,
        0.25558524135250144,
        0.03690792889497488,
        0.6652319696580071,
        0.060127326237241575,
    ],
    "holm": [
        1.0,
        1.0,
        1.0,
        5.9182548427954184e-05,
        3.311616944003584e-05,
        1.0,
        0.2583555022648242,
        1.0,
        0.36076395742344947,
    ],
    "bh": [
        0.7645755864020455,
        0.7149002836791538,
        0.7483859658652581,
        3.329018349072423e-05,
        3.311616944003584e-05,
        0.4600534344345026,
        0.11072378668492464,
        0.7483859658652581,
        0.13528648403379356,
    ],
    "q": [5.235218887549318, 0.030902589604340096, 0.6827008412821811],
    "power": 15697.721019023285,
}


def people() -> pl.DataFrame:
    """The customers that the packages saw, as a pandas frame with y / 100, x / 100, o and b = (o > 0).

    tt.Experiment(y=tt.Mean("y", use_t=True, equal_var=False), c=tt.Mean("y", "x", …), r=tt.RatioOfMeans("y", "o", …)).analyze(df);
    confint_proportions_2indep(…, method="newcomb", compare="diff"), proportions_ztest; multipletests(p, "holm" and "fdr_bh");
    combine_effects(effects, variances, method_re="dl"); NormalIndPower().solve_power(0.05, alpha=0.05, power=0.8, ratio=0.25).
    """
    rng, n = np.random.default_rng(7), 1200
    group = (rng.uniform(size=n) < 0.4).astype(int)
    x = rng.integers(0, 10000, n)
    o = rng.poisson(0.8, n)
    y = (o * rng.integers(100, 9000, n) + x // 4 * (o > 0)).astype(int)
    return pl.DataFrame({"group": group, "y": y, "x": x, "o": o, "b": (o > 0).astype(int)})


def arms() -> tuple[moments.Moments, moments.Moments]:
    found = moments.of(as_rows(people()), ["y", "x", "o", "b"], ["group"])
    return found[1,], found[0,]


def same(found: tuple[Any, ...], golden: tuple[Any, ...]) -> None:
    assert found == pytest.approx(golden, rel=1e-10)


def check(pair: tuple[statistics.Sample, statistics.Sample], golden: dict[str, float]) -> None:
    treated, control = pair
    one, part = statistics.difference(treated, control), statistics.relative(treated, control)
    same((treated.mean, control.mean), (golden["treatment"], golden["control"]))
    same(one[:3], tuple(golden[f"effect_size{end}"] for end in ("", "_ci_lower", "_ci_upper")))
    same((one.statistic, one.p), (golden["statistic"], golden["pvalue"]))
    same(part[:3], tuple(golden[f"rel_effect_size{end}"] for end in ("", "_ci_lower", "_ci_upper")))


def test_means_are_those_of_tea_tasting() -> None:
    treated, control = arms()
    check((treated.sample("y", 0.01), control.sample("y", 0.01)), GOLDEN["y"])


def test_the_adjustment_is_tea_tastings_cuped() -> None:
    both = arms()
    theta = adjust.slopes(both, "y", ["x"], (1.0, 1.0))
    # tea-tasting takes the covariance by n - 1 over both arms, as this does up to a factor that cancels.
    check(adjust.samples(both, "y", ["x"], theta, 0.01), GOLDEN["c"])


def test_ratios_are_those_of_tea_tasting() -> None:
    pair = tuple(
        Pair(
            one.n,
            one.mean("y") / 100,
            one.mean("o"),
            one.covariance("y", "y") / 1e4,
            one.covariance("o", "o"),
            one.covariance("y", "o") / 100,
        ).sample()
        for one in arms()
    )
    check(pair, GOLDEN["r"])  # type: ignore[arg-type]


def test_shares_and_many_tests_are_those_of_statsmodels() -> None:
    treated, control = ((one.sums["b"], one.n) for one in arms())
    one = statistics.shares(treated, control)
    same((one.low, one.high), tuple(GOLDEN["newcombe"]))
    same((one.statistic, one.p), tuple(GOLDEN["z"]))
    same(tuple(segments.holm(GOLDEN["p"])), tuple(GOLDEN["holm"]))
    same(tuple(segments.benjamini_hochberg(GOLDEN["p"])), tuple(GOLDEN["bh"]))


def test_heterogeneity_and_size_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(7)
    n = 1200
    (
        rng.uniform(size=n),
        rng.integers(0, 10000, n),
        rng.poisson(0.8, n),
        rng.integers(100, 9000, n),
        rng.uniform(size=9),
    )
    effects, variances = rng.normal(1, 1, 6), rng.uniform(0.2, 1, 6)
    found = segments.heterogeneity(list(effects), list(variances))
    same((found.q, found.between, found.common), tuple(GOLDEN["q"]))
    # Its first sample is four times as large as the second.
    assert power.customers(0.05, 1.0, 0.2) * 0.8 == pytest.approx(GOLDEN["power"], rel=1e-5)
