"""One set of rows, two thousand sales with all of their columns, gives the same bytes from wherever crmkit reads."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import pytest

import crmkit
from tests.sources.places import answers
from tests.sources.web_server import Pages
from tests.tool import SALES

pytestmark = pytest.mark.slow
_MONEY = ("unit_price", "amount", "cost")


@cache
def texts() -> pl.DataFrame:
    """Every cell as it stands in the file."""
    return pl.read_csv(SALES, infer_schema=False)


@cache
def typed() -> pl.DataFrame:
    """The same with types: days are days, money is decimal."""
    return texts().with_columns(
        pl.col("order_date").str.to_date(),
        pl.col("quantity").cast(pl.Int64),
        *(pl.col(name).cast(pl.Decimal(12, 2)) for name in _MONEY if name in texts().columns),
    )


def arrow() -> pa.Table:
    return typed().to_arrow(compat_level=pl.CompatLevel.oldest())


def parquet() -> bytes:
    made = io.BytesIO()
    pyarrow.parquet.write_table(arrow(), made)
    return made.getvalue()


def created(types: dict[Any, str]) -> str:
    columns = (
        f'"{name}" {types.get(type_.base_type(), "text")}'
        for name, type_ in zip(typed().columns, typed().dtypes, strict=True)
    )
    return f"CREATE TABLE sales ({', '.join(columns)})"


_TYPES = {pl.Date: "date", pl.Decimal: "numeric(12, 2)", pl.Int64: "integer"}


class Places:
    """Puts the rows somewhere, and says what to type."""

    def __init__(self, folder: Path, fixture: Callable[[str], Any]) -> None:
        self.folder, self.fixture = folder, fixture

    def file(self, name: str, content: bytes) -> list[str]:
        (self.folder / name).write_bytes(content)
        return [str(self.folder / name)]

    def parquet(self) -> list[str]:
        return self.file("sales.parquet", parquet())

    def ndjson(self) -> list[str]:
        """Money stands there as numbers, with their zeros."""
        made = texts().write_ndjson()
        for name in _MONEY:
            made = "\n".join(_as_number(line, name) for line in made.splitlines())
        return self.file("sales.ndjson", made.encode())

    def zip(self) -> list[str]:
        with zipfile.ZipFile(self.folder / "sales.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(SALES, "export/sales.csv")
            archive.writestr("export/about.md", "# About")
        return [str(self.folder / "sales.zip")]

    def xlsx(self) -> list[str]:
        pytest.importorskip("fastexcel")
        with pytest.importorskip("xlsxwriter").Workbook(self.folder / "sales.xlsx") as book:
            sheet, day = book.add_worksheet("Sales"), book.add_format({"num_format": "dd.mm.yyyy"})
            for place, name in enumerate(typed().columns):
                sheet.write_string(0, place, name)
            for line, row in enumerate(typed().iter_rows(), 1):
                for place, value in enumerate(row):
                    if isinstance(value, date):
                        sheet.write_datetime(line, place, value, day)
                    elif value is not None:
                        sheet.write(line, place, value)
        return [str(self.folder / "sales.xlsx")]

    def ods(self) -> list[str]:
        pytest.importorskip("fastexcel")
        opendocument = pytest.importorskip("odf.opendocument")
        from odf import table, text

        made, sheet = opendocument.OpenDocumentSpreadsheet(), table.Table(name="Sales")
        for row in [tuple(typed().columns), *typed().iter_rows()]:
            line = table.TableRow()
            for value in row:
                kind: dict[str, Any] = {"valuetype": "string"}
                if isinstance(value, date):
                    kind = {"valuetype": "date", "datevalue": str(value)}
                elif isinstance(value, Decimal | int):
                    kind = {"valuetype": "float", "value": float(value)}
                cell = table.TableCell(**(kind if value is not None else {}))
                if value is not None:
                    cell.addElement(text.P(text=str(value)))
                line.addElement(cell)
            sheet.addElement(line)
        made.spreadsheet.addElement(sheet)
        made.save(str(self.folder / "sales.ods"))
        return [str(self.folder / "sales.ods")]

    def sqlite(self) -> list[str]:
        path = self.folder / "shop.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute(created(_TYPES))
            marks = ", ".join("?" * texts().width)
            connection.executemany(f"INSERT INTO sales VALUES ({marks})", texts().iter_rows())
        return [f"sqlite:{path}"]

    def duckdb(self) -> list[str]:
        path = self.folder / "shop.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.register("rows", arrow())
            connection.execute("CREATE TABLE sales AS SELECT * FROM rows")
        return [f"duckdb:{path}?table=sales"]

    def postgres(self) -> list[str]:
        address = self.fixture("postgres")
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS one_answer")
            cursor.execute("DROP TABLE IF EXISTS one_answer.sales")
            cursor.execute(created(_TYPES).replace("sales", "one_answer.sales"))
            values = ", ".join(
                "(" + ", ".join("NULL" if cell is None else f"'{cell}'" for cell in row) + ")"
                for row in texts().iter_rows()
            )
            cursor.execute(f"INSERT INTO one_answer.sales VALUES {values}")
        return [f"{address}&table=one_answer.sales"]

    def s3(self) -> list[str]:
        endpoint = self.fixture("s3")
        system = pyarrow.fs.S3FileSystem(endpoint_override=endpoint, region="us-east-1")
        with system.open_output_stream("shop/one_answer/sales.parquet", compression=None) as stream:
            stream.write(parquet())
        return ["s3://shop/one_answer/*.parquet", "--endpoint", endpoint]

    def https(self) -> list[str]:
        pages: Pages = self.fixture("secure")
        pages.answers["/sales.csv"] = [(200, {}, SALES.read_bytes())]
        return [pages.address + "/sales.csv"]

    def delta(self) -> list[str]:
        deltalake = pytest.importorskip("deltalake")
        deltalake.write_deltalake(self.folder / "delta", arrow())
        deltalake.write_deltalake(self.folder / "delta", arrow(), mode="append")
        deltalake.write_deltalake(self.folder / "delta", arrow(), mode="overwrite")
        return [str(self.folder / "delta")]

    def iceberg(self) -> list[str]:
        catalogues: Any = pytest.importorskip("pyiceberg.catalog.sql")
        place = {
            "uri": f"sqlite:///{self.folder}/catalogue.db",
            "warehouse": f"file://{self.folder}/warehouse",
        }
        catalogue = catalogues.SqlCatalog("shop", **place)
        catalogue.create_namespace("crm")
        table = catalogue.create_table("crm.sales", schema=arrow().schema)
        table.append(arrow())
        table.append(arrow().slice(0, 500))
        table.overwrite(arrow())
        return [table.location().removeprefix("file://")]


def _as_number(line: str, name: str) -> str:
    head, sign, rest = line.partition(f'"{name}":"')
    value, _, tail = rest.partition('"')
    return f'{head}"{name}":{value}{tail}' if sign else line


WHERE = [name for name, made in vars(Places).items() if callable(made) and name not in ("__init__", "file")]


@cache
def wanted() -> list[bytes]:
    return answers(SALES)


@pytest.mark.parametrize("where", WHERE)
def test_the_same_bytes_from(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    words = getattr(Places(tmp_path, request.getfixturevalue), where)()
    assert answers(*words) == wanted()


def test_all_of_the_places_are_here() -> None:
    assert set(WHERE) == {
        *("parquet", "xlsx", "ods", "ndjson", "zip", "postgres", "sqlite", "duckdb"),
        *("s3", "https", "delta", "iceberg"),
    }


def _frames() -> dict[str, Callable[[], Any]]:
    return {
        "polars": typed,
        "polars, lazy": lambda: typed().lazy(),
        "texts": texts,
        "arrow": arrow,
        "arrow, batches": lambda: arrow().to_reader(),
        "duckdb": lambda: duckdb.from_arrow(arrow()),
        "pandas": lambda: pytest.importorskip("pandas") and arrow().to_pandas(),
    }


@pytest.mark.parametrize("kind", _frames())
def test_frames_come_in_by_the_same_door(kind: str) -> None:
    for question in (crmkit.rfm, crmkit.pareto, crmkit.check):
        here = question.analyse(crmkit.read(_frames()[kind]()))
        there = question.analyse(crmkit.read(SALES))
        skipped = {"columns"}  # which say how they were stored
        assert set(here.tables) == set(there.tables)
        for name in set(here.tables) - skipped:
            assert here.tables[name].equals(there.tables[name]), name
