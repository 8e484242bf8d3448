"""The account of a run names the table, and the version or state of it, that was read; never a secret."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from crmkit.output import workbook
from tests.load.running import refused, run
from tests.load.sales import text
from tests.sources.places import csv_file
from tests.sources.test_databases import made
from tests.sources.test_lakes import rows
from tests.sources.web_server import Pages


def told(folder: Path, *words: str | Path, status: int = 0) -> dict[str, Any]:
    """What the account of a run says of its one input."""
    assert run("rfm", *words, "--summary", folder / "run.json").status == status
    (found,) = json.loads((folder / "run.json").read_text())["inputs"]
    assert isinstance(found, dict)
    return found


def test_the_table_of_a_database(tmp_path: Path) -> None:
    path = made("sqlite", tmp_path)
    found = told(tmp_path, path)
    assert (found["file"], found["table"]) == (f"{path} (sales)", "sales")
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told(tmp_path, f"sqlite:{path}?table=sales")["table"] == "sales"
    query = "SELECT * FROM sales"
    assert (
        told(tmp_path, path, "--query", query)["query_sha256"] == hashlib.sha256(query.encode()).hexdigest()
    )


def test_the_state_of_a_page(tmp_path: Path, pages: Pages) -> None:
    pages.answers["/sales.csv"] = [(200, {"ETag": '"5f-1"', "Last-Modified": "yesterday"}, text().encode())]
    found = told(tmp_path, pages.address + "/sales.csv?key=hush")
    assert (found["etag"], found["modified"]) == ("5f-1", "yesterday")


def test_where_it_could_not_be_read_nobody_asks_again(tmp_path: Path, pages: Pages) -> None:
    found = told(tmp_path, pages.address + "/none?key=hush", status=1)
    assert found == {"file": pages.address + "/none"}
    assert len(pages.asked) == 1


@pytest.mark.slow
def test_the_sheet_of_a_workbook(tmp_path: Path) -> None:
    from tests.sources.test_workbooks import HEADER, book
    from tests.sources.test_workbooks import rows as cells

    book(tmp_path / "shop.xlsx", Notes=[["x"], ["y"]], Orders=[list(HEADER), *cells()])
    found = told(tmp_path, tmp_path / "shop.xlsx")
    assert (found["file"], found["sheet"]) == (f"{tmp_path}/shop.xlsx (Orders)", "Orders")


@pytest.mark.slow
def test_the_version_of_a_lake_table(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    for end in (20, 30):
        deltalake.write_deltalake(tmp_path / "sales", rows(0, end), mode="overwrite")
    assert told(tmp_path, tmp_path / "sales") == {"file": f"{tmp_path}/sales", "version": 1}
    assert told(tmp_path, tmp_path / "sales", "--version", "0")["version"] == 0


@pytest.mark.slow
def test_the_state_of_an_object(tmp_path: Path, s3: str) -> None:
    pyarrow_fs = pytest.importorskip("pyarrow.fs")
    system = pyarrow_fs.S3FileSystem(endpoint_override=s3, region="us-east-1", allow_delayed_open=True)
    with system.open_output_stream("shop/told.csv") as stream:
        stream.write(text().encode())
    found = told(tmp_path, "s3://shop/told.csv", "--endpoint", s3)
    assert found["etag"] == hashlib.md5(text().encode()).hexdigest()


def test_databases_without_a_driver_here_are_told_how(tmp_path: Path) -> None:
    for word, line in (
        ("mysql://u:hush@h:3307/shop", "mysql -h h -P 3307 -B -e"),
        ("mariadb://h/shop", "mysql -h h -B -e"),
        ("mssql+pyodbc://u:hush@h/shop", "sqlcmd -S h -d shop"),
        ("postgresql+psycopg://h/shop", "say postgresql://h/shop"),
    ):
        refused(run("check", word), line)
        assert "hush" not in run("check", word).err
        done = run("rfm", csv_file(tmp_path), "-o", word.replace("shop", "shop/tiers"))
        assert done.status == 2 and "hush" not in done.err


@pytest.mark.slow
def test_more_customers_than_a_sheet_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xlsxwriter")
    out = tmp_path / "out.xlsx"
    out.write_bytes(b"old")
    run("customers", csv_file(tmp_path), "-o", tmp_path / "customers.csv")
    monkeypatch.setattr(workbook, "ROWS", 6)
    for command, of in (("rfm", "sales.csv"), ("pareto", "sales.csv"), ("clv", "sales.csv"), ("rfm", "customers.csv")):  # fmt: skip
        refused(run(command, tmp_path / of, "-o", out, "-q"), "7 customers", f"-o {tmp_path}/out.parquet")
    assert out.read_bytes() == b"old"
    assert run("pareto", tmp_path / "sales.csv", "--table", "tiers", "-o", out, "-q").status == 0
