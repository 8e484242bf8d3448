"""`crmkit churn`, `trend` and `deviation` as they are typed."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crmkit.cli import build
from crmkit.errors import CrmkitError, DataError, UsageError

SALES = str(Path(__file__).parents[2] / "sample_data" / "sales.csv")
SHOP = """\
customer,order,date,amount
ann,ann1,2024-01-05,40.00
bob,bob1,2024-01-09,10.00
bob,bob2,2024-01-23,12.00
cat,cat1,2024-02-01,80.00
ann,ann2,2024-02-04,44.00
bob,bob3,2024-02-06,9.00
bob,bob4,2024-02-20,11.00
sad,sad1,2024-03-03,-7.00
ann,ann3,2024-03-05,36.00
bob,bob5,2024-03-05,10.00
bob,bob6,2024-03-19,10.50
cat,cat2,2024-04-01,95.00
bob,bob7,2024-04-02,9.50
ann,ann4,2024-04-04,42.00
bob,bob8,2024-04-16,10.00
bob,bob9,2024-05-02,-5.00
ann,ann5,2024-05-04,38.00
cat,cat3,2024-05-31,70.00
ann,ann6,2024-06-03,40.00
dan,dan1,2024-06-20,15.00
ann,ann7,2024-07-03,44.00
ann,ann8,2024-08-02,36.00
eve,eve1,2024-08-28,22.00
ann,ann9,2024-09-01,400.00
"""
COMMANDS = {
    "churn": ["churn", "--evaluate", "2024-05-31"],
    "call list": ["churn", "--table", "customers"],
    "trend": ["trend", "--ahead", "2"],
    "deviation": ["deviation"],
    "alarms": ["deviation", "--table", "customers"],
}
SCREENS = {
    "churn": """\
Customers as of 2024-09-01
status       customers  year revenue  revenue at risk
─────────────────────────────────────────────────────
active         3 50.0%        987.00
overdue        2 33.3%         92.00            92.00
lapsed         0  0.0%          0.00             0.00
refund only    1 16.7%         -7.00

Customers as of 2024-05-31, gone if they bought nothing in the 93 days up to 2024-09-01
rule                                                     customers  flagged  gone  hits  precision  recall  base rate
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
silent for more than 2 own median gaps, or the base gap          3        1     2     1     100.0%   50.0%      66.7%
silent for more than 60 days                                     3        0     2     0               0.0%      66.7%
everybody                                                        3        3     2     2      66.7%  100.0%      66.7%

Call list
customer  last        orders  days since  revenue at risk  tier  segment
───────────────────────────────────────────────────────────────────────────────
bob       2024-04-16       8         138            77.00  B     At Risk
dan       2024-06-20       1          73            15.00  C     About To Sleep

more  --table stakes (1 row)
""",
    "call list": """\
Call list
customer  status   last        orders  median gap  days since  threshold  overdue ratio  revenue at risk  tier  segment
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
bob       overdue  2024-04-16       8        14.0         138       28.0          9.857            77.00  B     At Risk
dan       overdue  2024-06-20       1                      73       60.0                           15.00  C     About To Sleep
""",
    "trend": """\
Revenue by month
period   revenue  orders  customers  orders per customer  order value  change  from customers  from frequency  from order value  year on year  complete
───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
2024-01    62.00       3          2                1.500        20.67                                                                          no
2024-02   144.00       4          3                1.333        36.00   82.00           39.93          -12.02             54.09                yes
2024-03    49.50       3          2                1.500        16.50  -94.50          -36.92           11.21            -68.79                yes
2024-04   156.50       4          3                1.333        39.12  107.00           39.09          -11.90             79.81                yes
2024-05   103.00       2          2                1.000        51.50  -53.50          -52.52          -37.42             36.44                yes
2024-06    55.00       2          2                1.000        27.50  -48.00            0.00            0.00            -48.00                yes
2024-07    44.00       1          1                1.000        44.00  -11.00          -35.75            0.00             24.75                yes
2024-08    58.00       2          2                1.000        29.00   14.00           36.50            0.00            -22.50                yes
2024-09   400.00       1          1                1.000       400.00  342.00         -214.50            0.00            556.50                no

more  --table forecast (4 rows)  --table holdout (2 rows)
""",
    "deviation": """\
Tests of 2024-08-03 to 2024-09-01
measure     tested  flagged  up  down  expected normal  expected past
─────────────────────────────────────────────────────────────────────
spend            1        1   1     0           0.0005         0.0000
gap              1        0   0     0           0.0005         0.5000
order size       1        1   1     0           0.0005         0.0000

Alarms
customer  measure     direction  observed  median      z
────────────────────────────────────────────────────────
ann       order size  up           400.00   40.00  80.94
ann       spend       up           400.00   40.00  60.70
""",
    "alarms": """\
Alarms
customer  measure     direction  observed  median   mad      z  history
───────────────────────────────────────────────────────────────────────
ann       order size  up           400.00   40.00  3.00  80.94        8
ann       spend       up           400.00   40.00  4.00  60.70        7
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)
    return path


