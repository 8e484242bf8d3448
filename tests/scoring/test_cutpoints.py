from __future__ import annotations

import doctest
import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.engine.counts import ratio, tally
from crmkit.engine.money import exact
from crmkit.errors import DataError
from crmkit.scoring import cutpoints
from crmkit.scoring.cutpoints import Cuts, bin_of, cuts_file, quantile_borders, to_units

SAVED = {
    "schema": 1,
    "frequency": "orders",
    "monetary": "total",
    "r": [30, 90],
    "f": [1],
    "m": ["9.99", "1e3"],
    "ties": "same",
}


def test_the_example_in_the_documentation_holds() -> None:
    assert doctest.testmod(cutpoints).attempted > 0
    assert doctest.testmod(cutpoints).failed == 0


@given(st.lists(st.integers(-5, 5), min_size=9), st.integers(1, 9))
def test_borders_from_counts_give_every_value_its_quantile_bin(values: list[int], bins: int) -> None:
    borders = quantile_borders(tally(pl.Series(values)), bins)
    assert len(borders) == bins - 1
    found = (
        pl.DataFrame({"value": values}).with_columns(bin=bin_of(pl.col("value"), borders))["bin"].to_list()
    )
    assert found == [
        -(-(1 + sum(other < value for other in values)) * bins // len(values)) for value in values
    ]


@given(
    st.lists(st.lists(st.integers(0, 9)), min_size=1, max_size=4).filter(
        lambda parts: sum(map(len, parts)) > 0
    )
)
def test_counts_add_up_over_parts(parts: list[list[int]]) -> None:
    together = tally(pl.Series([value for part in parts for value in part], dtype=pl.Int64))
    added = pl.concat(tally(pl.Series(part, dtype=pl.Int64)) for part in parts)
    assert added.group_by("value").agg(pl.col("n").sum()).sort("value").equals(together)


@given(st.integers(-(10**6), 10**6), st.decimals(-5000, 5000, places=4))
def test_a_border_on_the_scale_of_a_column_moves_no_value_across_it(cents: int, border: Decimal) -> None:
    assert (cents > to_units(border, pl.Decimal(38, 2))) == (Decimal(cents) / 100 > border)


def test_saved_cuts_come_back() -> None:
    cuts = Cuts.from_json(json.dumps(SAVED))
    assert cuts == Cuts(r=(30, 90), f=(1,), m=(Decimal("9.99"), Decimal(1000)))
    assert Cuts.from_json(cuts_file(cuts.to_dict())) == cuts
    assert Cuts.from_json(cuts_file(SAVED | {"m": [0.1, 1 / 3]})).m == (0.1, 1 / 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1]", '"schema": 1'),
        ("[" * 100_000, "does not hold"),
        (json.dumps(SAVED | {"schema": 2}), '"schema": 1'),
        (json.dumps({name: value for name, value in SAVED.items() if name != "f"}), "It has no 'f'"),
        (json.dumps(SAVED | {"r": 5}), "5 is not a list"),
        (json.dumps(SAVED | {"r": "12"}), "'12' is not a list"),
        (json.dumps(SAVED | {"r": [None]}), "None is not a number"),
        (json.dumps(SAVED | {"r": [True]}), "True is not a number"),
        (json.dumps(SAVED | {"m": ["cheap"]}), "'cheap' is not a number"),
        (json.dumps(SAVED | {"m": ["NaN"]}), "numbers that rise"),
        (json.dumps(SAVED | {"m": ["1e999999999"]}), "numbers that rise"),
        (json.dumps(SAVED | {"m": [float("nan")]}), "numbers that rise"),
        (json.dumps(SAVED | {"r": [90, 30]}), "90,30"),
        (json.dumps(SAVED | {"frequency": ["orders"]}), "orders, days, rows"),
        (json.dumps(SAVED | {"ties": "first"}), "ties same"),
        (json.dumps(SAVED | {"f_cuts": [1]}), "f_cuts"),
    ],
)
def test_files_that_hold_no_cuts(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Cuts.from_json(text, "old.json")
    assert message in str(caught.value)
    assert "--save-cuts old.json" in str(caught.value)


def test_ratios_are_rounded_once() -> None:
    """Polars alone divides a column by a scalar with an error in the last digit."""
    frame = pl.DataFrame({"part": [249, 109, -5, 0]})
    for total in (249, 110, 3):
        assert frame.select(ratio(pl.col("part"), total))["part"].to_list() == [
            part / total for part in (249, 109, -5, 0)
        ]
    assert frame.select(ratio(pl.col("part"), 0))["part"].to_list() == [None] * 4


def test_money_keeps_every_digit() -> None:
    assert exact(10**37 + 1, 2) == Decimal("1" + "0" * 34 + "0.01")
