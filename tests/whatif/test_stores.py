"""What losing customers costs: the lectures' table, the same over time, two worlds, and the break-even."""

from decimal import Decimal

import polars as pl
import pytest

from crmkit import columns
from crmkit.errors import UsageError
from crmkit.result import Result
from crmkit.whatif.stores import Horizon, at_stake, classic, over_time, point_of_retention
from crmkit.whatif.switching import Switching

TWO = Switching.of(["A", "B"], {("A", "B"): 0.02, ("B", "A"): 0.01})
PLAN = Horizon(periods=24)


def column(result: Result, table: str, name: str, store: str | None = None) -> list[object]:
    frame = result.tables[table]
    return (frame if store is None else frame.filter(pl.col("store") == store))[name].to_list()


def test_classic_table() -> None:
    table = classic().tables["lost"]
    rows = [
        (0, 100, 0.500, 100, 0.500, 0, "1.00", 1000, 1000, 0),
        (1, 99, 0.495, 101, 0.505, 2, "1.02", 990, 1010, 20),
        (2, 98, 0.490, 102, 0.510, 4, "1.04", 980, 1020, 40),
        (10, 90, 0.450, 110, 0.550, 20, "1.22", 900, 1100, 200),
        (25, 75, 0.375, 125, 0.625, 50, "1.67", 750, 1250, 500),
        (50, 50, 0.250, 150, 0.750, 100, "3.00", 500, 1500, 1000),
    ]
    assert [(*row[:6], f"{row[6]:.2f}", *row[7:]) for row in table.iter_rows()] == rows
    assert table.columns == [
        "lost", "a_customers", "a_share", "b_customers", "b_share", "difference", "relative_size",
        "a_profit", "b_profit", "profit_difference",
    ]  # fmt: skip


def test_classic_table_for_other_stores() -> None:
    result = classic((3, 5), Decimal("2.50"), (0, 3), ("North", "South"))
    assert result.tables["lost"].rows() == [
        (0, 3, 3 / 8, 5, 5 / 8, 2, 5 / 3, Decimal("7.50"), Decimal("12.50"), Decimal("5.00")),
        (3, 0, 0.0, 8, 1.0, 8, None, Decimal("0.00"), Decimal("20.00"), Decimal("20.00")),
    ]
    assert (result.facts["a"], result.facts["b"]) == ("North", "South")


