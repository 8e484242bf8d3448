"""What values decide between candidates, and what they leave open, with a line that works when it is typed."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.load.running import Finished, check, run

DAYS = [f"2024-0{1 + place % 6}-1{place % 9}" for place in range(24)]
BASE = {
    "order_id": [str(place) for place in range(24)],
    "customer_id": [f"C{place % 7}" for place in range(24)],
    "order_date": DAYS,
    "total": [f"{place + 10}.25" for place in range(24)],
}
# Lines of twelve orders, two each.
LINES = {
    "order_id": [str(place // 2) for place in range(24)],
    "customer_id": [f"C{place // 2 % 5}" for place in range(24)],
    "order_date": [DAYS[place // 2] for place in range(24)],
    "quantity": [str(1 + place % 3) for place in range(24)],
    "price": [f"{place + 2}.50" for place in range(24)],
}
LINE_TOTAL = [(1 + place % 3) * (place + 2.5) for place in range(24)]
ORDER_TOTAL = [LINE_TOTAL[place // 2 * 2] + LINE_TOTAL[place // 2 * 2 + 1] for place in range(24)]


def put(folder: Path, columns: dict[str, Sequence[object]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    path = folder / "sales.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def taken(done: Finished) -> dict[str, str]:
    """Role → columns, as `check` lists them."""
    assert done.status == 0, done.err
    rows = json.loads(done.out)["tables"]["columns"]
    found: dict[str, str] = {}
    for row in rows:
        if row["role"]:
            found[row["role"]] = " ".join(filter(None, [found.get(row["role"]), row["column"]]))
    return found


def tried(done: Finished) -> list[str]:
    """The words of the line that the error ends with."""
    return shlex.split(done.err.split("Try: crmkit ")[1])


def test_a_few_customers_who_come_once_do_not_make_a_name_the_customer(tmp_path: Path) -> None:
    few = {
        "customer": ["A", "B", "C"],
        "date": DAYS[:3],
        "amount": ["1.00", "2.00", "3.00"],
        "name": ["x", "x", "y"],
    }
    assert taken(check(put(tmp_path, few)))["customer"] == "customer"
    many = few | {
        "customer": [f"C{place}" for place in range(40)],
        "date": DAYS[:20] * 2,
        "amount": ["1.00"] * 40,
        "name": [f"N{place % 9}" for place in range(40)],
    }
    assert "is name (" in check(put(tmp_path, many)).err


@pytest.mark.parametrize(
    ("more", "role", "column"),
    [
        ({"customer_unique_id": BASE["order_id"], "customer_id": BASE["customer_id"]}, "customer", "customer_id"),
        ({"customer_id": BASE["order_id"], "customer_unique_id": BASE["customer_id"]}, "customer", "customer_unique_id"),
        ({"customer_id": ["0"] * 12 + ["7"] * 12, "email": [f"a{place % 9}@x.com" for place in range(24)]}, "customer", "email"),
        ({"payment": ["Cash", "Card"] * 12}, "amount", "total"),
        ({"tax": ["1.00"] * 24, "amount": [f"{place + 9}.25" for place in range(24)]}, "amount", "total"),
        ({"discount": ["2.00"] * 24, "subtotal": [f"{place + 12}.25" for place in range(24)]}, "amount", "total"),
        ({"paid_at": DAYS, "created_at": DAYS}, "date", "order_date"),
        ({"order_number": [f"N-{place}" for place in range(24)]}, "order", "order_id"),
    ],
)  # fmt: skip
def test_values_decide(tmp_path: Path, more: dict[str, Sequence[str]], role: str, column: str) -> None:
    assert taken(check(put(tmp_path, {**BASE, **more})))[role] == column


def test_an_orders_total_is_left_for_lines_that_add_up_to_it(tmp_path: Path) -> None:
    done = check(put(tmp_path, {**LINES, "order_total": ORDER_TOTAL}))
    assert taken(done)["amount"] == "quantity price"
    assert done.facts["revenue"] == sum(LINE_TOTAL)


def test_an_orders_total_with_freight_is_counted_once(tmp_path: Path) -> None:
    totals = [total + 4 for total in ORDER_TOTAL]
    done = check(put(tmp_path, {**LINES, "shipping": ["4.00"] * 24, "order_total": totals}))
    assert taken(done)["amount"] == "order_total"
    assert done.facts["revenue"] == sum(LINE_TOTAL) + 12 * 4


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({**BASE, "total_amount": [f"{place + 11}.75" for place in range(24)]}, "several columns could be the amount"),
        (
            {name: BASE[name] for name in ("order_id", "customer_id", "order_date")}
            | {"amount": ["1", "2"] * 12, "sales_price": BASE["total"]},
            "amount holds small whole numbers, and sales_price looks like money",
        ),
        (
            {name: BASE[name] for name in ("order_id", "customer_id", "order_date")} | {"price": BASE["total"]},
            "a price is the amount only where each row is one piece",
        ),
        (
            {name: BASE[name] for name in ("order_id", "order_date", "total")}
            | {"user": ["anna", "bob"] * 12, "customer_name": BASE["customer_id"]},
            "user holds 2 and customer_name 7",
        ),
        (
            {"when": DAYS, "who_number": BASE["customer_id"], "how_much": BASE["total"]},
            "no customer column and no date column and no amount column",
        ),
    ],
)  # fmt: skip
def test_what_is_open_is_asked_with_a_line_that_works(
    tmp_path: Path, columns: dict[str, Sequence[str]], said: str
) -> None:
    done = check(put(tmp_path, columns))
    assert done.status == 1
    assert said in done.err
    again = run(*tried(done))
    assert again.status == 0, again.err


def test_the_line_is_a_field_of_json(tmp_path: Path) -> None:
    path = put(tmp_path, {"when": DAYS, "customer_id": BASE["customer_id"], "total": BASE["total"]})
    done = run("rfm", path, "--log-format", "json")
    assert json.loads(done.err)["try"] == f"crmkit rfm {path} --date when"


def test_no_line_is_shown_that_leads_to_another_stop(tmp_path: Path) -> None:
    columns = {"a": ["x"] * 24, "order_date": DAYS, "total": BASE["total"]}
    done = check(put(tmp_path, columns))
    assert done.status == 1
    assert "Try:" not in done.err


def test_every_command_says_what_it_took(tmp_path: Path) -> None:
    done = run("rfm", put(tmp_path, BASE))
    assert "customer customer_id · date order_date (ISO) · amount total · order order_id" in done.err


def test_check_lists_columns_that_play_no_role(tmp_path: Path) -> None:
    done = check(put(tmp_path, {**BASE, "mood": ["good", "bad"] * 12, "mail_of_rep": ["a@x.com"] * 24}))
    rows = {row["column"]: row["seems"] for row in json.loads(done.out)["tables"]["columns"]}
    assert (rows["mood"], rows["mail_of_rep"]) == ("few words", "e-mail addresses")