def crmkit(*words: str | Path) -> Any:
    result = CliRunner().invoke(build(), [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def told(*words: str | Path) -> dict[str, Any]:
    return json.loads(crmkit(*words, "--format", "json").stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_is_as_it_was(shop: Path, name: str) -> None:
    command, *options = COMMANDS[name]
    assert crmkit(command, shop, *options, "--no-headline").stdout == SCREENS[name]


@pytest.mark.parametrize("command", ["churn", "trend", "deviation"])
def test_the_rows_are_accounted_for_and_the_notes_said(command: str) -> None:
    facts = told(command, SALES)["facts"]
    assert (facts["rows_read"], facts["rows_used"]) == (2000, 1968)
    assert "32 no customer id" in crmkit(command, SALES).stderr


def test_the_call_list_goes_to_a_file(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "calls.csv"
    crmkit("churn", shop, "-o", target)
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [row["customer"] for row in rows] == ["bob", "dan"]
    everybody = list(
        csv.DictReader(crmkit("churn", shop, "--everyone", "-o", "-", "-f", "csv").stdout.splitlines())
    )
    assert [row["customer"] for row in everybody] == ["ann", "cat", "bob", "eve", "dan", "sad"]
    revenue = sum(Decimal(row["revenue_at_risk"]) for row in everybody)
    assert revenue == Decimal("1072.00")


def test_tier_and_segment_stand_beside_as_their_own_commands_give_them() -> None:
    calls = told("churn", SALES, "--table", "customers")["tables"]["customers"]
    tiers = {
        row["customer"]: row["tier"]
        for row in told("pareto", SALES, "--table", "customers")["tables"]["customers"]
    }
    scored = told("rfm", SALES, "--table", "customers")["tables"]["customers"]
    segments = {row["customer"]: row["segment"] for row in scored}
    assert calls
    for row in calls:
        assert (row["tier"], row["segment"]) == (tiers[row["customer"]], segments[row["customer"]])


def test_a_model_puts_p_alive_beside() -> None:
    plain, modelled = (
        told("churn", SALES),
        told("churn", SALES, "--model", "paretonbd", "--everyone", "--table", "customers"),
    )
    rows = modelled["tables"]["customers"]
    assert all(0 < row["alive"] <= 1 for row in rows if row["orders"])
    assert modelled["facts"]["model"]["name"] == "paretonbd"
    late = [row for row in rows if row["status"] in ("overdue", "lapsed")]
    loss = sum(row["revenue_at_risk"] * (1 - row["alive"]) for row in late)
    assert modelled["facts"]["expected_loss"] == pytest.approx(loss, abs=0.01)
    assert modelled["facts"]["expected_loss"] != plain["facts"]["expected_loss"]
    # Who has been silent for longer after as many orders is less likely to be alive.
    once = sorted((row["days_since"], row["alive"]) for row in rows if row["orders"] == 1)
    assert [alive for _, alive in once] == sorted((alive for _, alive in once), reverse=True)


def test_the_record_is_among_the_facts(shop: Path) -> None:
    facts = told("churn", shop, "--evaluate", "2024-05-31")["facts"]
    assert facts["evaluated"] == {
        "date": "2024-05-31",
        "days": 93,
        "precision": 1.0,
        "recall": 0.5,
        "base_rate": 2 / 3,
    }


def test_too_few_customers_to_score_leave_the_call_list_without_segments(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("customer,date,amount\nann,2024-01-01,5\nann,2024-01-08,5\nbob,2024-03-01,4\n")
    result = crmkit("churn", path, "--table", "customers", "-f", "csv")
    assert "tier" in result.stdout
    assert "segment" not in result.stdout


def test_an_as_of_date_makes_the_last_month_whole(shop: Path) -> None:
    periods = told("trend", shop, "--as-of", "2024-09-30", "--since", "2024-01-01")["tables"]["periods"]
    assert all(row["complete"] for row in periods)


def test_weeks_and_years(shop: Path) -> None:
    assert told("trend", shop, "--period", "week")["tables"]["periods"][0]["period"] == "2024-W01"
    assert told("trend", SALES, "--period", "year")["tables"]["periods"][1]["period"] == "2024"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["churn", "--overdue", "2", "--lapse-days", "90"], UsageError, "two rules"),
        (["churn", "--overdue", "nan"], UsageError, "above 0"),
        (["churn", "--lapse-days", "0"], UsageError, "1 or more"),
        (["churn", "--evaluate", "yesterday"], UsageError, "not a date"),
        (["churn", "--evaluate", "2030-01-01"], DataError, "leaves nothing to compare"),
        (["churn", "--model", "oracle"], UsageError, "not one of"),
        (["trend", "--period", "fortnight"], UsageError, "fortnight"),
        (["trend", "--ahead", "0"], UsageError, "--ahead is 0"),
        (["trend", "--interval", "100%"], UsageError, "--interval"),
        (["trend", "--period", "year"], DataError, "fall into one year"),
        (["deviation", "--window", "soon"], UsageError, "--window"),
        (["deviation", "--threshold", "0"], UsageError, "--threshold"),
        (["deviation", "--history", "1"], UsageError, "--history"),
        (["deviation", "--window", "200d"], DataError, "Nobody can be tested"),
        (["deviation", "--as-of", "2020-01-01"], DataError, "no row can be used"),
    ],
)
def test_a_mistake_gets_a_sentence(
    shop: Path, words: list[str], error: type[CrmkitError], message: str
) -> None:
    command, *options = words
    with pytest.raises(error, match=message):
        CliRunner().invoke(build(), [command, str(shop), *options], catch_exceptions=False)
