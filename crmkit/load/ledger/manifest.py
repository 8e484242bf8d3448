"""What is in a ledger: its batches, the files that hold them, and how the first of them was read.

The manifest is renamed into place as a whole, so a ledger is what it was or what it will be. Files that it does not
name are not part of the ledger: an update that was killed has left them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from crmkit.errors import DataError
from crmkit.language.safe_text import safe
from crmkit.load.account.audit import Audit
from crmkit.load.ledger import MANIFEST, MARK

VERSION = 1
Span = tuple[date, date]


@dataclass(frozen=True)
class Batch:
    """Rows that were added together. `id` is a hash of them as a set, `spans` are the days that they cover."""

    id: str
    file: str
    added: str
    source: str
    spans: tuple[Span, ...]
    audit: Mapping[str, Any]

    @property
    def short(self) -> str:
        """So much of the id as people type."""
        return self.id[:12]

    @property
    def rows(self) -> int:
        """How many rows of transactions were read for it."""
        return int(self.audit["rows_read"])


@dataclass(frozen=True)
class Held:
    """A file of rows: what it has, and with how many decimals."""

    name: str
    rows: int  # lines of the file, each of which stands for some rows
    scale: int
    columns: tuple[str, ...]
    wide: bool = False


@dataclass(frozen=True)
class Piece:
    """A file of the standing table: its size, and for each column a sum over its bytes."""

    name: str
    rows: int
    size: int
    sums: Mapping[str, int]


@dataclass(frozen=True)
class Standing:
    """A table of customers made of the ledger's rows, for questions that ask no more (`standing`). It may be missing.

    `covers` is a hash of the names of the files of rows, `probe` one of how this machine hashes ids.
    """

    version: int
    covers: str
    probe: int
    scale: int
    base: Piece
    changes: Piece | None = None  # customers who have taken the place of those in `base`, or are new

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Its files."""
        return (self.base, self.changes) if self.changes else (self.base,)


@dataclass(frozen=True)
class Manifest:
    """All of it."""

    batches: tuple[Batch, ...] = ()
    files: tuple[Held, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)  # options that the first batch was read with
    left_out: tuple[str, ...] = ()  # roles that the files had and the ledger has not
    standing: Standing | None = None

    @property
    def scale(self) -> int:
        """Decimals of the money: those of the batch that has most."""
        return max((held.scale for held in self.files), default=2)

    def file_of(self, batch: Batch) -> Held:
        """The file that a batch lies in."""
        return next(held for held in self.files if held.name == batch.file)

    def text(self) -> str:
        """As a file has it."""
        told = {MARK: VERSION, **asdict(self)}
        return json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n"


def read(folder: Path) -> Manifest:
    """The manifest of a ledger; DataError where it is damaged, or of a later version of crmkit."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version = found.pop(MARK)
        if version > VERSION:
            raise DataError(
                f"{safe(folder)} is a ledger of version {version}, and this crmkit knows versions up to {VERSION}. "
                "Install a newer crmkit."
            )
        return _of(found)
    except OSError as error:
        raise DataError(f"{safe(path)}: {error.strerror}. Is {safe(folder)} a ledger?") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{safe(path)} is damaged ({type(error).__name__}: {safe(error)}). Bring it back from a backup, or make the ledger anew "
            "from its files."
        ) from None


def _of(found: Mapping[str, Any]) -> Manifest:
    days = date.fromisoformat
    return Manifest(
        batches=tuple(
            Batch(**{**one, "spans": tuple((days(a), days(b)) for a, b in one["spans"])})
            for one in found["batches"]
        ),
        files=tuple(Held(**{**one, "columns": tuple(one["columns"])}) for one in found["files"]),
        reading=found["reading"],
        left_out=tuple(found["left_out"]),
        standing=_standing_of(found.get("standing")),
    )


def _standing_of(told: Any) -> Standing | None:
    """None where there is none, or one that another version of crmkit has made: it can be made again at any time."""
    try:
        pieces = {name: told[name] and Piece(**told[name]) for name in ("base", "changes")}
        return Standing(**{**told, **pieces})
    except (TypeError, KeyError):
        return None


_MONEY = (
    "revenue",
    "revenue_without_customer",
    "revenue_set_aside",
    "revenue_skipped",
    "refunds",
    "absolute",
)
_COUNTS = (
    *("rows_read", "rows_used", "refund_rows", "zero_rows"),
    *("rounded_rows", "trimmed_ids", "shortened_ids", "no_cost", "no_currency"),
)


def kept(audit: Audit) -> dict[str, Any]:
    """An account as a manifest has it."""
    told = {name: getattr(audit, name) for name in (*_MONEY, *_COUNTS, "scale", "rejected", "skipped")}
    days = {"first_date": audit.first_date, "last_date": audit.last_date}
    return {
        **told,
        **{name: str(day) for name, day in days.items() if day},
        "currencies": sorted(audit.currencies),
    }


def account(told: Mapping[str, Any], scale: int) -> Audit:
    """The account again, with its money in units of another scale that is no coarser."""
    factor = 10 ** (scale - told["scale"])
    audit = Audit(scale=scale, rejected=dict(told["rejected"]), skipped=dict(told["skipped"]))
    for name in _MONEY:
        setattr(audit, name, told[name] * factor)
    for name in _COUNTS:
        setattr(audit, name, told[name])
    for name in ("first_date", "last_date"):
        setattr(audit, name, date.fromisoformat(told[name]) if name in told else None)
    audit.currencies = set(told["currencies"])
    return audit


def spans_of(days: Sequence[date]) -> tuple[Span, ...]:
    """Days in order as spans without gaps."""
    found: list[list[date]] = []
    for day in days:
        if found and (day - found[-1][1]).days == 1:
            found[-1][1] = day
        else:
            found.append([day, day])
    return tuple((first, last) for first, last in found)


def overlap(one: Sequence[Span], other: Sequence[Span]) -> tuple[Span, ...]:
    """The days that both have."""
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) <= min(b, d)]
    return tuple(sorted(both))


def count(spans: Sequence[Span]) -> int:
    """How many days."""
    return sum((last - first).days + 1 for first, last in spans)
