"""Facts of whole orders on the lines of orders, statuses, and money that went back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.load.lines import Carry, Once
from tests.load.running import Finished, check

SHOP = """Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Total,Refunded Amount
#1,ann@x.com,paid,2024-01-02 09:50:26 +0100,2,Mug,15.00,60.00,10.00
#1,ann@x.com,,2024-01-02 09:50:26 +0100,1,Cap,30.00,,
#2,bob@x.com,voided,2024-01-03 10:00:00 +0100,1,Cap,20.00,120.00,0.00
#2,bob@x.com,,2024-01-03 10:00:00 +0100,1,Coat,100.00,,
"""
REPEATED = """InvoiceNumber,CustomerID,InvoiceDate,Quantity,UnitAmount,LineAmount,Total
1,A,2024-01-05,2,10.00,20.00,50.00
1,A,2024-01-05,3,10.00,30.00,50.00
2,B,2024-01-06,1,10.00,10.00,10.00
3,A,2024-02-07,1,10.00,10.00,35.00
3,A,2024-02-07,1,25.00,25.00,35.00
"""
PAYMENTS = """order_id,customer_id,created_at,kind,amount
1,a,2024-01-02,authorization,65.00
1,a,2024-01-02,capture,65.00
1,a,2024-01-05,refund,10.00
2,b,2024-01-03,sale,20.00
"""
DAILY = "receipt_no,store,customer,date,amount\n" + "".join(
    f"{number},{store},{who},2024-01-0{day},10.00\n"
    for day in range(1, 8)
    for number, store, who in ((1, "S1", "a"), (2, "S1", "b"), (1, "S2", "b"), (2, "S2", "b"))
)


def checked(tmp_path: Path, text: str, *options: str) -> Finished:
    path = tmp_path / "sales.csv"
    path.write_text(text)
    return check(path, *options)


def money(done: Finished) -> tuple[int, float]:
    return done.facts["customers"], float(done.facts["revenue"])


def test_a_voided_order_goes_with_all_its_lines(tmp_path: Path) -> None:
    done = checked(tmp_path, SHOP)
    assert money(done) == (1, 50.0) and done.facts["refunds"] == 10
    assert done.facts["skipped"] == {"excluded status": 2, "further line of an order": 1}
    lines = ("--amount", '"Lineitem quantity" * "Lineitem price"')
    assert money(checked(tmp_path, SHOP, *lines)) == (1, 50.0)


def test_a_total_on_each_line_counts_once(tmp_path: Path) -> None:
    done = checked(tmp_path, REPEATED, "--layout", "none", "--amount", "Total")
    assert money(done) == (2, 95.0) and "counted once" in done.err
    assert money(
        checked(tmp_path, REPEATED, "--layout", "none", "--amount", "Total", "--amount-per", "line")
    ) == (2, 180.0)


def test_what_could_be_either_is_asked(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},c{n % 7},2024-01-0{1 + n % 9},p{k},{n}.{n % 10}5\n" for n in range(40) for k in range(2)
    )
    done = checked(tmp_path, "order_id,customer_id,date,sku,amount\n" + rows)
    assert done.status == 1 and "--amount-per order or --amount-per line" in done.err
    once, each = (
        float(
            checked(tmp_path, "order_id,customer_id,date,sku,amount\n" + rows, "--amount-per", word).facts[
                "revenue"
            ]
        )
        for word in ("order", "line")
    )
    assert each == pytest.approx(2 * once)


def test_orders_that_differ_from_line_to_line_are_no_totals(tmp_path: Path) -> None:
    odd = SHOP.replace("30.00,,", "30.00,61.00,")
    assert "lines with different ones" in checked(tmp_path, odd).err


def test_words_decide_what_a_row_is(tmp_path: Path) -> None:
    done = checked(
        tmp_path,
        PAYMENTS,
        "--status",
        "kind",
        "--exclude-status",
        "authorization",
        "--refund-status",
        "Refund",
    )
    assert money(done) == (2, 75.0) and done.facts["refund_rows"] == 1
    done = checked(tmp_path, PAYMENTS, "--status", "kind", "--exclude-status", "cancelled")
    assert "no row has the kind 'cancelled'; there are" in done.err


def test_statuses_are_noted_with_their_money(tmp_path: Path) -> None:
    text = "order_id,customer_id,date,amount,status\n1,A,2024-01-05,20.00,Completed\n2,B,2024-01-06,4000.00,Failed\n"
    assert "Completed 20.00" in (said := checked(tmp_path, text).err) and "--exclude-status failed" in said


def test_numbers_that_begin_again_each_day_are_other_orders(tmp_path: Path) -> None:
    done = checked(tmp_path, DAILY)
    assert "begins again each day" in done.err


@given(
    st.lists(st.tuples(st.sampled_from(["", "1", "2"]), st.sampled_from([None, "", "x", "y"])), max_size=12),
    st.integers(1, 5),
)
def test_carrying_by_batches_is_carrying_at_once(rows: list[tuple[str, str | None]], size: int) -> None:
    frame = pl.DataFrame(
        {"order": [o or None for o, _ in rows], "status": [s for _, s in rows]},
        schema={"order": pl.String, "status": pl.String},
    )
    carry = Carry(["status"])
    parts = [carry.filled(frame.slice(at, size)) for at in range(0, len(rows), size)]
    expected: list[str | None] = []
    for place, (order, status) in enumerate(rows):
        before = place > 0 and bool(order) and rows[place - 1][0] == order
        expected.append(expected[-1] if before and not status and expected[-1] else status)
    assert [value for part in parts for value in part["status"].to_list()] == expected


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", None]), st.sampled_from([None, 5, 7])), max_size=12),
    st.integers(1, 5),
)
def test_counting_once_by_batches_is_counting_at_once(
    rows: list[tuple[str | None, int | None]], size: int
) -> None:
    frame = pl.DataFrame(
        {
            "order": [o for o, _ in rows],
            "customer": ["c"] * len(rows),
            "date": [1] * len(rows),
            "amount": [a for _, a in rows],
        },
        schema={"order": pl.String, "customer": pl.String, "date": pl.Int64, "amount": pl.Int64},
    )
    once = Once()
    kept = [~once.further(frame.slice(at, size)) for at in range(0, len(rows), size)]
    used = frame.filter(pl.concat(kept)) if kept else frame
    naive = {(o, a) for o, a in rows if o is not None and a is not None}
    counted = [
        (o, a) for o, a in used.select("order", "amount").iter_rows() if o is not None and a is not None
    ]
    assert len(counted) == len(naive) and set(counted) == naive
    assert used["order"].null_count() == sum(o is None for o, _ in rows)


def test_what_was_found_is_kept_as_a_layout(tmp_path: Path) -> None:
    saved = tmp_path / "shop.toml"
    first = checked(tmp_path, SHOP, "--save-layout", str(saved))
    again = checked(tmp_path, SHOP, "--layout", str(saved))
    assert first.facts == again.facts and "read as shop" in again.err
    typed = checked(
        tmp_path,
        PAYMENTS,
        "--status",
        "kind",
        "--exclude-status",
        "authorization",
        "--refund-status",
        "refund",
        "--save-layout",
        str(saved),
    )
    assert money(checked(tmp_path, PAYMENTS, "--layout", str(saved))) == money(typed) == (2, 75.0)


def test_check_lists_statuses_with_their_money(tmp_path: Path) -> None:
    assert (
        '{"column": "Financial Status", "status": "voided", "rows": 2, "revenue": 120.00, "counts_as": "no sale"}'
        in checked(tmp_path, SHOP).out
    )


def test_a_status_nobody_asked_for_is_no_reason_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "a.csv").write_text(
        "order_id,customer_id,date,amount,status\n1,a,2024-01-05,5.00,paid\n"
    )
    (tmp_path / "both" / "b.csv").write_text("order_id,customer_id,date,amount\n2,a,2024-01-06,5.00\n")
    assert check(tmp_path / "both").facts["rows_used"] == 2
    nested = pl.DataFrame({"customer": ["a"], "date": ["2024-01-05"], "amount": [1.0], "status": [["x"]]})
    nested.write_parquet(tmp_path / "nested.parquet")
    assert check(tmp_path / "nested.parquet").facts["rows_used"] == 1


def test_rows_without_an_order_take_nothing_from_each_other(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "customer_id,order_id,order_date,amount\nZ,9,2024-01-02,1.00\nA,,2024-01-01,5.00\n,,2024-01-01,7.00\n"
    )
    done = check(path)
    assert (done.facts["rows_used"], str(done.facts["revenue_without_customer"])) == (2, "7.0")
