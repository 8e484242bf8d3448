"""The made-up shop: same seed, same bytes; and the story that the data were made from is in them."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.special import gammainc

from crmkit import sample
from crmkit.errors import DataError, UsageError
from crmkit.sample.customers import CAMPAIGN_AT, STAY_SCALE_DAYS, STAY_SHAPE, TICKS_PER_DAY, UPLIFT, people

ROOT = Path(__file__).parents[2]


def frame(rows: int | None = None, *, chunk_orders: int = 1 << 18, **options: object) -> pl.DataFrame:
    return pl.concat(sample.generate(sample.draw(rows, **options), chunk_orders=chunk_orders))


@pytest.fixture(scope="module")
def book() -> sample.Book:
    return sample.draw(300_000, seed=11)


@pytest.fixture(scope="module")
def sales(book: sample.Book) -> pl.DataFrame:
    return pl.concat(sample.generate(book))


@pytest.fixture(scope="module")
def known(sales: pl.DataFrame) -> pl.DataFrame:
    return sales.filter(pl.col("customer_id").is_not_null())


# The same bytes


@pytest.mark.parametrize("chunk_orders", [1, 7, 1000])
def test_the_size_of_chunks_changes_nothing(chunk_orders: int) -> None:
    assert_frame_equal(frame(3000, seed=5, chunk_orders=chunk_orders), frame(3000, seed=5))


def test_people_drawn_in_smaller_batches_are_the_same_people(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = frame(customers=700, seed=5)
    monkeypatch.setattr("crmkit.sample.orders.CHUNK_PEOPLE", 13)
    monkeypatch.setattr("crmkit.sample.orders.CHUNK_ORDERS", 101)
    assert_frame_equal(frame(customers=700, seed=5), whole)


def test_seeds_differ() -> None:
    assert not frame(500, seed=1).equals(frame(500, seed=2))


def crmkit(*words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "crmkit", *words], cwd=ROOT, capture_output=True, **options)


def test_the_file_in_the_tree_is_what_the_readme_says_how_to_make(tmp_path: Path) -> None:
    readme = (ROOT / "sample_data" / "README.md").read_text()
    command = re.search(r"^    crmkit (sample .*)$", readme, re.MULTILINE)[1].split()
    made = tmp_path / "sales.csv"
    done = crmkit(*(str(made) if word == "sample_data/sales.csv" else word for word in command))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (0, b"", 1)  # its receipt
    assert made.read_bytes() == (ROOT / "sample_data" / "sales.csv").read_bytes()


# Sizes


@pytest.mark.parametrize("rows", [1, 2, 99, 2000, 54_321])
def test_rows_are_exact(rows: int) -> None:
    assert frame(rows, seed=3).height == rows


@pytest.mark.parametrize("customers", [1, 31, 32, 1000])
def test_customers_are_exact(customers: int) -> None:
    assert frame(customers=customers, seed=3)["customer_id"].drop_nulls().n_unique() == customers


@pytest.mark.parametrize("rows", [20_000, 60_000, 400_000])
def test_rows_and_customers_together_are_met_within_a_few_percent(rows: int) -> None:
    made = frame(rows, customers=6000, seed=3)
    assert made["customer_id"].drop_nulls().n_unique() == 6000
    assert made.height == pytest.approx(rows, rel=0.05)


def test_the_window_is_kept_and_used_up() -> None:
    made = frame(20_000, seed=3, start=date(2020, 2, 1), end=date(2020, 8, 31))
    assert made["order_date"].min() == date(2020, 2, 1)
    assert made["order_date"].max() == date(2020, 8, 31)


# Columns


def test_columns_and_types(sales: pl.DataFrame) -> None:
    money, text = pl.Decimal(12, 2), pl.String
    assert dict(sales.schema) == {
        "customer_id": text,
        "order_id": text,
        "order_date": pl.Date,
        "product": text,
        "quantity": pl.Int64,
        "unit_price": money,
        "amount": money,
        "cost": money,
        "channel": text,
        "group": text,
    }


def test_amount_is_quantity_times_price(sales: pl.DataFrame) -> None:
    assert (sales["quantity"] * sales["unit_price"] == sales["amount"]).all()
    assert sales["amount"].min() < 0 < sales["unit_price"].min()


def test_plain_ids_are_the_numbers_of_the_text_ids() -> None:
    text, plain = frame(2000, seed=4), frame(2000, seed=4, ids="numbers")
    assert text["customer_id"].drop_nulls().str.contains(r"^C\d{6}$").all()
    numbers = text.with_columns(pl.col("customer_id", "order_id").str.slice(1).cast(pl.Int64))
    assert_frame_equal(numbers, plain)


@pytest.mark.parametrize(
    ("style", "customer", "order"),
    [
        ("padded", r"^CUST-\d{9}$", r"^ORD-\d{9}$"),
        ("email", r"^[a-z]+\.[a-z]+\d+@[a-z.]+$", r"^#SO-\d+-[A-Z]$"),
        ("uuid", *[r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"] * 2),
    ],
)
def test_other_ids_are_those_of_the_same_customers_and_orders(style: str, customer: str, order: str) -> None:
    short, other = frame(2000, seed=4), frame(2000, seed=4, ids=style)
    assert_frame_equal(short.drop("customer_id", "order_id"), other.drop("customer_id", "order_id"))
    for name, pattern in (("customer_id", customer), ("order_id", order)):
        assert other[name].drop_nulls().str.contains(pattern).all()
        known = pl.DataFrame({"short": short[name], "other": other[name]}).unique()
        assert known.height == short[name].n_unique() == other[name].n_unique()


def test_times_belong_to_the_same_days_and_ascend() -> None:
    timed = frame(2000, seed=4, times=True)
    assert timed["order_date"].is_sorted()
    assert timed["order_date"].dt.hour().n_unique() > 12
    assert_frame_equal(timed.with_columns(pl.col("order_date").dt.date()), frame(2000, seed=4))


def test_orders_are_numbered_in_the_order_of_time(sales: pl.DataFrame) -> None:
    assert sales["order_date"].is_sorted()
    bought = sales.filter(pl.col("amount") > 0)
    assert bought["order_id"].is_sorted()
    assert bought["order_id"].n_unique() == int(bought["order_id"][-1][1:])


def test_an_order_has_one_customer_channel_and_group(sales: pl.DataFrame) -> None:
    shared = sales.group_by("order_id").agg(pl.col("customer_id", "channel", "group").n_unique())
    assert shared.select(pl.col("customer_id", "channel", "group").max()).row(0) == (1, 1, 1)


# Proportions


def test_refunds_take_back_a_line_of_an_earlier_order(sales: pl.DataFrame) -> None:
    refunds = sales.filter(pl.col("amount") < 0)
    assert 0.01 < refunds.height / sales.height < 0.025
    pairs = refunds.join(sales.filter(pl.col("amount") > 0), on=["order_id", "product"], suffix="_then")
    same = pairs.filter(
        pl.col("amount") == -pl.col("amount_then"),
        pl.col("cost") == -pl.col("cost_then"),
        pl.col("order_date") > pl.col("order_date_then"),
    )
    assert same["order_id"].n_unique() == refunds.height


def test_some_rows_have_no_customer_and_then_no_group(sales: pl.DataFrame) -> None:
    guests = sales["customer_id"].is_null()
    assert 0.02 < guests.mean() < 0.045
    assert (guests == sales["group"].is_null()).all()


def test_exact_duplicates_happen_but_rarely(sales: pl.DataFrame) -> None:
    assert 0 < 1 - sales.unique().height / sales.height < 0.02


def test_december_and_saturday_are_busy(sales: pl.DataFrame) -> None:
    months = sales.group_by(pl.col("order_date").dt.strftime("%Y-%m")).len().sort("len")
    assert months["order_date"][-1] == "2024-12"
    weekdays = sales.group_by(pl.col("order_date").dt.weekday()).len().sort("len")
    assert weekdays["order_date"].to_list()[-2:] == [5, 6]
    assert weekdays["len"][-1] / weekdays["len"][0] == pytest.approx(1.35 / 0.8, rel=0.1)


def test_money_is_as_unequal_as_in_real_shops(known: pl.DataFrame) -> None:
    revenue = known.group_by("customer_id").agg(pl.col("amount").sum().cast(float))["amount"].sort()
    top = revenue.tail(revenue.len() // 5).sum() / revenue.sum()
    assert 0.65 < top < 0.8


def test_some_customers_cost_more_than_they_bring(known: pl.DataFrame) -> None:
    profit = known.group_by("customer_id").agg((pl.col("amount") - pl.col("cost")).sum())["amount"]
    assert 0 < (profit < 0).mean() < 0.1


def test_customers_keep_their_price_level(known: pl.DataFrame) -> None:
    prices = known.filter(pl.col("amount") > 0).group_by("customer_id", maintain_order=True)
    halves = prices.agg(
        pl.col("unit_price").head(10).cast(float).mean().alias("early"),
        pl.col("unit_price").slice(10).cast(float).mean().alias("late"),
        pl.len(),
    ).filter(pl.col("len") >= 30)
    assert halves.select(pl.corr("early", "late")).item() > 0.4


def test_the_neighbour_on_the_shelf_is_bought_along(sales: pl.DataFrame) -> None:
    baskets = sales.select("order_id", "product").unique()
    both = baskets.filter(pl.col("product") == "Coffee 13").join(baskets, on="order_id")
    bought = both.group_by("product_right").len().sort("len", descending=True)
    assert bought["product_right"].to_list()[1] == "Tea 13"


# The hidden truth


@pytest.fixture(scope="module")
def hidden(book: sample.Book) -> pl.DataFrame:
    return sample.truth(book)


def test_every_customer_of_the_truth_is_in_the_file(hidden: pl.DataFrame, known: pl.DataFrame) -> None:
    assert set(hidden["customer_id"]) == set(known["customer_id"])
    assert hidden["customer_id"].is_sorted()


def test_nobody_buys_after_leaving(hidden: pl.DataFrame, known: pl.DataFrame) -> None:
    bought = known.filter(pl.col("amount") > 0).join(hidden, on="customer_id")
    assert bought.filter(pl.col("order_date") > pl.col("left")).is_empty()
    assert 0.2 < hidden["left"].is_null().mean() < 0.5


def test_groups_are_those_of_the_file(hidden: pl.DataFrame, known: pl.DataFrame) -> None:
    both = hidden.join(known, on="customer_id", suffix="_file")
    assert (both["group"] == both["group_file"]).all()
    assert (hidden["group"] == "test").mean() == pytest.approx(0.7, abs=0.01)


def _distance(values: np.ndarray, cdf: Iterator[float] | np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of sorted values from their distribution function."""
    places = np.arange(1, len(values) + 1) / len(values)
    return float(np.abs(places - cdf).max())


