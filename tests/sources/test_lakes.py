"""Delta and Iceberg: the rows that count, deleted ones stay deleted, and earlier versions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from tests.load.running import refused, run
from tests.load.sales import SALES, account, text
from tests.sources.places import answers, csv_file
from tests.tool import process

pytestmark = pytest.mark.slow


def rows(first: int, last: int) -> pa.Table:
    return pyarrow.csv.read_csv(io.BytesIO(text(SALES[first:last]).encode()))


def test_delta(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    folder = tmp_path / "sales"
    deltalake.write_deltalake(folder, rows(0, 20))
    deltalake.write_deltalake(folder, rows(0, 30), mode="overwrite")
    assert answers(folder) == answers(csv_file(tmp_path))
    assert run("check", folder, "--version", "0", "--format", "json").account == account(SALES[:20])
    deltalake.DeltaTable(folder).delete("amount > 100")
    kept = [sale for sale in SALES if sale.amount <= 100]
    assert run("check", folder, "--format", "json").account == account(kept)
    assert run("check", folder, "--version", "2999-01-01", "--format", "json").account == account(kept)
    refused(run("check", folder, "--version", "99"), "cannot be read as it is asked for")
    assert run("check", folder, "--version", "soon").status == 2
    assert run("check", csv_file(tmp_path), "--version", "1").status == 2


def test_iceberg(tmp_path: Path) -> None:
    catalogues: Any = pytest.importorskip("pyiceberg.catalog.sql")
    place = {"uri": f"sqlite:///{tmp_path}/catalogue.db", "warehouse": f"file://{tmp_path}/warehouse"}
    catalogue = catalogues.SqlCatalog("shop", **place)
    catalogue.create_namespace("crm")
    table = catalogue.create_table("crm.sales", schema=rows(0, 1).schema)
    table.append(rows(0, 20))
    first = table.current_snapshot().snapshot_id
    table.append(rows(20, 30))
    folder = Path(table.location().removeprefix("file://"))
    told = {
        f"PYICEBERG_CATALOG__SHOP__{name.upper()}": value for name, value in {**place, "type": "sql"}.items()
    }
    wanted = answers(csv_file(tmp_path))
    assert answers(folder) == wanted
    assert run("check", folder, "--version", str(first), "--format", "json").account == account(SALES[:20])
    table.delete("amount > 100")
    kept = [sale for sale in SALES if sale.amount <= 100]
    assert run("check", folder, "--format", "json").account == account(kept)
    # the library looks for catalogues when it is imported
    asked = process("check", "iceberg:shop/crm.sales", "--format", "json", **told)
    assert asked.code == 0 and json.loads(asked.out)["facts"]["rows_used"] == len(kept), asked.err
    refused(run("check", folder, "--version", "5"), "no snapshot 5")
    refused(run("check", "iceberg:nowhere/crm.nothing"), "cannot be read")
    assert run("check", "iceberg:shop").status == 2
