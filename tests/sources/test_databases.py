"""Databases: tables are found, queries asked, nothing is written, no secret is shown."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

import crmkit
from crmkit.errors import DataError, UsageError
from crmkit.sources import addresses, databases
from tests.load.running import refused, run
from tests.load.sales import HEADER, SALES, account
from tests.sources.places import answers, csv_file
from tests.tool import ROOT

# A run that writes is killed so often, at moments that are spread over it.
KILLS = int(os.environ.get("CRMKIT_KILLS", 5))
_TYPES = {
    "sqlite": ("TEXT", "TEXT", "TEXT", "NUMERIC"),
    "duckdb": ("VARCHAR", "VARCHAR", "DATE", "DECIMAL(12, 2)"),
    "postgresql": ("text", "varchar(9)", "date", "numeric(12, 2)"),
}


def statements(kind: str) -> list[str]:
    columns = ", ".join(f"{name} {kind_}" for name, kind_ in zip(HEADER, _TYPES[kind], strict=True))
    rows = ", ".join(f"('{sale.customer}', '{sale.order}', '{sale.day}', {sale.amount})" for sale in SALES)
    return [
        "CREATE TABLE products (sku TEXT, price INTEGER)",
        f"CREATE TABLE sales ({columns})",
        f"INSERT INTO sales VALUES {rows}",
    ]


def made(kind: str, folder: Path) -> Path:
    path = folder / f"shop.{kind}"
    connection: Any = sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))
    for statement in statements(kind):
        connection.execute(statement)
    if kind == "sqlite":
        connection.commit()
    connection.close()
    return path


@pytest.fixture(scope="module")
def shop(postgres: str) -> str:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(postgres, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements("postgresql"):
            cursor.execute(statement)
    return postgres


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_same_bytes_from_a_file(tmp_path: Path, kind: str) -> None:
    path, wanted = made(kind, tmp_path), answers(csv_file(tmp_path))
    assert answers(path) == wanted
    for word in (f"{kind}:{path}", f"{kind}://{path}", f"{kind}:{path}?table=sales"):
        assert run("check", word, "--format", "json").account == account()
    (tmp_path / "ask.sql").write_text("SELECT * FROM sales WHERE amount > 0;\n")
    assert answers(path, "--query", tmp_path / "ask.sql") == wanted
    assert (
        run("check", f"{kind}:{path}?query=SELECT * FROM sales -- all", "--format", "json").account
        == account()
    )
    assert crmkit.check.analyse(crmkit.read(path, query="SELECT * FROM sales")).facts["rows_used"] == len(
        SALES
    )


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_what_a_file_cannot_do_is_said(tmp_path: Path, kind: str) -> None:
    path = made(kind, tmp_path)
    before = path.read_bytes()
    refused(run("check", f"{kind}:{path}?table=nothing"), "no table 'nothing'", "'products', 'sales'")
    refused(run("check", f"{kind}:{tmp_path / 'no.db'}"), "no.db")
    for query in (
        "DELETE FROM sales",
        "SELECT * FROM sales; DROP TABLE sales",
        f"COPY sales TO '{tmp_path}/x.csv'",
    ):
        refused(run("check", path, "--query", query), "the database says")
    refused(run("check", path, "--sheet", "products"), "customer")
    assert (path.read_bytes(), list(tmp_path.glob("x*"))) == (before, [])
    assert run("check", csv_file(tmp_path), "--query", "SELECT 1").status == 2


def test_several_tables_that_fit(tmp_path: Path) -> None:
    path = made("sqlite", tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE old_sales AS SELECT * FROM sales")
    refused(run("check", path), "several of them fit", "--sheet old_sales")
    assert run("check", path, "--sheet", "sales", "--format", "json").account == account()


def test_any_type_in_any_cell_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE sales (customer, date, amount)")
        rows = [
            (13085, "2024-01-02", 1.1),
            ("00123", "2024-01-03", 5),
            (13085.0, "2024-01-04", "2.50"),
            (None, "2024-01-04", 1),
        ]
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
    done = run("customers", path, "--table", "customers", "--format", "csv")
    assert [line.split(",")[0] for line in done.out.splitlines()[1:]] == ["00123", "13085"]
    assert "1 no customer id" in done.err


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    """SQLite itself would take what is missing from a page for nothing."""
    for kind in ("sqlite", "duckdb"):
        whole = made(kind, tmp_path).read_bytes()
        for end in range(1000, len(whole), len(whole) // 5):
            (tmp_path / "cut").write_bytes(whole[:end])
            refused(run("check", tmp_path / "cut"), "cut")


def test_passwords_are_neither_taken_nor_shown(tmp_path: Path) -> None:
    for word in (
        "postgresql://u:hush@host/db",
        "postgresql://host/db?password=hush&table=t",
        "postgres://u:hush@host/db?query=select 1",
    ):
        done = run("check", word)
        assert done.status == 2 and "hush" not in done.err and "PGPASSWORD" in done.err
    assert "hush" not in run("check", "mysql://u:hush@host/db").err
    assert addresses.shown("postgresql://u:p@host:5/db?query=select 'x'") == "postgresql://host:5/db"
    assert addresses.shown("https://u:p@host/a.csv?sig=abc") == "https://host/a.csv"
    assert addresses.shown("a?b.csv") == "a?b.csv"


@pytest.mark.slow
class TestPostgres:
    """A server of its own, with a password."""

    def test_same_bytes(self, shop: str, tmp_path: Path) -> None:
        wanted = answers(csv_file(tmp_path))
        assert answers(shop) == wanted
        assert answers(f"{shop}&table=public.sales") == wanted
        assert answers(f"{shop}&query=select * from sales where amount > 0") == wanted

    def test_the_account_of_a_run_has_no_secret(self, shop: str, tmp_path: Path) -> None:
        run("rfm", shop, "--summary", tmp_path / "run.json", "-o", tmp_path / "x.csv")
        text = (tmp_path / "run.json").read_text()
        assert "analyst" not in text and os.environ["PGPASSWORD"] not in text
        (told,) = json.loads(text)["inputs"]
        assert told["file"].endswith("/postgres (sales)") and told["table"] == "sales"

    def test_what_goes_wrong_is_said(self, shop: str) -> None:
        refused(run("check", f"{shop}&table=nothing"), "no table 'nothing'")
        refused(run("check", f"{shop}&query=select nothing from sales"), 'column "nothing" does not exist')
        refused(run("check", shop.replace("/postgres", "/nowhere")), '"nowhere" does not exist')
        refused(run("check", "postgresql://127.0.0.1:1/db"), "the database says", "refused")
        with mock.patch.dict(os.environ, PGPASSWORD="wrong"):
            refused(run("check", shop), "password authentication failed")
        for query in (
            "delete from sales returning *",
            "with x as (delete from sales returning *) select * from x",
        ):
            refused(run("check", f"{shop}&query={query}"), "the database says")
        assert run("check", shop, "--format", "json").account == account()

    def test_types_are_exact(self, shop: str) -> None:
        query = (
            "select * from (values ('a', date '2024-01-02', 123456789012345.67::numeric, 1.005::numeric(9, 3), '12.34'::money, 1.1::real),"
            " ('b', '2024-01-03', 0.1, 2.125, '5', 2.2)) t(customer, date, huge, three, money, real)"
        )
        for column, total in (
            ("huge", "123456789012345.77"),
            ("three", "3.13"),
            ("money", "17.34"),
            ("real", "3.3"),
        ):
            done = run("check", f"{shop}&query={query}", "--amount", column, "--format", "json")
            assert float(done.facts["revenue"]) == float(total), (column, done.err)

    def test_a_connection_that_is_lost(self, shop: str) -> None:
        from adbc_driver_postgresql import dbapi

        address = addresses.database(
            f"{shop}&query=select i, repeat('x', 100) as t from generate_series(1, 2000000) i"
        )
        reading = databases.Relation(databases.connect(address), databases.bracketed(str(address.query)))
        batches: Iterator[Any] = reading.batches(["i", "t"], 1000)
        next(batches)
        with dbapi.connect(shop, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query like '%generate_series%'"
            )
            cursor.fetchall()
        with pytest.raises(DataError, match="the database says"):
            list(batches)

    def test_a_run_whose_connection_is_lost_writes_nothing(self, shop: str, tmp_path: Path) -> None:
        from adbc_driver_postgresql import dbapi

        out = tmp_path / "tiers.csv"
        out.write_text("old")
        query = "select i::text as customer, date '2024-01-02' + i % 90 as date, i * 0.01 as amount from generate_series(1, 3000000) i"
        words = [sys.executable, "-m", "crmkit", "rfm", f"{shop}&query={query}", "-o", str(out), "-q"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with dbapi.connect(shop, autocommit=True) as connection, connection.cursor() as cursor:
            while child.poll() is None:
                cursor.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                    "and state = 'active' and query like '%AS \"amount\" FROM%generate_series%'"
                )
                if cursor.fetchall():
                    break
        said, complained = child.communicate()
        assert (child.returncode, said, out.read_text()) == (1, b"", "old")
        assert b"the database says" in complained and complained.count(b"\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["tiers.csv"]


def test_a_query_and_a_table(tmp_path: Path) -> None:
    path = made("sqlite", tmp_path)
    with pytest.raises(UsageError, match="a query or a table"):
        crmkit.read(f"sqlite:{path}?table=sales", query="SELECT * FROM sales")


@pytest.mark.slow
class TestTablesOut:
    """A new table takes the place of the old one, whole."""

    def test_it_is_read_again(self, shop: str, tmp_path: Path) -> None:
        out = shop.replace("/postgres?", "/postgres/tiers?")
        for _ in range(2):  # the second takes the place of the first
            done = run("customers", csv_file(tmp_path), "-o", out)
            assert done.status == 0 and "tiers" not in done.out.partition("next")[2], done.err
            assert "/postgres/tiers: 7 rows" in done.err
        wanted = run("pareto", csv_file(tmp_path), "--table", "customers", "--format", "csv").out
        assert run("pareto", f"{shop}&table=tiers", "--table", "customers", "--format", "csv").out == wanted
        run("customers", csv_file(tmp_path), "-o", f"{shop}&table=public.again")
        assert run("pareto", f"{shop}&table=again", "--table", "customers", "--format", "csv").out == wanted

    def test_what_cannot_be_written_is_said_before_anything_is_read(self, shop: str, tmp_path: Path) -> None:
        assert run("customers", tmp_path / "none.csv", "-o", shop).status == 2
        assert (
            "read and not written" in run("customers", tmp_path / "none.csv", "-o", "sqlite:x.db?table=t").err
        )
        refused(
            run("customers", tmp_path / "none.csv", "-o", "postgresql://127.0.0.1:1/db/t"),
            "the database says",
        )

    def test_a_run_that_is_killed_leaves_the_old_table(self, shop: str, tmp_path: Path) -> None:
        from adbc_driver_postgresql import dbapi

        rows = "".join(f"C{i:06},2024-01-{i % 28 + 1:02},{i % 90}.50\n" for i in range(60_000))
        (tmp_path / "big.csv").write_text("customer,date,amount\n" + rows)
        out = shop.replace("/postgres?", "/postgres/victim?")
        run("customers", csv_file(tmp_path), "-o", out)
        for place in range(KILLS):
            words = [sys.executable, "-m", "crmkit", "customers", str(tmp_path / "big.csv"), "-o", out, "-q"]
            child = subprocess.Popen(
                words, start_new_session=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.6 + 0.8 * place / KILLS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            with dbapi.connect(shop) as connection, connection.cursor() as cursor:
                cursor.execute("select count(*) from victim")
                assert cursor.fetchone()[0] in (7, 60_000)
