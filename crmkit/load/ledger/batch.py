"""One batch: the lines that rows become, the hash that names them, and the file that keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from crmkit.errors import DataError
from crmkit.language.safe_text import safe
from crmkit.load.ledger.manifest import Held
from crmkit.load.transactions import Transactions
from crmkit.system import temp_files

_BATCH = 1 << 18
_KEYS = ("customer", "date", "order")
SIGN = (pl.col("amount") > 0).cast(pl.Int64) - (pl.col("amount") < 0).cast(pl.Int64)
ORDER = ("customer", "date", "order", "amount", "cost", "rows")


def of_transactions(sales: Transactions) -> pl.DataFrame:
    """The lines of all rows in use: one for each customer, day, order and sign, in one order whatever that of the rows."""
    return tidy(sales.by_key(_lines).frame())


def _lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    return added(rows.with_columns(rows=pl.lit(1, dtype=pl.Int64)))


def added(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of one customer, day, order and sign as one; those whose cost is not known stay apart."""
    columns = lines.collect_schema().names()
    keys: list[Any] = [name for name in _KEYS if name in columns]
    keys.append(SIGN.alias("sign"))
    sums = [pl.col("amount").sum(), pl.col("rows").sum()]
    if "cost" in columns:
        keys.append(pl.col("cost").is_null().alias("free"))
        sums.append(pl.when(pl.col("cost").null_count() == 0).then(pl.col("cost").sum()).alias("cost"))
    return lines.group_by(keys).agg(sums).select(name for name in ORDER if name in [*columns, "rows"])


def tidy(lines: pl.DataFrame) -> pl.DataFrame:
    """Ids as text, and the lines in order."""
    texts = [name for name in ("customer", "order") if name in lines.columns]
    return lines.with_columns(pl.col(texts).cast(pl.String)).sort(
        [name for name in ORDER if name in lines.columns], nulls_last=True
    )


def name_of(lines: pl.DataFrame, scale: int) -> str:
    """A hash of the rows as a set, the same in all versions of all libraries."""
    digest = hashlib.sha256(f"{scale} {lines.height} {' '.join(lines.columns)}".encode())
    for column in lines.iter_columns():
        absent = column.is_null()
        if absent.any():
            digest.update(column.name.encode() + absent.cast(pl.UInt8).to_numpy().tobytes())
        if column.dtype == pl.String:
            known = column.fill_null("")
            digest.update(known.str.len_bytes().cast(pl.UInt32).to_numpy().tobytes())
            for piece in range(0, known.len(), _BATCH):
                digest.update("".join(known.slice(piece, _BATCH).to_list()).encode())
        else:
            whole = column.cast(pl.Int128) if column.dtype == pl.Int128 else column.cast(pl.Int64)
            filled = whole.fill_null(0)
            parts = [filled % 2**62, filled // 2**62] if filled.dtype == pl.Int128 else [filled]
            for part in parts:
                digest.update(part.cast(pl.Int64).to_numpy().tobytes())
    return digest.hexdigest()


def write(lines: pl.DataFrame, folder: Path, name: str, scale: int) -> Held:
    """Keep lines in a file, whole or not at all."""
    wide = lines.schema["amount"] == pl.Int128
    kept = lines
    if wide:  # Parquet knows no such whole numbers, and decimals are as exact
        money = [column for column in ("amount", "cost") if column in lines.columns]
        kept = lines.with_columns(pl.col(money).cast(pl.Decimal(38, 0)))
    table = kept.to_arrow(compat_level=pl.CompatLevel.oldest())
    with filling(folder, name) as stream:
        pq.write_table(
            table,
            stream,
            compression="zstd",
            compression_level=1,
            write_page_checksum=True,
            row_group_size=_BATCH * 4,
        )
    return Held(name, lines.height, scale, tuple(lines.columns), wide)


@contextmanager
def filling(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A file of the ledger to be filled, which takes its place whole or not at all."""
    temp = temp_files.create(folder / name)
    try:
        yield temp.stream
        temp.finish()
        temp.take_place()
        temp.stream.close()
    except OSError as error:
        temp.discard()
        raise DataError(f"{safe(folder)}: {error.strerror or error}; the ledger is as it was.") from None
    temp_files.sync_folder(folder)


def lines(
    folder: Path, held: Held, wanted: Sequence[str], scale: int, *, wide: bool
) -> Iterator[pl.DataFrame]:
    """The lines of a file with these columns, null where it has none, their money in units of this scale."""
    present = [name for name in wanted if name in held.columns]
    factor = 10 ** (scale - held.scale)
    money = pl.Int128 if wide else pl.Int64
    missing = {"order": pl.String, "cost": money}
    absent = [pl.lit(None, dtype=missing[name]).alias(name) for name in wanted if name not in present]
    for piece in _pieces(folder / held.name, present):
        frame = pl.DataFrame(pl.from_arrow(piece))
        amounts = [
            pl.col(name).cast(pl.Int128 if wide or held.wide else pl.Int64).cast(money) * factor
            for name in ("amount", "cost")
            if name in present
        ]
        yield frame.with_columns(*amounts, *absent)


def _pieces(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield from file.iter_batches(batch_size=_BATCH, columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        first = str(error).split("\n")[0]
        raise DataError(
            f"{safe(path)}: a batch of the ledger is missing or damaged ({safe(first)}). `crmkit ledger verify` names all such; bring "
            "the file back, or drop the batch and add its rows again."
        ) from None