def test_rates_are_gamma_and_stays_lomax_distributed(book: sample.Book) -> None:
    found = people(book.shop, np.arange(100_000))
    limit = 1.63 / np.sqrt(100_000)
    rates = np.sort(found.rate) / book.shop.rate
    assert _distance(rates, gammainc(0.5, rates * 0.5)) < limit
    stays = np.sort(found.left - found.first) / TICKS_PER_DAY
    assert _distance(stays, 1 - (1 + stays / STAY_SCALE_DAYS) ** -STAY_SHAPE) < limit


def test_purchases_come_at_the_hidden_rate(book: sample.Book, known: pl.DataFrame) -> None:
    found = people(book.shop, np.arange(book.persons))
    guest = np.arange(book.persons) % 32 == 31
    exposure = np.minimum(found.left, book.shop.ticks) - found.first
    expected = (found.rate * exposure + 1)[~found.test & ~guest].sum()
    control = known.filter(pl.col("group") == "control", pl.col("amount") > 0)
    assert control["order_id"].n_unique() == pytest.approx(expected, rel=0.015)


def test_the_campaign_lifts_orders_of_the_test_group_by_its_uplift() -> None:
    orders = frame(600_000, customers=20_000, seed=8).filter(pl.col("amount") > 0)
    first, last = orders["order_date"].min(), orders["order_date"].max()
    late = pl.col("order_date") > first + (last - first) * CAMPAIGN_AT + timedelta(days=20)
    counts = (
        orders.filter(pl.col("group").is_not_null())
        .group_by("group", late.alias("late"))
        .agg(pl.col("order_id").n_unique().alias("orders"))
        .pivot("late", index="group", values="orders")
        .sort("group")
    )
    lift = counts["true"] / counts["false"]
    assert lift[1] / lift[0] - 1 == pytest.approx(UPLIFT, abs=0.04)


