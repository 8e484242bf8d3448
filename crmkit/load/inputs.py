"""What is known of an input once it has been opened, and what shows while it streams by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from crmkit.load.csv.dialect import Dialect
    from crmkit.load.find.sources import Source

ROW = "__row"


@dataclass
class Input:
    """One opened source: the columns it has and, for CSV, how it is written; `rows` if it says how many."""

    source: Source
    columns: tuple[str, ...]
    dialect: Dialect | None = None
    types: dict[str, pa.DataType] = field(default_factory=dict)
    quotes_checked: bool = False
    rows: int | None = None

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def plain(self) -> list[str]:
        """The columns that are not nested, each once."""
        nested = ("struct", "list", "map", "large_list")
        return [
            name
            for name in dict.fromkeys(self.columns)
            if not str(self.types.get(name, "")).startswith(nested)
        ]


@dataclass
class Ragged:
    """A CSV row with the wrong number of fields; `record` counts data records from 0."""

    record: int
    expected: int
    actual: int
    text: str

    @property
    def is_blank(self) -> bool:
        """A line of blanks is no row, and neither is the mark with which DOS ended a file."""
        return self.actual <= 1 and not self.text.strip(" \t\r\n\x1a")


@dataclass
class StreamFlags:
    """What the bytes showed while they streamed by; `lenient` lets pass what no role needs."""

    lenient: bool = False
    ragged: list[Ragged] = field(default_factory=list)
    nul: bool = False
    # Columns of the latest batch, see `types.is_visible`; None: nobody looked.
    visible: set[str] | None = None
    quotes: bool = False
    line_ends: int = 0
    bytes_read: int = 0
    ends_in_newline: bool = True


def without_effect(
    inputs: Sequence[Input], *, encoding: str | None, delimiter: str | None, header: Sequence[str]
) -> list[str]:
    """Options about text that these inputs, which are none, give nothing to do."""
    typed = all(opened.dialect is None for opened in inputs)
    cells = typed or all(opened.source.delimiter for opened in inputs)
    given = {
        "--encoding": cells and encoding,
        "--delimiter": cells and delimiter,
        "--header": typed and header,
    }
    return [f"{option} changes nothing: this is no file of text" for option, word in given.items() if word]
