"""Gates on an answer: how many customers there are, and how far their groups have moved since a run before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from crmkit.errors import DataError, GateError, UsageError
from crmkit.language.safe_text import safe
from crmkit.nightly import exports
from crmkit.nightly.drift import drifts
from crmkit.nightly.exports import Export
from crmkit.nightly.limits import Expected, Limits
from crmkit.result import Result

Groups = Mapping[str, Mapping[str, int]]
_PIECE = 1 << 18
_GROUPS = {"segments": "segment", "tiers": "tier"}  # tables, and the label that they count


def check(result: Result, limits: Limits, frozen: Groups | None) -> Result:
    """The result with the drift among its facts; GateError where a limit is passed."""
    before = None if limits.previous is None else exports.read(limits.previous)
    if before is not None:
        result = _beside(result, before, is_all=limits.expected is None and limits.drift is None)
    if limits.expected is not None:
        _check_number(limits.expected, customers(result), before)
    return result if limits.drift is None else _with_drift(result, limits.drift, before, frozen)


def _beside(result: Result, before: Export, *, is_all: bool) -> Result:
    """The groups with the customers that each had in the run before, and the change since; `is_all` that was asked for."""
    known = {
        table: label
        for table, label in _GROUPS.items()
        if table in result.tables and before.shares.get(label)
    }
    if is_all and not known:
        raise UsageError(
            f"--previous: {safe(before.name)} and this {result.command} have no segments or tiers in common, and it is what "
            "--expect-customers and --max-drift compare with. Add one of them, or name an export of the same command."
        )
    changed = {
        name: _with_change(result.tables[name], label, before.shares[label]) for name, label in known.items()
    }
    return result.with_summary(changed)


def _with_change(table: pl.DataFrame, label: str, was: Mapping[str, int]) -> pl.DataFrame:
    before = pl.Series([was.get(name, 0) for name in table[label]], dtype=pl.Int64)
    change = (table["customers"].cast(pl.Int64) - before).alias("customers_change")
    after = 1 + max(
        table.columns.index(name)
        for name in ("customers", "share", "customers_share")
        if name in table.columns
    )
    return table.clone().insert_column(after, change)


def _check_number(expected: Expected, number: int, previous: Export | None) -> None:
    unit, about = 1.0, ""
    if expected.is_share:
        before = None if previous is None else previous.customers
        if previous is None or before is None:
            raise UsageError(
                f"--expect-customers {expected.text} is a share of the run before. Name that with --previous FILE."
            )
        unit, about = before / 100, f", and {safe(previous.name)} has {before:,}"
    least, most = expected.least * unit, expected.most * unit
    if not least <= number <= most:
        raise GateError(f"--expect-customers {expected.text}: there are {number:,} customers{about}.")


def _with_drift(result: Result, most: float, before: Export | None, frozen: Groups | None) -> Result:
    reference = before.shares if before is not None else frozen
    if not reference:
        raise UsageError(
            "--max-drift compares with the run before or with frozen borders. Add --previous FILE (an export with scores "
            "or tiers), or --cuts FILE."
        )
    found = drifts(reference, shares(result))
    since = safe(before.name) if before is not None else "the borders were frozen"
    if not found:
        raise DataError(
            f"--max-drift: {result.command} and {since} have no score, tier or segment in common. Compare with an export "
            "of the same command."
        )
    told = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    if max(found.values()) > most:
        raise GateError(f"--max-drift {most:g}: since {since} the population has moved: {told} (PSI).")
    return replace(result, facts={**result.facts, "drift": found})


def shares(result: Result) -> dict[str, dict[str, int]]:
    """Customers by label of the long table, where that is here."""
    if result.detail is None or result.is_elsewhere:
        return {}
    return exports.added([exports.groups(piece) for piece in result.batches(result.detail, _PIECE)])


def customers(result: Result) -> int:
    """How many customers an answer is about."""
    found = result.facts.get("customers", result.facts.get("items"))
    if found is None:
        raise UsageError(f"--expect-customers: {result.command} counts no customers. Leave it out.")
    return int(found)
