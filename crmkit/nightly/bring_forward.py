"""The standing table of a ledger, brought forward by a batch: only customers of that batch are looked at.

Where there is none that fits, it is made of all batches. The house that adds up rows for questions
(`customers.aggregate`) says what the measures are; a test holds both to the same answers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.load.ledger import batch, standing
from crmkit.load.ledger.manifest import Held, Manifest, Standing

# Of so many customers in the base as there is one that has changed, all are written anew.
_REWRITE = 8
_COLUMNS = (*standing.MEASURES, "keys")
_ASKED = ("customer", "date", "order", "amount", "rows")


class _AlikeError(Exception):
    """Two ids have one hash, so that they cannot be told apart by it."""


def standing_table(folder: Path, before: Manifest, after: Manifest) -> Manifest:
    """The ledger with a standing table of all its batches, brought forward from the one that it had `before`."""
    known = {one.name for one in before.files}
    new = [one for one in after.files if one.name not in known]
    wide = any(one.wide for one in after.files)
    if wide or not after.files:
        return replace(after, standing=None)
    held = standing.fits(before) if after.scale == before.scale else None
    lost = known - {one.name for one in after.files}
    try:
        if held is None or lost:
            return _made(folder, after)
        return _changed(folder, held, after, new)
    except standing.DamagedError:
        return _made(folder, after)
    except _AlikeError:
        return replace(after, standing=None)


def of_the_same_rows(before: Manifest, after: Manifest) -> Manifest:
    """The ledger with the standing table that it had, where files have been put together and no row has changed."""
    held = standing.fits(before)
    return replace(after, standing=held and replace(held, covers=standing.covers(after)))


def _made(folder: Path, after: Manifest) -> Manifest:
    """A new base of all batches."""
    parts = [_customers(folder, after, one) for one in after.files]
    return _based(folder, after, (parts[0] if len(parts) == 1 else standing.added(pl.concat(parts))))


def _customers(folder: Path, found: Manifest, one: Held) -> pl.DataFrame:
    lines = batch.lines(folder, one, _ASKED, found.scale, wide=False)
    frame = pl.concat(frame.select(_ASKED) for frame in lines)
    return standing.of_lines(frame.lazy()).select(_COLUMNS)


def _based(folder: Path, after: Manifest, customers: pl.DataFrame) -> Manifest:
    """All customers in a new base, with the way from a hash of an id to its place."""
    rows = customers.select(_COLUMNS).sort("customer")
    hashes = rows["customer"].hash(seed=standing.SEED).to_numpy()
    slots = np.argsort(hashes)
    ordered = hashes[slots]
    if (ordered[1:] == ordered[:-1]).any():
        raise _AlikeError
    rows = rows.with_columns(hash=pl.Series(ordered), place=pl.Series(slots.astype(np.uint32)))
    covers = standing.covers(after)
    base = standing.write(folder, f"customers-{covers[:16]}.arrow", rows)
    held = Standing(standing.VERSION, covers, standing.probe(), after.scale, base)
    return replace(after, standing=held)


def _changed(folder: Path, held: Standing, after: Manifest, new: list[Held]) -> Manifest:
    """The customers of new batches among those who have changed since the base was written."""
    base = standing.opened(folder, held.base, [*_COLUMNS, "hash", "place"])
    slot = pl.lit(None, dtype=pl.Int64).alias("slot")
    fresh = pl.concat([_customers(folder, after, one).with_columns(slot) for one in new])
    columns = [*_COLUMNS, "slot"]
    before = fresh.clear()
    if held.changes is not None:
        before = standing.frame(standing.opened(folder, held.changes, columns))
    ids = fresh.select(pl.col("customer").unique())
    unknown = ids.join(before, on="customer", how="anti")["customer"]
    touched = [before.join(ids, on="customer", how="semi"), _taken(base, unknown), fresh]
    others = before.join(ids, on="customer", how="anti")
    changes = pl.concat(
        part.select(columns)
        for part in (others, standing.added(pl.concat(part.select(columns) for part in touched)))
    )
    if changes.height * _REWRITE > base.num_rows:
        return _based(folder, after, standing.together(standing.frame(base.select(_COLUMNS)), changes))
    covers = standing.covers(after)
    piece = standing.write(folder, f"changes-{covers[:16]}.arrow", changes)
    return replace(after, standing=replace(held, covers=covers, changes=piece))


def _taken(base: pa.Table, customers: pl.Series) -> pl.DataFrame:
    """The rows of these customers in the base, as far as they are there, and where."""
    asked = customers.to_frame().with_columns(hash=pl.col("customer").hash(seed=standing.SEED)).sort("hash")
    hashes = base.column("hash").chunk(0).to_numpy()
    found = np.searchsorted(hashes, asked["hash"].to_numpy())
    found = np.minimum(found, len(hashes) - 1)
    is_known = pl.Series(hashes[found]) == asked["hash"]
    places = base.column("place").chunk(0).to_numpy()[found[is_known.to_numpy()]]
    rows = standing.frame(base.select(_COLUMNS).take(pa.array(places)))
    if not rows["customer"].equals(asked.filter(is_known)["customer"]):
        raise _AlikeError
    return rows.with_columns(slot=pl.Series(places, dtype=pl.Int64))
