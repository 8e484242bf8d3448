"""Two customers by what they will buy: 185,000 over ten purchases against 45,000 over three."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crmkit import columns, parse
from crmkit.errors import DataError, UsageError
from crmkit.whatif import inputs
from crmkit.whatif.schedule import compare, flip_discount, sample_purchases

SAMPLE = Path(__file__).parents[2] / "sample_data" / "purchases.csv"
YOUNG, OLD = "25-year-old", "65-year-old"


def schedule(*rows: tuple[object, ...], time: str | None = None) -> pl.DataFrame:
    names = ["customer", "amount", *([time] if time else [])]
    return pl.DataFrame(list(rows), schema=names, orient="row").with_columns(
        pl.col("amount").cast(pl.Decimal(38, 2))
    )


def test_sample_file_is_what_its_function_makes(tmp_path: Path) -> None:
    sample_purchases().write_csv(tmp_path / "again.csv")
    assert SAMPLE.read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_the_two_lifetimes() -> None:
    result = compare(inputs.schedule(str(SAMPLE)))
    assert result.tables["customers"].select("customer", "purchases", "basket", "total", "rank").rows() == [
        (YOUNG, 10, Decimal(10_000), Decimal(185_000), 1),
        (OLD, 3, Decimal(15_000), Decimal(45_000), 2),
    ]
    (duel,) = result.tables["overtaking"].iter_rows(named=True)
    assert (duel["customer"], duel["rival"], duel["purchase"]) == (YOUNG, OLD, 4)
    assert (duel["cumulative"], duel["rival_cumulative"]) == (Decimal(54_000), Decimal(45_000))
    assert duel["flip_discount"] == pytest.approx(0.166, abs=5e-4)


@pytest.mark.parametrize(("gap", "flip"), [("2y", 0.359), ("4y", 0.166), ("5y", 0.131)])
def test_rate_that_undoes_the_lead_by_the_gap_between_purchases(gap: str, flip: float) -> None:
    bare = inputs.schedule(str(SAMPLE)).drop("age")
    (found,) = compare(bare, every=parse.duration(gap, "--every")).tables["overtaking"]["flip_discount"]
    assert found == pytest.approx(flip, abs=5e-4)
    years = parse.duration(gap, "--every").number
    totals = [sum(a * (1 + found) ** (-years * i) for i, a in enumerate(amounts)) for amounts in (
        [10, 12, 15, 17, 20, 22, 25, 23, 21, 20], [15, 15, 15])]  # fmt: skip
    assert totals[0] == pytest.approx(totals[1], rel=1e-9)


def test_discounted_totals_rank_anew_beyond_the_flip() -> None:
    purchases = inputs.schedule(str(SAMPLE))
    below, above = (compare(purchases, discount=rate).tables["customers"] for rate in (0.16, 0.17))
    assert below["discounted_rank"].to_list() == [1, 2] and above["discounted_rank"].to_list() == [2, 1]
    assert above["discounted_total"][1] == sum(round(Decimal(15_000 * 1.17**-t), 2) for t in (0, 4, 8))


def test_dates_run_on_one_calendar() -> None:
    rows = [
        ("late", 100, date(2030, 1, 1)),
        ("late", 100, date(2031, 1, 1)),
        ("early", 150, date(2026, 1, 1)),
    ]
    result = compare(schedule(*rows, time="date"), discount=0.1)
    years = result.tables["purchases"].filter(customer="late")["years"].to_list()
    assert years == pytest.approx([4, 5], abs=0.01)
    (duel,) = result.tables["overtaking"].iter_rows(named=True)
    assert (duel["customer"], duel["purchase"]) == ("late", 2)
    assert 200 / (1 + duel["flip_discount"]) ** 4.5 == pytest.approx(150, rel=0.01)


def test_order_of_rows_does_not_matter() -> None:
    purchases = inputs.schedule(str(SAMPLE))
    for other in (purchases.reverse(), purchases.sample(fraction=1, shuffle=True, seed=1)):
        for name, table in compare(other, discount=0.1).tables.items():
            assert table.equals(compare(purchases, discount=0.1).tables[name]), name


def test_ahead_from_the_start_and_never_undone() -> None:
    result = compare(schedule(("a", 20, 30), ("a", 5, 31), ("b", 10, 40), time="age"))
    (duel,) = result.tables["overtaking"].iter_rows(named=True)
    assert (duel["purchase"], duel["flip_discount"]) == (1, None)


def test_the_lead_counts_from_when_it_lasts() -> None:
    rows = [("a", 10, 1), ("b", 8, 1), ("b", 8, 2), ("a", 10, 3), ("a", 10, 4)]
    (duel,) = compare(schedule(*rows, time="age")).tables["overtaking"].iter_rows(named=True)
    assert (duel["purchase"], duel["cumulative"], duel["rival_cumulative"]) == (2, 20, 16)


def test_equal_totals_have_no_overtaking() -> None:
    (duel,) = (
        compare(schedule(("a", 10, 1), ("b", 10, 1), time="age")).tables["overtaking"].iter_rows(named=True)
    )
    assert (duel["purchase"], duel["flip_discount"]) == (None, None)
    assert flip_discount(*(pl.DataFrame({"years": [0.0], "amount": [n]}) for n in (1, 2))) is None


def test_without_time_nothing_is_discounted() -> None:
    bare = inputs.schedule(str(SAMPLE)).drop("age")
    (duel,) = compare(bare).tables["overtaking"].iter_rows(named=True)
    assert (duel["purchase"], duel["flip_discount"]) == (4, None)
    with pytest.raises(UsageError, match=r"neither dates nor ages.*--every 1y"):
        compare(bare, discount=0.1)


def test_every_does_not_go_with_ages() -> None:
    with pytest.raises(UsageError, match="--every 2y is for a schedule without"):
        compare(inputs.schedule(str(SAMPLE)), every=parse.duration("2y", "--every"))


def test_many_rivals_are_cut_and_said() -> None:
    result = compare(schedule(*((f"c{i:03}", i, 1) for i in range(250)), time="age"))
    assert len(result.tables["customers"]) == 250 and len(result.tables["overtaking"]) == 200
    assert result.notes == ("Overtaking is shown for the 200 largest rivals of 249.",)


def test_columns_are_in_the_vocabulary() -> None:
    for table in compare(inputs.schedule(str(SAMPLE)), discount=0.1).tables.values():
        assert set(table.columns) <= set(columns.COLUMNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer,age\na,5\n", "there is no column 'amount'; the columns are customer, age"),
        ("customer,amount\na,ten\n", "amount in line 2 is 'ten', which is not a number"),
        ("customer,amount\na,5\n,6\n", "customer in line 3 is empty"),
        ("customer,amount,age\na,5,-1\n", "age in line 2 is '-1'"),
        ("customer,amount,date\na,5,1/2/2024\n", "date in line 2 is '1/2/2024'; write dates as"),
        ("customer,amount\na,1e30\n", "amount in line 2 is '1e30'"),
        ("customer,amount\n", "has no rows under its header"),
        ("", "has no rows under its header"),
    ],
)
def test_bad_schedules(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "purchases.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        inputs.schedule(str(file))
    assert str(file) in str(caught.value)


def test_missing_and_unreadable_schedules(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file nowhere\.csv"):
        inputs.schedule("nowhere.csv")
    (tmp_path / "gbk.csv").write_bytes("customer,amount\n王,5\n".encode("gbk"))
    with pytest.raises(DataError, match="cannot be read as a CSV file in UTF-8"):
        inputs.schedule(str(tmp_path / "gbk.csv"))


def test_money_keeps_its_decimals(tmp_path: Path) -> None:
    file = tmp_path / "purchases.csv"
    file.write_text("\ufeffCustomer,Amount\na,0.125\na,1.00\n\nb,3\n")
    result = compare(inputs.schedule(str(file)))
    assert result.tables["customers"]["total"].to_list() == [Decimal("3"), Decimal("1.125")]
