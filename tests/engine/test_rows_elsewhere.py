"""Customers and their days in batches of any size lead to the same tables, as on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmkit import check, churn, customers, lifecycle, rfm
from crmkit.engine import reducers, rows
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import CrmkitError
from crmkit.forecast.alive import alive_of
from crmkit.history import customer_days, purchase_histories
from crmkit.history.customer_days import DayHistory, ScatteredDayHistory
from crmkit.load import load
from crmkit.result import Result
from tests.batched_rows import BatchedRows
from tests.ledgers import BEGIN, Sale, frame, sales
from tests.tool import SALES, crmkit

AS_OF = BEGIN + timedelta(days=420)
sizes = st.integers(1, 7)


def past(ledger: list[Sale], size: int) -> tuple[DayHistory, ScatteredDayHistory]:
    """The same days here and elsewhere."""
    found = customer_days.by_customer(frame(ledger)).collect()
    first = min(row.date for row in ledger)
    return customer_days.history(found, AS_OF), ScatteredDayHistory(BatchedRows.of(found, size), first, AS_OF)


def answer(ask: Callable[[], Result]) -> Any:
    """All that comes out, or the refusal."""
    try:
        result = ask()
    except CrmkitError as error:
        return str(error)
    tables = {name: (table.schema, table.write_csv()) for name, table in result.tables.items()}
    return tables, dict(result.facts), result.notes


@given(
    sales(), sizes, st.sampled_from([churn.Rule(), churn.Rule(1.5), churn.Rule(lapse_days=60)]), st.booleans()
)
def test_who_is_late(ledger: list[Sale], size: int, rule: churn.Rule, everyone: bool) -> None:
    here, there = past(ledger, size)
    at = BEGIN + timedelta(days=300)
    for evaluated in (None, at):
        options: dict[str, Any] = {"evaluate_at": evaluated, "everyone": everyone}
        found = [answer(partial(churn.tables_of, days, rule, **options)) for days in (here, there)]
        assert found[0] == found[1]


@given(sales(), sizes, st.sampled_from(["month", "week", "year"]))
def test_stages(ledger: list[Sale], size: int, period: Any) -> None:
    def ask(days_: customer_days.AnyDayHistory) -> Result:
        counts = lifecycle.count_days(days_, period)
        result = lifecycle.tables_of(counts, begin=BEGIN, as_of=AS_OF, scale=2, period=period)
        finish = partial(customers.finish_each, scale=2, as_of=AS_OF)
        people = days_.each(customer_days.totals).by_row(finish)
        return lifecycle.add_stages(result, people, loyal=3, lapse_days=90)

    here, there = past(ledger, size)
    assert answer(partial(ask, here)) == answer(partial(ask, there))


@given(sales(customers=30), sizes, st.integers(1, 5), st.sampled_from(["total", "average"]))
def test_ties_parted_by_id(ledger: list[Sale], size: int, bins: int, monetary: str) -> None:
    here = customers.finish(customer_days.totals(past(ledger, size)[0]), 2, AS_OF)
    options: dict[str, Any] = {"ties": "first", "bins": bins, "monetary": monetary}
    places: list[Rows] = [rows.as_rows(here), BatchedRows.of(here, size)]
    found = [answer(partial(rfm.analyse, place, **options)) for place in places]
    assert found[0] == found[1]


@given(sales(), sizes, st.booleans())
def test_gaps_by_key_are_the_gaps_of_all_days(ledger: list[Sale], size: int, keep_zero: bool) -> None:
    whole = purchase_histories.days(
        purchase_histories.by_day(frame(ledger), keep_zero=keep_zero).collect(), 2
    )
    found = purchase_histories.by_customer(frame(ledger), keep_zero=keep_zero, visits=True).collect()
    scattered = BatchedRows.of(found, size)
    one, other = purchase_histories.repeats_of(scattered, AS_OF), purchase_histories.repeats(whole, AS_OF)
    assert all(part.tolist() == same.tolist() for part, same in zip(one[:3], other[:3], strict=True))
    assert one.spread is not None and other.spread is not None
    assert list(map(str, one.spread)) == list(map(str, other.spread))
    assert one.log_gaps == other.log_gaps


@given(sales())
def test_neighbours_added_up_leave_the_same_days(ledger: list[Sale]) -> None:
    batch = frame(ledger).collect()
    many = pl.concat([batch] * (10_000 // batch.height + 1))
    with_neighbours = many.sort("customer", "order", "date", maintain_order=True)
    fewer = next(reducers.added_up(iter([with_neighbours]), key="customer"))
    assume(fewer.height < with_neighbours.height)
    one, other = (
        customer_days.history(customer_days.by_customer(some.lazy()).collect(), AS_OF)
        for some in (many, fewer)
    )
    assert one.days.equals(other.days)
    assert one.customers.equals(other.customers)


def test_names_to_look_at_twice() -> None:
    names = ["Ann", "ann", "bob", "b\u200bob", "\uff42ob", "cat", "unknown", "=x", "0"]
    people = pl.DataFrame({"customer": names})
    expected = [["Ann", "ann"], ["bob", "b\u200bob", "\uff42ob"]]
    said = check._notes(rows.as_rows(people), 3, ["money"])
    assert [note.split(" ")[0] for note in said] == ["3", "money", "2", "customers", "some"]
    for size in (1, 2, 9):
        assert check.lookalikes(BatchedRows.of(people, size)) == expected
        assert check._notes(BatchedRows.of(people, size), 3, ["money"]) == said
    assert check._notes(rows.as_rows(people.select(customer=pl.lit(7))), 0, []) == []


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "", None]), st.integers(1, 2)), min_size=1), sizes)
def test_rows_that_come_again(listed: list[tuple[str | None, int]], size: int) -> None:
    raw = pl.DataFrame(listed, schema={"who": pl.String, "what": pl.Int64}, orient="row")
    hashed = BatchedRows.of(raw, size).by_row(partial(check._hashed, names=["who", "what"]))
    found = hashed.by_key("hash", partial(check._met_again, blanks=["b0", "b1"]))
    counts = found.counts(Counted(sums=["again", "b0", "b1"])).row(0)[1:]
    assert counts == (len(listed) - len(set(listed)), sum(not who for who, _ in listed), 0)


def test_an_earlier_date_is_known_elsewhere_too() -> None:
    ledger = [Sale("ann", "1", date(2024, 1, 5), 100), Sale("bob", "2", date(2024, 2, 5), 100)]
    here, there = past(ledger, 1)
    day = date(2024, 1, 31)
    for days_ in (here, there):
        early = days_.until(day).each(lambda known: known.days.select("date")).frame()
        assert early["date"].to_list() == [date(2024, 1, 5)]
        assert days_.first == date(2024, 1, 5)


@pytest.mark.parametrize("model", ["paretonbd", "mbgcnbd"])
def test_p_alive_in_any_company(model: str, tmp_path: Path) -> None:
    days = customer_days.of(load(str(SALES))).rows
    crmkit("customers", SALES, "-o", tmp_path / "people.parquet")
    people = pl.read_parquet(tmp_path / "people.parquet", columns=["x", "t_x", "T"])
    judge = alive_of(rows.as_rows(people), days, model).add
    whole = rows.as_rows(people).by_row(judge).frame()
    for size in (1, 7, 100):
        assert BatchedRows.of(people, size).by_row(judge).frame().equals(whole)
    assert whole["alive"].drop_nulls().is_between(0, 1).all()
    assert whole["alive"].n_unique() > 100