def test_classic_table_without_any_customers_has_no_shares() -> None:
    assert classic((0, 0), lost=(0,)).tables["lost"].row(0)[:7] == (0, 0, None, 0, None, 0, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lost": (0, 101)}, "A has 100 customers and cannot lose 101"),
        ({"lost": (-1,)}, "cannot lose -1"),
        ({"customers": (-5, 100)}, "A has -5 customers"),
        ({"customers": (100,)}, "There are 2 stores .A, B. and 1 numbers of customers"),
        (
            {"customers": (1, 2, 3), "stores": ("A", "B", "C"), "lost": (0,)},
            "compares two stores, and there are 3",
        ),
        ({"cac_ratio": (0,)}, "The ratio .* is 0"),
    ],
)
def test_bad_classic_input(arguments: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        classic(**arguments)  # type: ignore[arg-type]


def test_one_period_is_a_row_of_the_classic_table() -> None:
    market = Switching.of(["A", "B"], {("A", "B"): 0.10})
    row = over_time(market, (100, 100), Horizon(periods=1)).tables["periods"].filter(pl.col("period") == 1)
    classic_row = classic(lost=(10,)).tables["lost"]
    assert row["customers"].to_list() == pytest.approx([90, 110])
    assert row["profit"].to_list() == [classic_row["a_profit"][0], classic_row["b_profit"][0]]
    assert row["gap"].to_list() == pytest.approx([classic_row["difference"][0], 0])


def test_periods_agree_with_a_loop() -> None:
    a, b, sums = 100.0, 100.0, [Decimal(0), Decimal(0)]
    result = over_time(TWO, (100, 100), PLAN)
    for period in range(1, 25):
        a, b = a - 0.02 * a + 0.01 * b, b + 0.02 * a - 0.01 * b
        profits = [round(Decimal(10 * n), 2) for n in (a, b)]
        sums = [total + profit for total, profit in zip(sums, profits, strict=True)]
        rows = result.tables["periods"].filter(pl.col("period") == period)
        assert rows["customers"].to_list() == pytest.approx([a, b])
        assert rows["share"].to_list() == pytest.approx([a / 200, b / 200])
        assert rows["gap"].to_list() == pytest.approx([b - a, 0])
        assert rows["profit"].to_list() == profits
        assert rows["cumulative_profit"].to_list() == sums


def test_customers_are_conserved_in_every_mode() -> None:
    what_if = TWO.with_flows({("A", "B"): 0.01})
    result = over_time(TWO, (70, 130), PLAN, what_if=what_if, runs=200)
    both = (
        result.tables["what_if"]
        .group_by("period")
        .agg(pl.col("customers", "what_if_customers", "difference").sum())
    )
    assert both["customers"].to_list() == pytest.approx([200] * 25)
    assert both["what_if_customers"].to_list() == pytest.approx([200] * 25)
    assert both["difference"].to_list() == pytest.approx([0] * 25, abs=1e-9)
    table = classic((70, 130), lost=range(71)).tables["lost"]
    assert (table["a_customers"] + table["b_customers"] == 200).all()


def test_store_summary_reconciles() -> None:
    market = Switching.of(
        ["A", "B"], {("A", "B"): 0.1, ("A", "elsewhere"): 0.05, ("elsewhere", "B"): 4}, referral=0.02
    )
    stores = over_time(market, (100, 20), PLAN).tables["stores"]
    flow = stores["start"] + stores["won"] - stores["lost"] + stores["joined"] - stores["left"]
    assert flow.to_list() == pytest.approx(stores["customers"].to_list())
    assert stores["left"][1] == pytest.approx(0) and stores["joined"][0] > 0


def test_facts() -> None:
    facts = over_time(TWO, (100, 100), PLAN, below=("A", 0.42)).facts
    assert facts["steady_share"] == pytest.approx({"A": 1 / 3, "B": 2 / 3})
    assert facts["half_life"] == pytest.approx(22.7566, abs=1e-4)
    assert facts["below"] == {"store": "A", "share": 0.42, "period": 22}
    assert over_time(TWO, (100, 100), PLAN, below=("B", 0.5)).facts["below"]["period"] is None


def test_discounting() -> None:
    periods = over_time(TWO, (100, 100), Horizon(periods=2, discount=0.1)).tables["periods"]
    assert periods.filter(store="A")["present_profit"].to_list() == [
        Decimal("0.00"),
        Decimal("900.00"),
        Decimal("1710.17"),  # 990 / 1.1 + 980.30 / 1.21
    ]


def test_a_point_of_retention_is_worth_the_difference_of_two_worlds() -> None:
    path = TWO.expected((100, 100), 24)
    kept = over_time(TWO.with_flows({("A", "B"): 0.01}), (100, 100), PLAN)
    plain = over_time(TWO, (100, 100), PLAN)
    gain = (
        column(kept, "periods", "cumulative_profit", "A")[-1]
        - column(plain, "periods", "cumulative_profit", "A")[-1]
    )  # type: ignore[operator]
    assert point_of_retention(TWO, path, PLAN, "A") == pytest.approx(float(gain), abs=0.2)
    slow = Switching.of(["A", "B"], {("A", "B"): 0.005})
    assert point_of_retention(slow, slow.expected((1, 1), 24), PLAN, "A") is None


def test_what_if_shows_both_worlds() -> None:
    result = over_time(TWO, (100, 100), PLAN, what_if=TWO.with_flows({("A", "B"): 0.01}))
    last = result.tables["what_if"].row(-2, named=True)
    assert (last["period"], last["store"]) == (24, "A")
    assert last["what_if_customers"] == pytest.approx(100)
    assert last["difference"] == pytest.approx(100 - last["customers"])
    assert last["what_if_profit"] == Decimal("24000.00")
    assert last["profit_difference"] == last["what_if_profit"] - last["cumulative_profit"]


def test_simulated_bands_surround_the_expectation() -> None:
    result = over_time(TWO, (100, 100), PLAN, runs=2_000, seed=1)
    periods = result.tables["periods"].filter(pl.col("period") > 3)
    assert (periods["p10"] < periods["customers"]).all() and (periods["customers"] < periods["p90"]).all()
    assert periods["p50"].dtype == pl.Int64
    leads = column(result, "stores", "leads")
    assert leads[1] > 0.95 and sum(leads) <= 1  # type: ignore[operator,arg-type]


def test_bands_are_quantiles_of_whole_customers() -> None:
    coin = Switching.of(["A", "B"], {("A", "B"): 0.5})
    last = over_time(coin, (1, 0), Horizon(periods=1), runs=1_000).tables["periods"].tail(2)
    assert last.select("p10", "p90").rows() == [(0, 1), (0, 1)]


def test_break_even() -> None:
    result = classic(cac_ratio=range(5, 11))
    table = result.tables["break_even"]
    assert table["cac_ratio"].to_list() == [5, 6, 7, 8, 9, 10]
    assert table.row(0) == ("A", 5, Decimal("10.00"), Decimal("2.00"), Decimal("8.00"), 0.2, Decimal("0.10"))


def test_profit_at_stake_is_what_one_customer_more_brings() -> None:
    plan = Horizon(periods=24, discount=0.01)
    base = plan.worth(TWO.expected((100, 100), 24))
    moved = plan.worth(TWO.expected((99, 101), 24))
    assert at_stake(TWO, plan)[0] == pytest.approx((base - moved)[0])
    away = Switching.of(["A", "B"], {("A", "elsewhere"): 0.1})
    assert at_stake(away, PLAN) == pytest.approx([10 * sum(0.9**t for t in range(1, 25)), 240])


def test_without_profit_there_is_no_money() -> None:
    result = over_time(TWO, (1, 1), Horizon(profit=None), what_if=TWO)
    kinds = {columns.kind(name) for table in result.tables.values() for name in table.columns}
    assert "money" not in kinds
    with pytest.raises(UsageError, match="Add --profit"):
        over_time(TWO, (1, 1), Horizon(profit=None), cac_ratio=(5,))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: Horizon(periods=0), "0 periods"),
        (lambda: Horizon(discount=1.5), "discount rate per period is 1.5"),
        (lambda: over_time(TWO, (1, -1), PLAN), "B has -1 customers"),
        (lambda: over_time(TWO, (1, 1, 1), PLAN), "2 stores .A, B. and 3 numbers"),
        (lambda: over_time(TWO, (1, 1), PLAN, below=("Z", 0.1)), "no store 'Z'"),
        (lambda: over_time(TWO, (1, 1), PLAN, runs=-1), "-1 runs"),
        (lambda: over_time(TWO, (1, 1), PLAN, runs=5, seed=-1), "The seed is -1"),
    ],
)
def test_bad_input(run, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=message):
        run()


def test_nothing_moves_is_said() -> None:
    still = Switching.of(["A", "B"], {})
    assert over_time(still, (1, 1), PLAN).notes == ("No customer moves: no rate was given.",)
    assert over_time(TWO, (1, 1), PLAN).notes == ()


def test_columns_are_in_the_vocabulary() -> None:
    for result in (
        classic(cac_ratio=(5,)),
        over_time(TWO, (1, 1), Horizon(discount=0.1), what_if=TWO, runs=2, cac_ratio=(5,)),
    ):
        for table in result.tables.values():
            assert set(table.columns) <= set(columns.COLUMNS)
