"""Workbooks as people make them: titles, hidden rows, several sheets, totals, damage."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.load.running import refused, run
from tests.load.sales import HEADER, SALES, account
from tests.sources.places import answers, csv_file

pytestmark = pytest.mark.slow
openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("fastexcel")
# Made by `make.py` there, with LibreOffice and SheetJS, which not every machine has.
ELSEWHERE = Path(__file__).parent / "made_elsewhere"


def book(path: Path, **sheets: list[list[Any]]) -> Any:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return made


def rows() -> list[list[Any]]:
    return [[sale.customer, sale.order, sale.day, float(sale.amount)] for sale in SALES]


def old(path: Path) -> None:
    xlwt = pytest.importorskip("xlwt")
    made = xlwt.Workbook()
    sheet, day = made.add_sheet("Sales"), xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for place, name in enumerate(HEADER):
        sheet.write(0, place, name)
    for line, row in enumerate(rows(), 1):
        for place, value in enumerate(row):
            sheet.write(line, place, value, *([day] if isinstance(value, date) else []))
    made.save(str(path))


def ods(path: Path) -> None:
    opendocument = pytest.importorskip("odf.opendocument")
    from odf import table, text

    made = opendocument.OpenDocumentSpreadsheet()
    sheet = table.Table(name="Sales")
    for row in [list(HEADER), *rows()]:
        line = table.TableRow(**({"visibility": "collapse"} if row[1] == "B-901" else {}))
        for value in row:
            kind = {
                date: {"valuetype": "date", "datevalue": str(value)},
                float: {"valuetype": "float", "value": value},
            }
            cell = table.TableCell(**kind.get(type(value), {"valuetype": "string"}))
            cell.addElement(text.P(text=str(value)))
            line.addElement(cell)
        sheet.addElement(line)
    made.spreadsheet.addElement(sheet)
    made.save(str(path))


@pytest.mark.parametrize("name", ["sales.xlsx", "sales.xlsm", "sales.xls", "sales.ods"])
def test_same_bytes_as_from_csv(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("xls"):
        old(path)
    elif name.endswith("ods"):
        ods(path)
    else:
        book(path, Sales=[list(HEADER), *rows()])
    assert answers(path) == answers(csv_file(tmp_path))
    if name.endswith("ods"):
        assert "1 hidden row of the sheet Sales counted" in run("check", path).err


def test_a_report_below_titles(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    head: list[list[Any]] = [
        ["Sales of the year"],
        [],
        [None, "made by", datetime(2024, 1, 2, 13, 5)],
        [],
        list(HEADER),
    ]
    made = book(
        path,
        Orders=[
            *head,
            *rows()[:10],
            [],
            *rows()[10:],
            [],
            ["Total", None, None, float(sum(sale.amount for sale in SALES))],
        ],
    )
    sheet = made["Orders"]
    sheet.merge_cells("A1:D1")
    sheet.row_dimensions[8].hidden = sheet.row_dimensions[9].hidden = True
    made.save(path)
    done = run("check", path, "--format", "json")
    assert done.account == account(rejected=1)
    assert "2 hidden rows of the sheet Orders counted, too" in done.err
    assert "line 38, column date" in run("check", path).err  # the row of the sheet


def test_sheets(tmp_path: Path) -> None:
    path = tmp_path / "shop.xlsx"
    made = book(
        path, Notes=[["x"], ["y"]], Orders=[list(HEADER), *rows()], Empty=[], Old=[list(HEADER), *rows()[:5]]
    )
    refused(run("check", path), "'Notes', 'Orders', 'Old'", "several of them fit", "--sheet Orders")
    assert run("check", path, "--sheet", "Orders", "--format", "json").account == account()
    made["Old"].sheet_state = "hidden"
    made.save(path)
    assert run("check", path, "--format", "json").account == account()
    assert run("check", path, "--sheet", "Old", "--format", "json").account == account(SALES[:5])
    refused(run("check", path, "--sheet", "Nope"), "holds no 'Nope'")


def test_cells_are_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "cells.xlsx"
    book(
        path,
        S=[
            ["customer", "date", "amount"],
            [13085, date(2024, 1, 2), 1.1 + 2.2],
            [13085.0, datetime(2024, 1, 3, 9, 30), 1],
            ["00123", "2024-01-04", "1234567890.12"],
            ['x, "y"\nz', "2024-01-05", 0.1],
        ],
    )
    done = run("customers", path, "--table", "customers", "--format", "csv")
    ids = [line.split(",2024")[0] for line in done.out.splitlines() if ",2024" in line]
    assert sorted(ids)[:2] == ["00123", "13085"] and len(ids) == 3, done.out
    assert run("check", path, "--format", "json").account[2] == "1234567894.52"


@pytest.mark.parametrize("name", ["libreoffice.xlsx", "libreoffice.ods", "libreoffice.xls", "sheetjs.xlsb"])
def test_made_by_other_programs(name: str) -> None:
    """Titles, merged cells, blank and hidden rows, a total, ids with zeros and money with a currency."""
    wanted = answers(ELSEWHERE / "sales.csv")
    found = answers(ELSEWHERE / name)
    assert found[:2] == wanted[:2]
    # `check` says more: there is a total.
    assert found[2].splitlines()[:2] == wanted[2].splitlines()[:2] and b"set aside,1," in found[2]
    done = run("check", ELSEWHERE / name)
    assert "3 hidden rows of the sheet Orders 2023 counted, too" in done.err
    assert "61 rows read, 1 no date, 60 used" in done.err


def test_cells_that_would_be_lost() -> None:
    refused(run("check", ELSEWHERE / "short.xlsb"), "short form", "as .xlsx")


@pytest.mark.parametrize("name", ["locked.ods", "locked.xls", "locked.xlsx"])
def test_a_password(tmp_path: Path, name: str) -> None:
    path = ELSEWHERE / name
    if name.endswith("xlsx"):
        ooxml, path = pytest.importorskip("msoffcrypto.format.ooxml"), tmp_path / name
        with (ELSEWHERE / "libreoffice.xlsx").open("rb") as plain, path.open("wb") as written:
            ooxml.OOXMLFile(plain).encrypt("secret", written)
    refused(run("check", path), name, "protected by a password")


def test_an_empty_sheet(tmp_path: Path) -> None:
    path = tmp_path / "shop.xlsx"
    book(path, Empty=[], Orders=[list(HEADER), *rows()])
    assert run("check", path, "--format", "json").account == account()
    refused(run("check", path, "--sheet", "Empty"), "(Empty)", "the sheet is empty")
    assert run("check", path, "--sheet", "*", "--format", "json").account == account()


def test_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(ELSEWHERE / "libreoffice.xlsx") as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in whole.namelist():
            blank = b" " * (300 << 20) if name.endswith("sheet2.xml") else b""
            archive.writestr(name, whole.read(name) + blank)
    refused(run("check", path), "as a zip bomb does")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "sales.xlsx"
    book(path, Sales=[list(HEADER), *rows()])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(run("check", path), "sales.xlsx", "corrupt")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook>")
    refused(run("check", path), "sales.xlsx", "corrupt")
    book(path, Sales=[], Other=[])
    refused(run("check", path), "all sheets of the workbook are empty")
    for name in ("libreoffice.xls", "libreoffice.ods", "sheetjs.xlsb"):
        whole = (ELSEWHERE / name).read_bytes()
        for end in range(600, len(whole), len(whole) // 7):
            (tmp_path / name).write_bytes(whole[:end])
            refused(run("check", tmp_path / name), "corrupt")
