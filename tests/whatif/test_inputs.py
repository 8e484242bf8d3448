"""Flows on the command line and matrices in files."""

from pathlib import Path

import numpy as np
import pytest

from crmkit.errors import DataError, UsageError
from crmkit.whatif import inputs

MATRIX = "store,A,B,leave,join\nA,97%,0.02,1%,5\nB,,98%,2%,8.5\n"


def test_flows() -> None:
    found = inputs.flows(["A:B=2%", "B : A=0.01", "A:elsewhere=1%", "elsewhere:A=5"], "--switch")
    assert found == {("A", "B"): 0.02, ("B", "A"): 0.01, ("A", "elsewhere"): 0.01, ("elsewhere", "A"): 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A:B", "--switch is 'A:B'. Write it like A:B=2%"),
        ("AB=2%", "Write it as FROM:TO=RATE"),
        (":B=2%", "Write it as FROM:TO=RATE"),
        ("A:B:C=2%", "Write it as FROM:TO=RATE"),
        ("A:B=120%", "--switch A:B is '120%', and it must lie between 0% and 100%"),
        ("A:B=2", "Did you mean 2%"),
        ("A:B=x", "--switch A:B is 'x', which is not a number"),
        ("elsewhere:A=-5", "--switch elsewhere:A is '-5'"),
        ("elsewhere:A=5%", "not a number"),
    ],
)
def test_bad_flows(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        inputs.flows([text], "--switch")


def test_a_flow_given_twice() -> None:
    with pytest.raises(UsageError, match="gives the rate of A:B twice"):
        inputs.flows(["A:B=2%", "A:B=3%"], "--switch")


def test_store_share_and_names() -> None:
    assert inputs.store_share("A=40%", "--below") == ("A", 0.4)
    assert inputs.store_names(3) == ("A", "B", "C")
    assert inputs.store_names(27)[-1] == "store 27"


def test_matrix_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text(MATRIX)
    market = inputs.matrix(str(file))
    assert market.stores == ("A", "B")
    np.testing.assert_allclose(market.rates, [[0.97, 0.02, 0.01], [0, 0.98, 0.02]])
    assert market.join.tolist() == [5, 8.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MATRIX.replace("97%", "90%"), r"The rates of A sum to 0\.93 \(0\.9 \+ 0\.02 \+ 0\.01\)"),
        (MATRIX.replace("97%", "197%"), "row A, column A is '197%'"),
        (MATRIX.replace("B,,98%", "C,,98%"), "line 3 is for 'C', and the columns are A, B, leave, join"),
        (MATRIX.replace("B,,98%", "A,,98%"), "line 3 is a second row for 'A'"),
        (MATRIX.replace("B,,98%,2%,8.5\n", ""), "the column 'B' has no row of its own"),
        (MATRIX.replace("A,97%", "A,1,97%"), "line 2 has 6 cells, and the header has 5"),
        (MATRIX.replace("8.5", "-5"), "row B, column join is '-5'"),
        ("from,A\n", "has no rows"),
    ],
)
def test_bad_matrices(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        inputs.matrix(str(file))
    assert str(file) in str(caught.value)


def test_a_closed_matrix_needs_neither_leave_nor_join(tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("store,A,B\nA,.9,.1\nB,0,1\n")
    assert inputs.matrix(str(file)).closed
