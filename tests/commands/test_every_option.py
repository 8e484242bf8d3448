"""No option about the input changes nothing and says nothing: every command, both kinds of input."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.session.options import READING
from tests.load.running import run
from tests.tool import SALES

# Values that would change something for this file, if the command could act on them.
VALUES = {
    "customer": "channel", "date": "second_date", "amount": "unit_price", "order": "product", "orders": "quantity",
    "product": "channel", "cost": "unit_price", "status": "channel", "encoding": "utf-16", "delimiter": ";",
    "header": "a,b", "date_format": "d/m/y", "decimal": ",", "tz": "Asia/Tokyo", "source_tz": "Asia/Tokyo", "as_of": "2024-06-30",
    "since": "2024-01-01", "currency": "EUR", "exclude_status": "store", "refunds": "ignore", "no_customer": "fail",
    "no_customer_id": "C000001", "max_rejects": "0", "max_age": "1d", "min_rows": "5000",
}  # fmt: skip
COMMANDS = {
    "customers": [],
    "rfm": [],
    "pareto": [],
    "churn": [],
    "trend": [],
    "lifecycle": [],
    "cohort": [],
    "deviation": [],
}


def put(folder: Path) -> Path:
    """The sample with a second column of dates."""
    lines = [line.split(",") for line in SALES.read_text().splitlines()]
    made = [[*line, line[2].replace("2023", "2022")] for line in lines[1:]]
    path = folder / "sales.csv"
    path.write_text("\n".join(",".join(line) for line in [[*lines[0], "second_date"], *made]) + "\n")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["transactions", "customers"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_acts_or_says_so(tmp_path: Path, command: str, kind: str) -> None:
    path = put(tmp_path)
    if kind == "customers":
        if command not in ("customers", "rfm", "pareto"):
            pytest.skip("refused as a whole")
        assert run("customers", path, "-o", tmp_path / "customers.csv").status == 0
        path = tmp_path / "customers.csv"
    usual = run(command, path, "-f", "json")
    silent = []
    for name in sorted(READING & set(VALUES)):
        option = f"--{name.replace('_', '-')}"
        done = run(command, path, "-f", "json", option, VALUES[name])
        if (done.status, done.out, done.err) == (usual.status, usual.out, usual.err):
            silent.append(option)
    assert silent == []
