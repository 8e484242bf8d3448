"""Sources → batches of raw columns, CSV as text and Parquet as typed, each row with its number.

Parquet goes through PyArrow because it verifies page checksums; CSV has a module of its own.
Memory is bounded by the batch, whatever the file's size.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from polars import selectors

from crmkit.errors import DataError
from crmkit.load.find.inside import listed
from crmkit.load.find.sources import Source
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.values import arrow_types

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS = 1 << 18
# Between the data and the footer stand the page indexes and bloom filters.
_MOST_INDEX = 64 << 20
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def open_input(
    source: Source,
    *,
    encoding: str | None,
    delimiter: str | None,
    suits: Callable[[Sequence[str]], bool],
    header: tuple[str, ...] = (),
) -> Input:
    """Look at the header of a source, without reading its rows; of several tables, at the only one that `suits`."""
    open_ = partial(open_input, encoding=encoding, delimiter=delimiter, suits=suits, header=header)
    if source.choices:
        return _the_one(source, fitting(source, open_, suits))
    if source.table is not None:
        return _open_table(source)
    if source.kind == "parquet":
        return _open_parquet(source)
    from crmkit.load.csv import dialect  # not for what has types

    if source.delimiter:
        encoding, delimiter = "utf-8", source.delimiter
    found = dialect.sniff(source, encoding=encoding, delimiter=delimiter, suits=suits, header=header)
    return Input(source, found.columns + tuple(key for key, _ in source.hive), found)


def fitting(
    source: Source, open_: Callable[[Source], Input], suits: Callable[[Sequence[str]], bool]
) -> list[Input]:
    """Those of several tables whose columns suit."""
    opened = []
    for choice in source.choices:
        with suppress(DataError):  # a table among others may be none that can be read
            opened.append(open_(choice.source))
    return [one for one in opened if suits(one.columns)]


def _the_one(source: Source, fits: Sequence[Input]) -> Input:
    if len(fits) == 1:
        source.taken[:] = [fits[0].source]
        return fits[0]
    what = "several of them fit" if fits else "none of them names its columns as sales do"
    first = (fits[0].source if fits else None, source.choices[0])
    label = next((one.label for one in source.choices if one.source is first[0]), first[1].label)
    raise DataError(
        f"{source.name} holds {len(source.choices):,} tables, {listed([one.label for one in source.choices])}, and {what}; say which one: "
        f"--sheet {shlex.quote(label)}"
    )


def _open_parquet(source: Source) -> Input:
    file = _parquet(source)
    return _typed(source, file.schema_arrow, file.metadata.num_rows)


def _open_table(source: Source) -> Input:
    assert source.table is not None
    return _typed(source, source.table.schema, source.table.rows)


def _typed(source: Source, schema: pa.Schema, rows: int | None) -> Input:
    """An input whose columns have types of their own, and those of its folders' names beside them."""
    hive = tuple(key for key, _ in source.hive if key not in schema.names)
    kinds = {schema.field(i).name: schema.field(i).type for i in range(len(schema))}
    types = kinds | dict.fromkeys(hive, pa.string())
    return Input(source, tuple(schema.names) + hive, types=types, rows=rows)


def _read_table(
    opened: Input, columns: Sequence[str], watch: StreamFlags, size: int, most: int | None
) -> Iterator[pl.DataFrame]:
    table = opened.source.table
    assert table is not None
    known = set(table.schema.names)
    stored, start = [name for name in columns if name in known], 0
    for batch in table.batches(stored, size, most):
        if len(batch):
            yield numbered(batch, stored, opened.name, watch, start)
            start += len(batch)


def _parquet(source: Source) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    try:
        # Milliseconds hold every moment that INT96 can say; in nanoseconds the year 9999 would come out as 1816.
        return pq.ParquetFile(
            source.raw(),
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="ms",
            # What it reads ahead it keeps until the end, the whole file: that pays where each request takes long.
            pre_buffer=source.path is None,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_parquet_sentence(source.name, error)) from None


def _parquet_sentence(name: str, error: Exception) -> str:
    from crmkit.sources import stores  # not for files that are well

    if (lost := stores.lost(name, error)) is not None:
        return lost
    reason = str(error).split("\n")[0].rstrip(".")[:200]
    if "crypt" in reason:
        return f"{name}: the Parquet file is encrypted, and crmkit has no keys; decrypt it first."
    return f"{name}: the Parquet file is corrupt or truncated, or its footer is ({reason}); fetch it again."


