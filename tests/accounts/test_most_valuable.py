"""Most valuable and most growable: labels against a plain reading of the definition, peers, service cost, refusals."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from crmkit.errors import CrmkitError
from tests.tool import SALES, crmkit


def customers(*words: str | Path) -> list[dict[str, str]]:
    text = crmkit(
        "pareto", *words, "--scheme", "mvc", "--table", "customers", "--format", "csv", "--limit", "0"
    )
    return list(csv.DictReader(io.StringIO(text)))


def test_labels_follow_from_values_and_gaps() -> None:
    rows = customers(SALES)
    values = {row["customer"]: Decimal(row["year_value"]) for row in rows}
    positive, reached, best = sum(value for value in values.values() if value > 0), Decimal(0), set[str]()
    for row in sorted(rows, key=lambda row: -Decimal(row["year_value"])):
        if reached * 100 < positive * 80:
            best.add(row["customer"])
        reached += max(Decimal(row["year_value"]), Decimal(0))
    assert {row["customer"] for row in rows if row["account"] == "most valuable"} == best
    rest = [row for row in rows if row["customer"] not in best and Decimal(row["year_value"]) >= 0]
    gaps = sorted((Decimal(row["shortfall"]) for row in rest), reverse=True)
    least = gaps[len(best) - 1]
    growable = {row["customer"] for row in rest if Decimal(row["shortfall"]) >= least}
    assert {row["customer"] for row in rows if row["account"] == "most growable"} == growable
    for row in rows:
        assert Decimal(row["shortfall"]) == max(0, Decimal(row["potential"]) - Decimal(row["year_value"]))
        assert int(row["peers"]) >= 50


def shop(folder: Path) -> Path:
    """Sixty customers whose first purchase was tea, worth 1 to 60, and two who began with milk."""
    lines = [f"t{at},2024-06-01,tea,{at}" for at in range(1, 61)]
    lines += ["m1,2024-06-01,milk,5", "m2,2024-06-02,milk,7", "m1,2022-01-01,tea,1000"]
    path = folder / "sales.csv"
    path.write_text("customer,date,product,amount\n" + "\n".join(lines) + "\n")
    return path


def test_potential_is_what_nine_tenths_of_the_peers_do_not_pass(tmp_path: Path) -> None:
    rows = {row["customer"]: row for row in customers(shop(tmp_path))}
    assert Decimal(rows["t3"]["potential"]) == 54
    assert rows["t3"]["peers"] == "60"
    # Two are too few, so m2 is compared with all of that tenure; what was bought two years ago is no value of this one.
    assert rows["m2"]["peers"] == "61"
    assert Decimal(rows["m1"]["year_value"]) == 5


def test_service_cost_is_taken_off(tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text("customer,cost\nt3,10.5\nnobody,1\n")
    rows = {row["customer"]: row for row in customers(shop(tmp_path), "--service-cost", costs)}
    assert Decimal(rows["t3"]["year_value"]) == Decimal("-7.5")
    assert rows["t3"]["account"] == "below zero"
    costs.write_text("customer,cost\nt3,much\n")
    with pytest.raises(CrmkitError, match="'t3' is 'much'"):
        customers(shop(tmp_path), "--service-cost", costs)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheme", "mvc", "--by", "product"], "--by does not go with --scheme mvc"),
        (["--scheme", "mvc", "--value", "orders"], "Choose revenue or profit"),
        (["--service-cost", "x.csv"], "--service-cost does not go with --scheme abc"),
    ],
)
def test_refusals(words: list[str], message: str) -> None:
    with pytest.raises(CrmkitError, match=message):
        crmkit("pareto", SALES, *words)
