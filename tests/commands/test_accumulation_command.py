"""`crmkit accumulation` and `crmkit value` as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crmkit.cli import build
from crmkit.errors import CrmkitError

SAMPLES = Path(__file__).parents[2] / "sample_data"
MOVES = ["--switch", "A:B=2%", "--switch", "B:A=1%"]
SHOPPER = ["value", "--spend", "40", "--every", "1w", "--years", "30"]


def crmkit(*words: str) -> Any:
    result = CliRunner().invoke(build(), [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: str) -> dict[str, Any]:
    return json.loads(crmkit(*words, "--format", "json"))  # type: ignore[no-any-return]


def refused(*words: str) -> str:
    with pytest.raises(CrmkitError) as caught:
        CliRunner().invoke(build(), [*words], catch_exceptions=False)
    return str(caught.value)


def test_classic_table_is_printed() -> None:
    rows = [line.split() for line in crmkit("accumulation").splitlines()]
    assert rows[3:] == [
        ["0", "100", "50.0%", "100", "50.0%", "0", "1.00", "1,000.00", "1,000.00", "0.00"],
        ["1", "99", "49.5%", "101", "50.5%", "2", "1.02", "990.00", "1,010.00", "20.00"],
        ["2", "98", "49.0%", "102", "51.0%", "4", "1.04", "980.00", "1,020.00", "40.00"],
        ["10", "90", "45.0%", "110", "55.0%", "20", "1.22", "900.00", "1,100.00", "200.00"],
        ["25", "75", "37.5%", "125", "62.5%", "50", "1.67", "750.00", "1,250.00", "500.00"],
        ["50", "50", "25.0%", "150", "75.0%", "100", "3.00", "500.00", "1,500.00", "1,000.00"],
    ]


def test_options_of_the_classic_table() -> None:
    found = told(
        "accumulation", "--stores", "North,South", "--customers", "50,80", "--lost", "5", "--profit", "2"
    )
    (row,) = found["tables"]["lost"]
    assert (row["a_customers"], row["b_customers"], row["profit_difference"]) == (45, 85, 80)
    assert found["facts"]["a"] == "North"
    assert [
        row["cac_ratio"] for row in told("accumulation", "--cac-ratio", "4,8")["tables"]["break_even"]
    ] == [4, 8]


def test_stores_over_time() -> None:
    found = told("accumulation", "--periods", "24", *MOVES, "--below", "A=42%", "--break-even")
    assert list(found["tables"]) == ["periods", "stores", "break_even"]
    assert len(found["tables"]["periods"]) == 50
    assert found["facts"]["steady_share"] == pytest.approx({"A": 1 / 3, "B": 2 / 3})
    assert "A falls below 42.0% in period 22" in crmkit(
        "accumulation", "--periods", "24", *MOVES, "--below", "A=42%"
    )


def test_two_worlds() -> None:
    found = told("accumulation", "--periods", "24", *MOVES, "--what-if", "A:B=1%")
    assert list(found["tables"]) == ["what_if", "stores"]
    assert found["tables"]["what_if"][-2]["what_if_customers"] == pytest.approx(100)
    assert (
        "profit"
        in told("accumulation", *MOVES, "--what-if", "A:B=1%", "--table", "periods")["tables"]["periods"][0]
    )


def test_joining_leaving_and_referral(tmp_path: Path) -> None:
    flows = [
        "--switch",
        "A:elsewhere=10%",
        "--switch",
        "elsewhere:A=5",
        "--referral",
        "0.02",
        "--periods",
        "2",
    ]
    first = told("accumulation", "--stores", "A", "--customers", "100", *flows)["tables"]["periods"][1]
    stayers = 100 * (0.9 - 0.02 * 0.1)
    assert first["customers"] == pytest.approx(stayers * 1.02 + 5)
    file = tmp_path / "m.csv"
    file.write_text("store,A,leave,join\nA,90%,10%,5\n")
    same = told(
        "accumulation", "--matrix", str(file), "--customers", "100", "--referral", "0.02", "--periods", "2"
    )
    assert same["tables"]["periods"][1] == pytest.approx(first)


def test_runs_are_the_same_for_the_same_seed() -> None:
    words = [
        "accumulation",
        "--periods",
        "5",
        *MOVES,
        "--runs",
        "200",
        "--table",
        "periods",
        "--format",
        "csv",
    ]
    assert crmkit(*words, "--seed", "3") == crmkit(*words, "--seed", "3") != crmkit(*words, "--seed", "4")


def test_estimate_from_a_file(tmp_path: Path) -> None:
    sales = str(SAMPLES / "sales.csv")
    one = told("accumulation", "--from", sales)
    assert list(one["tables"]) == ["matrix", "history", "periods", "stores"]
    assert [row["store"] for row in one["tables"]["stores"]] == ["here"]
    many = told(
        "accumulation", "--from", sales, "--store", "channel", "--period", "quarter", "--as-of", "2024-12-31"
    )
    assert {row["store"] for row in many["tables"]["stores"]} == {"app", "phone", "store", "web"}
    assert many["facts"]["last_period"] == "2024Q4" and many["facts"]["rows_read"] == 2000
    start = [row["customers"] for row in many["tables"]["periods"] if row["period"] == 0]
    rows = crmkit("accumulation", "--from", sales, "--store", "channel", "--period", "quarter", "--as-of", "2024-12-31",
                  "--table", "history", "--format", "ndjson")  # fmt: skip
    assert start == [json.loads(line)["customers"] for line in rows.splitlines()][-4:]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lost", "150"], "A has 100 customers and cannot lose 150"),
        (["--lost", "1", "--periods", "3"], "--lost is for the table of customers lost at once"),
        (["--switch", "A:B=200%"], "--switch A:B is '200%'"),
        (["--switch", "A:Z=2%"], "no store 'Z'; the stores are A, B"),
        (["--switch", "A:B=60%", "--switch", "A:elsewhere=50%"], "A would lose 1.1 of its customers"),
        (["--customers", "-5,100"], "--customers is '-5,100'|--customers"),
        (["--customers", "1,2,3"], "compares two stores"),
        (["--stores", "A,B,C", "--customers", "1,2", "--periods", "2"], "3 stores"),
        (["--what-if", "B:Q=1%"], "no store 'Q'"),
        (["--below", "Q=1%"], "no store 'Q'"),
        (["--periods", "0"], "0 periods"),
        (["--runs", "-5"], "-5 runs"),
        (["--cac-ratio", "10..5"], "--cac-ratio has '10..5'"),
        (["--matrix", "none.csv"], "There is no file none.csv"),
        (["--matrix", "none.csv", "--from", "x.csv"], "--from and --matrix both"),
        (["--matrix", "none.csv", "--stores", "A,B"], "--stores does not go with a file"),
        (["--store", "channel"], "--store is about the rows of a file"),
        (["--rejects", "r.csv"], "--rejects is about the rows of a file"),
    ],
)
def test_bad_accumulation(words: list[str], message: str) -> None:
    import re

    assert re.search(message, refused("accumulation", *words))


def test_value_of_the_weekly_shopper() -> None:
    assert "2,080.00" in crmkit(*SHOPPER) and "62,400.00" in crmkit(*SHOPPER)
    found = told(*SHOPPER, "--retention", "90%", "--discount", "10%", "--acquisition-cost", "500")
    assert found["tables"]["values"][-1]["value"] == 9360
    assert found["facts"]["payback_years"] == pytest.approx(0.2736, abs=1e-4)


def test_value_of_a_schedule() -> None:
    found = told("value", "--schedule", str(SAMPLES / "purchases.csv"))
    assert [row["total"] for row in found["tables"]["customers"]] == [185_000, 45_000]
    assert found["tables"]["overtaking"][0]["purchase"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["value"], "--spend and --every and --years are needed"),
        (["value", "--spend", "40", "--every", "1w"], "--years is needed"),
        ([*SHOPPER, "--retention", "90"], "--retention is '90', .* Did you mean 90%"),
        ([*SHOPPER, "--growth", "-200%"], "--growth is '-200%'"),
        (["value", "--spend", "-1", "--every", "1w", "--years", "3"], "--spend is '-1'"),
        (["value", "--spend", "40", "--every", "weekly", "--years", "3"], "--every is 'weekly'"),
        (["value", "--schedule", "none.csv"], "There is no file none.csv"),
        (["value", "--schedule", "none.csv", "--margin", "5%", "--acquisition-cost", "3"], "--margin and --acquisition-cost cannot"),
    ],
)  # fmt: skip
def test_bad_value(words: list[str], message: str) -> None:
    import re

    assert re.search(message, refused(*words))
