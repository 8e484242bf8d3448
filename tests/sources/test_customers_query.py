"""The query of the customers table, run in real databases, gives what reading the rows gives."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.errors import UsageError
from crmkit.load.customers import query as customers_query
from tests.load.running import run
from tests.tool import SALES

COLUMNS = {
    "customer": "customer_id",
    "date": "order_date",
    "amount": "amount",
    "order": "order_id",
    "cost": "cost",
}
ROLES = [word for role, name in COLUMNS.items() for word in (f"--{role}", name)]
SCHEMA = {"customer_id": "VARCHAR", "order_date": "DATE", "amount": "DECIMAL(12, 2)", "order_id": "VARCHAR", "cost": "DECIMAL(12, 2)"}  # fmt: skip


def in_duckdb(file: Path, query: str) -> str:
    """What a query makes of the rows of a CSV file, as CSV."""
    answer = file.with_name("answer.csv")
    with duckdb.connect() as connection:
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in SCHEMA.items())
        connection.execute(
            f"CREATE TABLE sales AS SELECT {', '.join(SCHEMA)} FROM read_csv('{file}', header = true, types = {{{kinds}}})"
        )
        connection.execute(f"COPY ({query}) TO '{answer}' (HEADER, NULLSTR '')")
    return answer.read_text()


def as_read(file: Path, *options: str) -> str:
    done = run("customers", file, *ROLES, *options, "--format", "csv", "--table", "customers", "--quiet")
    assert done.status == 0, done.err
    return done.out


def asked(dialect: str = "duckdb", *options: str) -> str:
    done = run("sql", "customers", "--dialect", dialect, "--table", "sales", *ROLES, *options)
    assert done.status == 0, done.err
    return done.out


@pytest.mark.parametrize(
    "options", [[], ["--since", "2023-06-01"], ["--as-of", "2024-02-29"], ["--refunds", "ignore"]]
)
def test_duckdb_says_what_reading_says(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(SALES.read_text())
    assert in_duckdb(file, asked("duckdb", *options)) == as_read(file, *options)


ROW = st.tuples(
    st.sampled_from(["A", "b", " b ", "", "N/A", "n/A", "-", "0", "é"]),
    st.integers(1, 5),
    st.integers(-300, 900),
    st.sampled_from(["", "1", "2", " 2", "2024-01-03"]),
    st.integers(0, 400),
)


@given(rows=st.lists(ROW, min_size=1, max_size=25))
@settings(max_examples=25)
def test_any_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, str, int]]
) -> None:
    file = tmp_path_factory.mktemp("query") / "sales.csv"
    # A row without a customer may be a further line of the order above it, which takes its customer from there.
    rows = [
        (who, day, amount, order if who.strip(" -/NA") or who == "A" else "", cost)
        for who, day, amount, order, cost in rows
    ]
    lines = [
        f"{who},2024-01-0{day},{amount / 100:.2f},{order},{cost / 100:.2f}"
        for who, day, amount, order, cost in rows
    ]
    file.write_text("\n".join([",".join(COLUMNS.values()), "Z,2024-01-02,1.00,9,0.50", *lines, ""]))
    assert in_duckdb(file, asked()) == as_read(file, "--orders-restart", "never")


@pytest.mark.slow
def test_postgresql_says_what_reading_says(postgres: str, tmp_path: Path) -> None:
    from adbc_driver_postgresql import dbapi

    expected = pl.read_csv(as_read(SALES).encode(), infer_schema=False)
    rows = pl.read_csv(SALES, infer_schema=False).select(COLUMNS.values())
    address = postgres.replace(
        "postgresql://analyst@", f"postgresql://analyst:{os.environ['PGPASSWORD'].replace(' ', '%20')}@"
    )
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        columns = ", ".join(f"{name} {kind.replace('VARCHAR', 'text')}" for name, kind in SCHEMA.items())
        cursor.execute(f"CREATE TABLE sales_to_query ({columns})")
        cursor.adbc_ingest("sales_as_text", rows.to_arrow(), mode="create")
        cast = ", ".join(
            f"CAST(NULLIF({name}, '') AS {kind.replace('VARCHAR', 'text')})" for name, kind in SCHEMA.items()
        )
        cursor.execute(f"INSERT INTO sales_to_query SELECT {cast} FROM sales_as_text")
        as_text = ", ".join(f'CAST("{name}" AS text) AS "{name}"' for name in expected.columns)
        made = asked("postgres").replace("sales", "sales_to_query")
        cursor.execute(f"SELECT {as_text} FROM ({made}) AS made")
        found = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(found, pl.DataFrame)
    assert found.sort("customer").rows() == expected.rows()


@pytest.mark.parametrize("dialect", customers_query.DIALECTS)
def test_other_dialects_read_it_again(dialect: str) -> None:
    query = customers_query.text("shop.public.Sales", COLUMNS, dialect, as_of=date(2024, 6, 30))
    assert sqlglot.parse_one(query, dialect=dialect).find(sqlglot.exp.Table) is not None
    assert "2024-06-30" in query


def test_hostile_names_stay_names() -> None:
    query = customers_query.text("sales", COLUMNS | {"amount": 'a"; DROP TABLE sales; --'}, "postgres")
    assert len(sqlglot.parse(query, dialect="postgres")) == 1


def test_refusals() -> None:
    for words, said in (
        ({"table": "a..b"}, "no name of a table"),
        ({"dialect": "oracle"}, "not one of postgres, duckdb"),
        ({"refunds": "some"}, "not one of net, ignore"),
    ):
        with pytest.raises(UsageError, match=said):
            customers_query.text(**({"table": "sales", "columns": COLUMNS, "dialect": "duckdb"} | words))
