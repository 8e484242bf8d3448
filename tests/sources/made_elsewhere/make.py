"""Makes the workbooks in this folder, with openpyxl, LibreOffice (soffice) and SheetJS (node, npm install xlsx); run by hand; `make.py locked` by
LibreOffice's Python adds those with a password.

They hold the same sixty sales as sales.csv: below a title of merged cells, with hidden rows, blank rows and a total.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
IDS = ("00123", "13085", "K-7", "王芳", "0042", "9007199254740")
ROWS = [
    (IDS[i % 6], f"{i // 2:05}", date(2023, 1, 31) + timedelta(days=7 * i), (i * 7919 % 100_000 + 99) / 100)
    for i in range(60)
]
XLSB = """
const X = require('xlsx'), book = X.readFile(process.argv[1], {cellNF: true, cellStyles: true})
X.writeFile(book, 'short.xlsb', {bookType: 'xlsb', compression: true})
for (const name of book.SheetNames) {  // cells that stand next to each other would be written in a short form
  const sheet = book.Sheets[name], wide = {'!rows': sheet['!rows'] || []}, range = X.utils.decode_range(sheet['!ref'])
  for (const key of Object.keys(sheet).filter(key => key[0] !== '!')) {
    const at = X.utils.decode_cell(key)
    wide[X.utils.encode_cell({r: at.r, c: at.c * 2})] = sheet[key]
  }
  range.e.c *= 2
  wide['!ref'] = X.utils.encode_range(range)
  if (name !== 'Notes') for (const row of [9, 10, 29]) wide['!rows'][row] = {hidden: true}
  book.Sheets[name] = wide
}
X.writeFile(book, 'sheetjs.xlsb', {bookType: 'xlsb', cellStyles: true, compression: true})
"""


def by_hand(path: Path) -> None:
    """The workbook that the others are made of."""
    import openpyxl  # LibreOffice's Python has none

    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["see the next sheet"])
    sheet = book.create_sheet("Orders 2023")
    sheet["A1"] = "Sales of the year"
    sheet.merge_cells("A1:D1")
    sheet["A2"], sheet["D2"] = "made by accounting", datetime(2024, 6, 1, 9, 30)
    for place, name in enumerate(("customer", "order_id", "date", "amount"), 1):
        sheet.cell(4, place).value = name
    line = 4
    for count, (customer, order, day, amount) in enumerate(ROWS):
        line += 2 if count in (20, 41) else 1
        cells = (int(customer) if customer == "13085" else customer, order, day, amount)
        for place, value in enumerate(cells, 1):
            sheet.cell(line, place).value = value
        sheet.cell(line, 3).number_format = "dd.mm.yyyy" if count % 2 else "yyyy-mm-dd"
        sheet.cell(line, 4).number_format = '#,##0.00 "€"'
    for hidden in (10, 11, 30):
        sheet.row_dimensions[hidden].hidden = True
    sheet.cell(line + 2, 1).value = "Total"
    sheet.cell(line + 2, 4).value = f"=SUM(D5:D{line})"
    book.save(path)


def locked(path: Path) -> None:
    """The same with a password, by LibreOffice's own door; needs its Python (python3-uno)."""
    import uno  # type: ignore[import-not-found]
    from com.sun.star.beans import PropertyValue  # type: ignore[import-not-found]

    def named(**values: object) -> tuple[PropertyValue, ...]:
        made = []
        for name, value in values.items():
            one = PropertyValue()
            one.Name, one.Value = name, value
            made.append(one)
        return tuple(made)

    office = subprocess.Popen(["soffice", "--headless", "--accept=socket,host=127.0.0.1,port=2789;urp;"])
    here = uno.getComponentContext()
    resolver = here.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", here)
    for _ in range(120):
        try:
            there = resolver.resolve("uno:socket,host=127.0.0.1,port=2789;urp;StarOffice.ComponentContext")
            break
        except Exception:
            time.sleep(0.5)
    desktop = there.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", there)
    document = desktop.loadComponentFromURL(path.as_uri(), "_blank", 0, named(Hidden=True))
    for end, kind in (("ods", "calc8"), ("xls", "MS Excel 97")):
        target = (HERE / f"locked.{end}").as_uri()
        document.storeToURL(target, named(FilterName=kind, Password="secret"))
    document.close(True)
    desktop.terminate()
    office.wait(30)


def main() -> None:
    with (HERE / "sales.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("customer", "order_id", "date", "amount"))
        rows.writerows((*row[:3], f"{row[3]:.2f}") for row in ROWS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "libreoffice.xlsx"
        if sys.argv[1:] == ["locked"]:
            locked(HERE / "libreoffice.xlsx")
            return
        by_hand(path)
        for end in ("xlsx", "ods", "xls"):
            subprocess.run(["soffice", "--headless", "--convert-to", end, "--outdir", HERE, path], check=True)
        subprocess.run(["node", "-e", XLSB, "--", HERE / "libreoffice.xlsx"], check=True, cwd=HERE)


if __name__ == "__main__":
    main()