# Files


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zst", ".parquet"])
def test_every_format_holds_the_same_rows(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sales{ending}"
    sample.write(sample.generate(sample.draw(1500, seed=2), chunk_orders=100), path)
    made = frame(1500, seed=2)
    read = pl.read_parquet(path) if ending == ".parquet" else pl.read_csv(path, schema=made.schema)
    assert_frame_equal(read, made)


def test_money_has_two_decimals_in_csv(tmp_path: Path) -> None:
    sample.write(sample.generate(sample.draw(300, seed=2)), tmp_path / "sales.csv")
    amounts = pl.read_csv(tmp_path / "sales.csv", infer_schema=False)["amount"]
    assert amounts.str.contains(r"^-?\d+\.\d\d$").all()


def test_times_in_csv_read_like_an_export(tmp_path: Path) -> None:
    sample.write(sample.generate(sample.draw(300, seed=2, times=True)), tmp_path / "sales.csv")
    stamps = pl.read_csv(tmp_path / "sales.csv", infer_schema=False)["order_date"]
    assert stamps.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d:00$").all()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    def broken() -> Iterator[pl.DataFrame]:
        yield frame(100, seed=1)
        raise OSError(errno.ENOSPC, "no more")

    (tmp_path / "sales.csv").write_text("before")
    with pytest.raises(DataError, match="No space left"):
        sample.write(broken(), tmp_path / "sales.csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("sales.csv", "before")]


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "--rows or --customers"),
        ({"rows": 0}, "cannot have 0"),
        ({"rows": 100, "customers": 100}, "fewer --customers"),
        ({"rows": 100, "end": date(2023, 1, 7)}, "at least 28 days"),
    ],
)
def test_what_cannot_be_made_is_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        sample.draw(**options)


@pytest.mark.parametrize("name", ["sales.xlsx", "sales.json"])
def test_other_formats_are_refused_and_leave_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.csv"):
        sample.write(sample.generate(sample.draw(10, seed=1)), tmp_path / name)
    assert not list(tmp_path.iterdir())


# The command


def test_csv_goes_to_standard_output_without_a_file() -> None:
    done = crmkit("sample", "--customers", "40", "--seed", "6", "--int-ids", "--start", "2024-01-01")
    wanted = frame(customers=40, seed=6, ids="numbers", start=date(2024, 1, 1))
    assert_frame_equal(pl.read_csv(done.stdout, schema=wanted.schema), wanted)


def test_a_reader_may_leave_early() -> None:
    pipe = f"{sys.executable} -m crmkit sample --rows 200000 | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], cwd=ROOT, capture_output=True)
    assert done.stdout.startswith(b"customer_id,order_id,")
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("words", [["--rows", "0"], ["--start", "2024-13-01"], ["-o", "sales.xlsx"]])
def test_a_wrong_command_line_is_told_in_a_sentence(words: list[str]) -> None:
    done = crmkit("sample", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"crmkit: ") and done.stderr.count(b"\n") == 1
