"""The standing table of a ledger: its customers, brought forward by each batch, so that nobody has to add them up again.

It is a cache beside the batches. A base holds all customers in the order of their ids, and a smaller file those who have
changed since; both are Arrow's own format, of which an update reads what it needs where it lies. Beside the measures each
customer has the hashes of the orders so far, since an order counts once, on however many nights its lines come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.load.ledger import batch
from crmkit.load.ledger.manifest import Manifest, Piece, Standing
from crmkit.load.orders import order_key

VERSION = 2
SEED = 4
_SUMS = ("revenue", "refunds", "rows")
MEASURES = ("customer", "first", "last", *_SUMS, "orders")
_PROBES = ("", "a", "C0000001", "an id of more than sixteen bytes", "\u5f20\u4e09")


class DamagedError(Exception):
    """A file of a standing table is not what was written; the batches have all that it had."""


def covers(found: Manifest) -> str:
    """A hash of the names of a ledger's files, which are hashes of what these hold."""
    return hashlib.sha256(" ".join(sorted(one.name for one in found.files)).encode()).hexdigest()[:32]


def probe() -> int:
    """What tells whether hashes are those of another version of Polars, or of another kind of machine."""
    texts = pl.Series(_PROBES).hash(seed=SEED)
    days = pl.Series([0, 20_000], dtype=pl.Int32).cast(pl.Date).hash(seed=1)
    return int(pl.concat([texts, days]).hash(seed=SEED).sum() % 2**62)


def fits(found: Manifest) -> Standing | None:
    """The standing table of just these batches, if there is one that this crmkit can read."""
    held = found.standing
    if held is None or (held.version, held.scale) != (VERSION, found.scale):
        return None
    return held if (held.covers, held.probe) == (covers(found), probe()) else None


def of_lines(lines: pl.LazyFrame) -> pl.DataFrame:
    """The customers of these lines, each with the hashes of the orders in which something was bought."""
    bought = pl.col("amount") > 0
    rows = lines.select(
        "customer",
        "amount",
        day=pl.when(bought).then("date"),
        rows=pl.when(bought).then("rows"),
        key=pl.when(bought).then(order_key(True)),
    )
    orders = rows.filter(pl.col("key").is_not_null()).select("customer", "key").unique()
    keys = orders.group_by("customer").agg(keys=pl.col("key"))
    measures = rows.group_by("customer").agg(
        first=pl.col("day").min(),
        last=pl.col("day").max(),
        revenue=pl.col("amount").sum(),
        refunds=(0 - pl.col("amount").clip(upper_bound=0)).sum(),
        rows=pl.col("rows").sum(),
    )
    empty = pl.lit([], dtype=pl.List(pl.UInt64))
    whole = measures.join(keys, on="customer", how="left").with_columns(pl.col("keys").fill_null(empty))
    return _counted(whole.collect(engine="streaming"))


def added(parts: pl.DataFrame) -> pl.DataFrame:
    """Customers of several sets of lines, each of them once."""
    keys = pl.col("keys").explode().drop_nulls().unique()
    more = [pl.col("slot").max()] if "slot" in parts.columns else []
    ends = [pl.col("first").min(), pl.col("last").max()]
    return _counted(parts.group_by("customer").agg(*ends, pl.col(_SUMS).sum(), keys, *more))


def _counted(customers: pl.DataFrame) -> pl.DataFrame:
    return customers.with_columns(orders=pl.col("keys").list.len().cast(pl.UInt32))


def read(folder: Path, held: Standing, columns: Sequence[str], *, in_order: bool = True) -> pl.DataFrame:
    """All customers, those of the base at least in the order of their ids; DamagedError where a file is not what was written.

    The files are looked at where they lie: nobody removes them before the second change from now.
    """
    base = frame(opened(folder, held.base, columns))
    if held.changes is None:
        return base.with_columns(pl.col("customer").set_sorted())
    changes = frame(opened(folder, held.changes, [*columns, "slot"]))
    return together(base, changes) if in_order else _in_place(base, changes)


def together(base: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The base with changed customers in their places, and new ones where their ids belong."""
    new = changes.filter(pl.col("slot").is_null()).sort("customer")
    found = base["customer"].set_sorted().search_sorted(new["customer"]).to_numpy().astype(np.int64)
    places = np.insert(np.arange(base.height, dtype=np.uint32), found, base.height + np.arange(new.height))
    rows = _in_place(base, pl.concat([changes.filter(pl.col("slot").is_not_null()), new]))
    return rows[pl.Series(places)].with_columns(pl.col("customer").set_sorted())


def _in_place(base: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The base with changed customers in their places, and new ones at the end."""
    new = changes.filter(pl.col("slot").is_null()).select(base.columns)
    old = changes.filter(pl.col("slot").is_not_null())
    made = []
    for column in pl.concat([base, new], rechunk=True).iter_columns():
        if column.name == "customer":
            made.append(column)
        elif column.dtype.is_nested():  # which cannot be exchanged in place
            places = np.arange(column.len(), dtype=np.uint32)
            places[old["slot"].to_numpy()] = column.len() + np.arange(old.height)
            made.append(pl.concat([column, old[column.name]], rechunk=True)[pl.Series(places)])
        else:
            made.append(column.scatter(old["slot"], old[column.name]))
    return pl.DataFrame(made)


def opened(folder: Path, piece: Piece, columns: Sequence[str]) -> pa.Table:
    """Columns of a file, where they lie; DamagedError where they are not what was written."""
    path = folder / piece.name
    try:
        if path.stat().st_size != piece.size:
            raise DamagedError(f"{piece.name} has another size than was written.")
        table = _table(path).select(list(columns))
        if table.num_rows != piece.rows or any(
            sum_of(table.column(name)) != piece.sums[name] for name in columns
        ):
            raise DamagedError(f"{piece.name} holds other bytes than were written.")
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise DamagedError(f"{piece.name} cannot be read ({type(error).__name__}).") from None
    return table


def _table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.Table.from_batches([pa.ipc.open_file(source).get_batch(0)])


def sum_of(column: pa.ChunkedArray) -> int:
    """A sum over the bytes of a column, as words of eight."""
    return sum(_words(buffer) for chunk in column.chunks for buffer in chunk.buffers() if buffer) % 2**63


def _words(buffer: pa.Buffer) -> int:
    whole = buffer.size // 8
    rest = int.from_bytes(buffer.slice(whole * 8).to_pybytes(), "little")
    return int(np.frombuffer(buffer, np.uint64, whole).sum()) + rest


def frame(table: pa.Table) -> pl.DataFrame:
    """A table of Arrow as Polars has it, whose numbers stay where they are."""
    return pl.DataFrame(pl.from_arrow(table))


def write(folder: Path, name: str, customers: pl.DataFrame) -> Piece:
    """Keep a table in a file, in one piece, and what its columns add up to as they lie there."""
    table = customers.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    with batch.filling(folder, name) as stream, pa.ipc.new_file(stream, table.schema) as file:
        file.write_table(table)
    path = folder / name
    read_again = _table(path)
    sums = {column: sum_of(read_again.column(column)) for column in read_again.column_names}
    return Piece(name, table.num_rows, path.stat().st_size, sums)
