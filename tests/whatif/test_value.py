"""What a customer is worth on assumptions: the lectures' shopper, and sums done term by term."""

from decimal import Decimal

import polars as pl
import pytest

from crmkit import columns, parse
from crmkit.errors import UsageError
from crmkit.result import Result
from crmkit.whatif.value import Shopper, Stream, lifetime

WEEKLY = Shopper(spend=Decimal(40), every=parse.duration("1w", "--every"), years=30)


def values(result: Result) -> dict[str, Decimal]:
    return dict(result.tables["values"].select("method", "value").iter_rows())


def test_the_weekly_shopper() -> None:
    result = lifetime(WEEKLY)
    assert result.facts["spend_per_year"] == Decimal("2080.00")
    assert result.facts["spend_in_all"] == Decimal("62400.00")
    assert values(result) == {"one year": Decimal("2080.00"), "simple": Decimal("62400.00")}
    assert result.notes == (
        "This assumes that nobody leaves and money keeps its worth. "
        "Add --retention 90% --discount 10% to see how much hangs on that.",
    )


def test_the_weekly_shopper_as_a_stream() -> None:
    result = lifetime(WEEKLY, retention=0.9, discount=0.1)
    assert values(result) == {
        "one year": Decimal("2080.00"),
        "simple": Decimal("62400.00"),
        "annuity": Decimal("19607.98"),
        "retention": Decimal("9337.26"),
        "retention for ever": Decimal("9360.00"),
    }
    overstated = result.tables["values"]["overstated"].to_list()
    assert overstated[0] is None and overstated[1:] == pytest.approx([1, 3.1824, 6.6829, 6.6667], abs=1e-4)
    assert result.notes == ()


@pytest.mark.parametrize("retention", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("discount", [0.0, 0.1])
@pytest.mark.parametrize("growth", [-1.0, -0.05, 0.0, 0.03, 0.1])
def test_worth_is_the_sum_of_its_terms(retention: float, discount: float, growth: float) -> None:
    stream = Stream(margin=100, retention=retention, discount=discount, growth=growth)
    terms = [100 * (1 + growth) ** (t - 1) * (retention / (1 + discount)) ** t for t in range(1, 31)]
    assert stream.worth(30) == pytest.approx(sum(terms))
    assert stream.worth(1) == pytest.approx(terms[0])
    if stream.ratio < 1 - 1e-9:
        assert stream.worth() == pytest.approx(stream.worth(10_000))
    else:
        assert stream.worth() == float("inf")


def test_margin_growth_and_acquisition_cost() -> None:
    shopper = Shopper(spend=Decimal(40), every=parse.duration("1w", "--every"), years=2, margin=0.25)
    result = lifetime(shopper, retention=0.8, discount=0.1, growth=0.05, acquisition_cost=Decimal(300))
    table = {row["method"]: row for row in result.tables["values"].iter_rows(named=True)}
    assert table["simple"]["value"] == Decimal("1066.00")  # 520 + 520 * 1.05
    assert table["retention for ever"]["value"] == round(Decimal(520 * 0.8 / (1.1 - 0.8 * 1.05)), 2)
    for row in table.values():
        assert row["net_value"] == row["value"] - 300


@pytest.mark.parametrize(
    ("retention", "discount", "growth"),
    [(0.9, 0.1, 0), (1, 0, 0), (1, 0.1, 0.1), (0.5, 0, -0.2), (0.4, 0.1, -1)],
)
def test_payback_is_when_the_value_reaches_the_cost(retention: float, discount: float, growth: float) -> None:
    stream = Stream(margin=1000, retention=retention, discount=discount, growth=growth)
    cost = min(900.0, 0.9 * stream.worth())
    years = stream.payback(cost)
    assert years is not None
    if years >= 1 or growth == -1:
        assert stream.worth(max(years, 1)) >= cost - 1e-9
    assert stream.worth(years) == pytest.approx(cost) or growth == -1
    assert stream.payback(0) == 0


def test_cost_that_never_comes_back() -> None:
    result = lifetime(WEEKLY, retention=0.9, discount=0.1, acquisition_cost=Decimal(9360))
    assert result.facts["payback_years"] is None
    assert result.notes == (
        "The acquisition cost of 9360 never comes back: all future margin is worth 9,360.00.",
    )


def test_sensitivity_marks_the_current_case() -> None:
    table = lifetime(WEEKLY, retention=0.92, discount=0.1).tables["sensitivity"]
    assert table.columns == ["retention", "0%", "5%", "10%", "15%", "20%", "current"]
    (current,) = table.filter(pl.col("current").is_not_null()).iter_rows(named=True)
    assert (current["retention"], current["current"], current["10%"]) == (0.92, 0.1, Decimal("10631.11"))
    assert table.filter(retention=0.9)["10%"].item() == Decimal("9360.00")
    odd = lifetime(WEEKLY, retention=0.9, discount=0.075).tables["sensitivity"]
    assert odd.filter(current=0.075)["7.5%"].item() == round(Decimal(2080 * 0.9 / 0.175), 2)
    assert "current" not in lifetime(WEEKLY).tables["sensitivity"].columns


def test_for_ever_without_bound() -> None:
    result = lifetime(WEEKLY, retention=1.0)
    assert values(result)["retention for ever"] is None
    assert any("has no bound" in note for note in result.notes)


@pytest.mark.parametrize(
    ("every", "yearly"), [("1w", 2080), ("2w", 1040), ("1m", 480), ("1d", 14600), ("30d", 486.67), ("2y", 20)]
)
def test_visits_in_a_year(every: str, yearly: float) -> None:
    shopper = Shopper(spend=Decimal(40), every=parse.duration(every, "--every"), years=1)
    assert float(lifetime(shopper).facts["spend_per_year"]) == pytest.approx(yearly)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"retention": 1.1}, "The retention is 1.1; it must lie between 0 and 1"),
        ({"discount": -0.1}, "The discount is -0.1"),
        ({"growth": 2.0}, "The growth is 2; it must lie between -1 and 1"),
        ({"acquisition_cost": Decimal(-1)}, "The acquisition cost is -1"),
    ],
)
def test_bad_rates(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        lifetime(WEEKLY, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spend": Decimal(-1)}, "The spend is -1"),
        ({"years": 0}, "The number of years is 0"),
        ({"margin": 1.5}, "The margin is 1.5"),
    ],
)
def test_bad_shoppers(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Shopper(**({"spend": Decimal(40), "every": WEEKLY.every, "years": 30} | change))  # type: ignore[arg-type]


def test_columns_are_in_the_vocabulary() -> None:
    result = lifetime(WEEKLY, retention=0.9, discount=0.1, acquisition_cost=Decimal(1))
    for table in result.tables.values():
        assert {name for name in table.columns if not name.endswith("%")} <= set(columns.COLUMNS)
