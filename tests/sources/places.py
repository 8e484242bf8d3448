"""The thirty sales of the loader's tests, wherever they may lie, and what must be read of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.load.running import Finished, run
from tests.load.sales import HEADER, SALES, text

QUESTIONS = (
    ("rfm", "--table", "customers"),
    ("pareto", "--table", "customers"),
    ("check", "--table", "rows"),
)


def csv_file(folder: Path) -> Path:
    """The sales as CSV."""
    path = folder / "sales.csv"
    path.write_text(text())
    return path


def ndjson() -> str:
    """A line for each sale, with the amount as a number whose zeros stay."""
    lines = []
    for sale in SALES:
        values = (json.dumps(sale.customer), json.dumps(sale.order), f'"{sale.day}"', f"{sale.amount:.2f}")
        lines.append(
            "{" + ", ".join(f'"{key}": {value}' for key, value in zip(HEADER, values, strict=True)) + "}"
        )
    return "\n".join(lines) + "\n"


def answers(*words: str | Path) -> list[bytes]:
    """What three questions say of these inputs, byte by byte."""
    return [
        _answer(run(question, *words, *options, "--format", "csv", "-n", "0"))
        for question, *options in QUESTIONS
    ]


def _answer(done: Finished) -> bytes:
    assert done.status == 0, done.err
    assert "fault of crmkit" not in done.err
    return done.out.encode()
