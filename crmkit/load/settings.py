"""A first file of settings, from what was found in a file; and the list of the settings that count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crmkit.load.files import Files
from crmkit.load.transactions import Transactions
from crmkit.load.values.dates import ISO
from crmkit.result import Result

_ROLES = ("customer", "date", "amount", "order", "product", "cost", "store")
_HEAD = """# Settings of crmkit, for every command that has such an option; sections such as [rfm] are for one.
# What is typed comes first, then CRMKIT_* variables, then this file. See crmkit config show.
"""
_GATES = """
# Gates: a run that does not pass ends with status 3.
# max-age = "2d"
# max-rejects = "1%"
"""


def first(sales: Transactions, file: str) -> str:
    """The TOML of settings by which this file is read as it was found."""
    plan = sales.plan
    delimiter = _delimiter(sales)
    told: dict[str, Any] = {
        role: plan.roles[role].formula.text
        for role in _ROLES
        if role in plan.roles and not plan.options.read_as
    }
    told |= {
        "layout": plan.options.read_as.key if plan.options.read_as else None,
        "delimiter": delimiter if delimiter != "," else None,
        "date-format": plan.layout.name if plan.layout != ISO else None,
        "decimal": "," if any(one.decimal == "," for one in plan.numbers.values()) else None,
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in told.items() if value]
    return f"{_HEAD}# From {json.dumps(file, ensure_ascii=False)}.\n" + "\n".join(lines) + f"\n{_GATES}"


def _delimiter(sales: Transactions) -> str:
    dialect = sales.inputs[0].dialect if isinstance(sales, Files) else None
    return dialect.delimiter if dialect else ","


def listing(rows: Sequence[Mapping[str, Any]], files: Sequence[str]) -> Result:
    """Each setting with the command, the value and its source."""
    schema = dict.fromkeys(("command", "option", "value", "source"), pl.String)
    notes = () if files else ("no file of settings was found: crmkit config init FILE writes one",)
    return Result(
        command="config",
        tables={"settings": pl.DataFrame(list(rows), schema=schema, orient="row")},
        facts={"files": list(files)},
        titles={"settings": "Settings that files and variables make"},
        notes=notes,
    )
