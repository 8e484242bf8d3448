"""Rows without a customer id, a date or an amount: whether they take part is a question of who asks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmkit.errors import DataError, GateError
from crmkit.load import Options, Transactions, load
from crmkit.load.account.gates import Gate

TILL = (
    "customer,date,order,product,amount\nann,2024-01-02,1,tea,3\n,2024-01-03,2,tea,4\n,2024-01-03,2,milk,1\n"
)
NEEDS, WANTS = frozenset({"order", "product"}), frozenset({"customer", "date", "amount"})


def opened(folder: Path, text: str = TILL, **options: object) -> Transactions:
    path = folder / "till.csv"
    path.write_text(text)
    return load(str(path), Options(**options), needs=NEEDS, wants=WANTS)  # type: ignore[arg-type]


def products(sales: Transactions) -> pl.DataFrame:
    return sales.by_key(lambda rows: rows.select("order", "product"), key="order").frame()


def test_rows_without_a_customer_take_part_where_none_is_needed(tmp_path: Path) -> None:
    sales = opened(tmp_path)
    assert products(sales).height == 3
    assert sales.audit.rejected == {}
    assert sales.audit.notes == ["2 rows without a customer id take part"]


def test_they_are_set_aside_where_one_is(tmp_path: Path) -> None:
    opened(tmp_path)
    sales = load(str(tmp_path / "till.csv"), needs=NEEDS | {"customer"}, wants=WANTS)
    assert products(sales).height == 1
    assert sales.audit.rejected == {"no customer id": 2}


def test_a_file_may_have_neither_customers_nor_dates_nor_amounts(tmp_path: Path) -> None:
    sales = opened(tmp_path, "order,product\n1,tea\n1,milk\n")
    assert products(sales).rows() == [("1", "tea"), ("1", "milk")]
    assert (sales.audit.first_date, sales.audit.last_date, sales.audit.notes) == (None, None, [])


def test_a_bad_date_is_still_set_aside(tmp_path: Path) -> None:
    sales = opened(tmp_path, TILL.replace("2024-01-02", "soon") + ",,3,rice,1\n")
    assert products(sales).height == 2
    assert sales.audit.rejected == {"no date": 1, "bad date": 1}


def test_days_cannot_be_chosen_without_a_date(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no date column"):
        opened(tmp_path, "order,product\n1,tea\n", since=date(2024, 1, 1))


def test_every_row_can_be_asked_to_name_its_customer(tmp_path: Path) -> None:
    sales = opened(tmp_path)
    sales.gate = Gate(named=True)
    with pytest.raises(GateError, match="2 rows have no customer id"):
        products(sales)
