"""`crmkit migration`, `cohort` and `lifecycle` as they are typed."""

import csv
import io
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crmkit.cli import build
from crmkit.errors import CrmkitError, DataError, UsageError

SALES = str(Path(__file__).parents[2] / "sample_data" / "sales.csv")
SHOP = """customer,order,date,amount
ann,1,2024-01-01,40.00
bob,2,2024-01-07,10.00
cat,3,2024-01-20,5.00
ann,4,2024-02-06,60.00
eve,5,2024-02-10,90.00
bob,6,2024-03-01,85.00
ann,7,2024-03-02,20.00
ann,7,2024-03-09,-4.00
dan,8,2024-03-31,1.00
eve,9,2024-04-10,9.50
sad,10,2024-02-02,-7.00
"""
COMMANDS = {
    "migration": ["--from", "2024-02-29", "--of", "tier"],
    "cohort": [],
    "lifecycle": ["--stages", "--lapse-days", "45", "--loyal", "3"],
}
SCREENS = {
    "migration": """\
Moves of customers by tier from 2024-02-29 to 2024-04-10, by the cut points of 2024-02-29
move     customers  revenue before  revenue  revenue change
───────────────────────────────────────────────────────────
up         1 16.7%           10.00    95.00           85.00
same       4 66.7%          188.00   213.50           25.50
down       0  0.0%            0.00     0.00            0.00
entered    1 16.7%            0.00     1.00            1.00
left       0  0.0%            0.00     0.00            0.00

Customers by tier on 2024-02-29 (rows) and on 2024-04-10 (columns)
from        A  B  C  below zero  left
─────────────────────────────────────
A           2  0  0           0     0
B           1  0  0           0     0
C           0  0  1           0     0
below zero  0  0  0           1     0
entered     0  0  1           0     0

more  --table matrix (25 rows)
""",
    "cohort": """\
Part of the cohort with an order, by month of the first order and months since
cohort   size      1      2
───────────────────────────
2024-01     3  33.3%  66.7%
2024-02     1   0.0%
2024-03     1
mean        2  25.0%  66.7%

more  --table cohorts (9 rows)
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)
    return path


def crmkit(*words: str) -> Any:
    result = CliRunner().invoke(build(), [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("command", SCREENS)
def test_the_screen(command: str, shop: Path) -> None:
    assert crmkit(command, str(shop), *COMMANDS[command], "--no-headline").stdout == SCREENS[command]


def test_the_screen_of_the_life_cycle(shop: Path) -> None:
    screen = crmkit("lifecycle", str(shop), *COMMANDS["lifecycle"], "--no-headline").stdout.splitlines()
    assert screen[0] == "Customers and revenue by month"
    assert [line.split()[:7] for line in screen[3:7]] == [
        ["2024-01", "3", "0", "0", "3", "55.00", "55.00"],
        ["2024-02", "1", "1", "0", "2", "2", "33.3%"],
        ["2024-03", "1", "1", "1", "1", "3", "50.0%"],
        ["2024-04", "0", "0", "1", "3", "1", "9.50"],
    ]
    assert (
        "\n".join(screen[8:]) + "\n"
        == """\
Stages on 2024-04-10: loyal from 3 orders on, dormant after 45 days without one
stage       customers       revenue  reached  conversion
────────────────────────────────────────────────────────
first-time    1 20.0%    1.00  0.3%        5
repeat        2 40.0%  194.50 61.5%        3       60.0%
loyal         1 20.0%  116.00 36.7%        1       33.3%
dormant       1 20.0%    5.00  1.6%
"""
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_shuffled_and_split_files_give_the_same_bytes(command: str, tmp_path: Path) -> None:
    head, *rows = Path(SALES).read_text().splitlines(keepends=True)
    random.Random(4).shuffle(rows)
    for name, part in (("a.csv", rows[:700]), ("b.csv", rows[700:])):
        (tmp_path / name).write_text(head + "".join(part))
    options = ["--from", "2024-01-31", "--to", "2024-10-31"] if command == "migration" else COMMANDS[command]
    printed = set()
    for number, files in enumerate(([SALES], [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])):
        output = tmp_path / f"{number}.csv"
        screen = crmkit(command, *files, *options, "-o", str(output), "--no-headline").stdout
        printed.add((screen, output.read_bytes()))
    assert len(printed) == 1


def test_the_long_form_of_cohorts_is_what_csv_holds(shop: Path) -> None:
    rows = list(
        csv.DictReader(io.StringIO(crmkit("cohort", str(shop), "--value", "orders", "-f", "csv").stdout))
    )
    assert list(rows[0]) == ["cohort", "size", "period", "value", "complete"]
    assert [row["value"] for row in rows] == ["3", "1", "2", "", "1", "0", "", "1", ""]


def test_json_has_facts_and_every_table(shop: Path) -> None:
    found = json.loads(crmkit("migration", str(shop), *COMMANDS["migration"], "-f", "json").stdout)
    assert found["facts"]["moves"] == {"up": 1, "same": 4, "down": 0, "entered": 1, "left": 0}
    assert list(found["tables"]) == ["moves", "matrix", "grid"]


def test_a_window_of_a_day_is_the_day_itself(shop: Path) -> None:
    words = ["--from", "2024-03-01", "--to", "2024-03-02", "--window", "1", "--of", "tier"]
    rows = csv.DictReader(
        io.StringIO(crmkit("migration", str(shop), *words, "-f", "csv", "--table", "customers").stdout)
    )
    assert [(row["customer"], row["from"], row["to"]) for row in rows] == [
        ("bob", "A", "left"),
        ("ann", "entered", "C"),
    ]


@pytest.mark.parametrize("kind", ["segment", "rfm", "tier", "pyramid"])
@pytest.mark.parametrize("window", [[], ["--window", "200"]])
def test_everybody_is_in_the_matrix_once(kind: str, window: list[str]) -> None:
    words = ["migration", SALES, "--from", "2023-12-31", "--to", "2024-12-30", "--of", kind, *window]
    tables = json.loads(crmkit(*words, "-f", "json").stdout)["tables"]
    people = list(csv.DictReader(io.StringIO(crmkit(*words, "-f", "csv", "--table", "customers").stdout)))
    assert len({row["customer"] for row in people}) == len(people) > 100
    for table in ("moves", "matrix"):
        assert sum(row["customers"] for row in tables[table]) == len(people)
        after = sum(Decimal(str(row["revenue"])) for row in tables[table])
        assert after == sum(Decimal(row["revenue"]) for row in people)


def test_the_stages_begin_where_nine_gaps_of_ten_end() -> None:
    facts = json.loads(crmkit("lifecycle", SALES, "--stages", "-f", "json").stdout)["facts"]
    churn = json.loads(crmkit("churn", SALES, "-f", "json").stdout)["facts"]
    assert facts["lapse_days"] == churn["base_gap"]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["migration", "--from", "2023-01-01"], DataError, "run from 2024-01-01 to 2024-04-10"),
        (["migration", "--from", "2024-02-01", "--to", "2025-01-01"], DataError, "--to 2025-01-01"),
        (["migration", "--from", "2024-03-01", "--to", "2024-02-01"], UsageError, "earlier date first"),
        (["migration", "--from", "2024-03-01", "--window", "9"], UsageError, "add --to DATE"),
        (["migration", "--from", "2024-03-01", "--of", "mood"], UsageError, "segment, tier, rfm, pyramid"),
        (["migration", "--from", "2024-03-01"], DataError, "too few for 5 scores"),
        (["cohort", "--period", "day"], UsageError, "month, quarter, week, sunday-week, year"),
        (
            ["cohort", "--value", "joy"],
            UsageError,
            "customers, rate, rolling, revenue, cumulative, profit, orders",
        ),
        (["cohort", "--period", "year"], DataError, "All orders fall in one year, 2024"),
        (["cohort", "--as-of", "2024-01-20"], DataError, "All orders fall in one month, 2024-01"),
        (["lifecycle", "--period", "year"], DataError, "covers one year, 2024"),
        (["lifecycle", "--loyal", "4"], UsageError, "belong to --stages"),
        (["lifecycle", "--stages", "--loyal", "2"], UsageError, "3 orders or more"),
        (["lifecycle", "--stages", "--lapse-days", "0"], UsageError, "1 or more"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], error: type[CrmkitError], message: str, shop: Path
) -> None:
    with pytest.raises(error, match=message):
        CliRunner().invoke(build(), [words[0], str(shop), *words[1:]], catch_exceptions=False)
