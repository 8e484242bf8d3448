"""Tiers by borders of an earlier run: the lowest value of each tier, kept in a file.

A tier that is found anew each night moves with everybody in it; with borders that are kept, whoever changes tier has
earned or lost it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from crmkit.engine.money import exact, scale_of
from crmkit.errors import CrmkitError, DataError, UsageError
from crmkit.scoring.tiers import VALUES

_SCHEMA = 1
_LIST = re.compile(r"[\d.,%\s]+")


@dataclass(frozen=True, kw_only=True)
class TierCuts:
    """The lowest value of each tier but the last, from the top; `population` counts the customers of each tier then."""

    scheme: str
    names: tuple[str, ...]
    cuts: tuple[float, ...]
    value: str
    by: str
    lowest: tuple[Decimal, ...]
    frozen: date | None = None
    population: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)

    def units(self, kind: Any) -> list[int]:
        """The lowest values on the scale of a column, rounded up: no value moves across."""
        return [math.ceil(value.scaleb(scale_of(kind))) for value in self.lowest]

    def text(self) -> str:
        """As a file has it."""
        told = {
            "schema": _SCHEMA,
            "command": "pareto",
            "scheme": self.scheme,
            "tiers": self.names,
            "cuts": self.cuts,
            "value": self.value,
            "by": self.by,
            "lowest": [str(value) for value in self.lowest],
            "population": self.population,
            **({} if self.frozen is None else {"frozen": str(self.frozen)}),
        }
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"

    def refuse_others(self, **asked: Any) -> None:
        """UsageError for a choice that the borders have settled otherwise; None was not chosen."""
        for name, given in asked.items():
            kept = getattr(self, name)
            if given is not None and given != kept:
                raise UsageError(
                    f"--{name} {given} does not go with saved borders, which were made with {kept}. Leave --{name} or --cuts out."
                )


def is_file(cuts: str) -> bool:
    """Whether this is the name of a file, and no list of percentages."""
    return _LIST.fullmatch(cuts) is None


def read(path: str | Path) -> TierCuts:
    """The borders that a file keeps; DataError where it holds something else."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: the borders of tiers cannot be read ({error}). --cuts takes a list such as 70,90,100, or a file of --save-cuts."
        ) from None
    try:
        return _of(json.loads(text))
    except (ValueError, KeyError, TypeError, InvalidOperation, RecursionError, CrmkitError):
        raise DataError(
            f"{path} does not hold borders of tiers. `crmkit pareto FILE --save-cuts {path}` makes such a file."
        ) from None


def _of(found: Mapping[str, Any]) -> TierCuts:
    made = TierCuts(
        scheme=str(found["scheme"]),
        names=tuple(map(str, found["tiers"])),
        cuts=tuple(map(float, found["cuts"])),
        value=str(found["value"]),
        by=str(found["by"]),
        lowest=tuple(Decimal(text) for text in found["lowest"]),
        frozen=date.fromisoformat(found["frozen"]) if "frozen" in found else None,
        population={
            name: {k: int(n) for k, n in sizes.items()} for name, sizes in found["population"].items()
        },
    )
    falls = list(made.lowest) == sorted(made.lowest, reverse=True)
    counted = len(made.names) == len(made.cuts) == len(made.lowest) + 1 > 1
    finite = all(value.is_finite() for value in made.lowest)
    if found["schema"] != _SCHEMA or made.value not in VALUES or not (falls and counted and finite):
        raise UsageError("not borders")
    return made


def values_of(lowest: Sequence[int], kind: Any) -> tuple[Decimal, ...]:
    """Lowest values in units of a column, as exact numbers."""
    return tuple(exact(int(value), scale_of(kind)) for value in lowest)
