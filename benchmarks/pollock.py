"""How crmkit and DuckDB's sniffer read the polluted files of the Pollock benchmark (VLDB 2023).

    python -m benchmarks.pollock FOLDER        # with csv/, clean/ and pollock_weights.json beside or above them

Each file is one table of 84 sales with one fault. The score is Pollock's: success, and precision, recall and F1 of header,
records and cells, ten measures of which each is 1 at best. It knows no silent damage, so that is counted beside it: rows
with values that the clean file does not have, or rows that are missing and not said to be.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from crmkit.errors import CrmkitError
from crmkit.load import Options, batches, load
from crmkit.load.inputs import ROW, StreamFlags

Row = tuple[str, ...]
USED = {"customer": "PRODUCTID", "date": "DATE", "amount": "Price"}
COLUMNS = (
    "DATE",
    "TIME",
    "Qty",
    "PRODUCTID",
    "Price",
    "ProductType",
    "ProductDescription",
    "URL",
    "Comments",
)
PLACES = (3, 0, 4)  # of those three in the clean files
DAY = re.compile(r"(\d\d)/(\d\d)/(\d{4})")


@dataclass
class Loaded:
    """What a reader made of a file; `aside` are the rows that it said it left out."""

    header: Row = ()
    rows: list[Row] = field(default_factory=list)
    aside: int = 0
    error: str = ""


def by_crmkit(path: Path) -> Loaded:
    """The rows that crmkit uses, all of their columns as they stand in the file; the one without a header line is given its names."""
    header = COLUMNS if path.name == "file_no_header.csv" else ()
    try:
        opened = load(str(path), Options(columns=USED, header=header))
        opened.keep_all_rejects = True
        opened.scan()
        source = opened.inputs[0]
        frames = list(batches.read(source, source.columns, StreamFlags()))
    except CrmkitError as error:
        return Loaded(error=str(error))
    left_out = {reject.record for reject in opened.audit.rejects}
    rows = [row for frame in frames for row in frame.select(ROW, *source.columns).iter_rows()]
    return Loaded(
        source.columns,
        [tuple(map(plain, row[1:])) for row in rows if row[0] not in left_out],
        opened.audit.rows_rejected,
    )


def by_duckdb(settings: str) -> Callable[[Path], Loaded]:
    """DuckDB's `read_csv`, which finds the dialect by itself, with these settings."""

    def read(path: Path) -> Loaded:
        with duckdb.connect(config={"threads": 1}) as db:
            try:
                found = db.execute(f"SELECT * FROM read_csv(?{settings})", [str(path)])
                header = tuple(column[0] for column in found.description)
                rows = [tuple(map(plain, row)) for row in found.fetchall()]
                stored = "store_rejects" in settings
                aside = (
                    db.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
                    if stored
                    else None
                )
            except duckdb.Error as error:
                return Loaded(error=str(error))
        return Loaded(header, rows, aside[0] if aside else 0)

    return read


READERS: dict[str, Callable[[Path], Loaded]] = {
    "crmkit": by_crmkit,
    "DuckDB, as it comes": by_duckdb(""),
    "DuckDB, Pollock's settings": by_duckdb(", strict_mode=false, ignore_errors=true, null_padding=true"),
    "DuckDB, rejects stored": by_duckdb(", store_rejects=true"),
}


def plain(value: object) -> str:
    """A cell in one spelling, since a reader that knows types writes a day or a number in its own."""
    text = "" if value is None else str(value).strip()
    text = text.removesuffix(" 00:00:00")
    if found := DAY.fullmatch(text):
        return f"{found[3]}-{found[2]}-{found[1]}"
    if re.fullmatch(r"\d\d:\d\d", text):
        return text + ":00"
    try:
        return str(float(text))
    except ValueError:
        return text.lower()


def clean(path: Path) -> Loaded:
    """What the file should have said; one of them has no header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file) if row]
    header = rows[0] if rows and "DATE" in rows[0][0] else ()
    return Loaded(header, [tuple(map(plain, row)) for row in rows[1 if header else 0 :]])


def agreement(right: Iterable[object], found: Iterable[object]) -> float:
    """Precision, recall and F1 of one multiset in another, summed."""
    one, other = Counter(right), Counter(found)
    if not one:
        return 3.0
    both = (one & other).total()
    if not both:
        return 0.0
    first, second = both / one.total(), both / other.total()
    return first + second + 2 * first * second / (first + second)


def score(right: Loaded, found: Loaded) -> float:
    """Pollock's ten measures of a file, summed."""
    if found.error:
        return 0.0
    header = agreement(map(plain, right.header), map(plain, found.header))
    records = agreement(map("".join, right.rows), map("".join, found.rows))
    return 1 + header + records + agreement(_cells(right.rows), _cells(found.rows))


def _cells(rows: Sequence[Row]) -> list[str]:
    return [cell for row in rows for cell in row]


def ending(right: Loaded, found: Loaded, *, of_three: bool) -> str:
    """exact, reported (the rest is exact, and the reader said that it left rows out), SILENT damage, or error."""
    if found.error:
        return "error"
    wanted = _three(right.rows, PLACES) if of_three else Counter(right.rows)
    rows = _three(found.rows, _places(found.header)) if of_three else Counter(found.rows)
    missing = (wanted - rows).total()
    if rows - wanted or missing > found.aside:
        return "SILENT"
    return "reported" if missing or found.aside else "exact"


def _places(header: Row) -> Sequence[int]:
    """Where the three columns stand; a reader that found no names is given the places."""
    found = [next((i for i, name in enumerate(header) if name.startswith(USED[role])), None) for role in USED]
    return PLACES if None in found else [place for place in found if place is not None]


def _three(rows: Sequence[Row], places: Sequence[int]) -> Counter[Row]:
    return Counter(tuple(row[place] if place < len(row) else "" for place in places) for row in rows)


def main() -> None:
    """Print a line for each reader, and with a second word the files that ended so under crmkit."""
    folder = Path(sys.argv[1])
    weights = json.loads(
        next(p for p in (folder, folder.parent) if (p / "pollock_weights.json").exists())
        .joinpath("pollock_weights.json")
        .read_text()
    )
    files = sorted(path.name for path in (folder / "csv").glob("*.csv"))
    heavy = sum(weights.get(name, 0) for name in files)
    print(
        f"{len(files)} files\n{'':28}simple  weighted  three columns: exact reported SILENT error   all columns: SILENT"
    )
    for name, reader in READERS.items():
        scores, ends, whole = {}, Counter[str](), Counter[str]()
        for file in files:
            right, found = clean(folder / "clean" / file), reader(folder / "csv" / file)
            scores[file] = score(right, found)
            ended = ending(right, found, of_three=True)
            ends[ended] += 1
            whole[ending(right, found, of_three=False)] += 1
            if name == "crmkit" and ended in sys.argv[2:]:
                print(f"  {ended} {file} {found.error}")
        weighted = sum(scores[file] * weights.get(file, 0) for file in files) / heavy
        print(
            f"{name:28}{sum(scores.values()) / len(files):6.3f}  {weighted:8.3f}  {ends['exact']:20}{ends['reported']:9}"
            f"{ends['SILENT']:7}{ends['error']:6}{whole['SILENT']:22}",
            flush=True,
        )


if __name__ == "__main__":
    main()
