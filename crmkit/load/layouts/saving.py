"""What was found or typed about a file, as a layout for next time; and the list of the layouts that there are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from crmkit.load.layouts.known import every
from crmkit.load.layouts.layout import ROLES
from crmkit.load.plan import ReadingPlan
from crmkit.load.statuses import roles
from crmkit.load.values.dates import ISO
from crmkit.result import Result

_SHOWN = 4


def text(name: str, plan: ReadingPlan, header: Sequence[str], delimiter: str | None) -> str:
    """The TOML of a layout by which this file would be read as it was."""
    played = {role: one.formula.text for role, one in plan.roles.items() if role in ROLES}
    used = {column for one in plan.roles.values() for column in one.formula.columns}
    parts = [f"name = {_toml(name)}", f"marks = {_toml([one for one in dict.fromkeys(header) if one])}"]
    parts.append(f"enough = {max(2, len(used))}")
    if per_order := _per_order(plan):
        parts.append(f"per_order = {_toml(per_order)}")
    parts += ["", "[columns]", *(f"{role} = {_toml([word])}" for role, word in played.items())]
    for role, rule in zip(roles(len(plan.options.rules)), plan.options.rules, strict=True):
        if role in plan.roles:
            words = {"no_sale": rule.no_sale, "sale": rule.sale, "refund": rule.refund}
            told = [f"{kind} = {_toml(list(said))}" for kind, said in words.items() if said]
            parts += ["", "[[status]]", f"column = {_toml([plan.roles[role].formula.text])}", *told]
    if reading := _reading(plan, delimiter):
        parts += ["", "[reading]", *(f"{word} = {_toml(value)}" for word, value in reading.items())]
    return "\n".join(parts) + "\n"


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _per_order(plan: ReadingPlan) -> list[str]:
    carried = list(plan.lines.carried)
    return [*carried, plan.roles["amount"].formula.text] if plan.lines.once else carried


def _reading(plan: ReadingPlan, delimiter: str | None) -> Mapping[str, str]:
    options = plan.options
    told = {
        "encoding": options.encoding,
        "delimiter": options.delimiter or (delimiter if delimiter not in (None, ",") else None),
        "date_format": options.date_format or (plan.layout.name if plan.layout != ISO else None),
        "decimal": options.decimal
        or ("," if any(one.decimal == "," for one in plan.numbers.values()) else None),
        "tz": options.tz if options.tz != "UTC" else None,
        "currency": options.currency,
        "amount_per": options.amount_per,
        "orders_restart": options.orders_restart or ("daily" if plan.lines.restarts else None),
    }
    return {word: value for word, value in told.items() if value}


def listing() -> Result:
    """The layouts that come with crmkit: by which columns they are known, and what they are read by."""
    rows = [
        {
            "layout": layout.key,
            "export": layout.name,
            "known_by": ", ".join(layout.marks[:_SHOWN]) + ", …",
        }
        for layout in every()
    ]
    schema = dict.fromkeys(("layout", "export", "known_by"), pl.String)
    return Result(
        command="layouts",
        tables={"layouts": pl.DataFrame(rows, schema=schema)},
        facts={"layouts": len(rows)},
        titles={"layouts": "Exports that are known by their header"},
    )
