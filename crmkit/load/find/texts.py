"""Texts that people mistake for CSV, known by how they begin."""

from __future__ import annotations

import re

from crmkit.errors import DataError

_SQL = re.compile(
    r"(?:--[^\n]*\n\s*|/\*.*?\*/;?\s*|SET [^\n]*\n\s*|BEGIN[^\n]*\n\s*|PRAGMA [^\n]*\n\s*|USE [^\n]*\n\s*|DROP TABLE[^\n]*\n\s*)*"
    r"(?:CREATE (?:TABLE|DATABASE|SCHEMA)|INSERT INTO|COPY \S+ \(|LOCK TABLES)",
    re.IGNORECASE | re.DOTALL,
)
_DUMP = re.compile(r"--\s*(?:MySQL|MariaDB|PostgreSQL|phpMyAdmin|SQLite)[^\n]*dump", re.IGNORECASE)
_RESAVE = "open it in a spreadsheet and save it as CSV"


def refuse_strangers(text: str, name: str) -> None:
    """DataError for a text that is no table with a delimiter, with what it is and what to do."""
    start = text[:20_000].lstrip()
    if not start:
        raise DataError(f"{name}: the file is empty: it has no header line and no rows.")
    if start.startswith("version https://git-lfs"):
        raise DataError(f"{name}: this is a Git LFS pointer, not the data; fetch them with git lfs pull.")
    if "\x00" in start.splitlines()[0]:
        raise DataError(
            f"{name}: line 1 holds NUL characters: this is binary data or a damaged file, not CSV."
        )
    if re.match(r"<[!?A-Za-z]", start):
        raise DataError(f"{name}: {_markup(start)}; no customer column can be found in it.")
    if start[:13].lower() == "mime-version:":
        raise DataError(f"{name}: this is a web page saved as MHTML, not CSV; {_RESAVE}.")
    if _DUMP.match(start) or _SQL.match(start):
        raise DataError(
            f"{name}: this is a dump of an SQL database, not CSV; load it and export the table or a query as CSV."
        )
    if start[0] in "{[" and start[1:2] in '"{[ \n\r':
        raise DataError(
            f'{name}: this is JSON, but not of objects in UTF-8, such as {{"customer": "A1", "date": "2024-05-01", '
            "\"amount\": 9.90}; convert it first, for example with jq -r '… | @csv'."
        )


def _markup(start: str) -> str:
    lower = start.lower()
    if "urn:schemas-microsoft-com:office:spreadsheet" in lower or "<workbook" in lower:
        return f"this is an Excel workbook as XML (often saved as .xls), not CSV; {_RESAVE}"
    if "<table" in lower:
        return f"this is an HTML table (often saved as .xls), not CSV; {_RESAVE}"
    if lower.startswith("<?xml"):
        return "this is XML, not CSV; convert it first"
    return "this is HTML or XML, not CSV (a saved login page?)"
