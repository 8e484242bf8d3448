"""Changes of a ledger: a batch added, days replaced, a batch dropped, batches put together.

A change writes new files first, which nobody reads yet, and then the manifest in one step. Files that no manifest names
any more stay until the next change, for whoever is still reading them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.language.safe_text import safe
from crmkit.load.account.audit import Audit
from crmkit.load.ledger import MANIFEST, batch, is_ledger, manifest, rows
from crmkit.load.ledger.manifest import Batch, Manifest
from crmkit.load.transactions import Transactions
from crmkit.nightly import bring_forward
from crmkit.system import clock, descriptors

_LOCK = ".lock"
DIGITS = 16  # of the hash in the name of a file


@dataclass(frozen=True)
class Change:
    """What a ledger will be, and what is said of it; `batch` is the one that was added, None where it is in already."""

    folder: Path
    manifest: Manifest
    said: str
    batch: Batch | None = None
    is_change: bool = False

    @property
    def path(self) -> str:
        """Where the manifest is."""
        return str(self.folder / MANIFEST)


@contextmanager
def held(folder: Path, *, new: bool = False) -> Iterator[Manifest]:
    """The manifest of a ledger that nobody else changes meanwhile; files that it does not name are removed.

    `new`: a folder that is not there, or is empty, becomes a ledger. DataError where another run changes it.
    """
    if new and not folder.exists():
        with _in_words(folder):
            folder.mkdir()
    known = is_ledger(folder)
    if not known and (not new or any(path.name != _LOCK for path in folder.iterdir())):
        raise UsageError(
            f"{safe(folder)} is no ledger. `crmkit customers FILE --update {safe(folder)}` makes one, in a folder that is not there yet."
        )
    with _in_words(folder):
        number = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if descriptors.lock(number) is False:
            raise DataError(
                f"{safe(folder)}: another run is changing this ledger. Run again when it is done; flock(1) lets runs wait."
            )
        found = manifest.read(folder) if is_ledger(folder) else Manifest()
        _sweep(folder, found)
        yield found
    finally:
        os.close(number)


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{safe(folder)}: {error.strerror}; a ledger is a folder that can be written."
        ) from None


def _sweep(folder: Path, found: Manifest) -> None:
    """Remove what a killed update, or a change before, has left."""
    named = {one.name for one in found.files}
    named |= {one.name for one in found.standing.pieces} if found.standing else set()
    for path in folder.iterdir():
        if path.suffix in (".parquet", ".arrow") and path.name not in named:
            with suppress(OSError):
                path.unlink()


def add(
    sales: Transactions,
    folder: Path,
    found: Manifest,
    *,
    reading: Mapping[str, Any],
    left_out: tuple[str, ...],
    replaced: bool = False,
    appended: bool = False,
) -> Change:
    """The ledger with the rows of these transactions. A batch that is in already changes nothing.

    DataError where another batch has days of this one, unless those are `replaced` or the rows are `appended`.
    """
    lines = batch.of_transactions(sales)
    name = batch.name_of(lines, sales.scale)
    _refuse_other_currency(found, sales.audit)
    known, before = next((one for one in found.batches if one.id == name), None), found
    days = lines["date"].unique().sort().to_list()
    spans = manifest.spans_of(days)
    if known is not None:
        return Change(
            folder,
            found,
            f"these rows are in already, as batch {known.short} of {known.added[:10]}; nothing has changed",
        )
    twice = [one for one in found.batches if manifest.overlap(one.spans, spans)]
    if twice and not (replaced or appended):
        raise DataError(_told_twice(folder, twice[0], spans))
    said = "added"
    if twice and replaced:
        found, said = without_days(folder, found, spans), f"replaced {manifest.count(spans):,} days by"
    written = batch.write(lines, folder, f"{name[:DIGITS]}.parquet", sales.scale)
    new = Batch(
        id=name,
        file=written.name,
        added=clock.stamp(datetime.now(UTC)),
        source=sales.name,
        spans=spans,
        audit=manifest.kept(sales.audit),
    )
    whole = replace(
        found,
        batches=(*found.batches, new),
        files=(*found.files, written),
        reading=found.reading or dict(reading),
        left_out=tuple(sorted({*found.left_out, *left_out})),
    )
    whole = bring_forward.standing_table(folder, before, whole)
    days_said = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return Change(
        folder, whole, f"{said} batch {new.short}: {sales.audit.rows_used:,} rows of {days_said}", new, True
    )


def _told_twice(folder: Path, other: Batch, spans: tuple[manifest.Span, ...]) -> str:
    shared = manifest.overlap(other.spans, spans)
    day = (
        f"{shared[0][0]}"
        if manifest.count(shared) == 1
        else f"{manifest.count(shared):,} days from {shared[0][0]} on"
    )
    return (
        f"{safe(folder)} has other rows of {day}, in batch {other.short} ({safe(other.source)}, added {other.added[:10]}). "
        "--replace puts these rows in their place, --append adds them, as is right for late rows."
    )


def _refuse_other_currency(found: Manifest, audit: Audit) -> None:
    known = {one for other in found.batches for one in other.audit["currencies"]}
    if len(known | audit.currencies) > 1 and not (audit.currencies <= known):
        raise DataError(
            f"The ledger holds {', '.join(sorted(known))}, and these rows are in {', '.join(sorted(audit.currencies))}: their sum would "
            "mean nothing. Keep a ledger for each."
        )


def without_days(folder: Path, found: Manifest, spans: tuple[manifest.Span, ...]) -> Manifest:
    """The ledger without the rows of these days."""
    touched = [one for one in found.batches if manifest.overlap(one.spans, spans)]
    shared = [one for one in touched if sum(one.file == other.file for other in found.batches) > 1]
    if shared:
        raise DataError(
            f"{safe(folder)}: batch {shared[0].short} has been put together with others, so that its days cannot be replaced. Make the "
            "ledger anew from its files, or --append the difference."
        )
    for one in touched:
        found = _reduced(folder, found, one, spans)
    return found


def _reduced(folder: Path, found: Manifest, one: Batch, spans: tuple[manifest.Span, ...]) -> Manifest:
    """The ledger with a batch that has lost these days; with none left it is gone, and its account with it."""
    held_in = found.file_of(one)
    lines = whole_file(folder, found, held_in.name)
    lost = pl.any_horizontal(pl.col("date").is_between(first, last) for first, last in spans)
    rest, gone = lines.filter(~lost), lines.filter(lost)
    batches = [other for other in found.batches if other is not one]
    files = [other for other in found.files if other is not held_in]
    if rest.height:
        name = batch.name_of(rest, held_in.scale)
        written = batch.write(rest, folder, f"{name[:DIGITS]}.parquet", held_in.scale)
        audit = manifest.account(one.audit, held_in.scale)
        audit.rows_read -= rows.lessen(audit, gone)[0]  # as if they had never been read
        audit.first_date, audit.last_date = rest["date"].min(), rest["date"].max()  # type: ignore[assignment]
        days = rest["date"].unique().sort().to_list()
        kept = manifest.kept(audit)
        batches.append(replace(one, id=name, file=written.name, spans=manifest.spans_of(days), audit=kept))
        files.append(written)
    return replace(found, batches=tuple(batches), files=tuple(files))


def whole_file(folder: Path, found: Manifest, name: str) -> pl.DataFrame:
    """All lines of a file, in units of its own scale."""
    held_in = next(one for one in found.files if one.name == name)
    pieces = batch.lines(folder, held_in, held_in.columns, held_in.scale, wide=held_in.wide)
    return pl.concat(pieces)


def drop(folder: Path, found: Manifest, word: str) -> Change:
    """The ledger without a batch, named by its id or the beginning of that."""
    fits = [one for one in found.batches if one.id.startswith(word)]
    if len(fits) != 1 or not word:
        known = ", ".join(one.short for one in found.batches[-8:]) or "none"
        raise UsageError(
            f"{safe(folder)}: {len(fits)} batches begin with {safe(word)!r}. The latest are {known}; crmkit ledger list shows all."
        )
    one = fits[0]
    if sum(one.file == other.file for other in found.batches) > 1:
        raise DataError(
            f"{safe(folder)}: batch {one.short} has been put together with others and cannot be dropped by itself. Make the ledger "
            "anew from its files."
        )
    left = replace(
        found,
        batches=tuple(other for other in found.batches if other is not one),
        files=tuple(other for other in found.files if other.name != one.file),
        standing=None,
    )
    return Change(folder, left, f"dropped batch {one.short}: {one.rows:,} rows", is_change=True)


def compact(folder: Path, found: Manifest) -> Change:
    """The ledger in one file: the same rows, fewer files to open. Batches keep their names, so replays are known."""
    if len(found.files) < 2:
        return Change(folder, found, "there is one file; nothing has changed")
    columns = [name for name in batch.ORDER if any(name in one.columns for one in found.files)]
    wide = any(one.wide for one in found.files)
    parts = [
        frame.select(columns)
        for one in found.files
        for frame in batch.lines(folder, one, columns, found.scale, wide=wide)
    ]
    lines = batch.tidy(batch.added(pl.concat(parts).lazy()).collect(engine="streaming"))
    name = batch.name_of(lines, found.scale)
    written = batch.write(lines, folder, f"{name[:DIGITS]}-all.parquet", found.scale)
    batches = tuple(replace(one, file=written.name) for one in found.batches)
    whole = bring_forward.of_the_same_rows(found, replace(found, batches=batches, files=(written,)))
    return Change(
        folder, whole, f"put {len(found.files):,} files together: {lines.height:,} lines", is_change=True
    )