def read(
    opened: Input, columns: Sequence[str], watch: StreamFlags, rows: int | None = None
) -> Iterator[pl.DataFrame]:
    """Batches of the named columns with the record number of each row in `ROW`.

    CSV columns are String; rows with a wrong number of fields are left out and noted in `watch`.
    With `rows`, stop after at least so many.
    """
    size = ROWS if rows is None else min(rows, ROWS)
    if opened.dialect:
        from crmkit.load.csv import careful

        made = careful.read(opened, columns, watch)
    elif opened.source.table is not None:
        made = _read_table(opened, columns, watch, size, rows)
    else:
        made = _read_parquet(opened, columns, watch, size)
    seen = 0
    for batch in made:
        frame = _with_hive(batch, opened, columns)
        seen += frame.height
        yield frame
        if rows is not None and seen >= rows:
            return


def _with_hive(frame: pl.DataFrame, opened: Input, columns: Sequence[str]) -> pl.DataFrame:
    hive = [
        pl.lit(None if value == _NO_PARTITION else value, dtype=pl.String).alias(key)
        for key, value in opened.source.hive
        if key in columns and key not in frame.columns
    ]
    return frame.with_columns(hive) if hive else frame


def _read_parquet(
    opened: Input, columns: Sequence[str], watch: StreamFlags, size: int
) -> Iterator[pl.DataFrame]:
    file = _parquet(opened.source)
    known = set(file.schema_arrow.names)
    stored = [name for name in columns if name in known]
    start = 0
    try:
        for batch in file.iter_batches(size, columns=stored, use_threads=False):
            if len(batch) == 0:
                continue
            yield numbered(batch, stored, opened.name, watch, start)
            start += len(batch)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_parquet_sentence(opened.name, error)) from None
    if start != file.metadata.num_rows:
        raise DataError(_parquet_sentence(opened.name, ValueError("fewer rows than its footer says")))
    _refuse_joined(opened, file, stored)


def numbered(
    batch: pa.RecordBatch, names: Sequence[str], file: str, watch: StreamFlags, start: int
) -> pl.DataFrame:
    """These columns of a batch of any types, and the record number of each row in `ROW`."""
    rows = pl.int_range(start, start + len(batch), dtype=pl.Int64, eager=True).alias(ROW)
    return _columns(batch, names, file, watch).with_columns(rows)


def _columns(batch: pa.RecordBatch, names: Sequence[str], file: str, watch: StreamFlags) -> pl.DataFrame:
    """By position: names may repeat, or be empty, and Polars would have neither."""
    made, visible = [], set[str]()
    places = {name: place for place, name in reversed(list(enumerate(batch.schema.names)))}
    for name in names:
        array = batch.column(places[name])
        if arrow_types.is_visible(array):
            visible.add(name)
        else:
            where = f"{file}: the column {name!r}"
            array = arrow_types.plain(array, where=where, lenient=watch.lenient)
            watch.nul = watch.nul or arrow_types.has_nul(array)
        made.append(array)
    watch.visible = visible
    # As one table: Polars would import all of PyArrow's functions to take arrays one by one.
    frame = pl.DataFrame(pa.table(made, names=[str(place) for place in range(len(made))]))
    frame.columns = list(names)
    # Arithmetic in a narrow type wraps around, and limits do not fit into it.
    return frame.with_columns(selectors.integer().cast(pl.Int64))


def _refuse_joined(opened: Input, file: pq.ParquetFile, read_columns: Sequence[str]) -> None:
    """Parquet files that were joined with `cat`: the last footer was believed about the first one's data.

    Only columns that were read are asked where they end: of an encrypted one the question ends the process.
    """
    if file.metadata.num_row_groups == 0:
        return
    group = file.metadata.row_group(file.metadata.num_row_groups - 1)
    ends = [0]
    for place in range(group.num_columns):
        if file.schema.column(place).path in read_columns:
            column = group.column(place)
            start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
            ends.append(start + column.total_compressed_size)
    with opened.source.raw() as bytes_:
        bytes_.seek(max(ends))
        if b"PAR1PAR1" in bytes_.read(_MOST_INDEX):
            raise DataError(
                f"{opened.name}: several Parquet files were joined into this one; give them one by one."
            )
